# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Finding threads and paging through them.
"""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store import replies
from store.engine import Store
from store.errors import MissingError
from store.items import deposit
from store.threads import Cursor, Thread, find, get, page
from tests.store.factories import DAY, make_item, make_locator, make_reply, make_store, make_thread, take_out


def walk(store: Store, limit: int, show="all") -> list[Thread]:
    found: list[Thread] = []
    after: Cursor | None = None
    while True:
        part = page(store, after=after, limit=limit, show=show)
        assert len(part.threads) <= limit
        found += part.threads
        if part.after is None:
            return found
        after = part.after


def test_an_unknown_locator_is_an_answer_and_an_unknown_id_an_error(store: Store):
    """
    A codename never used finds None; an id the desk names must exist.
    """
    assert find(store, make_locator()) is None
    with pytest.raises(MissingError):
        get(store, bytes(16))


def test_a_thread_found_by_locator_and_by_id_is_the_same(store: Store):
    """
    Both ways lead to the same facts.
    """
    locator = make_locator()
    made = make_thread(store, locator=locator)
    assert made.thread is not None
    assert find(store, locator) == get(store, made.thread)


def test_the_states_follow_what_happens(store: Store):
    """
    Arrived, then handed over, then with a reply, then arrived again: read off the counts.
    """
    locator = make_locator()
    made = make_thread(store, locator=locator)
    assert made.thread is not None

    def states() -> tuple[bool, bool, bool]:
        thread = find(store, locator)
        assert thread is not None
        return thread.arrived, thread.handed_over, thread.replied

    assert states() == (True, False, False)
    take_out(store)
    assert states() == (False, True, False)
    replies.publish(store, made.thread, make_reply())
    assert states() == (False, True, True)
    deposit(store, locator=locator, generation=1, items=[make_item()], day=DAY)
    assert states() == (True, False, True)


def test_each_filter_shows_its_threads_alone(store: Store):
    """
    A page of one state holds exactly the threads in that state.
    """
    handed = make_thread(store).thread
    answered = make_thread(store).thread
    assert answered is not None
    take_out(store)
    replies.publish(store, answered, make_reply())
    waiting = make_thread(store).thread
    expected = {
        "all": {handed, answered, waiting},
        "arrived": {waiting},
        "handed over": {handed, answered},
        "replied": {answered},
    }
    for show, ids in expected.items():
        assert {thread.id for thread in walk(store, 1, show)} == ids


@pytest.mark.parametrize("limit", [0, 201, -1])
def test_a_page_has_a_named_maximum(store: Store, limit: int):
    """
    A page of none or of too many is refused.
    """
    with pytest.raises(ValueError, match="page"):
        page(store, limit=limit)


@settings(max_examples=20, deadline=None)
@given(days=st.lists(st.integers(0, 4), max_size=14), limit=st.integers(1, 6))
def test_pages_show_every_thread_once_newest_day_first(tmp_path_factory: pytest.TempPathFactory, days, limit):
    """
    Whatever the days and the page size, the pages together are all threads, once each, in order.
    """
    store = make_store(tmp_path_factory.mktemp("pages") / "store")
    made = []
    for number in days:
        day = DAY + datetime.timedelta(days=number)
        done = deposit(store, locator=make_locator(), generation=1, items=[make_item(size=1)], day=day)
        made.append((day, done.thread))
    assert [(thread.last_day, thread.id) for thread in walk(store, limit)] == sorted(made, reverse=True)
    store.close()


@pytest.mark.parametrize("show", ["all", "arrived", "handed over", "replied"])
def test_a_page_is_read_from_an_index_and_never_sorted(store: Store, show):
    """
    SQLite's plan for every page is a search of the index made for it.
    """
    from store.threads import _page_statement

    statement = _page_statement(Cursor(DAY, bytes(16)), 51, show)
    with store.read() as connection:
        compiled = statement.compile(connection.engine, compile_kwargs={"render_postcompile": True})
        values = tuple(
            value.isoformat() if isinstance(value, datetime.date) else value
            for value in (compiled.params[name] for name in compiled.positiontup or ())
        )
        plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", values).all())
    assert "ix_threads_" + {"all": "page"}.get(show, show.replace(" ", "_")) in plan
    assert "TEMP B-TREE" not in plan
