# SPDX-License-Identifier: AGPL-3.0-or-later
"""
ASCII armor around an age file, read only (spec A10).

Nothing of ours is armored, and the envelope refuses it (spec A1): this is for what a source sealed with a tool of their own
and pasted, or uploaded as they made it. One accepted form: the two lines that age writes, between them canonical padded
base64 in lines of 64 columns, the last one not longer. CRLF may stand for LF; white space may stand before and after, as
much as `MAX_BLANK`. Armor authenticates nothing: what comes out is judged by the header and the payload.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from crypto.errors import EnvelopeError

BEGIN: Final = b"-----BEGIN AGE ENCRYPTED FILE-----"
END: Final = b"-----END AGE ENCRYPTED FILE-----"
MAX_BLANK: Final = 1024

_COLUMNS: Final = 64
_LINE_SIZE: Final = 48


class ArmorReader:
    """
    Takes armor off, piece by piece: at most one line is held back.
    """

    __slots__ = ("_begun", "_blank", "_ended", "_full", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        self._blank = 0
        self._begun = False
        self._ended = False
        # Whether every line so far was a whole one: after a shorter one only the end may follow.
        self._full = True

    def feed(self, piece: bytes | bytearray | memoryview) -> bytes:
        """
        Take the next bytes.

        Returns:
            What the lines that are complete by now hold.

        Raises:
            EnvelopeError: This is no armor, or not in the one accepted form.
        """
        *lines, self._rest = (self._rest + bytes(piece)).split(b"\n")
        opened = b"".join([self._take(line.removesuffix(b"\r")) for line in lines])
        if len(self._rest) > MAX_BLANK:
            raise EnvelopeError("armor with a line that is too long")
        return opened

    def finish(self) -> None:
        """
        Say that nothing follows.

        Raises:
            EnvelopeError: The armor does not end here.
        """
        if self._rest:
            # Without its LF this is the last line, or it was cut within one.
            self._take(self._rest.removesuffix(b"\r"))
            self._rest = b""
        if not self._ended:
            raise EnvelopeError("armor that does not end: it was cut")

    def _take(self, line: bytes) -> bytes:
        if self._begun and not self._ended:
            if line != END:
                return self._open(line)
            self._ended = True
        elif not line or line.isspace():
            self._blank += len(line) + 1
            if self._blank > MAX_BLANK:
                raise EnvelopeError(f"more than {MAX_BLANK} bytes of white space around armor")
        elif self._ended:
            raise EnvelopeError("something follows the armor")
        elif line != BEGIN:
            raise EnvelopeError("armor does not begin with this line")
        else:
            self._begun = True
            self._blank = 0
        return b""

    def _open(self, line: bytes) -> bytes:
        if not self._full:
            raise EnvelopeError("a line of armor after a shorter one")
        if not 0 < len(line) <= _COLUMNS:
            raise EnvelopeError(f"a line of armor of {len(line)} columns")
        try:
            raw = base64.b64decode(line, validate=True)
        except binascii.Error:
            raise EnvelopeError("a line of armor that is not base64") from None
        # spec A10: the decoder ignores stray bits in the last character, and another padding.
        if base64.b64encode(raw) != line:
            raise EnvelopeError("a line of armor in base64 that is not canonical")
        self._full = len(raw) == _LINE_SIZE
        return raw
