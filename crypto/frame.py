# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The frame inside every envelope (spec F1 to F3): what it is, how long it is, and nothing else readable from its size.

Promises: both directions stream; memory does not grow with the body. A frame is accepted only when F2 holds whole.
Refuses: any other header spelling, offset, length, padding byte or total.
Leaves to others: A5 (`age.stream`); U3 (`unseal`); and waiting. Nothing a reader was given before `finish` returned may
be shown, named or handed on (spec F3).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from crypto import canonical
from crypto.canonical import Fields
from crypto.errors import FormatError, FrameError, NewerVersionError
from crypto.frame_header import (
    BUCKETS,
    CHANNELS,
    CONSENTS,
    MAX_HEADER,
    MAX_LIST,
    MAX_LISTED,
    MAX_NAME,
    Common,
    FrameHeader,
    entry_header,
    file_header,
    files_header,
    message_header,
    reply_header,
)

__all__ = [
    "BUCKETS",
    "CHANNELS",
    "CONSENTS",
    "MAX_HEADER",
    "MAX_NAME",
    "TRAILER_SIZE",
    "Common",
    "Frame",
    "FrameHeader",
    "FrameReader",
    "FrameWriter",
    "ListedFile",
    "Written",
    "decode_list",
    "encode_list",
    "entry_header",
    "file_header",
    "files_header",
    "message_header",
    "read_frame",
    "reply_header",
]

MAGIC: Final = b"dengwen/1\n"
TRAILER_SIZE: Final = 48
MAX_LENGTH: Final = 2**53 - 1

_ANY_VERSION = re.compile(rb"dengwen/[1-9][0-9]{0,3}\n")
_TRAILER = re.compile(rb"dengwen/1 end ([0-9]{12}) ([0-9]{20})\n")
# A version line and its LF, the header and its LF.
_MAX_START = len(b"dengwen/9999\n") + MAX_HEADER + 1
_ZEROS = bytes(65_536)


@dataclass(frozen=True, slots=True)
class Written:
    """
    What a writer wrote: where the body starts, how long it is, and the whole frame's length, in bytes.
    """

    offset: int
    length: int
    total: int


@dataclass(frozen=True, slots=True)
class Frame:
    """
    What a reader accepted: the header, where the body starts, and how long it is, in bytes.
    """

    header: FrameHeader
    offset: int
    length: int


class FrameWriter:
    """
    Writes one frame. The header is written at once, the body as it comes, padding and trailer by `finish`.

    Args:
        header: what the frame is.
        write: takes each run of bytes; it must not keep the buffer.

    Raises:
        FrameError: the header is not one that a reader would accept.
    """

    def __init__(self, header: FrameHeader, write: Callable[[bytes | memoryview], object]) -> None:
        start = MAGIC + header.encode() + b"\n"
        self._bucket = header.bucket
        self._write = write
        self._offset = len(start)
        self._length = 0
        self._finished = False
        write(start)

    def write(self, buffer: bytes | bytearray | memoryview) -> None:
        """
        Add bytes to the body.

        Raises:
            FrameError: the frame is finished.
        """
        if self._finished:
            raise FrameError("the frame is finished")
        view = memoryview(buffer).cast("B")
        self._length += len(view)
        self._write(view)

    def finish(self) -> Written:
        """
        Write padding and trailer.

        Raises:
            FrameError: the frame is finished already.
        """
        if self._finished:
            raise FrameError("the frame is finished")
        self._finished = True
        needed = self._offset + self._length + TRAILER_SIZE
        total = self._bucket(needed)
        padding = total - needed
        # The padding of a 20 GiB file may be a gigabyte: it is never built in memory.
        while padding:
            block = min(padding, len(_ZEROS))
            self._write(memoryview(_ZEROS)[:block])
            padding -= block
        self._write(b"dengwen/1 end %012d %020d\n" % (self._offset, self._length))
        return Written(self._offset, self._length, total)


class FrameReader:
    """
    Reads one frame in pieces of any size, holding the header, the last 48 bytes and three counters.

    Where the body ends is known only at the end. So the sink receives everything after OFFSET: the body, the zeros and
    the trailer. The caller truncates what it wrote to `length` when `finish` has returned, and throws it away when
    anything raised (spec F3). For frames that fit in memory, `read_frame` does all that.

    Args:
        body: takes each run of bytes after the header; the view is the caller's buffer and must not be kept.
    """

    def __init__(self, body: Callable[[memoryview], object] | None = None) -> None:
        self._body = body
        self._start = bytearray()
        self._header: FrameHeader | None = None
        self._newer = False
        self._offset = 0
        self._total = 0
        # The last bytes after OFFSET, at most 48: perhaps the trailer.
        self._tail = b""
        # Where the last byte that is not zero ends, of those that are certainly not trailer.
        self._end = 0

    def feed(self, chunk: bytes | bytearray | memoryview) -> None:
        """
        Take the next bytes of the frame.

        Raises:
            FrameError: the header cannot be accepted, whatever follows.
        """
        view = memoryview(chunk).cast("B")
        self._total += len(view)
        if self._newer:
            return
        if self._header is None:
            view = self._feed_start(view)
        if self._header is not None and len(view):
            self._feed_rest(view)

    def finish(self) -> Frame:
        """
        Judge the whole frame (spec F2).

        Raises:
            FrameError: it ends early, or trailer, padding or total are not as they must be.
            NewerVersionError: its kind or version is unknown (spec F9).
        """
        if self._newer:
            # Said only now, when the last chunk of the envelope has verified: a damaged item is damaged, not new.
            raise NewerVersionError("an item that this version cannot read")
        if self._header is None:
            raise FrameError("the frame ends inside its header")
        found = _TRAILER.fullmatch(self._tail)
        if found is None:
            raise FrameError("the frame does not end with its trailer")
        offset, length = int(found[1]), int(found[2])
        if offset != self._offset:
            raise FrameError("the trailer names another offset")
        end = offset + length
        if end + TRAILER_SIZE > self._total:
            raise FrameError("the trailer names a length that the frame does not have")
        if self._end > end:
            raise FrameError("the padding is not all zeros")
        if self._header.bucket(end + TRAILER_SIZE) != self._total:
            raise FrameError(f"{self._total} bytes are not the bucket of this frame")
        return Frame(self._header, offset, length)

    def _feed_start(self, view: memoryview) -> memoryview:
        """
        Collect version line and header; return what follows them.
        """
        held = len(self._start)
        self._start += view[: _MAX_START - held]
        first = self._start.find(b"\n")
        second = self._start.find(b"\n", first + 1) if first >= 0 else -1
        if first >= 0 and self._start[: first + 1] != MAGIC:
            return self._refuse_version(bytes(self._start[: first + 1]))
        if second < 0:
            if len(self._start) >= _MAX_START:
                raise FrameError(f"a header of more than {MAX_HEADER} bytes")
            return view[:0]
        try:
            self._header = FrameHeader.decode(bytes(self._start[first + 1 : second]))
        except NewerVersionError:
            self._newer = True
            return view[:0]
        self._offset = self._end = second + 1
        self._start.clear()
        return view[self._offset - held :]

    def _refuse_version(self, line: bytes) -> memoryview:
        if not _ANY_VERSION.fullmatch(line):
            raise FrameError("not a frame")
        self._newer = True
        return memoryview(b"")

    def _feed_rest(self, view: memoryview) -> None:
        if self._body is not None:
            self._body(view)
        if len(view) <= TRAILER_SIZE:
            joined = self._tail + view
            self._note_zeros(joined[:-TRAILER_SIZE], self._total - TRAILER_SIZE)
            self._tail = joined[-TRAILER_SIZE:]
            return
        # Most chunks end in a byte that is not zero just before the last 48: nothing earlier matters then.
        if view[-TRAILER_SIZE - 1]:
            self._end = self._total - TRAILER_SIZE
        else:
            self._note_zeros(self._tail, self._total - len(view))
            self._note_zeros(bytes(view[:-TRAILER_SIZE]), self._total - TRAILER_SIZE)
        self._tail = bytes(view[-TRAILER_SIZE:])

    def _note_zeros(self, run: bytes, position: int) -> None:
        """
        Move `_end` to the last byte of `run` that is not zero, if there is one; `position` is where the run ends.
        """
        # By halves: comparing with zeros is many times cheaper than looking at each byte, and padding is most of a small frame.
        end = len(run)
        step = min(end, len(_ZEROS))
        while step:
            while step <= end and run[end - step : end] == _ZEROS[:step]:
                end -= step
            step //= 2
        if end:
            self._end = position - (len(run) - end)


def read_frame(plaintext: bytes) -> tuple[FrameHeader, bytes]:
    """
    Read a frame that is whole in memory; give its header and body.

    Raises:
        FrameError: F2 does not hold.
        NewerVersionError: its kind or version is unknown.
    """
    reader = FrameReader()
    reader.feed(plaintext)
    frame = reader.finish()
    return frame.header, plaintext[frame.offset : frame.offset + frame.length]


@dataclass(frozen=True, slots=True)
class ListedFile:
    """
    A line of the list that ends a POST with files: which item, and how long the file is in bytes (spec F7).
    """

    item: bytes
    length: int


def encode_list(files: Sequence[ListedFile]) -> bytes:
    """
    The body of a frame of kind `files` (spec F7).

    Raises:
        FrameError: more than 10,000 files.
    """
    if len(files) > MAX_LISTED:
        raise FrameError(f"more than {MAX_LISTED} files in one list")
    return canonical.encode([{"item": file.item.hex(), "length": file.length} for file in files])


def decode_list(body: bytes) -> tuple[ListedFile, ...]:
    """
    Read the body of a frame of kind `files`.

    Raises:
        FrameError: not such a list, or an item stands in it twice.
    """
    try:
        lines = canonical.decode(body, limit=MAX_LIST)
    except FormatError as reason:
        _refuse_list(str(reason))
    rows = Fields({"files": lines}, "list", error=FrameError).objects("files", MAX_LISTED)
    files = []
    for row in rows:
        files.append(ListedFile(row.hex("item", 16), row.number("length", 0, MAX_LENGTH)))
        row.done()
    if len({file.item for file in files}) != len(files):
        _refuse_list("an item stands twice")
    return tuple(files)


def _refuse_list(reason: str) -> NoReturn:
    raise FrameError(f"list of files: {reason}") from None
