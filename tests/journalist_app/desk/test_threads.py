# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The list of threads: what the server may know, in pages that stay small and quick.
"""

from __future__ import annotations

import datetime as dt
import re
import secrets
import time

import pytest
from sqlalchemy import insert

from store import threads
from store.models import ThreadRow
from tests.journalist_app.bundle.organisation import FIRST_DAY
from tests.journalist_app.desk.conftest import Desk

MANY = 5_000
LARGEST_PAGE = 64 << 10


def fill(desk: Desk, count: int) -> None:
    """So many threads, straight into their table."""
    rows = [
        {
            "id": secrets.token_bytes(16),
            "locator": secrets.token_bytes(32),
            "designation": f"quiet designation {number}",
            "generation": 1,
            "first_day": FIRST_DAY,
            "last_day": FIRST_DAY + dt.timedelta(days=number % 90),
            "items": 3,
            "waiting": number % 2,
            "length": 48_000 + number,
            "replies": int(number % 5 == 0),
        }
        for number in range(count)
    ]
    with desk.store.write() as connection:
        connection.execute(insert(ThreadRow), rows)


def test_five_thousand_threads_are_paged_quickly(desk: Desk) -> None:
    """Every page at most 64 KiB and the median well below 50 ms; following the links shows each thread once."""
    fill(desk, MANY)
    browser = desk.browser("mei")
    seen: list[str] = []
    times: list[float] = []
    address: str | None = "/"
    while address is not None:
        began = time.perf_counter()
        response = browser.get(address)
        times.append(time.perf_counter() - began)
        assert len(response.data) <= LARGEST_PAGE
        seen += re.findall(r"quiet designation \d+", response.text)
        found = re.search(r'href="(/\?[^"]*after=[^"]+)"', response.text)
        address = found[1].replace("&amp;", "&") if found else None
    assert len(seen) == len(set(seen)) == MANY
    assert len(times) == MANY / 100
    assert sorted(times)[len(times) // 2] < 0.05


def test_a_thread_shows_its_states_and_nothing_readable(desk: Desk) -> None:
    """Designation, arrived or handed over, has a reply, items, size, day; no id, no locator."""
    locator = secrets.token_bytes(32)
    thread = desk.deposit(locator=locator)
    browser = desk.browser("mei")
    page = browser.get("/").text
    assert threads.get(desk.store, thread).designation in page
    assert '<span class="state new">arrived</span>' in page
    assert thread.hex() not in page
    assert locator.hex() not in page
    desk.post(browser, "/batches", number="1")
    page = browser.get("/").text
    assert '<span class="state">handed over</span>' in page
    assert FIRST_DAY.isoformat() in page


@pytest.mark.parametrize(("show", "count"), [("all", 10), ("arrived", 5), ("handed over", 5), ("replied", 2)])
def test_threads_can_be_shown_by_state(desk: Desk, show: str, count: int) -> None:
    """Each filter shows those in that state."""
    fill(desk, 10)
    page = desk.browser("mei").get("/", query_string={"show": show}).text
    assert len(set(re.findall(r"quiet designation \d+", page))) == count


@pytest.mark.parametrize("query", ["show=none", "after=x", "after=2026-13-40." + "00" * 16, "after=2026-01-01.zz"])
def test_addresses_that_no_page_links_to_are_refused(desk: Desk, query: str) -> None:
    """A cursor has one form."""
    assert desk.browser("mei").get(f"/?{query}").status_code == 404


def test_an_empty_desk_says_so(desk: Desk) -> None:
    """No table without threads."""
    assert "No threads here." in desk.browser("mei").get("/").text
