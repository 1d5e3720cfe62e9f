# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Ed25519 over a label and exact bytes, and the signed documents made of it.

What was signed is what is stored: a document travels as text inside its envelope of signatures and is never encoded
again to be verified (spec S2). It refuses a signature that does not verify even when enough others do, and a key that
stands twice. Whose keys count, and how many, is said by the caller: root, card and sheet know.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Self, get_args

from nacl.exceptions import CryptoError as NaclError
from nacl.signing import SigningKey as Ed25519Key
from nacl.signing import VerifyKey

from crypto import canonical
from crypto.canonical import JSON, Fields
from crypto.errors import FormatError, NewerVersionError, SignatureError
from crypto.hidden import Hidden

Label = Literal["root", "card", "sheet", "batch", "outbox", "reply", "entry", "acknowledgement"]

# spec S1
LABELS: Final[tuple[Label, ...]] = get_args(Label)
LABEL_PREFIX: Final = b"dengwen/v1/"

KEY_SIZE: Final = 32
SIGNATURE_SIZE: Final = 64
VERSION: Final = 1
MAX_VERSION: Final = 2**31 - 1
MAX_KIND: Final = 64

# spec S3
MAX_SIGNATURES: Final = 8
# Read a few more, so that what is wrong with nine is said as what it is.
MAX_LISTED: Final = 64
MAX_DOCUMENT: Final = 1024 * 1024
MAX_MANIFEST: Final = 64 * 1024 * 1024


def _signed_bytes(label: Label, document: bytes) -> bytes:
    # spec S1: the NUL ends the label, so no label with a document reads as another label with another document.
    return LABEL_PREFIX + label.encode("ascii") + b"\x00" + document


@dataclass(frozen=True, slots=True, eq=False)
class SigningKey:
    """
    The private half of a seat's, a server's or a root key.

    Args:
        seed: 32 random bytes.
    """

    seed: Hidden

    def __post_init__(self) -> None:
        if len(self.seed) != KEY_SIZE:
            raise FormatError(f"a signing seed has {KEY_SIZE} bytes, this has {len(self.seed)}")

    @classmethod
    def generate(cls) -> Self:
        """
        A fresh key, derived from nothing.
        """
        return cls(Hidden(secrets.token_bytes(KEY_SIZE)))

    @property
    def public(self) -> bytes:
        """
        The 32 bytes that others verify with.
        """
        return bytes(Ed25519Key(self.seed).verify_key)

    def sign(self, label: Label, document: bytes) -> bytes:
        """
        The 64-byte signature over label and document (spec S1).
        """
        return Ed25519Key(self.seed).sign(_signed_bytes(label, document)).signature


def verify(public: bytes, label: Label, document: bytes, signature: bytes) -> None:
    """
    Accept one signature or raise.

    Raises:
        SignatureError: key or signature have the wrong length, or the signature is not that key's over this label and
            this document.
    """
    if len(public) != KEY_SIZE or len(signature) != SIGNATURE_SIZE:
        raise SignatureError(f"a key of {len(public)} bytes with a signature of {len(signature)} is not Ed25519")
    try:
        VerifyKey(public).verify(_signed_bytes(label, document), signature)
    except NaclError:
        raise SignatureError(f"the signature is not this key's over this {label}") from None


def write_document(label: Label, contents: Mapping[str, JSON]) -> bytes:
    """
    The exact text to sign: canonical JSON of the contents with ``kind`` and ``version`` (spec S3).
    """
    return canonical.encode({**contents, "kind": label, "version": VERSION})


@dataclass(frozen=True, slots=True)
class SignedDocument:
    """
    A text and the signatures under it. Holding one proves nothing: `require` does.

    Args:
        document: the exact text that was signed, UTF-8.
        signatures: pairs of public key (32 bytes) and signature (64 bytes), keys distinct, at most eight; none on a
            draft.
    """

    document: bytes
    signatures: tuple[tuple[bytes, bytes], ...]

    def __post_init__(self) -> None:
        # spec S3, S5: checked on every way in, so that a document cannot be built that nobody would accept.
        if len(self.signatures) > MAX_SIGNATURES:
            raise SignatureError(f"{len(self.signatures)} signatures, at most {MAX_SIGNATURES} are allowed")
        different = len({key for key, _ in self.signatures})
        if different != len(self.signatures):
            raise SignatureError(f"{len(self.signatures)} signatures by {different} keys: each key signs once")

    @classmethod
    def decode(cls, raw: bytes, limit: int = MAX_DOCUMENT) -> Self:
        """
        Read the one accepted form (spec S3). Nothing is verified yet.

        Args:
            raw: canonical JSON.
            limit: bytes; `MAX_MANIFEST` for manifests.

        Raises:
            FormatError: another form, or longer than the limit.
            SignatureError: too many signatures, or a key twice.
        """
        fields = Fields.decode(raw, "signed document", limit=limit)
        document = fields.text("document", limit).encode("utf-8")
        signatures = tuple(_read_signature(entry) for entry in fields.objects("signatures", MAX_LISTED))
        fields.done()
        return cls(document, signatures)

    def encode(self) -> bytes:
        """
        The bytes that travel and are stored.
        """
        return canonical.encode(
            {
                "document": self.document.decode("utf-8"),
                "signatures": [{"key": key.hex(), "signature": value.hex()} for key, value in self.signatures],
            }
        )

    @property
    def digest(self) -> bytes:
        """
        SHA-256 of the exact text; the signatures are no part of it (spec S4).
        """
        return hashlib.sha256(self.document).digest()

    def contents(self, label: Label) -> dict[str, JSON]:
        """
        What the text says, without ``kind`` and ``version``, whoever signed it.

        Raises:
            FormatError: the text is not canonical, or is of another kind than ``label``.
            NewerVersionError: it is of that kind, in a version this code does not know.
        """
        fields = Fields.decode(self.document, "signed document", limit=len(self.document))
        kind = fields.text("kind", MAX_KIND)
        if kind != label:
            found = kind if kind in LABELS else "something of an unknown kind"
            raise FormatError(f"this document is {found}, where {label} was expected")
        version = fields.number("version", 1, MAX_VERSION)
        if version != VERSION:
            raise NewerVersionError(f"this {label} is of version {version}; this program reads version {VERSION}")
        return fields.rest()

    def require(self, label: Label, keys: Collection[bytes], threshold: int) -> dict[str, JSON]:
        """
        Accept the document only under enough good signatures.

        Args:
            label: what it must be, and what must have been signed.
            keys: the public keys that count.
            threshold: how many of them must have signed, at least 1.

        Returns:
            The `contents`.

        Raises:
            SignatureError: as `require_signatures`.
            FormatError: the document is not canonical or of another kind.
            NewerVersionError: its version is unknown.
        """
        self.require_signatures(label, keys, threshold)
        return self.contents(label)

    def require_signatures(self, label: Label, keys: Collection[bytes], threshold: int) -> None:
        """
        The first half of `require`, for who has read the `contents` already.

        Raises:
            SignatureError: a signature does not verify (spec S5: also one that is not needed), or fewer than the
                threshold count.
        """
        if not 1 <= threshold <= len(set(keys)):
            raise SignatureError(f"a threshold of {threshold} cannot be asked of {len(set(keys))} keys")
        for position, (key, signature) in enumerate(self.signatures, start=1):
            try:
                verify(key, label, self.document, signature)
            except SignatureError as error:
                raise SignatureError(f"signature {position} of {len(self.signatures)}: {error}") from None
        counted = sum(1 for key, _ in self.signatures if key in keys)
        if counted < threshold:
            raise SignatureError(f"{counted} of the {threshold} signatures that this {label} needs")


def _read_signature(fields: Fields) -> tuple[bytes, bytes]:
    pair = fields.hex("key", KEY_SIZE), fields.hex("signature", SIGNATURE_SIZE)
    fields.done()
    return pair


def sign_document(label: Label, document: bytes, keys: Sequence[SigningKey]) -> SignedDocument:
    """
    Sign a text with each of these keys.

    Raises:
        FormatError: the text is not a canonical document of that kind: nobody signs what no one could read.
        SignatureError: a key stands twice, or there are more than eight.
    """
    signed = SignedDocument(document, tuple((key.public, key.sign(label, document)) for key in keys))
    signed.contents(label)
    return signed
