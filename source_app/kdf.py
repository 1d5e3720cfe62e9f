# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Codename derivation, a few at a time over all workers.

The KDF is the dearest thing a stranger can ask for, so only as many run at once as there are slots; the rest wait in line and
are answered late rather than all at the end. A slot is one byte of an anonymous file under a record lock: a killed worker's
slots are free the moment it is gone, which a semaphore would not promise.

Each process derives in threads of its own for it, one for each slot: the memory that Argon2 fills is then reused, instead of
being taken anew in each of six hundred threads.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as LateError
from contextlib import contextmanager
from typing import Final

from crypto.derive import Generation, Subkeys, derive
from crypto.hidden import Hidden
from source_app.errors import SourceAppError

LONGEST_WAIT: Final = 120.0  # seconds until "try again" is kinder than waiting
# A derivation takes ten times as long; looking more often costs those that run more than it gains who waits.
_PAUSE: Final = 0.003


class BusyError(SourceAppError):
    """Too many are asking at once; nothing was done."""


class Derivations:
    """
    The slots. Make it before forking, and share the object.

    Args:
        slots: derivations at the same time, over all processes.
        wait: seconds that a codename may wait for its turn.
    """

    def __init__(self, slots: int, *, wait: float = LONGEST_WAIT) -> None:
        self._file = os.memfd_create("slots", os.MFD_CLOEXEC)
        self._mine = tuple(threading.Lock() for _ in range(slots))
        self._wait = wait
        self._starting = threading.Lock()
        self._line: tuple[int, ThreadPoolExecutor] | None = None

    def derive(self, secret: Hidden, generation: Generation) -> Subkeys:
        """
        The subkeys of a codename (spec D3, D4), when its turn has come.

        Raises:
            BusyError: it did not come in time.
        """
        asked = self._threads().submit(self._derive, secret, generation, time.monotonic() + self._wait)
        try:
            return asked.result(self._wait)
        except LateError:
            asked.cancel()
            raise BusyError from None

    @contextmanager
    def slot(self, until: float) -> Iterator[None]:
        """
        Hold one slot.

        Args:
            until: monotonic second at which to give up.

        Raises:
            BusyError: none came free in time.
        """
        while (taken := self._try()) is None:
            if time.monotonic() > until:
                raise BusyError
            time.sleep(_PAUSE)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, taken)
            self._mine[taken].release()

    def _derive(self, secret: Hidden, generation: Generation, until: float) -> Subkeys:
        with self.slot(until):
            return derive(secret, generation)

    def _threads(self) -> ThreadPoolExecutor:
        with self._starting:
            # Threads do not survive a fork: each process starts its own.
            if self._line is None or self._line[0] != os.getpid():
                self._line = (os.getpid(), ThreadPoolExecutor(len(self._mine), "derive"))
            return self._line[1]

    def _try(self) -> int | None:
        for number, lock in enumerate(self._mine):
            if not lock.acquire(blocking=False):
                continue
            if self._grabbed(number):
                return number
            lock.release()
        return None

    def _grabbed(self, number: int) -> bool:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except BlockingIOError:
            return False
        return True
