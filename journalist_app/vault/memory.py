# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Folders that lie in memory, for programs that insist on files, and are gone afterwards.

A folder is made on a tmpfs or not at all: TMPDIR or XDG_RUNTIME_DIR if they are one, else /dev/shm. What a killed vault left is
removed by the next one when it starts: each folder is locked by the process that made it for as long as that lives. What others put there
under such a name is not touched. Memory may be swapped out: whether swap is encrypted is the laptop's business (README).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from journalist_app.vault.errors import NotNowError

PREFIX: Final = "dengwen-"
LOCK: Final = "held"

_IN_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
_MOUNTS: Final = Path("/proc/self/mountinfo")
# An agent's socket stands in the folder, and the address of a socket has at most 107 bytes.
_MAX_PATH: Final = 64
_TRIES: Final = 50
_PAUSE: Final = 0.1


@contextmanager
def folder_in_memory(before_it_goes: Callable[[Path], None]) -> Iterator[Path]:
    """
    An empty folder for its owner alone. However this is left, the folder and all in it are gone then.

    Args:
        before_it_goes: Ends what still works in a folder; also called for those that a killed vault left.

    Raises:
        NotNowError: No place in memory is there, or a program does not leave the folder.
    """
    sweep(before_it_goes)
    place = next(_places(), None)
    if place is None:
        raise NotNowError("no folder in memory was found: set TMPDIR to one on a tmpfs")
    folder = place / f"{PREFIX}{secrets.token_hex(8)}"
    folder.mkdir(mode=0o700)
    # Locked first and named then: a sweeper never sees a lock that nobody holds yet.
    part = folder / f"{LOCK}.part"
    with part.open("xb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        part.rename(folder / LOCK)
        try:
            yield folder
        finally:
            _end(folder, before_it_goes)


def sweep(before_it_goes: Callable[[Path], None]) -> None:
    """
    Remove the folders that killed vaults left.

    Raises:
        NotNowError: A program does not leave one of them.
    """
    for place in _places():
        for folder in place.glob(f"{PREFIX}*"):
            # One without a lock holds nothing yet.
            with contextlib.suppress(OSError):
                if _own(folder):
                    with (folder / LOCK).open("rb") as lock:
                        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        _end(folder, before_it_goes)


def _own(folder: Path) -> bool:
    about = folder.lstat()
    return stat.S_ISDIR(about.st_mode) and about.st_uid == os.getuid()


def _places() -> Iterator[Path]:
    named = (os.environ.get("TMPDIR"), os.environ.get("XDG_RUNTIME_DIR"), "/dev/shm")  # noqa: S108 (in memory, or refused)
    kinds = _mounted()
    for name in named:
        place = Path(name).resolve() if name else None
        if place is None or not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
            continue
        if len(os.fsencode(place)) <= _MAX_PATH and _kind_of(place, kinds) in _IN_MEMORY:
            yield place


def _mounted() -> dict[Path, str]:
    kinds = {}
    for line in _MOUNTS.read_text().splitlines():
        before, _, after = line.partition(" - ")
        # Spaces and the like stand as their octal numbers. A later mount hides an earlier one.
        path = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), before.split(" ")[4])
        kinds[Path(path)] = after.split(" ")[0]
    return kinds


def _kind_of(place: Path, kinds: dict[Path, str]) -> str:
    return next((kinds[path] for path in (place, *place.parents) if path in kinds), "")


def _end(folder: Path, before_it_goes: Callable[[Path], None]) -> None:
    try:
        before_it_goes(folder)
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    for _ in range(_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        # A program that is just ending may make or remove a name while the names are being removed.
        time.sleep(_PAUSE)
    raise NotNowError(f"{folder} could not be removed: end the programs that use it, and remove it")
