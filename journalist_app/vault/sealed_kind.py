# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What a source sealed beforehand, known by its first bytes: an age file or an OpenPGP message, binary or armored.

A name says nothing here, and neither does this: it decides which buttons a page has, and what is believed is decided by
opening. A file that only looks like one costs a person a click and gets a plain refusal.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """
    What it was sealed with, as it stands in the table.
    """

    AGE = "age"
    AGE_ARMOR = "age armor"
    OPENPGP = "openpgp"

    @property
    def said(self) -> str:
        """
        For the page.
        """
        return "OpenPGP" if self is Kind.OPENPGP else "age"


_BINARY: Final = b"age-encryption.org/v1\n"
_ARMOR: Final = {Kind.AGE_ARMOR: "AGE ENCRYPTED FILE", Kind.OPENPGP: "PGP MESSAGE"}
_SUFFIXES: Final = (".age", ".gpg", ".pgp", ".asc")

# RFC 4880, 4.3 and 5.1: session keys for a public key and for a passphrase. A message that opens with anything else is none
# that a source was told to make.
_PUBLIC_KEY_SESSION: Final = 1
_PASSPHRASE_SESSION: Final = 3
_ALGORITHMS: Final = frozenset({1, 2, 16, 18, 25, 26})
_CIPHERS: Final = frozenset(range(1, 14))


def kind_of(beginning: bytes) -> Kind | None:
    """
    What a file is, by its first bytes; None if it was not sealed beforehand.
    """
    if beginning.startswith(_BINARY):
        return Kind.AGE
    blank = len(beginning) - len(beginning.lstrip())
    line = beginning[blank:].split(b"\n", 1)[0].rstrip()
    for kind, words in _ARMOR.items():
        if line == f"-----BEGIN {words}-----".encode():
            return kind
    return Kind.OPENPGP if _is_openpgp(beginning) else None


def block(text: str) -> tuple[Kind, bytes] | None:
    """
    The first armored block of a message, whatever words stand around it; None if there is none.
    """
    found = _place(text)
    return None if found is None else (found[0], text[found[1] : found[2]].encode())


def around(text: str) -> str:
    """
    The words of a message without that block.
    """
    found = _place(text)
    return text if found is None else f"{text[: found[1]].rstrip()}\n{text[found[2] :].lstrip()}".strip()


def inner_name(name: str) -> str:
    """
    What the opened file is called.
    """
    for suffix in _SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    # Two names for two files: they may be saved into one folder.
    return f"opened {name}"


def _place(text: str) -> tuple[Kind, int, int] | None:
    places = {kind: _line(text, f"-----BEGIN {words}-----") for kind, words in _ARMOR.items()}
    found = [(place, kind) for kind, place in places.items() if place >= 0]
    if not found:
        return None
    place, kind = min(found)
    end = f"-----END {_ARMOR[kind]}-----"
    last = text.find(end, place)
    # Without an end it was cut, and opening it says so.
    return kind, place, len(text) if last < 0 else last + len(end)


def _line(text: str, begin: str) -> int:
    if text.startswith(begin):
        return 0
    place = text.find(f"\n{begin}")
    return -1 if place < 0 else place + 1


def _is_openpgp(beginning: bytes) -> bool:
    tag, body = _packet(beginning)
    if len(body) < 10:
        return False
    if tag == _PUBLIC_KEY_SESSION:
        # Version, eight bytes of key id, algorithm.
        return body[0] == 3 and body[9] in _ALGORITHMS
    return tag == _PASSPHRASE_SESSION and body[0] in {4, 5} and body[1] in _CIPHERS


def _packet(beginning: bytes) -> tuple[int, bytes]:
    """
    Tag and body of the first packet, as far as it is here.
    """
    if len(beginning) < 2 or not beginning[0] & 0x80:
        return 0, b""
    first, second = beginning[0], beginning[1]
    if first & 0x40:
        return first & 0x3F, beginning[2 if second < 192 else 3 if second < 224 else 6 :]
    return first >> 2 & 0x0F, beginning[1 + (1, 2, 4, 0)[first & 3] :]
