# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Deposits: what they take, what they refuse, and that they take it once.
"""

from __future__ import annotations

import datetime
import resource
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from store import designations, seats
from store.engine import Store, open_store
from store.errors import ConflictError, EpochBelowFloorError, FullError, StoreError
from store.items import NewItem, deposit
from store.models import EnvelopeRow, ItemRow, ThreadRow
from store.sweep import missing
from store.threads import find
from tests.store.factories import DAY, install, make_file, make_item, make_locator, make_store, make_thread, take_out


def count(store: Store, model: type) -> int:
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(model)).scalar_one()


def blobs(store: Store) -> int:
    return len(list(store.blobs.names()))


def test_the_first_item_makes_the_thread_and_the_next_joins_it(store: Store):
    """
    Two deposits under one locator give one thread with both items.
    """
    locator = make_locator()
    first = deposit(store, locator=locator, generation=1, items=[make_item(size=10)], day=DAY)
    later = DAY + datetime.timedelta(days=3)
    second = deposit(store, locator=locator, generation=1, items=[make_item(size=20)], day=later)
    assert (first.new, second.new) == (True, False)
    assert first.thread == second.thread
    thread = find(store, locator)
    assert thread is not None
    assert (thread.items, thread.waiting, thread.length) == (2, 2, 30)
    assert (thread.first_day, thread.last_day) == (DAY, later)
    assert len(thread.designation.split()) == 2


def test_a_day_before_the_last_does_not_move_the_last_day_back(store: Store):
    """
    A clock that was set back leaves the newest day standing.
    """
    locator = make_locator()
    deposit(store, locator=locator, generation=1, items=[make_item()], day=DAY)
    deposit(store, locator=locator, generation=1, items=[make_item()], day=DAY - datetime.timedelta(days=9))
    thread = find(store, locator)
    assert thread is not None
    assert thread.last_day == DAY


def test_a_repeated_item_has_no_effect_and_its_new_blob_goes(store: Store):
    """
    The same id in the same thread is stored once; the counts and the first blob stay.
    """
    locator = make_locator()
    message, file = make_item(), make_file(store, size=100)
    deposit(store, locator=locator, generation=1, items=[message, file], day=DAY)
    again = deposit(
        store, locator=locator, generation=1, items=[message, make_file(store, item=file.id, size=100)], day=DAY
    )
    assert again.items == ()
    assert list(store.blobs.names()) == [file.blob]
    thread = find(store, locator)
    assert thread is not None
    assert thread.items == 2


def test_the_very_same_deposit_again_keeps_its_blob(store: Store):
    """
    A repeat that names the stored blob itself does not remove it.
    """
    locator, file = make_locator(), make_file(store)
    deposit(store, locator=locator, generation=1, items=[file], day=DAY)
    deposit(store, locator=locator, generation=1, items=[file], day=DAY)
    assert missing(store) == 0
    assert blobs(store) == 1


def test_a_guard_that_raises_refuses_a_deposit_and_its_blob_goes(store: Store):
    """
    Whatever it raises comes out as it is; nothing is kept, not even a thread.
    """
    locator = make_locator()

    def unwanted() -> None:
        raise LookupError("not any more")

    with pytest.raises(LookupError):
        deposit(store, locator=locator, generation=1, items=[make_file(store)], day=DAY, guard=unwanted)
    assert find(store, locator) is None
    assert blobs(store) == 0


def test_a_guard_sees_what_was_committed_before_it_and_nobody_writes_behind_its_back(store: Store):
    """
    It is asked inside the transaction: an erasure comes wholly before or wholly after it.
    """
    locator = make_locator()
    deposit(store, locator=locator, generation=1, items=[make_item()], day=DAY)
    seen: list[bool] = []

    def look() -> None:
        seen.append(find(store, locator) is not None)
        with pytest.raises(StoreError):
            store.empty_log()

    deposit(store, locator=locator, generation=1, items=[make_item()], day=DAY, guard=look)
    assert seen == [True]


def test_an_id_of_another_thread_is_a_conflict_and_nothing_is_kept(store: Store):
    """
    The whole deposit is refused, its thread is not made, its blobs are gone.
    """
    known = make_item()
    make_thread(store, items=[known])
    other = make_locator()
    with pytest.raises(ConflictError):
        deposit(store, locator=other, generation=1, items=[make_file(store), make_item(item=known.id)], day=DAY)
    assert find(store, other) is None
    assert blobs(store) == 0
    assert count(store, ItemRow) == 1


def test_another_length_under_a_known_id_is_a_conflict_and_not_a_repeat(store: Store):
    """
    A file that grew between two sendings of one form is never acknowledged as the one that was kept.
    """
    locator, file = make_locator(), make_file(store, size=100_000)
    deposit(store, locator=locator, generation=1, items=[file], day=DAY)
    grown = make_file(store, item=file.id, size=112_000)
    with pytest.raises(ConflictError, match="another item"):
        deposit(store, locator=locator, generation=1, items=[grown], day=DAY)
    assert blobs(store) == 1


def test_an_id_of_the_team_lane_is_a_conflict_for_a_thread(store: Store):
    """
    A repeat is a repeat only in its own lane.
    """
    entry = make_item(lane="team")
    deposit(store, locator=None, generation=0, items=[entry], day=DAY)
    with pytest.raises(ConflictError):
        make_thread(store, items=[make_item(item=entry.id)])
    assert deposit(store, locator=None, generation=0, items=[entry], day=DAY).items == ()


def test_an_epoch_below_the_floor_is_refused_and_nothing_is_kept(store: Store):
    """
    One item under a closed epoch refuses the whole deposit; at the floor it is taken.
    """
    seats.raise_floor(store, 4)
    locator = make_locator()
    with pytest.raises(EpochBelowFloorError):
        deposit(store, locator=locator, generation=1, items=[make_item(epoch=4), make_file(store, epoch=3)], day=DAY)
    assert find(store, locator) is None
    assert blobs(store) == 0
    deposit(store, locator=locator, generation=1, items=[make_item(epoch=4)], day=DAY)


def test_a_repeat_is_recognised_even_when_its_epoch_has_closed_since(store: Store):
    """
    What is stored already is not committed again, so the floor does not refuse it.
    """
    locator, item = make_locator(), make_item(epoch=3)
    deposit(store, locator=locator, generation=1, items=[item], day=DAY)
    seats.raise_floor(store, 4)
    assert deposit(store, locator=locator, generation=1, items=[item], day=DAY).items == ()


def test_a_locator_and_the_team_lane_exclude_each_other(store: Store):
    """
    Items of the wrong lane, and no items at all, are refused.
    """
    for locator, items in ((None, [make_item()]), (make_locator(), [make_item(lane="team")]), (make_locator(), [])):
        with pytest.raises(ValueError, match="lane"):
            deposit(store, locator=locator, generation=1, items=items, day=DAY)


@pytest.mark.parametrize(
    "change",
    [{"id": b"short"}, {"payload": None}, {"blob": "0" * 32}, {"length": 3}],
    ids=["short id", "neither payload nor blob", "both", "wrong length"],
)
def test_a_malformed_item_is_refused(change: dict):
    """
    An item that contradicts itself is not made.
    """
    whole = {
        "id": bytes(16),
        "epoch": 1,
        "card_sequence": 1,
        "seats": (1,),
        "header": b"h",
        "payload": b"p",
        "length": 1,
    }
    with pytest.raises(ValueError, match="item"):
        NewItem(**{**whole, **change})


def test_designations_stay_unique_when_two_words_run_out(store: Store, monkeypatch: pytest.MonkeyPatch):
    """
    With one adjective and one noun the second thread gets three words, and a full list of names is an error.
    """
    monkeypatch.setattr(designations, "ADJECTIVES", ("calm",))
    monkeypatch.setattr(designations, "NOUNS", ("lake",))
    found = []
    for _ in range(2):
        locator = make_locator()
        make_thread(store, locator=locator)
        thread = find(store, locator)
        assert thread is not None
        found.append(thread.designation)
    assert found == ["calm lake", "calm calm lake"]
    with pytest.raises(ConflictError, match="designation"):
        make_thread(store)


def test_there_are_enough_plain_words():
    """
    At least 256 of each, lower-case letters only, none twice.
    """
    for words in (designations.ADJECTIVES, designations.NOUNS):
        assert len(set(words)) == len(words) >= 256
        assert all(word.isascii() and word.isalpha() and word.islower() for word in words)


def test_a_full_database_is_full_and_recovers(store: Store):
    """
    SQLite out of pages: FullError, no thread, no item, no blob; with room again the same deposit succeeds.
    """
    locator, big = make_locator(), make_item(size=400_000)
    with store.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 20}")
    with pytest.raises(FullError):
        deposit(store, locator=locator, generation=1, items=[make_file(store), big], day=DAY)
    assert find(store, locator) is None
    assert blobs(store) == 0
    with store.write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1000000")
    deposit(store, locator=locator, generation=1, items=[big], day=DAY)
    assert count(store, EnvelopeRow) == 1


def _fill(folder: Path) -> None:
    # Python ignores SIGXFSZ, so writing past the limit is an error of the call: what a quota looks like.
    store = open_store(folder)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    kept: list[bytes] = []
    try:
        while True:
            locator = make_locator()
            make_thread(store, locator=locator)
            kept.append(locator)
    except FullError:
        pass
    if not kept or any(find(store, locator) is None for locator in kept) or count(store, ThreadRow) != len(kept):
        raise SystemExit(1)


def test_a_limit_on_the_log_is_full_and_loses_nothing(store: Store):
    """
    When the write-ahead log cannot grow, the deposit is FullError and all before it are there.
    """
    child = get_context("spawn").Process(target=_fill, args=(store.folder,))
    child.start()
    child.join()
    assert child.exitcode == 0
    make_thread(store)


actions = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["message", "file", "repeat", "batch"])), min_size=1, max_size=12
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(actions=actions)
def test_the_counts_of_a_thread_are_those_of_its_items(tmp_path_factory: pytest.TempPathFactory, actions):
    """
    Whatever is deposited, repeated and taken out, the counters equal what counting the rows gives.
    """
    store = make_store(tmp_path_factory.mktemp("counts") / "store")
    locators = [make_locator() for _ in range(3)]
    last: dict[int, NewItem] = {}
    for which, action in actions:
        if action == "batch":
            take_out(store)
            continue
        item = make_file(store, size=50) if action == "file" else make_item(size=7)
        if action == "repeat":
            item = last.get(which, item)
        last[which] = item
        deposit(store, locator=locators[which], generation=1, items=[item], day=DAY)
    for locator in locators:
        thread = find(store, locator)
        if thread is None:
            continue
        with store.read() as connection:
            rows = connection.execute(select(ItemRow.length, ItemRow.batch).where(ItemRow.thread_id == thread.id)).all()
        counted = (len(rows), sum(row.batch is None for row in rows), sum(row.length for row in rows))
        assert (thread.items, thread.waiting, thread.length) == counted
    assert missing(store) == 0
    store.close()


def test_the_rows_say_nothing_of_when_or_who(store: Store):
    """
    No table holds a column for an address, an agent, a language or a clock time, and no row has a rowid.
    """
    install(store)
    make_thread(store)
    with store.read() as connection:
        tables = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'table'").all()
        for name, sql in tables:
            columns = {row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({name})")}
            assert not columns & {"ip", "address", "agent", "lang", "language", "time", "created", "updated"}
            assert "DATETIME" not in sql
            assert "WITHOUT ROWID" in sql or name in {"organisation", "alembic_version"}
