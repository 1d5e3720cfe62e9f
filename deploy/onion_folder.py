# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Files in tor's own folders, written by root where another account could have put links.

Promises: a file appears whole, under a name that was free, with its folder's owner, or not at all; no link is followed below the folder that
was opened. Files are their owner's alone; folders are listed by tor's group too, so that doctor can count keys, and by nobody else: tor refuses
folders that others may enter.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

FOLDER_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FOLDER_MODE, FILE_MODE = 0o750, 0o600


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """
    A folder, as a descriptor. Its last name must not be a link.
    """
    descriptor = os.open(path, FOLDER_FLAGS)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def inside(above: int, name: str, *, make: bool = False) -> Iterator[int]:
    """
    A folder in a folder; made with the owner of the one above if it is missing.
    """
    made = False
    if make:
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, FOLDER_MODE, dir_fd=above)
            made = True
    descriptor = os.open(name, FOLDER_FLAGS, dir_fd=above)
    try:
        if made:
            _give(descriptor, above)
            os.fchmod(descriptor, FOLDER_MODE)
        yield descriptor
    finally:
        os.close(descriptor)


def place(folder: int, name: str, content: bytes) -> None:
    """
    A new file.

    Raises:
        FileExistsError: The name is taken.
        OSError: It could not be written.
    """
    # Tor reads what ends in .auth and complains of nothing that begins with a dot and is gone in a moment.
    fresh = f".{secrets.token_hex(8)}.new"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _give(file.fileno(), folder)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(fresh, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    finally:
        os.unlink(fresh, dir_fd=folder)
    os.fsync(folder)


def remove(folder: int, name: str) -> None:
    """
    A file, gone for good.

    Raises:
        FileNotFoundError: There is none.
    """
    os.unlink(name, dir_fd=folder)
    os.fsync(folder)


def read(folder: int, name: str, limit: int) -> bytes:
    """
    A file's bytes, one more than the limit at most.
    """
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(limit + 1)


def _give(descriptor: int, like: int) -> None:
    wanted, found = os.fstat(like), os.fstat(descriptor)
    if (wanted.st_uid, wanted.st_gid) != (found.st_uid, found.st_gid):
        os.fchown(descriptor, wanted.st_uid, wanted.st_gid)
