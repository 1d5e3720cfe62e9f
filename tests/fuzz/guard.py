# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What no parser may do while it reads a stranger's bytes: write a file anywhere, open a connection, start a program, or take long.

Python itself reports each of these (PEP 578), from whatever library they are done in, so a parser that spools to a temporary file is
found by the first input that makes it. An audit hook cannot be taken back: use this in a process of its own.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

#: Seconds of CPU that one input may cost. The dearest honest one takes some hundredths, instrumented.
LONGEST: Final = 4.0

_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
_NEVER: Final = (
    "socket.",
    "subprocess.",
    "tempfile.",
    "shutil.",
    "ftplib.",
    "urllib.",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.system",
)
_PATHS: Final = frozenset(
    {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod"}
)


class SpooledError(AssertionError):
    """A parser reached for the disk, the network or another program."""


class HungError(BaseException):
    """A parser took too long. No `except Exception` of the code under test may swallow it."""


class Guard:
    """
    Args:
        folders: where files may be written all the same.
    """

    def __init__(self, folders: tuple[Path, ...] = ()) -> None:
        self._folders = tuple(os.path.realpath(folder) for folder in folders)
        # The standard library reads its own modules late: codecs, time zones.
        self._readable = (
            *self._folders,
            *(os.path.realpath(path) for path in {sys.prefix, sys.base_prefix, *sys.path} if path),
        )
        self._on = False
        self._found: list[str] = []
        signal.signal(signal.SIGPROF, _hung)
        sys.addaudithook(self._audit)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """
        Raises:
            SpooledError: something was done that no parser may do.
            HungError: it took too long.
        """
        self._found.clear()
        self._on = True
        # CPU time, not the clock: a busy machine is no hang.
        signal.setitimer(signal.ITIMER_PROF, LONGEST)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            self._on = False
        if self._found:
            raise SpooledError("; ".join(self._found))

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._on:
            return
        if event == "open":
            path, mode, flags = arguments
            self._judge(event, path, writing=bool((flags or 0) & _WRITING) or "w" in (mode or ""))
        elif event in _PATHS:
            self._judge(event, arguments[0], writing=True)
        elif event.startswith(_NEVER):
            # Noted, not raised: the code under test could catch it.
            self._found.append(event)

    def _judge(self, event: str, path: object, *, writing: bool) -> None:
        if isinstance(path, int):
            return
        place = os.path.realpath(os.fsdecode(path))  # type: ignore[arg-type]
        allowed = self._folders if writing else self._readable
        if not any(place == folder or place.startswith(folder + os.sep) for folder in allowed):
            self._found.append(f"{event} {place}")


def _hung(_number: int, _frame: FrameType | None) -> None:
    raise HungError(f"more than {LONGEST} s of CPU for one input")


def guarded(take: Callable[[bytes], None], guard: Guard) -> Callable[[bytes], None]:
    """A parser's judge, under guard."""

    def judge(raw: bytes) -> None:
        with guard.watching():
            take(raw)

    return judge
