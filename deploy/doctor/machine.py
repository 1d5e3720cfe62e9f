# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The machine as doctor reaches it: files below a root, programs with a deadline, disks. Nothing else of doctor touches them.

Promises: every read is bounded, every program ends by its deadline, and all of them together by the run's.
What fails is `CannotLookError`, and `look` turns it into `Unseen`: a check that was not made, with the reason.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from crypto.errors import CryptoError
from deploy.doctor.finding import Finding
from deploy.errors import CannotLookError, DeployError
from store.errors import StoreError

MAX_TEXT: Final = 4 << 20
PIECE: Final = 64 << 10
PROGRAM_SECONDS: Final = 10.0
#: A whole run; less than the minute an operator waits without wondering.
RUN_SECONDS: Final = 55.0
#: No terminal, no pager, no translation: what is parsed is what was tried.
ENVIRONMENT: Final = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "SYSTEMD_PAGER": ""}

T = TypeVar("T")

#: A check's name, and the check.
Check: TypeAlias = tuple[str, Callable[[], Finding]]


@dataclass(frozen=True, slots=True)
class Unseen:
    """
    What could not be looked at, and why.
    """

    reason: str


Seen: TypeAlias = T | Unseen


@dataclass(frozen=True, slots=True)
class Ran:
    """
    A program that ended: its status and what it wrote.
    """

    status: int
    out: str
    err: str


#: Runs a program for so many seconds at most. Raises OSError if there is none, TimeoutError if it did not end.
Run: TypeAlias = Callable[[Sequence[str], float], Ran]


class Deadline:
    """
    How long this run may still take.

    Args:
        seconds: In all.
        clock: A clock that only goes forward.
    """

    def __init__(self, seconds: float = RUN_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def left(self, most: float) -> float:
        """
        Seconds for the next thing.

        Args:
            most: What it may take when there is time enough.

        Raises:
            CannotLookError: None are left.
        """
        seconds = min(most, self._end - self._clock())
        if seconds <= 0:
            raise CannotLookError("there was no time left for it in this run")
        return seconds


def run_program(command: Sequence[str], seconds: float) -> Ran:
    """
    Run a program of this machine.

    Raises:
        OSError: There is no such program, or it may not be started.
        TimeoutError: It did not end in time; it was ended.
    """
    try:
        done = subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
            env=ENVIRONMENT,
            cwd="/",
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"{command[0]} did not end within {seconds:.0f} seconds") from None
    return Ran(
        done.returncode, done.stdout[:MAX_TEXT].decode(errors="replace"), done.stderr[:4096].decode(errors="replace")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """
    A machine.

    Args:
        root: Where its file system begins; tests give a folder of their own.
        run: Runs its programs.
        disk: Tells of the disk under a folder.
        deadline: Of this run.
    """

    root: Path = Path("/")
    run: Run = run_program
    disk: Callable[[Path], os.statvfs_result] = os.statvfs
    deadline: Deadline = field(default_factory=Deadline)

    def path(self, path: str | Path) -> Path:
        """
        Where an absolute path of the machine lies.
        """
        return self.root / Path(path).relative_to("/")

    def text(self, path: str | Path) -> str:
        """
        A file's text.

        Raises:
            CannotLookError: It is missing, too long, or may not be read.
        """
        self.deadline.left(1)
        try:
            with self.path(path).open("rb", buffering=0) as file:
                raw = b""
                # In pieces: /proc/sys takes the size that is asked for in one read as memory to set aside.
                while len(raw) <= MAX_TEXT and (piece := file.read(PIECE)):
                    raw += piece
        except OSError as error:
            raise CannotLookError(f"{path}: {error.strerror}") from None
        if len(raw) > MAX_TEXT:
            raise CannotLookError(f"{path} is longer than {MAX_TEXT >> 20} MiB")
        return raw.decode(errors="replace")

    def has(self, path: str | Path) -> bool:
        """
        Whether there is a file or folder of that name.

        Raises:
            CannotLookError: The folders above may not be searched.
        """
        try:
            self.path(path).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise CannotLookError(f"{path}: {error.strerror}") from None
        return True

    def listed(self, pattern: str) -> tuple[Path, ...]:
        """
        The files that match a pattern below the root, sorted by name.
        """
        return tuple(sorted(self.root.glob(pattern.removeprefix("/"))))

    def said(self, *command: str, seconds: float = PROGRAM_SECONDS) -> str:
        """
        What a program writes.

        Raises:
            CannotLookError: There is none, it did not end, or it failed.
        """
        try:
            ran = self.run(command, self.deadline.left(seconds))
        except TimeoutError as error:
            raise CannotLookError(str(error)) from None
        except OSError as error:
            raise CannotLookError(f"{command[0]}: {error.strerror}") from None
        if ran.status != 0:
            words = " ".join(ran.err.split()) or f"ended with {ran.status}"
            raise CannotLookError(f"{command[0]}: {words[:200]}")
        return ran.out


def look(act: Callable[[], T]) -> Seen[T]:
    """
    Look at something; what cannot be looked at is `Unseen`.

    Messages of the system and of SQLAlchemy are left out: they can carry paths and values.
    """
    try:
        return act()
    except (DeployError, StoreError, CryptoError) as error:
        return Unseen(str(error) or (error.__doc__ or "").strip())
    except OSError as error:
        return Unseen(error.strerror or str(error) or type(error).__name__)
    except (SQLAlchemyError, ValueError, KeyError) as error:
        return Unseen(f"an unexpected {type(error).__name__}")
