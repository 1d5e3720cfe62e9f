# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Fewer, larger writes: sealed chunks are copied side by side while the cache still holds them, and written together.

A write of one 64 KiB chunk costs the filesystem nearly as much as one of several; measured here, gathering saves more than a
third of the time that a large upload spends in the kernel, and most of what it spends in our own calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: Chunks that are written together. The buffer has to stay in a core's own cache, or the copy costs what the writes save.
CHUNKS = 8
_SEALED_CHUNK = 65_536 + 16


class Gather:
    """
    Stands between a sealer and a file. What it holds is sealed.
    """

    def __init__(self, write: Callable[[memoryview], object], size: int = CHUNKS * _SEALED_CHUNK) -> None:
        """
        Args:
            write: takes what was gathered; the buffer is only valid during the call.
            size: bytes to gather.
        """
        self._write = write
        self._buffer = memoryview(bytearray(size))
        self._held = 0

    def write(self, piece: bytes | memoryview) -> None:
        """
        Take one piece; write what is held if it does not fit beside it.
        """
        end = self._held + len(piece)
        if end > len(self._buffer):
            self.flush()
            end = len(piece)
            if end > len(self._buffer):
                self._write(memoryview(piece))
                return
        self._buffer[self._held : end] = piece
        self._held = end

    def flush(self) -> None:
        """
        Write what is held.
        """
        held, self._held = self._held, 0
        if held:
            self._write(self._buffer[:held])
