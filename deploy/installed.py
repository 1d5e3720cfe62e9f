# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Files in their places on a server: what is there compared with what is to be there, shown, and written.

Promises: a file is the old one or the new one, never half of either; somebody else's file is kept beside the new one, once, as it was found.
Refuses to follow a link: it replaces the link.
"""

from __future__ import annotations

import difflib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from deploy.render import Rendered
from deploy.runner import Runner

#: In the first lines of every file that is ours.
OURS: Final = "Written by `dengwen setup`"
KEPT: Final = ".before-dengwen"
MAX_FILE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Change:
    """
    A file that is not as it is to be.

    Args:
        path: On the server.
        place: Where that is from here.
        found: What stands there now; None if nothing does.
        file: What is to stand there.
    """

    path: PurePosixPath
    place: Path
    found: str | None
    file: Rendered

    @property
    def foreign(self) -> bool:
        """Whether somebody else's file is replaced."""
        return self.found is not None and OURS not in self.found

    def shown(self) -> str:
        """
        A new file whole, another one as what changes in it.
        """
        title = f"{self.path} {self.file.mode:04o} {self.file.owner}:{self.file.group}"
        if self.found is None:
            return f"new: {title}\n{self.file.text}"
        if self.found == self.file.text:
            return f"mode or owner: {title}\n"
        lines = difflib.unified_diff(
            self.found.splitlines(keepends=True), self.file.text.splitlines(keepends=True), "now", "then"
        )
        kept = f" (what is there now is kept as {self.path.name}{KEPT})" if self.foreign else ""
        return (
            f"changed: {title}{kept}\n{''.join(line if line.endswith(chr(10)) else line + chr(10) for line in lines)}"
        )


def changes(root: Path, files: Mapping[PurePosixPath, Rendered], runner: Runner) -> tuple[Change, ...]:
    """
    What is not as it is to be, in the order of the paths.

    Args:
        root: Where the server's file system begins.
        files: What is to be.
        runner: Knows owners.
    """
    found = (_compared(path, root / path.relative_to("/"), file, runner) for path, file in files.items())
    return tuple(change for change in found if change is not None)


def _compared(path: PurePosixPath, place: Path, file: Rendered, runner: Runner) -> Change | None:
    try:
        seen = place.lstat()
    except FileNotFoundError:
        return Change(path, place, None, file)
    if not stat.S_ISREG(seen.st_mode):
        return Change(path, place, f"({stat.filemode(seen.st_mode)}: not a file)\n", file)
    with place.open("rb") as there:
        text = there.read(MAX_FILE).decode(errors="replace")
    owner = runner.owner(seen)
    same_owner = owner is None or owner == (file.owner, file.group)
    if text == file.text and stat.S_IMODE(seen.st_mode) == file.mode and same_owner:
        return None
    return Change(path, place, text, file)


def write(change: Change, runner: Runner) -> None:
    """
    Put a file in its place.
    """
    place = change.place
    place.parent.mkdir(parents=True, exist_ok=True)
    kept = place.with_name(place.name + KEPT)
    if change.foreign and not os.path.lexists(kept):
        # A second name, so that neither is ever missing.
        os.link(place, kept, follow_symlinks=False)
    fresh = place.with_name(f".{place.name}.dengwen-new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(change.file.text)
        file.flush()
        runner.own(file.fileno(), change.file.owner, change.file.group)
        os.fchmod(file.fileno(), change.file.mode)
        os.fsync(file.fileno())
    fresh.replace(place)
    above = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(above)
    finally:
        os.close(above)
