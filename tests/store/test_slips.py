# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Slips: kept by their hash, found until their day, gone with their thread; and which items a thread holds.
"""

from __future__ import annotations

import datetime
import secrets

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import checkpoint, erase, slips, threads
from store.connections import DATABASE
from store.engine import Store
from store.items import ASKED, deposit, present
from tests.store.factories import DAY, make_item, make_locator, make_thread

LATER = DAY + datetime.timedelta(days=14)


def put(store: Store, locator: bytes, *, expires: datetime.date = LATER, sealed: bytes = b"sealed") -> bytes:
    """A slip in the store; returns its hash."""
    digest = secrets.token_bytes(32)
    slips.put(store, digest=digest, locator=locator, generation=3, sealed=sealed, expires=expires)
    return digest


def test_a_slip_is_found_as_it_was_put(store: Store) -> None:
    """Locator, generation and box; a repeat has no effect."""
    locator = make_locator()
    digest = put(store, locator)
    slips.put(store, digest=digest, locator=make_locator(), generation=4, sealed=b"other", expires=LATER)
    assert slips.find(store, digest, day=DAY) == slips.Slip(locator, 3, b"sealed")


def test_a_slip_that_was_never_put_is_none(store: Store) -> None:
    """Whatever is asked for."""
    put(store, make_locator())
    assert slips.find(store, secrets.token_bytes(32), day=DAY) is None


@pytest.mark.parametrize(("days", "found"), [(0, True), (13, True), (14, False), (15, False)])
def test_a_slip_counts_for_its_days_and_no_longer(store: Store, days: int, *, found: bool) -> None:
    """Also before the night's care has come by."""
    digest = put(store, make_locator())
    assert (slips.find(store, digest, day=DAY + datetime.timedelta(days=days)) is not None) is found


def test_the_night_erases_those_whose_day_has_come_and_no_others(store: Store) -> None:
    """They leave the rows, and the log after them."""
    gone, stays = put(store, make_locator(), expires=DAY), put(store, make_locator())
    assert slips.expire(store, DAY) == 1
    assert slips.expire(store, DAY) == 0
    before = DAY - datetime.timedelta(days=1)
    assert slips.find(store, gone, day=before) is None
    assert slips.find(store, stays, day=before) is not None
    assert not checkpoint.unfinished(store)


def test_an_erased_box_is_in_no_file_of_the_store(store: Store) -> None:
    """Neither in the database nor in its log."""
    box = secrets.token_bytes(107)
    digest = put(store, make_locator(), sealed=box)
    assert slips.drop(store, digest)
    assert not slips.drop(store, digest)
    assert all(box not in file.read_bytes() for file in store.folder.glob(f"{DATABASE}*"))


def test_one_codename_has_a_bounded_number_and_the_newest_of_them(store: Store) -> None:
    """Those that end first make way; another codename's stay."""
    locator, other = make_locator(), put(store, make_locator(), expires=DAY + datetime.timedelta(days=1))
    days = [DAY + datetime.timedelta(days=day) for day in range(1, slips.MOST + 4)]
    made = [put(store, locator, expires=day) for day in days]
    assert [slips.find(store, one, day=DAY) is not None for one in made] == [False] * 3 + [True] * slips.MOST
    assert slips.find(store, other, day=DAY) is not None


def test_a_slip_just_made_is_among_those_that_stay(store: Store) -> None:
    """However many were made on the same day."""
    locator = make_locator()
    for _ in range(slips.MOST * 2):
        assert slips.find(store, put(store, locator), day=DAY) is not None


def test_deleting_everything_takes_the_slips_of_the_thread_and_no_others(store: Store) -> None:
    """By the thread, and by the locator where there is no thread yet."""
    locator, unused = make_locator(), make_locator()
    made = make_thread(store, locator=locator)
    assert made.thread is not None
    of_thread, of_unused, of_other = put(store, locator), put(store, unused), put(store, make_locator())
    erase.forget(store, made.thread, day=DAY)
    assert slips.find(store, of_thread, day=DAY) is None
    assert slips.find(store, of_unused, day=DAY) is not None
    erase.forget(store, bytes(16), day=DAY, locator=unused)
    assert slips.find(store, of_unused, day=DAY) is None
    assert slips.find(store, of_other, day=DAY) is not None


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mine=st.integers(0, 12), others=st.integers(0, 12), never=st.integers(0, 12))
def test_a_thread_is_said_to_hold_its_own_items_and_nothing_else(
    store: Store, mine: int, others: int, never: int
) -> None:
    """Not those of other threads, not those that never came."""
    locator = make_locator()
    here = [make_item() for _ in range(mine)]
    there = [make_item() for _ in range(others)]
    for items, place in ((here, locator), (there, make_locator())):
        if items:
            deposit(store, locator=place, generation=1, items=items, day=DAY)
    asked = [item.id for item in (*here, *there)] + [secrets.token_bytes(16) for _ in range(never)]
    assert present(store, locator, asked) == {item.id for item in here}


def test_an_item_whose_payload_every_seat_has_is_still_said_to_be_there(store: Store) -> None:
    """Its facts stay: a shell that comes back after the purge sends nothing twice."""
    locator, item = make_locator(), make_item()
    made = deposit(store, locator=locator, generation=1, items=[item], day=DAY)
    assert made.thread is not None
    assert threads.find(store, locator) is not None
    with store.write() as connection:
        connection.exec_driver_sql("DELETE FROM envelopes")
    assert present(store, locator, [item.id]) == {item.id}


def test_more_is_not_asked_at_a_time_than_a_statement_may_bind(store: Store) -> None:
    """The bound is named."""
    with pytest.raises(ValueError, match="at most"):
        present(store, make_locator(), [bytes(16)] * (ASKED + 1))
