# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The places of those who cannot wait for a codename: kept under their ticket, paid once, handed out by any worker.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from multiprocessing.context import ForkProcess
from multiprocessing.sharedctypes import Synchronized

import pytest

from crypto.codename import Codename
from crypto.derive import CHEAPEST, Generation, Subkeys, derive
from crypto.hidden import Hidden
from source_app.kdf import BusyError, Derivations, LostError
from source_app.memory import Memory
from tests.source_app.derivations import FORK, GENERATION, SOON, Held, fetched, fresh_ticket


def test_whoever_cannot_wait_keeps_the_place_and_pays_once() -> None:
    """They are told so; the second time it is there at once, and nothing is derived again."""
    held = Held()
    slots = Derivations(1, Memory(), patience=0.1, run=held)
    secret, ticket = Codename.generate().secret, fresh_ticket()
    for _ in range(3):
        with pytest.raises(BusyError) as busy:
            slots.derive(secret, [GENERATION], ticket=ticket)
        assert busy.value.kept
        assert busy.value.seconds == 5
    held.release.set()
    assert fetched(slots, ticket) == {1: derive(secret, GENERATION)}
    assert slots.derive(secret, [GENERATION], ticket=ticket) == (derive(secret, GENERATION),)
    assert len(held.ran) == 1


def test_what_was_derived_is_of_no_use_without_its_ticket() -> None:
    """Neither another's ticket nor the shared memory by itself gives it."""
    held, memory = Held(), Memory()
    slots = Derivations(1, memory, patience=0.05, run=held)
    secret, ticket = Codename.generate().secret, fresh_ticket()
    with pytest.raises(BusyError):
        slots.derive(secret, [GENERATION], ticket=ticket)
    held.release.set()
    keys = fetched(slots, ticket)[1]
    with pytest.raises(LostError):
        slots.fetch(fresh_ticket())
    with memory.changing() as page:
        everything = bytes(page)
    for hidden in (keys.locator_token, keys.thread, keys.reply_seed, secret, ticket):
        assert bytes(hidden) not in everything


def test_what_was_derived_under_other_generations_is_derived_again() -> None:
    """A new root came while the place was kept."""
    held = Held()
    slots = Derivations(1, Memory(), patience=0.05, run=held)
    secret, ticket, newer = Codename.generate().secret, fresh_ticket(), Generation.fresh(2, costs=CHEAPEST)
    with pytest.raises(BusyError):
        slots.derive(secret, [GENERATION], ticket=ticket)
    held.release.set()
    fetched(slots, ticket)
    assert slots.derive(secret, [GENERATION, newer], ticket=ticket) == (
        derive(secret, GENERATION),
        derive(secret, newer),
    )


def test_a_derivation_that_fails_gives_the_place_up() -> None:
    """The page does not wait for what will not come; asked again, it is derived anew."""
    fails = [True]
    release = threading.Event()

    def run(secret: Hidden, generation: Generation) -> Subkeys:
        release.wait(SOON)
        if fails.pop() if fails else False:
            raise OSError("no memory")
        return derive(secret, generation)

    slots = Derivations(1, Memory(), patience=0.05, run=run)
    secret, ticket = Codename.generate().secret, fresh_ticket()
    with pytest.raises(BusyError):
        slots.derive(secret, [GENERATION], ticket=ticket)
    release.set()
    with pytest.raises(LostError):
        fetched(slots, ticket)
    assert slots.derive(secret, [GENERATION], ticket=ticket) == (derive(secret, GENERATION),)


def _ask_and_give_up(slots: Derivations, secret: Hidden, ticket: bytes, told: Synchronized[int]) -> None:
    try:
        slots.derive(secret, [GENERATION], ticket=ticket)
    except BusyError:
        told.value = 1
    time.sleep(SOON)


@pytest.fixture
def elsewhere() -> Iterator[list[ForkProcess]]:
    """Other workers, ended with the test."""
    started: list[ForkProcess] = []
    yield started
    for one in started:
        one.kill()
        one.join()


def _give_up(slots: Derivations, elsewhere: list[ForkProcess], secret: Hidden, ticket: bytes) -> ForkProcess:
    told = FORK.Value("i", 0)
    child = FORK.Process(target=_ask_and_give_up, args=(slots, secret, ticket, told))
    child.start()
    elsewhere.append(child)
    until = time.monotonic() + SOON
    while not told.value and time.monotonic() < until:
        time.sleep(0.01)
    assert told.value
    return child


def test_what_one_worker_derives_another_hands_out(elsewhere: list[ForkProcess]) -> None:
    """The second press goes wherever the kernel sends it: it waits for the first one's place, and derives nothing itself."""
    parent, release = os.getpid(), FORK.Event()

    def run(secret: Hidden, generation: Generation) -> Subkeys:
        assert os.getpid() != parent
        release.wait(SOON)
        return derive(secret, generation)

    slots = Derivations(1, Memory(), patience=0.2, run=run)
    secret, ticket = Codename.generate().secret, fresh_ticket()
    _give_up(slots, elsewhere, secret, ticket)
    with pytest.raises(BusyError) as busy:
        slots.derive(secret, [GENERATION], ticket=ticket)
    assert busy.value.kept
    with pytest.raises(BusyError):
        slots.fetch(ticket)
    release.set()
    assert fetched(slots, ticket) == {1: derive(secret, GENERATION)}
    assert slots.derive(secret, [GENERATION], ticket=ticket) == (derive(secret, GENERATION),)


def test_the_place_of_a_killed_worker_is_taken_anew(elsewhere: list[ForkProcess]) -> None:
    """Nobody waits for the dead: the page says that the place is gone, and whoever sends again is served."""
    parent = os.getpid()

    def run(secret: Hidden, generation: Generation) -> Subkeys:
        if os.getpid() != parent:
            time.sleep(SOON)
        return derive(secret, generation)

    slots = Derivations(1, Memory(), patience=0.2, run=run)
    secret, ticket = Codename.generate().secret, fresh_ticket()
    child = _give_up(slots, elsewhere, secret, ticket)
    child.kill()
    child.join()
    with pytest.raises(LostError):
        slots.fetch(ticket)
    assert slots.derive(secret, [GENERATION], ticket=ticket) == (derive(secret, GENERATION),)
