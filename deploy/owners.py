# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Whom the parts of a server's folder belong to, and who else may open them.

    D             root, 1770: care keeps its day there; nobody removes what is another's
    dengwen.toml  root, for the group to read
    keys/         root alone: systemd hands the desk its file
    store/        the three accounts' together; a file takes after the folder
    doctor/       what doctor remembers
    watch-keys/   root, for the desk to read
    texts/        root, for the source pages to read; what lies there is published

Promises: what is given away is what was looked at, however its name is turned into a link meanwhile: an app that was taken over writes in the
store while root walks through it. Leaves to others: making the store and the keys (`server`).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy import host
from deploy.errors import SetupError
from deploy.runner import Runner
from deploy.settings import NAME, Settings
from deploy.steps import ACCOUNTS

MADE: Final = ("doctor", "watch-keys", "texts")
#: Nothing is waited for, nothing followed.
LOOK: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Belonging:
    """
    Whom a file, or a folder with all that is in it, belongs to.

    Args:
        path: What.
        mode: Its bits as a folder; a file has those of them that read and write.
        owners: Accounts that may own it; the first is given it if none of them does.
        group: Its group.
        whole: Whether it goes for all that is in the folder.
    """

    path: Path
    mode: int
    owners: tuple[str, ...]
    group: str
    whole: bool = True


def belongings(settings: Settings) -> tuple[Belonging, ...]:
    """
    The parts of a server's folder.
    """
    folder, group = settings.folder, host.GROUP
    return (
        Belonging(folder, 0o1770, ("root",), group, whole=False),
        Belonging(folder / NAME, 0o640, ("root",), group),
        Belonging(folder / "keys", 0o700, ("root",), "root"),
        Belonging(folder / "watch-keys", 0o750, ("root",), group),
        # What an operator copies there under the usual umask takes the group, and has the mode it should.
        Belonging(settings.source.texts, 0o2755, ("root",), group),
        # Doctor keeps what is in it.
        Belonging(folder / "doctor", 0o700, (host.CARE_ACCOUNT,), group, whole=False),
        Belonging(folder / "care", 0o600, (host.CARE_ACCOUNT,), group),
        Belonging(settings.store, 0o2770, ACCOUNTS, group),
    )


def settle(settings: Settings, runner: Runner, *, dry: bool = False) -> tuple[str, ...]:
    """
    Make a server's folder belong to whom it should.

    Args:
        settings: Of the server.
        runner: The machine.
        dry: Whether to look only.

    Returns:
        What is changed, a line each.

    Raises:
        SetupError: There is something that is neither a file nor a folder, or that may not be looked at.
    """
    lines = []
    for name in MADE:
        if not (settings.folder / name).exists():
            lines.append(f"made {settings.folder / name}")
            if not dry:
                (settings.folder / name).mkdir(mode=0o700)
    for one in belongings(settings):
        first, *others = [*_walk(one, one.path, None, runner, dry=dry), ""]
        # A store has hundreds of folders; that they follow the first is one fact.
        lines += [first + f" and {len(others) - 1} more in it" * (len(others) > 1)] if first else []
    return tuple(lines)


def _walk(one: Belonging, path: Path, above: int | None, runner: Runner, *, dry: bool) -> Iterator[str]:
    try:
        descriptor = os.open(path if above is None else path.name, LOOK, dir_fd=above)
    except FileNotFoundError:
        # Not made yet; or a worker finished an upload, and SQLite its log, while this looked.
        return
    except OSError as error:
        raise SetupError(
            f"{_shown(path)}: {error.strerror}; it should be a file or a folder that root can open"
        ) from None
    with _closing(descriptor):
        seen = os.fstat(descriptor)
        folder = stat.S_ISDIR(seen.st_mode)
        if not folder and not stat.S_ISREG(seen.st_mode):
            raise SetupError(f"{_shown(path)} is neither a file nor a folder: look at it and remove it")
        mode = one.mode if folder else one.mode & 0o666
        owner = _new_owner(one, runner.owner(seen))
        if owner is not None or stat.S_IMODE(seen.st_mode) != mode:
            yield f"{_shown(path)}: {mode:04o} {owner or one.owners[0]}:{one.group}"
            if not dry:
                _give(descriptor, mode, owner, one.group, runner)
        if folder and one.whole:
            for name in sorted(os.listdir(descriptor)):  # noqa: PTH208 (by descriptor)
                yield from _walk(one, path / name, descriptor, runner, dry=dry)


def _new_owner(one: Belonging, found: tuple[str, str] | None) -> str | None:
    if found is None or (found[0] in one.owners and found[1] == one.group):
        return None
    return found[0] if found[0] in one.owners else one.owners[0]


def _give(descriptor: int, mode: int, owner: str | None, group: str, runner: Runner) -> None:
    if owner is not None:
        runner.own(descriptor, owner, group)
    # Afterwards: giving something away takes its set-group bit.
    os.fchmod(descriptor, mode)


def _shown(path: Path) -> str:
    # In the store an app that was taken over gives names, and a terminal obeys what is in them.
    return str(path) if str(path).isprintable() else ascii(str(path))


@contextmanager
def _closing(descriptor: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(descriptor)
