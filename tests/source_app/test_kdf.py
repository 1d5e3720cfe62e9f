# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The KDF's slots: no more than there are, and none kept by the dead; and the line before them.
"""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

import pytest

from crypto.codename import Codename
from crypto.derive import CHEAPEST, Generation, Subkeys, derive
from crypto.hidden import Hidden
from source_app.circuits import asked_by
from source_app.kdf import BusyError, Derivations, Derive, LostError, _OpenSlot
from source_app.memory import Memory
from tests.source_app.derivations import FORK, GENERATION, SOON, Held, ask, fetched, fresh_ticket


def test_it_derives_what_the_room_of_bytes_derives() -> None:
    """The slots change when, never what."""
    secret = Codename.generate().secret
    both = [GENERATION, Generation.fresh(2, costs=CHEAPEST)]
    asked = Derivations(2, Memory()).derive(secret, both, ticket=fresh_ticket())
    assert asked == tuple(derive(secret, generation) for generation in both)


def _counted(inside: Synchronized[int], most: Synchronized[int]) -> Derive:
    def run(secret: Hidden, generation: Generation) -> Subkeys:
        with inside.get_lock():
            inside.value += 1
            most.value = max(most.value, inside.value)
        time.sleep(0.01)
        with inside.get_lock():
            inside.value -= 1
        return derive(secret, generation)

    return run


def _four_threads_ask(slots: Derivations) -> None:
    threads = [threading.Thread(target=ask, args=(slots, 3)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_no_more_run_at_once_than_there_are_slots() -> None:
    """Over threads and processes together."""
    inside, most = FORK.Value("i", 0), FORK.Value("i", 0)
    slots = Derivations(2, Memory(), run=_counted(inside, most))
    children = [FORK.Process(target=_four_threads_ask, args=(slots,)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0
    assert most.value == 2


def _held_by_children(began: int) -> Derive:
    parent = os.getpid()

    def run(secret: Hidden, generation: Generation) -> Subkeys:
        if os.getpid() != parent:
            os.write(began, b"x")
            time.sleep(60)
        return derive(secret, generation)

    return run


def test_a_killed_worker_frees_its_slot() -> None:
    """The next one in line gets it."""
    began, begin = os.pipe()
    slots = Derivations(1, Memory(), run=_held_by_children(begin))
    child = FORK.Process(target=ask, args=(slots,))
    child.start()
    os.read(began, 1)
    asked = threading.Thread(target=ask, args=(slots,))
    asked.start()
    asked.join(0.2)
    assert asked.is_alive()
    os.kill(child.pid or 0, signal.SIGKILL)
    child.join()
    asked.join(SOON)
    assert not asked.is_alive()


def test_a_full_line_is_said_at_once_and_keeps_no_place() -> None:
    """Whoever finds none is told when to try again, and is not made to wait for it."""
    held = Held()
    slots = Derivations(1, Memory(), patience=0.05, places=2, run=held)
    for _ in range(3):
        with pytest.raises(BusyError) as busy:
            ask(slots)
        assert busy.value.kept
        time.sleep(0.05)
    ticket = fresh_ticket()
    with pytest.raises(BusyError) as full:
        slots.derive(Codename.generate().secret, [GENERATION], ticket=ticket)
    assert not full.value.kept
    with pytest.raises(LostError):
        slots.fetch(ticket)
    held.release.set()


def test_a_newcomer_gets_the_last_place_of_a_circuit_that_fills_the_line() -> None:
    """One circuit asks until nobody fits in; another is served all the same, and before those who came earlier by the first."""
    held = Held()
    slots = Derivations(1, Memory(), patience=0.05, places=5, run=held)
    tickets = [fresh_ticket() for _ in range(6)]
    with asked_by(7):
        for ticket in tickets:
            with pytest.raises(BusyError) as busy:
                slots.derive(Codename.generate().secret, [GENERATION], ticket=ticket)
            assert busy.value.kept
            time.sleep(0.02)
        with pytest.raises(BusyError) as full:
            ask(slots)
        assert not full.value.kept
    theirs, mine = Codename.generate().secret, fresh_ticket()
    with asked_by(8), pytest.raises(BusyError) as busy:
        slots.derive(theirs, [GENERATION], ticket=mine)
    assert busy.value.kept
    with pytest.raises(LostError):
        slots.fetch(tickets[-1])
    held.release.set()
    assert fetched(slots, mine) == {1: derive(theirs, GENERATION)}
    for ticket in tickets[:-1]:
        fetched(slots, ticket)
    assert held.ran.index(theirs) <= 2


def test_the_wait_that_is_told_is_the_wait_that_comes() -> None:
    """Of twelve in line whose derivations take a tenth of a second, the last is told one to three seconds, rounded up to five."""
    started = threading.Event()

    def run(secret: Hidden, generation: Generation) -> Subkeys:
        started.wait(SOON)
        time.sleep(0.1)
        return derive(secret, generation)

    slots = Derivations(1, Memory(), patience=0.0, run=run)
    started.set()
    with pytest.raises(BusyError):
        ask(slots)
    time.sleep(0.5)
    serving = slots._here()
    for _ in range(12):
        with pytest.raises(BusyError) as busy:
            ask(slots)
    expected = serving.line.seconds(None)
    assert busy.value.seconds == 5
    began = time.monotonic()
    while serving.line.seconds(None):
        time.sleep(0.01)
    assert 0.5 * expected < time.monotonic() - began < 2 * expected + 0.5


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, 5), (0.1, 5), (5, 5), (5.1, 10), (61, 65)], ids=["none", "soon", "five", "more", "minute"]
)
def test_estimates_are_rounded_up(seconds: float, said: int) -> None:
    """In fives, and never nothing: how fast the machine is, is told to nobody."""
    assert BusyError(seconds).seconds == said


def _ask_for_a_while(slots: Derivations, done: Synchronized[int]) -> None:
    until = time.monotonic() + 1.0
    threads = [threading.Thread(target=_keep_asking, args=(slots, done, until)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _keep_asking(slots: Derivations, done: Synchronized[int], until: float) -> None:
    while time.monotonic() < until:
        ask(slots)
        with done.get_lock():
            done.value += 1


def test_a_worker_with_a_long_line_does_not_starve_another() -> None:
    """Two workers that always have somebody waiting take turns."""

    def slowly(secret: Hidden, generation: Generation) -> Subkeys:
        time.sleep(0.005)
        return derive(secret, generation)

    slots = Derivations(1, Memory(), run=slowly)
    counts = [FORK.Value("i", 0) for _ in range(2)]
    children = [FORK.Process(target=_ask_for_a_while, args=(slots, count)) for count in counts]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0
    fewer, more = sorted(count.value for count in counts)
    assert fewer > more * 0.7


def _nobody() -> None:
    """Nobody else is there to be woken."""


@pytest.mark.parametrize("kept", [0, 1])
def test_one_who_asks_alone_gets_whichever_slot_is_free(kept: int) -> None:
    """While another worker keeps one of two, nobody waits for that one."""
    slots = Derivations(2, Memory(), patience=SOON)
    ask(slots)
    time.sleep(0.1)
    with slots._slots[kept].opened() as slot, slot.held(_nobody):
        asked = threading.Thread(target=ask, args=(slots, 3))
        asked.start()
        asked.join(5)
        assert not asked.is_alive()


def test_one_who_asks_alone_wakes_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many slots there are; the others sleep on."""
    woken: list[int] = []
    held = _OpenSlot.held

    def counted(slot: _OpenSlot, waits: Callable[[], object]) -> AbstractContextManager[None]:
        woken.append(threading.get_ident())
        return held(slot, waits)

    monkeypatch.setattr(_OpenSlot, "held", counted)
    slots = Derivations(8, Memory())
    for times in range(1, 6):
        ask(slots)
        time.sleep(0.05)
        assert len(woken) == times


def test_all_who_ask_at_once_are_served_at_once() -> None:
    """As many as there are slots meet in them: none sleeps through its neighbour's waking."""
    meeting = threading.Barrier(4)

    def run(secret: Hidden, generation: Generation) -> Subkeys:
        meeting.wait(20)
        return derive(secret, generation)

    slots = Derivations(4, Memory(), run=run)
    for _ in range(20):
        together = [threading.Thread(target=ask, args=(slots,)) for _ in range(4)]
        for thread in together:
            thread.start()
        for thread in together:
            thread.join(30)
        assert not meeting.broken


def test_what_fails_in_a_slot_fails_for_the_one_who_asked_and_frees_the_slot() -> None:
    """The thread that ran it goes on."""
    answers = iter([OSError("no memory"), None])

    def run(secret: Hidden, generation: Generation) -> Subkeys:
        error = next(answers)
        if error is not None:
            raise error
        return derive(secret, generation)

    slots = Derivations(1, Memory(), run=run)
    with pytest.raises(OSError, match="no memory"):
        ask(slots)
    ask(slots)


def test_a_fork_after_the_first_derivation_still_derives() -> None:
    """Threads do not survive a fork; a child starts its own."""
    slots = Derivations(1, Memory())
    ask(slots)
    child = FORK.Process(target=ask, args=(slots,))
    child.start()
    child.join(20)
    assert child.exitcode == 0


def test_slots_that_nobody_has_any_more_leave_neither_threads_nor_files() -> None:
    """An app that is gone takes with it what served its line, and the memory that its workers shared."""

    def here() -> tuple[int, int]:
        threads = sum(thread.name == "derive" for thread in threading.enumerate())
        return threads, len(list(Path("/proc/self/fd").iterdir()))

    gc.collect()
    before = here()
    slots = Derivations(2, Memory())
    ask(slots)
    during = here()
    assert during[0] == before[0] + 2
    assert during[1] > before[1]
    del slots
    end = time.monotonic() + SOON
    while any(now > then for now, then in zip(here(), before, strict=True)):
        assert time.monotonic() < end
        gc.collect()
        time.sleep(0.01)
