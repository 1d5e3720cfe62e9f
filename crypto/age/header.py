# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The header of an age file: version line, stanzas, MAC line (spec A1, A2, A4, A7).

A header that parses has exactly one spelling, and that is the one in `raw`. Parsing authenticates nothing: until `verify`
has held, every stanza may have been put there by anybody. Which stanzas an item must have is left to the vault (spec U1).
"""

from __future__ import annotations

import hmac
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from crypto.age.keys import derive_key, require_file_key
from crypto.age.recipients import HybridRecipient
from crypto.age.stanza import Stanza, decode64, encode64
from crypto.errors import EnvelopeError, NoMatchError, TamperedError
from crypto.hidden import Hidden

MAX_HEADER: Final = 65536
MAX_STANZAS: Final = 64

_VERSION: Final = "age-encryption.org/v1"
_END: Final = "---"
_MAC_SIZE: Final = 32
# A space, 43 characters of base64 and LF: what stands after the authenticated part.
_TAIL: Final = 45


class Identity(Protocol):
    """
    Whatever can try a stanza: `HybridIdentity` and `X25519Identity`.
    """

    def unwrap(self, stanza: Stanza) -> Hidden | None:
        """
        The file key, or None when the stanza is for another.
        """


@dataclass(frozen=True, slots=True)
class Header:
    """
    A parsed header. Make it with `parse` or `split`.

    Attributes:
        raw: the header as it arrived, from the version line to the LF of the MAC line.
        stanzas: in their order.
        mac: 32 bytes, not yet compared with anything.
    """

    raw: bytes
    stanzas: tuple[Stanza, ...]
    mac: bytes

    @staticmethod
    def length(beginning: bytes) -> int | None:
        """
        Find the end of a header at the beginning of an age file.

        Returns:
            How many bytes the header has, or None when its end is not among those given.

        Raises:
            EnvelopeError: there is no end within `MAX_HEADER` bytes.
        """
        start = beginning.find(b"\n---", 0, MAX_HEADER)
        end = beginning.find(b"\n", start + 1, MAX_HEADER) if start >= 0 else -1
        if end >= 0:
            return end + 1
        if len(beginning) >= MAX_HEADER:
            raise EnvelopeError(f"no end of the header within {MAX_HEADER} bytes")
        return None

    @classmethod
    def split(cls, age_file: bytes) -> tuple[Header, bytes]:
        """
        Take an age file apart into its header and its payload (spec A8).

        Raises:
            EnvelopeError: it does not begin with a well-formed header.
        """
        length = cls.length(age_file)
        if length is None:
            raise EnvelopeError("the file ends within its header")
        return cls.parse(age_file[:length]), age_file[length:]

    @classmethod
    def parse(cls, raw: bytes) -> Header:
        """
        Read a header, the whole of it and nothing more.

        Raises:
            EnvelopeError: it is not in the one accepted form, or a maximum is passed.
        """
        if len(raw) > MAX_HEADER:
            raise EnvelopeError(f"a header of {len(raw)} bytes")
        if not raw.isascii() or not raw.endswith(b"\n"):
            raise EnvelopeError("a header that is not lines of ASCII")
        version, *stanzas = raw[:-1].decode("ascii").split("\n")
        if not stanzas:
            raise EnvelopeError("a header of one line")
        end = stanzas.pop()
        if version != _VERSION:
            raise EnvelopeError("not an age file of version 1")
        if not end.startswith(_END + " "):
            raise EnvelopeError("a header without its MAC line")
        mac = decode64(end[len(_END) + 1 :])
        if len(mac) != _MAC_SIZE:
            raise EnvelopeError(f"a header MAC of {len(mac)} bytes")
        return cls(bytes(raw), _read_stanzas(deque(stanzas)), mac)

    def encode(self) -> bytes:
        """
        Spell the header anew from its parts; for a parsed header that is `raw` again.
        """
        return _authenticated(self.stanzas) + _mac_line(self.mac)

    def verify(self, file_key: Hidden) -> None:
        """
        Check that nobody without the file key altered, added or took away a stanza (spec A4).

        Raises:
            TamperedError: the MAC is another.
        """
        if not hmac.compare_digest(_mac(file_key, self.raw[:-_TAIL]), self.mac):
            raise TamperedError("the header's MAC does not hold")


def make_header(file_key: Hidden, recipients: Sequence[HybridRecipient]) -> bytes:
    """
    Wrap *file_key* for every recipient, in their order: one hybrid stanza each and no other (spec A6).

    Raises:
        EnvelopeError: there is no recipient, or more than a header holds.
    """
    _require_stanza_count(len(recipients))
    head = _authenticated(recipient.wrap(file_key) for recipient in recipients)
    header = head + _mac_line(_mac(file_key, head))
    if len(header) > MAX_HEADER:
        raise EnvelopeError(f"a header of {len(header)} bytes")
    return header


def open_header(header: Header, identities: Sequence[Identity]) -> Hidden:
    """
    Find the file key with whichever identity fits, and verify the header with it.

    The vault does not use this for items: it knows which stanza is its own (spec U2).

    Raises:
        NoMatchError: no identity opens any stanza.
        EnvelopeError: a stanza of an identity's own type is malformed.
        TamperedError: a key was found, but the header is not what the sealer made.
    """
    for stanza in header.stanzas:
        for identity in identities:
            file_key = identity.unwrap(stanza)
            if file_key is not None:
                header.verify(file_key)
                return file_key
    raise NoMatchError(f"none of {len(identities)} identities opens any of {len(header.stanzas)} stanzas")


def _read_stanzas(lines: deque[str]) -> tuple[Stanza, ...]:
    stanzas: list[Stanza] = []
    while lines and len(stanzas) <= MAX_STANZAS:
        stanzas.append(Stanza.read(lines))
    _require_stanza_count(len(stanzas))
    return tuple(stanzas)


def _require_stanza_count(count: int) -> None:
    if not 1 <= count <= MAX_STANZAS:
        raise EnvelopeError(f"a header has 1 to {MAX_STANZAS} stanzas, not {count}")


def _authenticated(stanzas: Iterable[Stanza]) -> bytes:
    return f"{_VERSION}\n{''.join(stanza.encode() for stanza in stanzas)}{_END}".encode("ascii")


def _mac(file_key: Hidden, authenticated: bytes) -> bytes:
    require_file_key(file_key)
    return hmac.digest(derive_key(file_key, salt=None, info=b"header"), authenticated, "sha256")


def _mac_line(mac: bytes) -> bytes:
    return f" {encode64(mac)}\n".encode("ascii")
