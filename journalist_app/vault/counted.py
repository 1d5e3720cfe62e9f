# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A file that says how far it was read: progress inside an item of gigabytes, not only between items.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO


class Counted:
    """
    A batch file for the bundle reader.

    Args:
        file: Open, unbuffered.
        progress: Called with the position after each read; None to count nothing.
    """

    def __init__(self, file: BinaryIO, progress: Callable[[int], None] | None) -> None:
        self._file = file
        self._progress = progress

    def read(self, size: int, /) -> bytes:
        """
        Up to so many bytes.
        """
        chunk = self._file.read(size)
        if self._progress is not None:
            self._progress(self._file.tell())
        return chunk

    def seekable(self) -> bool:
        """
        Members that are passed over are not read.
        """
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """
        Move.
        """
        return self._file.seek(offset, whence)
