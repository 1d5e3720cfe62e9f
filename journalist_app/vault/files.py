# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Files in folders that somebody else may have prepared: sticks, above all.

A link that lies there is neither followed nor written through. What is written comes in under a name nobody could have
guessed and takes its own by a rename, which replaces a link instead of following it; what is read is a regular file.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from typing import BinaryIO

from journalist_app.vault.errors import NotFoundError

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# Without NONBLOCK a pipe that lies on the stick would hold the vault for ever.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def create_new(path: Path) -> BinaryIO:
    """
    Open a file for writing that was not there, not even as a link; only its owner reads it.

    Raises:
        FileExistsError: There is something of that name.
    """
    return os.fdopen(os.open(path, _NEW, 0o600), "wb")


def replace(target: Path, content: bytes) -> None:
    """
    Write a file whole: on return it is on the disk, and whatever had its name is gone.
    """
    part = target.with_name(f".{secrets.token_hex(16)}.part")
    try:
        with create_new(part) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def open_regular(path: Path) -> BinaryIO:
    """
    Open a regular file, unbuffered, for reading.

    Raises:
        NotFoundError: It is a link, a pipe or anything else that is no file, or is not there.
    """
    try:
        descriptor = os.open(path, _READ)
    except OSError as error:
        raise NotFoundError(f"{path.name} cannot be read as a file ({error.strerror})") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotFoundError(f"{path.name} is not a regular file")
    return os.fdopen(descriptor, "rb", buffering=0)


def sync_folder(folder: Path) -> None:
    """
    Make the names in a folder durable.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
