# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The order of the line: circuits take turns, nobody is forgotten, and no circuit takes another's place.
"""

from __future__ import annotations

import secrets
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.hidden import Hidden
from source_app.line import FullError, Line, Place


def place(circuit: int | None, ticket: bytes | None = None) -> Place:
    """Somebody who asks."""
    return Place(ticket=ticket or secrets.token_bytes(16), secret=Hidden(bytes(18)), generations=(), circuit=circuit)


def served(line: Line) -> list[Place]:
    """Everybody, in the order of their turns."""
    found = []
    while (one := line.next()) is not None:
        found.append(one)
        line.end(one)
    return found


@given(st.lists(st.integers(0, 4), max_size=40))
def test_circuits_take_turns_and_each_keeps_its_order(circuits: list[int]) -> None:
    """Everybody is served once; of one circuit the first comes first; and in the n-th round each circuit has its n-th turn."""
    line, asked = Line(100), [place(circuit) for circuit in circuits]
    for one in asked:
        line.join(one)
    order = served(line)
    assert sorted(map(id, order)) == sorted(map(id, asked))
    turns: Counter[int | None] = Counter()
    rounds = []
    for one in order:
        turns[one.circuit] += 1
        rounds.append(turns[one.circuit])
    assert rounds == sorted(rounds)
    for circuit in set(circuits):
        assert [one for one in order if one.circuit == circuit] == [one for one in asked if one.circuit == circuit]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40))
def test_nobody_is_served_later_than_was_said(circuits: list[int]) -> None:
    """Counted in turns of one second: the estimate is never less than the truth, and never more than one round too much."""
    line, asked = Line(100), [place(circuit) for circuit in circuits]
    line._each = 1.0
    for one in asked:
        line.join(one)
    told = {id(one): line.seconds(one) for one in asked}
    for turn, one in enumerate(_taken(line), 1):
        assert turn <= told[id(one)] <= turn + 1 + len(set(circuits))


def _taken(line: Line) -> list[Place]:
    found = []
    while (one := line.next()) is not None:
        found.append(one)
    return found


@given(st.lists(st.integers(0, 6), max_size=60), st.integers(1, 8))
def test_a_full_line_pushes_out_only_those_who_hold_more(circuits: list[int], places: int) -> None:
    """The line never grows over its bound; whoever is pushed out had more places than the one who comes, and the last of them."""
    line, inside = Line(places), list[Place]()
    for circuit in circuits:
        held = Counter(one.circuit for one in inside)
        asking = place(circuit)
        try:
            _, pushed = line.join(asking)
        except FullError:
            assert len(inside) == places
            assert max(held.values()) <= held[circuit] + 1
            continue
        if pushed is not None:
            assert held[pushed.circuit] > held[circuit] + 1
            assert pushed is [one for one in inside if one.circuit == pushed.circuit][-1]
            inside.remove(pushed)
        inside.append(asking)
        assert len(inside) <= places
    assert sorted(map(id, served(line))) == sorted(map(id, inside))


def test_a_ticket_has_one_place() -> None:
    """Asked twice, it is the same; served, it may be asked anew."""
    line, first = Line(5), place(1, bytes(16))
    assert line.join(first) == (first, None)
    assert line.join(place(2, bytes(16))) == (first, None)
    assert served(line) == [first]
    assert line.find(bytes(16)) is None
    again = place(2, bytes(16))
    assert line.join(again) == (again, None)


def test_where_tor_tells_no_circuits_the_first_comes_first_and_a_full_line_is_full() -> None:
    """All stand in one row, and nobody is pushed out."""
    line, asked = Line(3), [place(None) for _ in range(3)]
    for one in asked:
        line.join(one)
    with pytest.raises(FullError):
        line.join(place(None))
    assert served(line) == asked
