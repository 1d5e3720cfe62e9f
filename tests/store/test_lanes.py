# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Lanes of space: who may still add how much, and that the counts they are made from are those of what lies here.
"""

from __future__ import annotations

import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from store import deletions, erase, lanes, returns, threads
from store.engine import Store
from store.errors import MissingError
from store.items import deposit
from store.lanes import Room, accept, expire, room, take_back
from store.models import EnvelopeRow, ItemRow, SlipRow
from tests.store.factories import DAY, install, make_file, make_item, make_locator, make_store, make_thread, take_out

FREE = 1_000_000
QUOTA = 300_000
TOMORROW = DAY + datetime.timedelta(days=1)
YESTERDAY = DAY - datetime.timedelta(days=1)


def room_of(store: Store, locator: bytes | None, **others: int) -> Room:
    """
    The room on the usual disk with the usual quota.
    """
    return room(store, locator, **{"free": FREE, "quota": QUOTA, **others}, day=DAY)


def thread_with(store: Store, size: int) -> tuple[bytes, bytes]:
    """
    Server id and locator of a thread with one file of *size* bytes and a message.
    """
    locator = make_locator()
    made = make_thread(store, items=[make_file(store, size=size), make_item(size=5)], locator=locator)
    assert made.thread is not None
    return made.thread, locator


def test_an_empty_store_gives_half_of_what_is_free_and_the_quota(store: Store):
    """
    A codename never used and one that only wrote words have the same room.
    """
    locator = make_locator()
    make_thread(store, locator=locator)
    assert (
        room_of(store, None)
        == room_of(store, make_locator())
        == room_of(store, locator)
        == Room(FREE // 2, QUOTA, FREE // 2)
    )
    assert room_of(store, None).length == QUOTA


def test_threads_nobody_accepted_never_have_more_than_half(store: Store):
    """
    What they have and what they may still add is together half of what would be free without them, whoever asks.
    """
    for spent in (100_000, 200_000, 300_000, 400_000):
        thread_with(store, 100_000)
        asked = room_of(store, None, free=FREE - spent)
        assert asked.lane + spent == FREE // 2
    thread_with(store, 100_000)
    assert room_of(store, None, free=FREE - 500_000).lane == 0
    thread_with(store, 100_000)
    assert room_of(store, make_locator(), free=FREE - 600_000).length == 0


def test_the_quota_is_of_one_thread_and_of_what_lies_here(store: Store):
    """
    Its own files count, another's do not, and a file on its way counts before it is a row.
    """
    _, locator = thread_with(store, 120_000)
    assert room_of(store, locator).own == QUOTA - 120_000
    assert room_of(store, locator, writing=50_000).own == QUOTA - 170_000
    assert room_of(store, locator, writing=QUOTA).own == 0
    assert room_of(store, make_locator()).own == QUOTA


def test_an_accepted_thread_has_its_size_and_the_whole_disk(store: Store):
    """
    Though the other lane is full; and its own files are no load on that lane.
    """
    thread, locator = thread_with(store, 100_000)
    thread_with(store, 600_000)
    assert room_of(store, locator, free=200_000).length == 0
    accept(store, thread, length=150_000, until=DAY)
    assert room_of(store, locator, free=200_000) == Room(200_000, 50_000, 200_000)
    assert room_of(store, locator, free=200_000, writing=49_999).own == 1
    assert room_of(store, None, free=700_000).lane == (700_000 - 600_000) // 2


def test_an_acceptance_counts_to_the_end_of_its_day(store: Store):
    """
    On the day after it the thread is one that nobody accepted; the night's care takes it out of the row.
    """
    thread, locator = thread_with(store, 100)
    accept(store, thread, length=700_000, until=YESTERDAY)
    assert room_of(store, locator).own == QUOTA - 100
    assert expire(store, YESTERDAY) == 0
    assert expire(store, DAY) == 1
    assert expire(store, DAY) == 0
    found = threads.get(store, thread)
    assert (found.accepted_bytes, found.accepted_until) == (None, None)


def test_the_last_word_on_an_acceptance_stands(store: Store):
    """
    Said again it is what was said last, taken back it is none, and what was sent stays.
    """
    thread, locator = thread_with(store, 1_000)
    accept(store, thread, length=5_000, until=DAY)
    accept(store, thread, length=9_000, until=TOMORROW)
    found = threads.find(store, locator)
    assert found is not None
    assert (found.accepted_bytes, found.accepted_until, found.files) == (9_000, TOMORROW, 1_000)
    take_back(store, thread)
    take_back(store, thread)
    assert room_of(store, locator).own == QUOTA - 1_000


@pytest.mark.parametrize("length", [-1, 0, lanes.MOST_ACCEPTED_BYTES + 1])
def test_a_size_that_is_none_is_not_accepted(store: Store, length: int):
    """
    At least a byte, at most a pebibyte.
    """
    thread, _ = thread_with(store, 10)
    with pytest.raises(ValueError, match="pebibyte"):
        accept(store, thread, length=length, until=DAY)


def test_a_thread_that_is_gone_is_not_accepted(store: Store):
    """
    Neither accepted nor taken back: there is nothing to say it of.
    """
    thread, _ = thread_with(store, 10)
    erase.forget(store, thread, day=DAY)
    for act in (lambda: accept(store, thread, length=1, until=DAY), lambda: take_back(store, thread)):
        with pytest.raises(MissingError):
            act()


def test_what_is_half_written_counts_as_spent(store: Store):
    """
    Until it is committed or gone; ten uploads at once are not each told of the same free room.
    """
    writers = [store.blobs.create() for _ in range(10)]
    for writer in writers:
        writer.write(bytes(10_000))
    assert store.blobs.incoming_bytes() == 100_000
    assert room_of(store, None).lane == (FREE - 100_000) // 2
    for writer in writers:
        writer.abort()
    assert room_of(store, None).lane == FREE // 2


def test_a_full_disk_is_no_negative_room(store: Store):
    """
    Nothing is less than nothing, accepted or not.
    """
    thread, locator = thread_with(store, 500_000)
    assert room_of(store, locator, free=0) == Room(0, 0, 250_000)
    accept(store, thread, length=1, until=DAY)
    assert room_of(store, locator, free=0) == Room(0, 0, 0)


def test_a_bound_without_a_day_cannot_be_stored(store: Store):
    """
    The table itself refuses half an acceptance and a negative count.
    """
    thread, _ = thread_with(store, 10)
    for wrong in ("accepted_bytes = 5", "accepted_until = '2026-01-01'", "files = -1"):
        with pytest.raises(IntegrityError), store.write() as connection:
            connection.exec_driver_sql(f"UPDATE threads SET {wrong} WHERE id = ?", (thread,))


actions = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["message", "file", "repeat", "batch", "purge", "item", "forget"])),
    min_size=1,
    max_size=14,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(actions=actions)
def test_the_files_of_a_thread_are_the_bytes_of_its_blobs(tmp_path_factory: pytest.TempPathFactory, actions):
    """
    Whatever is deposited, repeated, taken out, purged and erased, the count equals what lies on the disk.
    """
    store = make_store(tmp_path_factory.mktemp("lanes") / "store")
    install(store, (1,))
    locators = [make_locator() for _ in range(3)]
    last = {}
    for which, action in actions:
        locator, thread = locators[which], threads.find(store, locators[which])
        if action == "batch":
            take_out(store)
        elif action == "purge":
            batch = take_out(store)
            returns.record_acknowledgement(store, seat=1, batch=batch.number, digest=batch.digest, signed=b"s", day=DAY)
            erase.purge_acknowledged(store, day=DAY)
        elif action == "item" and which in last:
            deletions.queue_deletion(store, seat=1, kind="item", targets=[last[which].id], day=DAY)
            deletions.carry_out(store, DAY + deletions.DAYS_IN_VIEW)
        elif action == "forget" and thread is not None:
            erase.forget(store, thread.id, day=DAY)
        elif action in {"message", "file", "repeat"}:
            fresh = make_file(store, size=10 + which) if action == "file" else make_item(size=7)
            item = last.get(which, fresh) if action == "repeat" else fresh
            last[which] = item
            if item.blob is None or store.blobs.has(item.blob):
                deposit(store, locator=locator, generation=1, items=[item], day=DAY)
    _require_counts(store, locators)
    store.close()


def _require_counts(store: Store, locators: list[bytes]) -> None:
    lying = select(func.sum(ItemRow.length)).join(EnvelopeRow, EnvelopeRow.item_id == ItemRow.id)
    whole = 0
    for locator in locators:
        thread = threads.find(store, locator)
        if thread is None:
            continue
        here = lying.where(ItemRow.thread_id == thread.id, EnvelopeRow.blob.is_not(None))
        with store.read() as connection:
            assert thread.files == (connection.execute(here).scalar_one() or 0)
        whole += thread.files
    on_disk = sum(path.stat().st_size for path in (store.folder / "blobs").rglob("*") if path.is_file())
    assert on_disk == whole
    assert room(store, None, free=whole, quota=1, day=DAY).lane == 0


def _put_slip(store: Store, digest: bytes, locator: bytes) -> None:
    with store.write() as connection:
        row = {"digest": digest, "locator": locator, "generation": 1, "sealed": b"sealed", "expires": TOMORROW}
        connection.execute(insert(SlipRow), row)


def _slips(store: Store) -> set[bytes]:
    with store.read() as connection:
        return set(connection.execute(select(SlipRow.digest)).scalars())


def test_forgetting_takes_the_slips_with_it(store: Store):
    """
    Of the thread, also where it is named by no locator; of a locator that has no thread yet; and of nobody else.
    """
    thread, locator = thread_with(store, 10)
    unused, other = make_locator(), make_locator()
    for number, whose in enumerate((locator, locator, unused, other)):
        _put_slip(store, bytes([number]) * 32, whose)
    assert erase.forget(store, thread, day=DAY)
    assert _slips(store) == {bytes([2]) * 32, bytes([3]) * 32}
    assert not erase.forget(store, bytes(16), day=DAY, locator=unused)
    assert _slips(store) == {bytes([3]) * 32}


def test_an_ordered_deletion_takes_the_slips_with_it(store: Store):
    """
    A slip would begin the thread anew that its seats had deleted.
    """
    thread, locator = thread_with(store, 10)
    _put_slip(store, bytes(32), locator)
    deletions.queue_deletion(store, seat=1, kind="thread", targets=[thread], day=DAY)
    deletions.carry_out(store, DAY + deletions.DAYS_IN_VIEW)
    assert _slips(store) == set()
