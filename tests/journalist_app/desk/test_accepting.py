# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Accepting a thread: up to a size and a day, by reviewers, and nothing of it that outlives the thread.
"""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journalist_app.desk.accepting import GIB, MOST_DAYS, MOST_GIB, read_day, read_size
from journalist_app.desk.errors import DeskError
from store import audit, erase, lanes, threads
from tests.journalist_app.desk.conftest import Desk

TODAY = dt.date(2026, 3, 10)


def address_of(desk: Desk, thread: bytes, act: str = "") -> str:
    """The page of a thread, or where one of its forms goes."""
    name = threads.get(desk.store, thread).designation.replace(" ", "%20")
    return f"/threads/{name}{act}"


def test_a_reviewer_accepts_a_thread_and_takes_it_back(desk: Desk) -> None:
    """The list leads to its page, the form to the rows, the page says what holds; and the log who did it, not to whom."""
    thread = desk.deposit()
    browser, today = desk.browser("mei"), dt.datetime.fromtimestamp(desk.clock.now, dt.UTC).date()
    until = today + dt.timedelta(days=3)
    assert f'href="{address_of(desk, thread)}"' in browser.get("/").text
    page = browser.get(address_of(desk, thread)).text
    assert "Nobody accepted this thread" in page
    assert thread.hex() not in page
    done = desk.post(browser, address_of(desk, thread, "/accept"), size="40", until=until.isoformat())
    assert done.status_code == 303
    found = threads.get(desk.store, thread)
    assert (found.accepted_bytes, found.accepted_until) == (40 * GIB, until)
    assert f"its files may have 40 GiB here, until {until}" in browser.get(address_of(desk, thread)).text
    assert '<span class="state">accepted</span>' in browser.get("/").text
    assert desk.post(browser, address_of(desk, thread, "/take-back")).status_code == 303
    assert threads.get(desk.store, thread).accepted_bytes is None
    assert "accepted</span>" not in browser.get("/").text
    acts = [line.act for line in audit.newest(desk.store)][:2]
    assert acts[1] == f"mei: let files of a thread in, up to 40 GiB until {until}"
    assert acts[0].startswith("mei: took back")
    assert found.designation not in "".join(acts)


def test_an_acceptance_that_is_over_is_not_shown(desk: Desk) -> None:
    """On the day after its last the page and the list say what counts: nothing."""
    thread = desk.deposit()
    browser, today = desk.browser("mei"), dt.datetime.fromtimestamp(desk.clock.now, dt.UTC).date()
    lanes.accept(desk.store, thread, length=GIB, until=today - dt.timedelta(days=1))
    assert "Nobody accepted this thread" in browser.get(address_of(desk, thread)).text
    assert "accepted</span>" not in browser.get("/").text


@pytest.mark.parametrize(
    ("size", "days"),
    [("", 1), ("0", 1), ("-1", 1), ("1.5", 1), ("１", 1), ("99999", 1), ("1 ", 1), ("1", -1), ("1", MOST_DAYS + 1)],
)
def test_a_size_or_a_day_that_is_none_changes_nothing(desk: Desk, size: str, days: int) -> None:
    """The page says what it should have been, and that nothing was changed."""
    thread, browser = desk.deposit(), desk.browser("mei")
    today = dt.datetime.fromtimestamp(desk.clock.now, dt.UTC).date()
    until = (today + dt.timedelta(days=days)).isoformat()
    refused = desk.post(browser, address_of(desk, thread, "/accept"), size=size, until=until)
    assert refused.status_code == 400
    assert "Nothing was changed" in refused.text
    assert threads.get(desk.store, thread).accepted_bytes is None


@pytest.mark.parametrize("act", ["", "/accept", "/take-back"])
def test_neither_operators_nor_strangers_come_here(desk: Desk, act: str) -> None:
    """An operator is answered as if there were no such page; without a login there is none; without a token the form is refused."""
    thread = desk.deposit()
    address = address_of(desk, thread, act)
    operator, stranger, reviewer = desk.browser("oskar"), desk.browser(), desk.browser("mei")
    fields = {"size": "1", "until": TODAY.isoformat()}
    if act:
        assert operator.post(address, data=fields).status_code == 404
        assert stranger.post(address, data=fields).status_code == 403
        assert reviewer.post(address, data=fields).status_code == 403
        assert reviewer.get(address).status_code == 405
    else:
        assert operator.get(address).status_code == 404
        assert stranger.get(address).status_code == 303
    assert threads.get(desk.store, thread).accepted_bytes is None


def test_a_thread_that_is_gone_has_no_page(desk: Desk) -> None:
    """Its source deleted it between the list and the form: a page says so, and the log has no line."""
    thread, browser = desk.deposit(), desk.browser("mei")
    address = address_of(desk, thread)
    erase.forget(desk.store, thread, day=TODAY)
    before = audit.head(desk.store)
    until = dt.datetime.fromtimestamp(desk.clock.now, dt.UTC).date().isoformat()
    assert browser.get(address).status_code == 404
    assert desk.post(browser, address + "/accept", size="1", until=until).status_code == 404
    assert desk.post(browser, address + "/take-back").status_code == 404
    assert audit.head(desk.store) == before


@given(st.integers(1, MOST_GIB))
def test_every_size_that_may_be_is_read_back(size: int) -> None:
    """As it was written."""
    assert read_size(str(size)) == size


@given(st.integers(0, MOST_DAYS))
def test_every_day_that_may_be_is_read_back(days: int) -> None:
    """In the one form it has."""
    day = TODAY + dt.timedelta(days=days)
    assert read_day(day.isoformat(), TODAY) == day
    with pytest.raises(DeskError, match="written as"):
        read_day(day.strftime("%Y%m%d"), TODAY)
