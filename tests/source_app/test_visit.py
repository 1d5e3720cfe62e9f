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
from source_app.visit import NAME, SHOWN, Entry, State, Totals, add, entries_of, listed, totals

VISIT = b"v" * 16
LINES = st.builds(
    Entry,
    st.sampled_from(State),
    st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=NAME),
    st.integers(0, 2**53),
    st.binary(min_size=4, max_size=4),
)


@given(st.lists(LINES, max_size=40, unique_by=(lambda line: line.item, lambda line: line.name or line.item)))
def test_the_newest_lines_come_back_newest_first(lines: list[Entry]) -> None:
    """Whatever the names are made of; no more than a page shows, and never more than fits. Of what arrived, and of what did not, the newest."""
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
    assert list(found[:1]) == distinct[-1:]
    order = iter(reversed(distinct))
    assert all(line in order for line in found)
    for whole in (True, False):
        listed_so, all_so = (
            [line for line in some if (line.state is State.ARRIVED) == whole] for some in (found, distinct[::-1])
        )
        assert listed_so == all_so[: len(listed_so)]
    assert more == (len(found) < len(distinct))
    assert len(found) <= SHOWN
    arrived = [line for line in distinct if line.state is State.ARRIVED and line.name is not None]
    assert totals(memory, VISIT) == Totals(
        lines=len(distinct),
        files=len(arrived),
        length=sum(line.length for line in arrived),
        lost=sum(line.state is not State.ARRIVED for line in distinct),
    )


def test_a_repeat_is_listed_once() -> None:
    """The same item again is the same line."""
    memory = Memory()
    line = Entry(State.ARRIVED, "a", 1, b"same")
    add(memory, VISIT, (line,))
    add(memory, VISIT, (line,))
    assert listed(memory, VISIT)[0] == (line,)


@pytest.mark.parametrize("state", [one for one in State if one is not State.ARRIVED])
def test_a_file_that_arrives_takes_the_place_of_its_earlier_tries(state: State) -> None:
    """What was cut and then sent again is listed once, as arrived, and counted so; the others stay as they were."""
    memory = Memory()
    cut, other = Entry(state, "a.jpg"), Entry(state, "b.jpg")
    add(memory, VISIT, (cut, other))
    add(memory, VISIT, (cut,))
    assert totals(memory, VISIT) == Totals(lines=2, lost=2)
    arrived = Entry(State.ARRIVED, "a.jpg", 5, b"item")
    add(memory, VISIT, (arrived,))
    assert listed(memory, VISIT) == ((arrived, other), False)
    assert totals(memory, VISIT) == Totals(lines=2, files=1, length=5, lost=1)


def test_a_form_that_a_browser_sent_twice_by_itself_is_counted_once() -> None:
    """The same name and length under another id: a connection broke, and Firefox began anew."""
    memory = Memory()
    first, second = (Entry(State.ARRIVED, "a.jpg", 5, item) for item in (b"one.", b"two."))
    add(memory, VISIT, (first,))
    add(memory, VISIT, (second,))
    assert listed(memory, VISIT) == ((second,), False)
    assert totals(memory, VISIT) == Totals(lines=1, files=1, length=5)


def test_files_of_one_name_and_other_lengths_are_all_listed() -> None:
    """And what broke off after something of its name had arrived is listed too: it may be another file."""
    memory = Memory()
    lines = (
        Entry(State.ARRIVED, "a.jpg", 5, b"one."),
        Entry(State.ARRIVED, "a.jpg", 6, b"two."),
        Entry(State.CUT, "a.jpg"),
        Entry(State.ARRIVED, None, 5, b"word"),
        Entry(State.ARRIVED, None, 5, b"more"),
    )
    add(memory, VISIT, lines)
    assert listed(memory, VISIT) == (lines[::-1], False)


def test_long_names_still_fit() -> None:
    """Names of the longest kind, four bytes a character, push out the oldest lines and raise nothing."""
    memory = Memory()
    for number in range(40):
        add(memory, VISIT, (Entry(State.ARRIVED, "𠀀" * NAME, number, number.to_bytes(4, "big")),))
    found, more = listed(memory, VISIT)
    assert found[0].length == 39
    assert more


def test_two_thousand_files_are_counted_though_few_are_shown() -> None:
    """And a form that is sent again, whose lines are long gone, is not counted again."""
    memory = Memory()
    for again in (False, True):
        for number in range(2_000):
            add(memory, VISIT, (Entry(State.ARRIVED, f"{number}", 10, number.to_bytes(4, "big"), again),))
    assert totals(memory, VISIT).files == 2_000
    assert totals(memory, VISIT).length == 20_000
    assert len(listed(memory, VISIT)[0]) <= SHOWN


def test_words_are_no_files() -> None:
    """They are listed, and not counted among them."""
    memory = Memory()
    add(memory, VISIT, (Entry(State.ARRIVED, None, 10, b"word"),))
    assert totals(memory, VISIT) == Totals(lines=1)


def test_an_outcome_becomes_lines_in_words_of_the_page() -> None:
    """What arrived, what was cut, what was refused and why."""
    received = Received(
        arrived=(Arrived(name="x" * 300 + ".pdf", length=5, item=b"i" * 16),),
        cut=(Cut("c"),),
        refused=(Refused("r", Reason.TOO_LARGE), Refused("s", Reason.TOO_MANY)),
    )
    lines = entries_of(received)
    assert [line.state for line in lines] == [State.ARRIVED, State.CUT, State.TOO_LARGE, State.TOO_MANY]
    assert lines[0].name is not None
    assert lines[0].name.endswith(".pdf")
    assert len(lines[0].name) <= NAME


@pytest.mark.parametrize("other", [b"w" * 16, b"\x01" * 16])
def test_a_list_is_found_by_its_visit_alone(other: bytes) -> None:
    """Another visit sees nothing of it."""
    memory = Memory()
    add(memory, VISIT, (Entry(State.ARRIVED, "a", 1, b"item"),))
    assert listed(memory, other) == ((), False)


def test_the_first_of_two_to_write_a_line_counts_it() -> None:
    """A form sent twice at once: the repeat, which stored nothing, may be listed before the one that stored it."""
    memory = Memory()
    for again in (True, False):
        add(memory, VISIT, (Entry(State.ARRIVED, "a", 5, b"abcd", again),))
    assert totals(memory, VISIT) == Totals(lines=1, files=1, length=5)


def test_what_did_not_arrive_is_named_until_it_does() -> None:
    """However much arrived since: it can be seen which it was, and once it is there nothing is called lost any more."""
    memory = Memory()
    add(memory, VISIT, (Entry(State.CUT, "lost"),))
    for number in range(3 * SHOWN):
        add(memory, VISIT, (Entry(State.ARRIVED, f"{number}", 1, number.to_bytes(4, "big")),))
    lines, more = listed(memory, VISIT)
    assert more
    assert len(lines) == SHOWN
    assert lines[-1] == Entry(State.CUT, "lost")
    add(memory, VISIT, (Entry(State.ARRIVED, "lost", 1, b"last"),))
    assert totals(memory, VISIT) == Totals(lines=3 * SHOWN + 1, files=3 * SHOWN + 1, length=3 * SHOWN + 1)


def test_whoever_loses_everything_still_sees_what_arrives() -> None:
    """The newest line is never the one that gives way."""
    memory = Memory()
    for number in range(2 * SHOWN):
        add(memory, VISIT, (Entry(State.CUT, f"{number}"),))
    add(memory, VISIT, (Entry(State.ARRIVED, "a", 1, b"last"),))
    assert listed(memory, VISIT)[0][0].name == "a"
