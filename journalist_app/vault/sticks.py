# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What lies on the sticks: batch files, known by their first bytes and not by their names.

Only regular files directly in a stick's folder are looked at, and never followed out of it.
"""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from journalist_app.bundle.documents import read_head
from journalist_app.bundle.errors import BundleError
from journalist_app.bundle.ustar import Archive
from journalist_app.vault.errors import NotFoundError
from journalist_app.vault.files import open_regular

MAX_FILES = 2_000


@dataclass(frozen=True, slots=True)
class Candidate:
    """
    A file that begins as a batch does. Nothing about it is verified.

    Args:
        stick: Which of the sticks, from 0.
        path: The file.
        number: What its clear head says.
        size: In bytes.
    """

    stick: int
    path: Path
    number: int
    size: int


def batches(sticks: Sequence[Path]) -> tuple[Candidate, ...]:
    """
    The batch files on the sticks, by number.
    """
    found = []
    for index, folder in enumerate(sticks):
        for path in _files(folder):
            number = _number(path)
            if number is not None:
                found.append(Candidate(index, path, number, path.lstat().st_size))
    return tuple(sorted(found, key=lambda one: (one.number, one.stick, one.path.name)))


def choose(sticks: Sequence[Path], stick: str, name: str) -> Path:
    """
    The batch file that a form names: one of those that are listed.

    Raises:
        NotFoundError: It is not among them.
    """
    for one in batches(sticks):
        if str(one.stick) == stick and one.path.name == name:
            return one.path
    raise NotFoundError("that file is not on the stick any more")


def _files(folder: Path) -> list[Path]:
    try:
        entries = sorted(folder.iterdir())[:MAX_FILES]
        return [path for path in entries if stat.S_ISREG(path.lstat().st_mode)]
    except OSError:
        # A stick that was pulled out is an empty one.
        return []


def _number(path: Path) -> int | None:
    try:
        with open_regular(path) as file:
            return read_head(Archive(file), "batch").number
    except (BundleError, NotFoundError, OSError):
        return None
