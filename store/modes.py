# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Who may open what: every file and folder of a store takes after the folder it lies in, whatever the process's umask is.

The store folder decides for all of it. 0700: one account has the store, files are 0600. 2770: the accounts of a group share it, files are
0660, and the setgid bit gives everything the folder's group. A folder that anyone else may look into, or list, is no store.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

from store.errors import ExposedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_OTHERS = 0o007
_FOLDER = 0o2770
_FILE = 0o660


def require_closed(folder: Path) -> None:
    """
    Raises:
        ExposedError: Others than the folder's owner and group may enter or list it.
    """
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & _OTHERS:
        raise ExposedError(
            f"the store folder is open to others: mode {mode:04o}; make it 0700, or 2770 if the accounts of a group share it"
        )


def umask_of(folder: Path) -> int:
    """
    The umask of a process that works in this store: what is not the store's either has no wider bits than it.
    """
    return 0o777 & ~stat.S_IMODE(folder.stat().st_mode)


def create_file(path: Path) -> int:
    """
    Make a new file and open it for writing.

    Raises:
        FileExistsError: There is one.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        # The umask may have taken bits away; the folder alone decides.
        os.fchmod(descriptor, _wanted(path, path.parent.stat().st_mode))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def make_file(path: Path) -> None:
    """
    Make an empty file if there is none.
    """
    with contextlib.suppress(FileExistsError):
        os.close(create_file(path))


def make_folder(path: Path) -> None:
    """
    Make a folder if there is none.
    """
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
        path.chmod(stat.S_IMODE(path.parent.stat().st_mode) & _FOLDER)


def astray(folder: Path) -> Iterator[Path]:
    """
    What lies in a store with other bits, or another group, than its folder says.
    """
    above = folder.stat()
    for path in folder.rglob("*"):
        try:
            found = path.lstat()
        except FileNotFoundError:
            # Uploads end, and logs are emptied, while we look.
            continue
        if stat.S_IMODE(found.st_mode) != _wanted(path, above.st_mode) or found.st_gid != above.st_gid:
            yield path


def mend(folder: Path) -> int:
    """
    Give everything in a store the bits and the group of its folder, after the folder was given others. For root, or for the one
    who owns all of it.

    Returns:
        How many files and folders were changed.
    """
    require_closed(folder)
    above, changed = folder.stat(), 0
    for path in list(astray(folder)):
        with contextlib.suppress(FileNotFoundError):
            os.chown(path, -1, above.st_gid, follow_symlinks=False)
            # After chown, which may clear the setgid bit.
            path.chmod(_wanted(path, above.st_mode))
            changed += 1
    return changed


def _wanted(path: Path, above: int) -> int:
    return stat.S_IMODE(above) & (_FOLDER if path.is_dir() else _FILE)
