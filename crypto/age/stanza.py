# SPDX-License-Identifier: AGPL-3.0-or-later
"""
One stanza of an age header: a type, arguments and a body, each with one accepted spelling (spec A2, A7).

A stanza that exists can be written and read back to itself; what its type means is left to `recipients`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import deque
from dataclasses import dataclass
from typing import Final

from crypto.errors import EnvelopeError

MAX_ARGUMENTS: Final = 16
MAX_ARGUMENT: Final = 4096
COLUMNS: Final = 64

_START: Final = "-> "
_WORD: Final = re.compile(f"[!-~]{{1,{MAX_ARGUMENT}}}")


def encode64(raw: bytes) -> str:
    """
    Base64 without padding.
    """
    return base64.b64encode(raw).rstrip(b"=").decode("ascii")


def decode64(text: str) -> bytes:
    """
    Read unpadded base64 in its one spelling.

    Raises:
        EnvelopeError: another alphabet, padding, white space, or stray bits at the end.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise EnvelopeError("base64 with a character or length that it cannot have") from None
    # spec A2: the decoder ignores stray bits in the last character, so a second spelling would pass without this.
    if encode64(raw) != text:
        raise EnvelopeError("base64 that is not canonical")
    return raw


@dataclass(frozen=True, slots=True)
class Stanza:
    """
    One way to the file key.

    Args:
        type: what kind of recipient this is for, case-sensitive.
        arguments: the words after the type.
        body: the wrapped file key.

    Raises:
        EnvelopeError: a word is empty, too long or not printable ASCII, or there are too many.
    """

    type: str
    arguments: tuple[str, ...]
    body: bytes

    def __post_init__(self) -> None:
        if len(self.arguments) > MAX_ARGUMENTS:
            raise EnvelopeError(f"a stanza with {len(self.arguments)} arguments")
        if not all(_WORD.fullmatch(word) for word in (self.type, *self.arguments)):
            raise EnvelopeError("a stanza with an argument that is empty, too long or not printable ASCII")

    def encode(self) -> str:
        """
        The stanza's lines, each ended by LF. The last is shorter than 64 columns, if need be empty.
        """
        body = encode64(self.body)
        lines = [body[start : start + COLUMNS] for start in range(0, len(body) + 1, COLUMNS)]
        return "\n".join((_START + " ".join((self.type, *self.arguments)), *lines, ""))

    @classmethod
    def read(cls, lines: deque[str]) -> Stanza:
        """
        Take one stanza off the front of the header's *lines*, of which there is at least one.

        Raises:
            EnvelopeError: the next lines are not a stanza.
        """
        words = lines.popleft().split(" ")
        if words[0] != "->" or len(words) < 2:
            raise EnvelopeError("a header line that starts neither a stanza nor the end")
        body = []
        while lines:
            line = lines.popleft()
            if len(line) > COLUMNS:
                raise EnvelopeError(f"a stanza line of {len(line)} columns")
            body.append(line)
            if len(line) < COLUMNS:
                return cls(words[1], tuple(words[2:]), decode64("".join(body)))
        raise EnvelopeError("a stanza without a short last line")
