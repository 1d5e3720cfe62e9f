# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The queue of ordered deletions: what is let into it, and how it is read.
"""

from __future__ import annotations

import secrets

import pytest

from store import deletions
from store.engine import Store
from store.errors import MissingError
from store.items import deposit
from tests.store.factories import DAY, make_item, make_locator, make_thread


def order(store: Store, seat: int, targets: list[bytes], kind: deletions.Kind = "thread") -> int:
    """
    How many of these orders were queued.
    """
    return len(deletions.queue_deletion(store, seat=seat, kind=kind, targets=targets, day=DAY))


def test_only_what_is_there_is_queued_and_once_for_each_seat(store: Store):
    """
    Unknown ids, an item's id given as a thread's, and a second order of the same seat are passed over.
    """
    thread, item = make_thread(store).thread, make_item()
    deposit(store, locator=make_locator(), generation=1, items=[item], day=DAY)
    assert order(store, 1, [thread, secrets.token_bytes(16), item.id, thread]) == 1
    assert order(store, 1, [thread]) == 0
    assert order(store, 2, [thread]) == 1
    assert order(store, 2, [item.id, thread], "item") == 1
    assert deletions.waiting(store) == {1: 1, 2: 2}


def test_no_seat_has_more_in_view_than_can_be_read(store: Store, monkeypatch: pytest.MonkeyPatch):
    """
    What is more than the bound is passed over; another seat's orders still come in.
    """
    monkeypatch.setattr(deletions, "MOST_WAITING", 3)
    made = [make_thread(store).thread for _ in range(5)]
    assert order(store, 1, made[:2]) == 2
    assert order(store, 1, made) == 1
    assert order(store, 1, made) == 0
    assert order(store, 2, made[3:]) == 2


def test_the_queue_is_read_in_pages_with_the_names_of_threads(store: Store):
    """
    Every order once, none left out; an order of one item has no name.
    """
    made = [make_thread(store).thread for _ in range(4)]
    item = make_item()
    deposit(store, locator=make_locator(), generation=1, items=[item], day=DAY)
    order(store, 1, made)
    order(store, 2, [item.id], "item")
    first = deletions.page(store, limit=3)
    rest = deletions.page(store, after=(first[-1][0].day, first[-1][0].id), limit=3)
    assert [one for one, _ in (*first, *rest)] == list(deletions.queued(store))
    assert {one.kind for one, name in (*first, *rest) if name is None} == {"item"}


def test_all_orders_of_one_seat_are_cancelled_at_once(store: Store):
    """
    The other seat's stay, and one that is gone is not found.
    """
    made = [make_thread(store).thread for _ in range(3)]
    order(store, 1, made)
    order(store, 2, made[:1])
    gone = next(one for one in deletions.queued(store) if one.seat == 1)
    assert deletions.get(store, gone.id) == gone
    assert deletions.cancel_all(store, 1) == 3
    assert deletions.waiting(store) == {2: 1}
    with pytest.raises(MissingError):
        deletions.get(store, gone.id)
