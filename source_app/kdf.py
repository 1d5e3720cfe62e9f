# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Codename derivation, a few at a time over all workers.

The KDF is the dearest thing a stranger can ask for, so only as many run at once as there are slots; the rest wait in line and
are answered late rather than all at the end. A slot is an anonymous file under flock: a killed worker's slots are free the moment
it is gone, which a semaphore would not promise.

Each process has a thread for each slot, which sleeps in the kernel until the slot is its own and then takes the first in the process's
line. The memory that Argon2 fills is thereby reused, instead of being taken anew in each of six hundred threads.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as LateError
from contextlib import contextmanager
from typing import Final, TypeAlias

from crypto.derive import Generation, Subkeys, derive
from crypto.hidden import Hidden
from source_app.errors import SourceAppError

LONGEST_WAIT: Final = 120.0  # seconds until "try again" is kinder than waiting

Derive: TypeAlias = Callable[[Hidden, Generation], Subkeys]


class BusyError(SourceAppError):
    """Too many are asking at once; nothing was done."""


class Derivations:
    """
    The slots. Make it before forking, and share the object.

    Args:
        slots: derivations at the same time, over all processes.
        wait: seconds that a codename may wait for its subkeys.
        run: what derives.
    """

    def __init__(self, slots: int, *, wait: float = LONGEST_WAIT, run: Derive = derive) -> None:
        self._slots = tuple(_Slot() for _ in range(slots))
        self._wait = wait
        self._run = run
        self._starting = threading.Lock()
        self._line: _Line | None = None

    def derive(self, secret: Hidden, generation: Generation) -> Subkeys:
        """
        The subkeys of a codename (spec D3, D4), when its turn has come.

        Raises:
            BusyError: it did not come in time.
        """
        asked = self._here().join(secret, generation)
        try:
            return asked.result(self._wait)
        except LateError:
            asked.cancel()
            raise BusyError from None

    def _here(self) -> _Line:
        with self._starting:
            # Threads do not survive a fork: each process starts its own.
            if self._line is None or self._line.process != os.getpid():
                self._line = _Line(self._slots, self._run)
            return self._line


class _Line:
    """
    Those of one process who wait, and the threads that serve them.
    """

    def __init__(self, slots: tuple[_Slot, ...], run: Derive) -> None:
        self.process = os.getpid()
        self._run = run
        self._waiting: deque[tuple[Future[Subkeys], Hidden, Generation]] = deque()
        self._somebody = threading.Condition()
        for slot in slots:
            threading.Thread(target=self._serve, args=(slot.opened(),), name="derive", daemon=True).start()

    def join(self, secret: Hidden, generation: Generation) -> Future[Subkeys]:
        """Stand at the end of the line."""
        asked: Future[Subkeys] = Future()
        with self._somebody:
            self._waiting.append((asked, secret, generation))
            # All of them: the one that would be woken may have to wait for a slot while another's is free.
            self._somebody.notify_all()
        return asked

    def _serve(self, slot: _OpenSlot) -> None:
        while True:
            with self._somebody:
                self._somebody.wait_for(lambda: self._waiting)
            # The slot first, then the one who gets it: nobody is bound to a slot that somebody else keeps.
            with slot.held():
                self._serve_first()

    def _serve_first(self) -> None:
        with self._somebody:
            if not self._waiting:
                return
            asked, secret, generation = self._waiting.popleft()
        if not asked.set_running_or_notify_cancel():
            return
        try:
            asked.set_result(self._run(secret, generation))
        except Exception as error:  # noqa: BLE001 - it is raised again for the one who asked
            asked.set_exception(error)


class _Slot:
    """
    Two anonymous files: the slot, and the place before it where the next one waits.
    """

    def __init__(self) -> None:
        self._files = tuple(os.memfd_create(name, os.MFD_CLOEXEC) for name in ("next", "slot"))

    def opened(self) -> _OpenSlot:
        """The slot as one thread of this process may hold it: a flock is shared by all who inherited the open file."""
        return _OpenSlot(*(os.open(f"/proc/self/fd/{file}", os.O_RDWR | os.O_CLOEXEC) for file in self._files))


class _OpenSlot:
    def __init__(self, following: int, slot: int) -> None:
        self._following = following
        self._slot = slot

    @contextmanager
    def held(self) -> Iterator[None]:
        # Who gives a slot back and asks again at once would always be faster than one the kernel has still to wake; here it has to
        # stand behind the one that waits already.
        fcntl.flock(self._following, fcntl.LOCK_EX)
        fcntl.flock(self._slot, fcntl.LOCK_EX)
        fcntl.flock(self._following, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(self._slot, fcntl.LOCK_UN)
