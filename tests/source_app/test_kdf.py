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
from crypto.derive import CHEAPEST, Generation, derive
from source_app.kdf import BusyError, Derivations

FORK = get_context("fork")
SOON = 30.0


def test_it_derives_what_the_room_of_bytes_derives() -> None:
    """The slots change when, never what."""
    secret, generation = Codename.generate().secret, Generation.fresh(1, costs=CHEAPEST)
    assert Derivations(2).derive(secret, generation) == derive(secret, generation)


def _take_turns(slots: Derivations, inside: Synchronized[int], most: Synchronized[int]) -> None:
    def turn() -> None:
        for _ in range(3):
            with slots.slot(time.monotonic() + SOON):
                with inside.get_lock():
                    inside.value += 1
                    most.value = max(most.value, inside.value)
                time.sleep(0.01)
                with inside.get_lock():
                    inside.value -= 1

    threads = [threading.Thread(target=turn) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_no_more_run_at_once_than_there_are_slots() -> None:
    """Over threads and processes together."""
    slots = Derivations(2)
    inside, most = FORK.Value("i", 0), FORK.Value("i", 0)
    children = [FORK.Process(target=_take_turns, args=(slots, inside, most)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0
    assert most.value == 2


def _hold(slots: Derivations, held: int) -> None:
    with slots.slot(time.monotonic() + SOON):
        os.write(held, b"x")
        time.sleep(60)


def test_a_killed_worker_frees_its_slot() -> None:
    """The next one in line gets it."""
    slots = Derivations(1)
    reading, writing = os.pipe()
    child = FORK.Process(target=_hold, args=(slots, writing))
    child.start()
    os.read(reading, 1)
    with pytest.raises(BusyError), slots.slot(time.monotonic() + 0.05):
        pass
    os.kill(child.pid or 0, signal.SIGKILL)
    child.join()
    with slots.slot(time.monotonic() + SOON):
        pass


def test_whoever_waits_too_long_is_told() -> None:
    """And derives nothing."""
    slots = Derivations(1, wait=0.05)
    with slots.slot(time.monotonic() + SOON), pytest.raises(BusyError):
        slots.derive(Codename.generate().secret, Generation.fresh(1, costs=CHEAPEST))


def _derive_in_child(slots: Derivations) -> None:
    slots.derive(Codename.generate().secret, Generation.fresh(1, costs=CHEAPEST))


def test_a_fork_after_the_first_derivation_still_derives() -> None:
    """Threads do not survive a fork; a child starts its own."""
    slots = Derivations(1)
    _derive_in_child(slots)
    child = FORK.Process(target=_derive_in_child, args=(slots,))
    child.start()
    child.join(20)
    assert child.exitcode == 0
