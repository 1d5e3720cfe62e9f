# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The KDF's slots: no more than there are, and none kept by the dead.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from multiprocessing import get_context
from multiprocessing.sharedctypes import Synchronized

import pytest

from crypto.codename import Codename
from crypto.derive import CHEAPEST, Generation, Subkeys, derive
from crypto.hidden import Hidden
from source_app.kdf import BusyError, Derivations, Derive

FORK = get_context("fork")
SOON = 30.0
GENERATION = Generation.fresh(1, costs=CHEAPEST)


def test_it_derives_what_the_room_of_bytes_derives() -> None:
    """The slots change when, never what."""
    secret = Codename.generate().secret
    assert Derivations(2).derive(secret, GENERATION) == derive(secret, GENERATION)


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


def _ask(slots: Derivations, times: int = 1) -> None:
    for _ in range(times):
        slots.derive(Codename.generate().secret, GENERATION)


def _four_threads_ask(slots: Derivations) -> None:
    threads = [threading.Thread(target=_ask, args=(slots, 3)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_no_more_run_at_once_than_there_are_slots() -> None:
    """Over threads and processes together."""
    inside, most = FORK.Value("i", 0), FORK.Value("i", 0)
    slots = Derivations(2, run=_counted(inside, most))
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
    slots = Derivations(1, run=_held_by_children(begin))
    child = FORK.Process(target=_ask, args=(slots,))
    child.start()
    os.read(began, 1)
    asked = threading.Thread(target=_ask, args=(slots,))
    asked.start()
    asked.join(0.2)
    assert asked.is_alive()
    os.kill(child.pid or 0, signal.SIGKILL)
    child.join()
    asked.join(SOON)
    assert not asked.is_alive()


def test_whoever_waits_too_long_is_told() -> None:
    """And derives nothing: the one who was given up is passed over."""
    release, run = threading.Event(), []

    def held(secret: Hidden, generation: Generation) -> Subkeys:
        run.append(secret)
        release.wait(SOON)
        return derive(secret, generation)

    slots = Derivations(1, wait=0.1, run=held)
    for _ in range(3):
        with pytest.raises(BusyError):
            _ask(slots)
    release.set()
    slots.derive(Codename.generate().secret, GENERATION)
    assert len(run) == 2


def _ask_for_a_while(slots: Derivations, done: Synchronized[int]) -> None:
    until = time.monotonic() + 1.0
    threads = [threading.Thread(target=_keep_asking, args=(slots, done, until)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _keep_asking(slots: Derivations, done: Synchronized[int], until: float) -> None:
    while time.monotonic() < until:
        _ask(slots)
        with done.get_lock():
            done.value += 1


def test_a_worker_with_a_long_line_does_not_starve_another() -> None:
    """Two workers that always have somebody waiting take turns."""

    def slowly(secret: Hidden, generation: Generation) -> Subkeys:
        time.sleep(0.005)
        return derive(secret, generation)

    slots = Derivations(1, run=slowly)
    counts = [FORK.Value("i", 0) for _ in range(2)]
    children = [FORK.Process(target=_ask_for_a_while, args=(slots, count)) for count in counts]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0
    fewer, more = sorted(count.value for count in counts)
    assert fewer > more * 0.7


@pytest.mark.parametrize("kept", [0, 1])
def test_one_who_asks_alone_gets_whichever_slot_is_free(kept: int) -> None:
    """While another worker keeps one of two, nobody waits for that one."""
    slots = Derivations(2, wait=SOON)
    _ask(slots)
    time.sleep(0.1)
    with slots._slots[kept].opened().held():
        asked = threading.Thread(target=_ask, args=(slots, 3))
        asked.start()
        asked.join(5)
        assert not asked.is_alive()


def test_what_fails_in_a_slot_fails_for_the_one_who_asked_and_frees_the_slot() -> None:
    """The thread that ran it goes on."""
    answers = iter([OSError("no memory"), None])

    def run(secret: Hidden, generation: Generation) -> Subkeys:
        error = next(answers)
        if error is not None:
            raise error
        return derive(secret, generation)

    slots = Derivations(1, run=run)
    with pytest.raises(OSError, match="no memory"):
        _ask(slots)
    _ask(slots)


def test_a_fork_after_the_first_derivation_still_derives() -> None:
    """Threads do not survive a fork; a child starts its own."""
    slots = Derivations(1)
    _ask(slots)
    child = FORK.Process(target=_ask, args=(slots,))
    child.start()
    child.join(20)
    assert child.exitcode == 0
