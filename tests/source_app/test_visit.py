# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The list of a visit: short, in memory, each item once.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_app.memory import Memory
from source_app.outcome import Arrived, Cut, Reason, Received, Refused
from source_app.visit import NAME, SHOWN, Entry, State, add, entries_of, listed

VISIT = b"v" * 16
LINES = st.builds(
    Entry,
    st.sampled_from(State),
    st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=NAME),
    st.integers(0, 2**53),
    st.binary(min_size=4, max_size=4),
)


@given(st.lists(LINES, max_size=40, unique_by=lambda line: line.item))
def test_the_newest_lines_come_back_newest_first(lines: list[Entry]) -> None:
    """Whatever the names are made of; no more than a page shows, and never more than fits."""
    memory = Memory()
    for line in lines:
        add(memory, VISIT, (line,))
    found, more = listed(memory, VISIT)
    distinct: list[Entry] = []
    for line in lines:
        if line.state is not State.ARRIVED or line.item not in {
            one.item for one in distinct if one.state is State.ARRIVED
        }:
            distinct.append(line)
    assert list(found) == list(reversed(distinct))[: len(found)]
    assert more == (len(found) < len(distinct))
    assert len(found) <= SHOWN


def test_a_repeat_is_listed_once() -> None:
    """The same item again is the same line."""
    memory = Memory()
    line = Entry(State.ARRIVED, "a", 1, b"same")
    add(memory, VISIT, (line,))
    add(memory, VISIT, (line,))
    assert listed(memory, VISIT)[0] == (line,)


def test_thirty_long_names_still_fit() -> None:
    """Names of the longest kind, four bytes a character, push out the oldest lines and raise nothing."""
    memory = Memory()
    for number in range(40):
        add(memory, VISIT, (Entry(State.ARRIVED, "𠀀" * NAME, number, number.to_bytes(4, "big")),))
    found, more = listed(memory, VISIT)
    assert found[0].length == 39
    assert more


def test_an_outcome_becomes_lines_in_words_of_the_page() -> None:
    """What arrived, what was cut, what was refused and why."""
    received = Received(
        arrived=(Arrived(name="x" * 300 + ".pdf", length=5, item=b"i" * 16),),
        cut=(Cut("c"),),
        refused=(Refused("r", Reason.TOO_LARGE),),
    )
    lines = entries_of(received)
    assert [line.state for line in lines] == [State.ARRIVED, State.CUT, State.TOO_LARGE]
    assert lines[0].name is not None
    assert lines[0].name.endswith(".pdf")
    assert len(lines[0].name) <= NAME


@pytest.mark.parametrize("other", [b"w" * 16, b"\x01" * 16])
def test_a_list_is_found_by_its_visit_alone(other: bytes) -> None:
    """Another visit sees nothing of it."""
    memory = Memory()
    add(memory, VISIT, (Entry(State.ARRIVED, "a", 1, b"item"),))
    assert listed(memory, other) == ((), False)
