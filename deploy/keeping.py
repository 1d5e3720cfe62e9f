# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Writing the few small files that are replaced now and again: the day of the last care, doctor's, what setup has still to do.

Promises: a file stands under its name whole or not at all, also after a crash; it belongs to whom its folder belongs to, also if root writes it. Nothing
that another account laid in its place, or in the folder's, is followed: root writes where dengwen-care may.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FRESH: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def write_whole(path: Path, raw: bytes, *, mode: int = 0o644) -> None:
    """
    Write a small file under its name in one step, readable as asked whatever the umask says.

    Raises:
        OSError: It cannot be written there.
    """
    fresh = f".{path.name}.{os.getpid()}"
    folder = os.open(path.parent, FOLDER)
    try:
        # A run that was killed left it; one that runs has another number.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(fresh, dir_fd=folder)
        descriptor = os.open(fresh, FRESH, 0o600, dir_fd=folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(raw)
                file.flush()
                _give(file.fileno(), folder)
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            os.rename(fresh, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(fresh, dir_fd=folder)
            raise
        os.fsync(folder)
    finally:
        os.close(folder)


def read_small(path: Path, most: int) -> bytes:
    """
    A small file's bytes, no more than that. Nothing is waited for, and no link followed.

    Raises:
        OSError: It cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(most)


def _give(descriptor: int, folder: int) -> None:
    wanted = os.fstat(folder)
    if os.geteuid() == 0 and wanted.st_uid != 0:
        os.fchown(descriptor, wanted.st_uid, wanted.st_gid)
