# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Large payloads as files: written once under `incoming/`, then renamed to `blobs/ab/ab…`, never changed.

`BlobWriter.commit` returns when the bytes and the name are durable: fsync, rename, fsync of the folder. The row comes
after. A file in `incoming/` is locked by its writer for as long as that lives, so the sweeper knows the dead ones; a
blob without a row is the sweeper's too. Names are random and say nothing.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO, Self

from store.disk import Buffer, Disk
from store.errors import DamagedError
from store.failures import disk_failures
from store.modes import make_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NAME = re.compile(r"[0-9a-f]{32}")


class Blobs:
    """
    The blobs of one store folder.

    Args:
        folder: The store folder.
        disk: The calls to the filesystem; tests give their own.

    """

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        self._disk = disk or Disk()
        self._blobs = folder / "blobs"
        self._incoming = folder / "incoming"

    def make_folders(self) -> None:
        """
        Make every folder a blob can lie in, durably, so that no upload has to.
        """
        for folder in (self._incoming, self._blobs):
            make_folder(folder)
        for number in range(256):
            make_folder(self._blobs / f"{number:02x}")
        for folder in (self._blobs, self._blobs.parent):
            self._disk.sync_folder(folder)

    def create(self) -> BlobWriter:
        """
        Begin a blob.

        Raises:
            FullError: The disk takes no more.

        """
        name = secrets.token_hex(16)
        return BlobWriter(self._disk, self._incoming / name, self._path(name))

    def open(self, name: str) -> BinaryIO:
        """
        Open a committed blob for reading.

        Raises:
            DamagedError: It is not there.

        """
        try:
            return self._path(name).open("rb", buffering=0)
        except FileNotFoundError:
            raise DamagedError("a blob is missing") from None

    def has(self, name: str) -> bool:
        """
        Whether this blob was committed and not removed.
        """
        return self._path(name).exists()

    def delete(self, name: str) -> None:
        """
        Remove a blob. One that is gone already is no error.
        """
        self._disk.remove(self._path(name))

    def names(self) -> Iterator[str]:
        """
        The names of all committed blobs, in no order.
        """
        for folder in self._blobs.iterdir():
            for path in folder.iterdir():
                if _NAME.fullmatch(path.name):
                    yield path.name

    def committed_at(self, name: str) -> float | None:
        """
        When the blob got its name, in seconds since 1970 by the filesystem's clock, or None if it is gone.
        """
        try:
            return self._path(name).stat().st_ctime
        except FileNotFoundError:
            return None

    def incoming_bytes(self) -> int:
        """
        The bytes of blobs that are being written, or were when their writer died.
        """
        total = 0
        with os.scandir(self._incoming) as found:
            for entry in found:
                # Committed or aborted between the two looks.
                with suppress(FileNotFoundError):
                    total += entry.stat(follow_symlinks=False).st_size
        return total

    def sweep_incoming(self, *, before: float) -> int:
        """
        Remove what killed writers left behind.

        Args:
            before: Only files last written to before this, in seconds since 1970.

        Returns:
            How many were removed.

        """
        removed = 0
        for path in self._incoming.iterdir():
            try:
                old = path.stat().st_mtime < before
            except FileNotFoundError:
                continue
            if old and not _has_writer(path):
                self._disk.remove(path)
                removed += 1
        return removed

    def _path(self, name: str) -> Path:
        # Names come from rows; a damaged row must not reach out of the folder.
        if not _NAME.fullmatch(name):
            raise DamagedError("this is not the name of a blob")
        return self._blobs / name[:2] / name


class BlobWriter:
    """
    A blob that is being written: end it with `commit` or `abort`, exactly one of them.

    As a context manager it aborts whatever was not committed.
    """

    def __init__(self, disk: Disk, incoming: Path, final: Path) -> None:
        self._disk = disk
        self._incoming = incoming
        self._final = final
        self.length = 0
        with disk_failures():
            self._descriptor: int | None = disk.create(incoming)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.abort()

    def write(self, buffer: Buffer) -> None:
        """
        Append all of *buffer*.

        Raises:
            FullError: The disk takes no more. The blob is gone.

        """
        view = memoryview(buffer)
        with self._whole():
            while view:
                taken = self._disk.write(self._open(), view)
                self.length += taken
                view = view[taken:]

    def commit(self) -> str:
        """
        Make the blob durable under its name.

        Returns:
            The name, for the item's row.

        Raises:
            FullError: The disk takes no more. The blob is gone.

        """
        with self._whole():
            self._disk.sync(self._open())
            self._disk.rename(self._incoming, self._final)
            self._disk.sync_folder(self._final.parent)
        self._close()
        return self._final.name

    def abort(self) -> None:
        """
        Leave nothing of it. After `commit` or `abort` this has no effect.
        """
        if self._descriptor is None:
            return
        self._close()
        self._disk.remove(self._incoming)
        # Only a commit that failed half-way can have left this name.
        self._disk.remove(self._final)

    @contextmanager
    def _whole(self) -> Iterator[None]:
        try:
            with disk_failures():
                yield
        except BaseException:
            self.abort()
            raise

    def _open(self) -> int:
        if self._descriptor is None:
            raise ValueError("this blob was committed or aborted")
        return self._descriptor

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            self._disk.close(descriptor)


def _has_writer(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
