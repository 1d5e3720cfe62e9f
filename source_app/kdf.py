# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Codename derivation, a few at a time over all workers.

The KDF is the dearest thing a stranger can ask for, so only as many run at once as there are slots; the rest wait in line. A request waits with them for
some seconds. Where it would be longer, the page says how long, the place is kept under a ticket, and what was derived there waits for whoever brings
the ticket again, at any worker: no thread is held meanwhile, and no second derivation is paid.

A slot is an anonymous file under flock: a killed worker's slots are free the moment it is gone, which a semaphore would not promise.
Each process has a thread for each slot, which sleeps in the kernel until the slot is its own and then takes the next of the process's line. The memory
that Argon2 fills is thereby reused, instead of being taken anew in each of six hundred threads. These threads run on any core, whatever
share of them their worker keeps to.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import TimeoutError as LateError
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeAlias

from crypto.derive import Generation, Subkeys, derive
from crypto.hidden import Hidden
from source_app import circuits
from source_app.cores import everywhere, keep_to
from source_app.derived import Derived, Pending
from source_app.errors import SourceAppError
from source_app.limits import LINE, LINE_PATIENCE_SECONDS
from source_app.line import FullError, Line, Place

if TYPE_CHECKING:
    from source_app.memory import Memory

Derive: TypeAlias = Callable[[Hidden, Generation], Subkeys]

_STEP: Final = 5  # seconds that estimates are rounded up to
_LOOK: Final = 0.1  # seconds between two looks at what another worker derives


class BusyError(SourceAppError):
    """
    Too many are asking at once; nothing was done yet.

    Attributes:
        seconds: until it is worth asking again, as far as can be told; rounded up.
        kept: whether the place in the line is kept until then.
    """

    def __init__(self, seconds: float = 0, *, kept: bool = False) -> None:
        super().__init__()
        self.seconds: Final = max(1, -int(-seconds // _STEP)) * _STEP
        self.kept: Final = kept


class LostError(SourceAppError):
    """Nobody knows this place in the line: it is too long ago, its worker died, or it was pushed out."""


class Derivations:
    """
    The slots. Make it before forking, and share the object.

    Args:
        slots: derivations at the same time, over all processes.
        memory: what the workers share.
        patience: seconds that a request itself waits.
        places: in the line of each process.
        run: what derives.
    """

    def __init__(
        self,
        slots: int,
        memory: Memory,
        *,
        patience: float = LINE_PATIENCE_SECONDS,
        places: int = LINE,
        run: Derive = derive,
    ) -> None:
        self._slots = tuple(_Slot() for _ in range(slots))
        self._patience = patience
        self._places = places
        self._run = run
        self._derived = Derived(memory)
        self._cores = everywhere()
        self._starting = threading.Lock()
        self._serving: _Serving | None = None

    def derive(self, secret: Hidden, generations: Sequence[Generation], *, ticket: bytes) -> tuple[Subkeys, ...]:
        """
        The subkeys of a codename under each generation (spec D3, D4), when its turn has come.

        Args:
            secret: the codename.
            generations: of the root.
            ticket: 16 bytes that nobody else knows, the same whenever the same is asked again.

        Raises:
            BusyError: it does not come soon.
        """
        numbers = [generation.number for generation in generations]
        found = self._elsewhere(ticket)
        if found is not None and list(found) == numbers:
            return tuple(found.values())
        wanted = Place(ticket=ticket, secret=secret, generations=tuple(generations), circuit=circuits.present())
        line = self._here().line
        return self._awaited(self._joined(wanted, line), line)

    def fetch(self, ticket: bytes) -> Mapping[int, Subkeys]:
        """
        What was derived under a ticket, by the generations' numbers. It derives nothing and waits for nobody.

        Raises:
            BusyError: it is still in line.
            LostError: it is in no line.
        """
        serving = self._serving
        place = serving.line.find(ticket) if serving is not None and serving.process == os.getpid() else None
        if serving is not None and place is not None:
            raise BusyError(serving.line.seconds(place), kept=True)
        found = self._derived.find(ticket)
        if isinstance(found, Pending) and found.process != os.getpid():
            raise BusyError(found.seconds, kept=True)
        if found is None or isinstance(found, Pending):
            raise LostError
        return found

    def _awaited(self, place: Place, line: Line) -> tuple[Subkeys, ...]:
        expected = line.seconds(place)
        # Whoever is next waits, however long the last ones took: an empty line is never called busy.
        if expected <= self._patience or not line.ahead(place):
            try:
                return place.derived.result(self._patience)
            except LateError:
                expected = line.seconds(place)
        with line.changing:
            if place.derived.done():
                return place.derived.result()
            place.kept = True
            self._derived.expect(place.ticket, expected)
        raise BusyError(expected, kept=True)

    def _elsewhere(self, ticket: bytes) -> Mapping[int, Subkeys] | None:
        # Another worker has the place: what it derives is looked for, as long as one would wait here.
        until = time.monotonic() + self._patience
        while isinstance(found := self._derived.find(ticket), Pending):
            if found.process == os.getpid():
                return None
            if found.seconds > self._patience or time.monotonic() >= until:
                raise BusyError(found.seconds, kept=True)
            time.sleep(_LOOK)
        return found

    def _joined(self, wanted: Place, line: Line) -> Place:
        with line.changing:
            try:
                place, pushed = line.join(wanted)
            except FullError:
                raise BusyError(line.seconds(None)) from None
            if pushed is not None:
                self._derived.drop(pushed.ticket)
                pushed.derived.set_exception(BusyError(line.seconds(None)))
        return place

    def _here(self) -> _Serving:
        with self._starting:
            # Threads do not survive a fork: each process starts its own.
            if self._serving is None or self._serving.process != os.getpid():
                self._serving = _Serving(self._slots, self._cores, Line(self._places), self._run, self._derived)
            return self._serving


class _Serving:
    """
    The line of one process, and the threads that serve it.
    """

    def __init__(
        self, slots: tuple[_Slot, ...], cores: Collection[int], line: Line, run: Derive, derived: Derived
    ) -> None:
        self.process: Final = os.getpid()
        self.line: Final = line
        self._run = run
        self._derived = derived
        # The threads know this object weakly and end with it, and with them the memory that the workers of its app shared.
        weakref.finalize(self, line.close)
        for slot in slots:
            given = weakref.ref(self), line, slot, cores
            threading.Thread(target=_serve, args=given, name="derive", daemon=True).start()

    def serve(self, place: Place) -> None:
        """Derive one codename, for whoever waits for it or brings its ticket."""
        try:
            subkeys = tuple(self._run(place.secret, generation) for generation in place.generations)
        except Exception as error:  # noqa: BLE001 - it is raised again for the one who asked
            with self.line.changing:
                self.line.end(place)
                place.derived.set_exception(error)
                if place.kept:
                    self._derived.drop(place.ticket)
            return
        with self.line.changing:
            self.line.end(place)
            place.derived.set_result(subkeys)
            if place.kept:
                numbers = (generation.number for generation in place.generations)
                self._derived.put(place.ticket, dict(zip(numbers, subkeys, strict=True)))


def _serve(serving: weakref.ref[_Serving], line: Line, shared: _Slot, cores: Collection[int]) -> None:
    keep_to(cores)
    with shared.opened() as slot:
        while line.wait():
            # The slot first, then the one who gets it: nobody is bound to a slot that somebody else keeps.
            with slot.held(line.pass_on):
                place, here = line.next(), serving()
                if place is not None and here is not None:
                    here.serve(place)
                del here


class _Slot:
    """
    Two anonymous files: the slot, and the place before it where the next one waits.
    """

    def __init__(self) -> None:
        self._files = tuple(os.memfd_create(name, os.MFD_CLOEXEC) for name in ("next", "slot"))
        weakref.finalize(self, _close, self._files)

    @contextmanager
    def opened(self) -> Iterator[_OpenSlot]:
        """The slot as one thread of this process may hold it: a flock is shared by all who inherited the open file."""
        own = tuple(os.open(f"/proc/self/fd/{file}", os.O_RDWR | os.O_CLOEXEC) for file in self._files)
        try:
            yield _OpenSlot(*own)
        finally:
            _close(own)


def _close(files: tuple[int, ...]) -> None:
    for file in files:
        os.close(file)


class _OpenSlot:
    def __init__(self, following: int, slot: int) -> None:
        self._following = following
        self._slot = slot

    @contextmanager
    def held(self, waits: Callable[[], object]) -> Iterator[None]:
        # Who gives a slot back and asks again at once would always be faster than one the kernel has still to wake; here it has to
        # stand behind the one that waits already.
        if not (_taken(self._following) and _taken(self._slot)):
            # Another thread's slot may be free.
            waits()
            fcntl.flock(self._following, fcntl.LOCK_EX)
            fcntl.flock(self._slot, fcntl.LOCK_EX)
        fcntl.flock(self._following, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(self._slot, fcntl.LOCK_UN)


def _taken(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
