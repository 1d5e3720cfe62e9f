# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Passphrases of people (spec P): generated, hashed for the desk's login, and sealing key files.

Promises: costs that come from a file or a database are bounded before they are spent. Every failure of a stored hash is one
error: nobody learns whether the passphrase was wrong or the hash damaged.
Refuses: an empty passphrase, and one longer than 1,024 characters.
Leaves to others: the fixed delay of a login, the person who does not exist (`desk.auth`), and writing files.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from typing import Final

from argon2.exceptions import Argon2Error
from argon2.low_level import Type, hash_secret, verify_secret
from nacl.exceptions import CryptoError as BoxError
from nacl.secret import SecretBox

from crypto import canonical
from crypto.argon import CHEAPEST, KEY_SIZE, LEAST_KIB_A_LANE, SALT_SIZE, Costs, argon2id
from crypto.canonical import Fields
from crypto.errors import FormatError, PassphraseError
from crypto.hidden import Hidden
from crypto.wordlists import ENGLISH

__all__ = [
    "CHEAPEST",
    "HEAVY",
    "KINDS",
    "LOGIN",
    "Costs",
    "generate_passphrase",
    "hash_passphrase",
    "open_key",
    "seal_key",
    "verify_passphrase",
]

# spec P3
HEAVY: Final = Costs(memory_kib=524_288, passes=4, lanes=4)
LOGIN: Final = Costs(memory_kib=65_536, passes=3, lanes=1)

KINDS: Final = ("root key", "vault key")
WORDS: Final = 7
MAX_PASSPHRASE: Final = 1_024
# spec P2
MAX_MEMORY_KIB: Final = 2_097_152
MAX_PASSES: Final = 16
MAX_LANES: Final = 16
MAX_SECRET: Final = 4_096
MAX_FILE: Final = 16_384

_BOX_OVERHEAD: Final = SecretBox.NONCE_SIZE + SecretBox.MACBYTES
# The one form that hash_passphrase writes: 16 bytes of salt, 32 of hash.
_STORED = re.compile(
    r"\$argon2id\$v=19\$m=([1-9][0-9]{0,6}),t=([1-9][0-9]?),p=([1-9][0-9]?)\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}"
)


def generate_passphrase() -> str:
    """
    Seven words of the English list, 77 bits (spec P1).
    """
    return " ".join(secrets.choice(ENGLISH) for _ in range(WORDS))


def hash_passphrase(text: str, profile: Costs = LOGIN) -> str:
    """
    Make the string that is stored in a passphrase's place (spec P1).

    Args:
        text: the passphrase as it was typed; width and white space do not matter.
        profile: what it costs; `CHEAPEST` is for tests.

    Raises:
        PassphraseError: it is empty or too long.
    """
    stored = hash_secret(
        _normal(text),
        secrets.token_bytes(SALT_SIZE),
        time_cost=profile.passes,
        memory_cost=profile.memory_kib,
        parallelism=profile.lanes,
        hash_len=KEY_SIZE,
        type=Type.ID,
    )
    return stored.decode("ascii")


def verify_passphrase(stored: str, text: str, profile: Costs = LOGIN) -> str | None:
    """
    Compare a passphrase with what was stored.

    Returns:
        None, or a new string to store, when the profile has moved since.

    Raises:
        PassphraseError: they do not match, or what was stored is damaged or out of bounds.
    """
    secret = _normal(text)
    found = _STORED.fullmatch(stored)
    if found is None:
        raise PassphraseError("the passphrase does not match")
    costs = Costs(int(found[1]), int(found[2]), int(found[3]))
    if not _within_bounds(costs):
        raise PassphraseError("the passphrase does not match")
    try:
        verify_secret(stored.encode("ascii"), secret, Type.ID)
    except Argon2Error:
        raise PassphraseError("the passphrase does not match") from None
    return None if costs == profile else hash_passphrase(text, profile)


def seal_key(kind: str, secret: Hidden, passphrase: str, profile: Costs = HEAVY) -> bytes:
    """
    Make a sealed key file (spec P2).

    Args:
        kind: one of `KINDS`; sealed with the secret, so that a file cannot be passed off as another.
        secret: 1 to 4,096 bytes.
        passphrase: as `hash_passphrase` reads it.
        profile: what opening costs.

    Raises:
        FormatError: the kind is unknown, or the secret empty or too long.
        PassphraseError: the passphrase is empty or too long.
    """
    if kind not in KINDS or not 1 <= len(secret) <= MAX_SECRET:
        raise FormatError("not a key that has a file of its own")
    salt = secrets.token_bytes(SALT_SIZE)
    box = SecretBox(argon2id(_normal(passphrase), salt, profile))
    return canonical.encode(
        {
            "kind": kind,
            "version": 1,
            "memory_kib": profile.memory_kib,
            "passes": profile.passes,
            "lanes": profile.lanes,
            "salt": salt.hex(),
            "sealed": bytes(box.encrypt(_label(kind) + secret)).hex(),
        }
    )


def open_key(kind: str, raw: bytes, passphrase: str) -> Hidden:
    """
    Open a sealed key file (spec P2).

    Raises:
        FormatError: this is not a key file of that kind, or its costs are out of bounds.
        PassphraseError: the passphrase does not open it, or it was altered.
    """
    file = Fields.decode(raw, "key file", limit=MAX_FILE)
    file.choice("kind", (kind,))
    file.number("version", 1, 1)
    costs = Costs(
        file.number("memory_kib", LEAST_KIB_A_LANE, MAX_MEMORY_KIB),
        file.number("passes", 1, MAX_PASSES),
        file.number("lanes", 1, MAX_LANES),
    )
    salt = file.hex("salt", SALT_SIZE)
    label = _label(kind)
    sealed = file.blob("sealed", _BOX_OVERHEAD + len(label) + MAX_SECRET)
    file.done()
    if not _within_bounds(costs):
        raise FormatError("key file: less memory than its lanes need")
    if len(sealed) <= _BOX_OVERHEAD + len(label):
        raise FormatError("key file: sealed holds no key")
    try:
        opened = SecretBox(argon2id(_normal(passphrase), salt, costs)).decrypt(sealed)
    except BoxError:
        raise PassphraseError("the passphrase does not open this key file") from None
    if not opened.startswith(label):
        raise PassphraseError("the key file was sealed as another kind")
    return Hidden(opened[len(label) :])


def _label(kind: str) -> bytes:
    return b"dengwen/v1/" + kind.encode("ascii") + b"\0"


def _within_bounds(costs: Costs) -> bool:
    return (
        LEAST_KIB_A_LANE * costs.lanes <= costs.memory_kib <= MAX_MEMORY_KIB
        and 1 <= costs.passes <= MAX_PASSES
        and 1 <= costs.lanes <= MAX_LANES
    )


def _normal(text: str) -> Hidden:
    """
    What a passphrase is after width, composition and white space stop mattering.
    """
    if len(text) > MAX_PASSPHRASE:
        raise PassphraseError(f"a passphrase of more than {MAX_PASSPHRASE} characters")
    words = unicodedata.normalize("NFKC", text).split()
    if not words:
        raise PassphraseError("the passphrase is empty")
    try:
        return Hidden(" ".join(words).encode("utf-8"))
    except UnicodeEncodeError:
        raise PassphraseError("the passphrase holds half a character") from None
