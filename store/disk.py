# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The few calls through which this room touches the filesystem for blobs.

They stand in one class so that a test can record their order or let them fail; nothing else is decided here.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeAlias

from store.modes import create_file

if TYPE_CHECKING:
    from pathlib import Path

Buffer: TypeAlias = bytes | bytearray | memoryview


class Disk:
    """
    The real filesystem.
    """

    def create(self, path: Path) -> int:
        """
        Open a new file for writing, for whom its folder is for.

        Raises:
            OSError: It exists already, or the disk is full.

        """
        return create_file(path)

    def write(self, descriptor: int, buffer: Buffer) -> int:
        """
        Write some of *buffer*.

        Returns:
            How many bytes were taken, which may be fewer than given.

        """
        return os.write(descriptor, buffer)

    def sync(self, descriptor: int) -> None:
        """
        Make the bytes of an open file durable.
        """
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """
        Close an open file.
        """
        os.close(descriptor)

    def rename(self, old: Path, new: Path) -> None:
        """
        Give a file its lasting name, in one step.
        """
        old.rename(new)

    def sync_folder(self, path: Path) -> None:
        """
        Make the names in a folder durable.
        """
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self, path: Path) -> None:
        """
        Remove a name. One that is gone already is no error.
        """
        path.unlink(missing_ok=True)
