# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Recipients and identities: whom a file key is wrapped for, and who unwraps it (spec A3, A9).

Hybrid stanzas (X-Wing: ML-KEM-768 and X25519 together) are written and read, X25519 stanzas only read. A stanza of another
type is passed over; one of the right type that could never have been made by an honest sealer is refused, so that "none of
your keys" and "somebody altered this" stay two answers.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Final, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from crypto.age import bech32
from crypto.age.keys import FILE_KEY_SIZE, derive_key, require_file_key
from crypto.age.stanza import Stanza, decode64, encode64
from crypto.errors import EnvelopeError, FormatError
from crypto.hidden import Hidden

HYBRID: Final = "mlkem768x25519"
X25519: Final = "X25519"
SEED_SIZE: Final = 32

_HYBRID_RECIPIENT: Final = "age1pq"
_HYBRID_IDENTITY: Final = "AGE-SECRET-KEY-PQ-"
_X25519_IDENTITY: Final = "AGE-SECRET-KEY-"
_HYBRID_INFO: Final = b"age-encryption.org/mlkem768x25519"
_X25519_INFO: Final = b"age-encryption.org/v1/X25519"
_SUITE: Final = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)

_MLKEM_PUBLIC_SIZE: Final = 1184
_MLKEM_SEED_SIZE: Final = 64
_POINT_SIZE: Final = 32
_ENCAPSULATION_SIZE: Final = 1120
_WRAPPED_SIZE: Final = FILE_KEY_SIZE + 16
_PROBE: Final = X25519PrivateKey.from_private_bytes(bytes(range(32)))


@dataclass(frozen=True, slots=True)
class HybridRecipient:
    """
    A public key to seal to: 1,184 bytes of ML-KEM-768 and 32 of X25519.

    Raises:
        FormatError: the bytes are no such key, or one that would make the X25519 half worthless.
    """

    raw: bytes
    _key: hpke.MLKEM768X25519PublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.raw) != _MLKEM_PUBLIC_SIZE + _POINT_SIZE:
            raise FormatError(f"a hybrid recipient of {len(self.raw)} bytes")
        point = X25519PublicKey.from_public_bytes(self.raw[_MLKEM_PUBLIC_SIZE:])
        # Refused here and not while sealing: a card with such a key would stop every report at the door.
        if _is_degenerate(_PROBE, point):
            raise FormatError("a hybrid recipient with a degenerate X25519 key")
        try:
            lattice = MLKEM768PublicKey.from_public_bytes(self.raw[:_MLKEM_PUBLIC_SIZE])
        except ValueError:
            raise FormatError("a hybrid recipient whose ML-KEM key is out of range") from None
        object.__setattr__(self, "_key", hpke.MLKEM768X25519PublicKey(lattice, point))

    @classmethod
    def parse(cls, text: str) -> HybridRecipient:
        """
        Read `age1pq1…`.

        Raises:
            FormatError: it is not a hybrid recipient in its one spelling.
        """
        return cls(_decode(text, _HYBRID_RECIPIENT))

    def __str__(self) -> str:
        return bech32.encode(_HYBRID_RECIPIENT, self.raw)

    def wrap(self, file_key: Hidden) -> Stanza:
        """
        Seal *file_key* to this recipient. Two calls never give the same stanza.
        """
        require_file_key(file_key)
        wrapped = _SUITE.encrypt(file_key, self._key, _HYBRID_INFO)
        return Stanza(HYBRID, (encode64(wrapped[:_ENCAPSULATION_SIZE]),), wrapped[_ENCAPSULATION_SIZE:])


class HybridIdentity:
    """
    The private half of a `HybridRecipient`: whatever it is sealed to, this opens.

    Args:
        seed: 32 bytes, the whole of the secret.
    """

    __slots__ = ("_key", "_lattice", "_point", "_seed")

    def __init__(self, seed: Hidden) -> None:
        if len(seed) != SEED_SIZE:
            raise FormatError(f"a hybrid identity of {len(seed)} bytes")
        self._seed = Hidden(seed)
        # spec A9: one seed, expanded as X-Wing does it.
        expanded = hashlib.shake_256(seed).digest(_MLKEM_SEED_SIZE + _POINT_SIZE)
        self._lattice = MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED_SIZE])
        self._point = X25519PrivateKey.from_private_bytes(expanded[_MLKEM_SEED_SIZE:])
        self._key = hpke.MLKEM768X25519PrivateKey(self._lattice, self._point)

    @classmethod
    def generate(cls) -> HybridIdentity:
        """
        A fresh identity, derived from nothing.
        """
        return cls(Hidden(secrets.token_bytes(SEED_SIZE)))

    @classmethod
    def parse(cls, text: str) -> HybridIdentity:
        """
        Read `AGE-SECRET-KEY-PQ-1…`.

        Raises:
            FormatError: it is not a hybrid identity in its one spelling.
        """
        return cls(Hidden(_decode(text, _HYBRID_IDENTITY)))

    @property
    def seed(self) -> Hidden:
        """
        The 32 bytes this identity was made from.
        """
        return self._seed

    @property
    def recipient(self) -> HybridRecipient:
        """
        The public half.
        """
        halves = (self._lattice.public_key(), self._point.public_key())
        return HybridRecipient(b"".join(half.public_bytes_raw() for half in halves))

    def serialise(self) -> Hidden:
        """
        `AGE-SECRET-KEY-PQ-1…` as ASCII bytes, which stock age accepts in an identity file.
        """
        return Hidden(bech32.encode(_HYBRID_IDENTITY, self._seed).encode("ascii"))

    def unwrap(self, stanza: Stanza) -> Hidden | None:
        """
        Try one stanza.

        Returns:
            The file key, or None when the stanza is of another type or was made for somebody else.

        Raises:
            EnvelopeError: it is a hybrid stanza that no honest sealer makes.
        """
        if stanza.type != HYBRID:
            return None
        encapsulation = _argument(stanza, _ENCAPSULATION_SIZE)
        try:
            return Hidden(_SUITE.decrypt(encapsulation + stanza.body, self._key, _HYBRID_INFO))
        except InvalidTag:
            # HPKE answers a degenerate point with the same error as another's stanza; an honest sealer sends none.
            _require_sound(self._point, encapsulation[-_POINT_SIZE:])
            return None

    def __repr__(self) -> str:
        return "<HybridIdentity>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


class X25519Identity:
    """
    An older age identity. It opens what was sealed with older tools; nothing here seals to it (spec A3).

    Args:
        scalar: 32 bytes.
    """

    __slots__ = ("_key", "_public")

    def __init__(self, scalar: Hidden) -> None:
        if len(scalar) != _POINT_SIZE:
            raise FormatError(f"an X25519 identity of {len(scalar)} bytes")
        self._key = X25519PrivateKey.from_private_bytes(scalar)
        self._public = self._key.public_key().public_bytes_raw()

    @classmethod
    def parse(cls, text: str) -> X25519Identity:
        """
        Read `AGE-SECRET-KEY-1…`.

        Raises:
            FormatError: it is not an X25519 identity in its one spelling.
        """
        return cls(Hidden(_decode(text, _X25519_IDENTITY)))

    def unwrap(self, stanza: Stanza) -> Hidden | None:
        """
        Try one stanza.

        Returns:
            The file key, or None when the stanza is of another type or was made for somebody else.

        Raises:
            EnvelopeError: it is an X25519 stanza that no honest sealer makes.
        """
        if stanza.type != X25519:
            return None
        share = _argument(stanza, _POINT_SIZE)
        _require_sound(self._key, share)
        shared = self._key.exchange(X25519PublicKey.from_public_bytes(share))
        wrapping = derive_key(shared, salt=share + self._public, info=_X25519_INFO)
        try:
            # The nonce is zero because the wrapping key is used this once.
            return Hidden(ChaCha20Poly1305(wrapping).decrypt(bytes(12), stanza.body, None))
        except InvalidTag:
            return None

    def __repr__(self) -> str:
        return "<X25519Identity>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


def _decode(text: str, prefix: str) -> bytes:
    hrp, payload = bech32.decode(text)
    if hrp != prefix:
        raise FormatError("a key of another kind, or in the other case")
    return payload


def _argument(stanza: Stanza, size: int) -> bytes:
    """
    The one argument of a stanza we know, decoded, after the size of the body was checked.

    A body of another size is refused before it is decrypted: a longer file key would let one header mean two things.
    """
    if len(stanza.arguments) != 1 or len(stanza.body) != _WRAPPED_SIZE:
        raise EnvelopeError(f"a {stanza.type} stanza of another shape")
    argument = decode64(stanza.arguments[0])
    if len(argument) != size:
        raise EnvelopeError(f"a {stanza.type} stanza with an argument of {len(argument)} bytes")
    return argument


def _is_degenerate(key: X25519PrivateKey, point: X25519PublicKey) -> bool:
    """
    Whether the shared secret would be zero whatever the key: `exchange` refuses exactly those points.
    """
    try:
        key.exchange(point)
    except ValueError:
        return True
    return False


def _require_sound(key: X25519PrivateKey, share: bytes) -> None:
    if _is_degenerate(key, X25519PublicKey.from_public_bytes(share)):
        raise EnvelopeError("a stanza whose X25519 share is degenerate")
