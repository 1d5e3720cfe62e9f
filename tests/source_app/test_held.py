# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Who gives way when a worker's threads run out: short requests that take long, of the circuit that holds most.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from source_app.held import Held
from source_app.limits import HELD_SECONDS


@dataclass(eq=False)
class Peer:
    """A connection, as far as it matters here."""

    circuit: int | None = None
    large: bool = False

    def cut(self) -> None:
        raise AssertionError("nothing is ended here")


class Clock:
    """Seconds that pass when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def crowd(clock: Clock, *peers: Peer, threads: int = 12) -> Held:
    """A worker of twelve threads that are held by these, one second after the other."""
    held = Held(threads, clock=clock)
    for peer in peers:
        clock.now += 1
        held.add(peer)
    return held


def test_while_threads_are_left_nobody_gives_way() -> None:
    """Eleven of twelve may be held for ever."""
    clock = Clock()
    held = crowd(clock, *(Peer() for _ in range(11)))
    clock.now += 10_000
    assert held.ending() == []
    assert not held.full


def test_the_oldest_short_request_gives_way_once() -> None:
    """When the last thread is held; and it is not named a second time."""
    clock, peers = Clock(), [Peer() for _ in range(12)]
    held = crowd(clock, *peers)
    assert held.full
    assert held.ending() == []
    clock.now += HELD_SECONDS
    assert held.ending() == [peers[0]]
    assert held.ending() == []
    held.drop(peers[0])
    assert not held.full


def test_the_circuit_that_holds_most_gives_way_first() -> None:
    """However young its requests are, and however old another's."""
    clock, old, many = Clock(), [Peer(1), Peer(2)], [Peer(3) for _ in range(10)]
    held = crowd(clock, *old, *many)
    clock.now += HELD_SECONDS
    assert held.ending() == [many[0]]


def test_long_forms_and_the_young_are_left_alone() -> None:
    """The first have a bound of their own; the second may just be on their way."""
    clock = Clock()
    held = crowd(clock, *(Peer(large=True) for _ in range(11)), Peer())
    assert held.ending() == []
    clock.now += HELD_SECONDS - 1
    assert held.ending() == []


@given(
    st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 3)), st.booleans(), st.integers(0, 40)), max_size=30),
    st.integers(1, 24),
)
def test_no_more_give_way_than_must(asked: list[tuple[int | None, bool, int]], threads: int) -> None:
    """Each short, each slow, each once; as many as are too many or as many as there are; never of a circuit that holds less than one spared."""
    clock = Clock()
    held, ages = Held(threads, clock=clock), {}
    for circuit, large, age in asked:
        peer = Peer(circuit, large)
        clock.now = -float(age)
        held.add(peer)
        ages[peer] = age
    clock.now = 0.0
    over = max(0, len(ages) - max(1, threads * 11 // 12))
    slow = [peer for peer, age in ages.items() if age >= HELD_SECONDS and not peer.large]
    chosen = held.ending()
    assert len(chosen) == len(set(chosen)) == min(over, len(slow))
    assert set(chosen) <= set(slow)
    left = Counter(peer.circuit for peer in ages if peer not in chosen)
    most = max((left[peer.circuit] for peer in slow if peer not in chosen), default=0)
    assert all(left[peer.circuit] + 1 >= most for peer in chosen)
