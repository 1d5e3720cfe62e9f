# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Root keys: each in a passphrase-sealed file of its own, on its own medium, never in a vault's database (spec R5).

A root key signs roots and cards and nothing else. Cards travel as files and gather signatures one by one.
"""

from __future__ import annotations

from pathlib import Path

from crypto import passwords
from crypto.card import Card
from crypto.errors import CryptoError, SignatureError
from crypto.issue import add_signature
from crypto.root import Root
from crypto.signing import MAX_DOCUMENT, SignedDocument, SigningKey, verify
from journalist_app.vault.errors import CeremonyError
from journalist_app.vault.keystore import write_private

MAX_FILE = 16_384


def write_root_key(path: Path, key: SigningKey, passphrase: str, *, profile: passwords.Costs) -> None:
    """
    Seal a root key into a new file.

    Raises:
        FolderError: There is such a file already.
    """
    write_private(path, passwords.seal_key("root key", key.seed, passphrase, profile))


def read_root_key(path: Path, passphrase: str) -> SigningKey:
    """
    Open a root key's file.

    Raises:
        PassphraseError: The passphrase does not open it.
        CeremonyError: It is not such a file.
    """
    raw = _read(path, MAX_FILE)
    return SigningKey(passwords.open_key("root key", raw, passphrase))


def read_signed(path: Path) -> SignedDocument:
    """
    Read a signed document from a file: a root, a card or a draft of one.

    Raises:
        CeremonyError: It is not a signed document.
    """
    try:
        return SignedDocument.decode(_read(path, MAX_DOCUMENT))
    except CryptoError as error:
        raise CeremonyError(f"{path.name} is not a signed document: {error}") from error


def sign_card(draft: SignedDocument, key: SigningKey, root: Root) -> SignedDocument:
    """
    Add one root key's signature to a card.

    Raises:
        CeremonyError: The key is none of the root's, or has signed already, or this is no card of that root.
    """
    if key.public not in root.keys:
        raise CeremonyError("this key is not one of the root's")
    try:
        Card.draft(draft, root)
        return add_signature(draft, key)
    except CryptoError as error:
        raise CeremonyError(str(error)) from error


def signatures_on(draft: SignedDocument, root: Root) -> int:
    """
    How many of the root's keys have signed a card.

    Raises:
        CeremonyError: A signature that is there does not hold.
    """
    count = 0
    for public, signature in draft.signatures:
        try:
            verify(public, "card", draft.document, signature)
        except SignatureError as error:
            raise CeremonyError(str(error)) from error
        count += public in root.keys
    return count


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(limit + 1)
    except OSError as error:
        raise CeremonyError(f"{path} cannot be read: {error.strerror}") from error
    if len(raw) > limit:
        raise CeremonyError(f"{path.name} is too long for what it should be")
    return raw
