# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Erasing: what is gone afterwards, searched for in the raw files.
"""

from __future__ import annotations

import datetime
import random
import re

import pytest

from store import checkpoint, deletions, erase, replies, returns, seats, threads
from store.engine import Store
from store.errors import MissingError
from store.items import NewItem, deposit
from store.sweep import missing, sweep
from tests.store.factories import (
    DAY,
    install,
    make_file,
    make_item,
    make_locator,
    make_reply,
    make_thread,
    take_out,
)

# What a leaf of a tree without rowid holds of a long row, with pages of 4,096 bytes.
LEAF = 1_002

LATER = [DAY + datetime.timedelta(days=number) for number in range(40)]


def raw(store: Store) -> bytes:
    """
    Every byte of database, log and blobs that is not part of a long run of zeros.
    """
    whole = b"".join(path.read_bytes() for path in sorted(store.folder.rglob("*")) if path.is_file())
    return b"|".join(re.split(rb"\0{24,}", whole))


def traces(item: NewItem, found: bytes) -> int:
    """
    How many 24-byte pieces of the header, and of the beginning of the payload, are still in the files.
    """
    pieces = [item.header[at : at + 24] for at in range(0, len(item.header) - 24, 24)]
    pieces += [(item.payload or bytes(0))[:24], item.id] if item.payload else [item.id]
    return sum(piece in found for piece in pieces)


def test_a_forgotten_thread_leaves_nothing_that_opens_and_after_a_rebuild_no_trace(store: Store):
    """
    Among forty threads, of each forgotten one no payload, no blob and no header beyond its first 1,002 bytes (less
    than one stanza) can be found in the database or the log; after a rebuild no header, id or locator at all. The
    others are whole.
    """
    shuffled = random.Random(7)  # a fixed seed repeats the shape, not the bytes
    made = []
    for _ in range(40):
        locator = make_locator()
        items = [make_item(size=shuffled.choice([200, 3000, 16_416])) for _ in range(shuffled.randint(1, 4))]
        items.append(make_file(store, size=2000))
        thread = deposit(store, locator=locator, generation=1, items=items, day=DAY).thread
        assert thread is not None
        reply = make_reply()
        replies.publish(store, thread, reply)
        made.append((thread, locator, items, reply))
    shuffled.shuffle(made)
    gone, kept = made[:20], made[20:]
    assert all(locator in raw(store) for _, locator, _, _ in made)
    for thread, _, _, _ in gone:
        assert erase.forget(store, thread, day=DAY)
    found = raw(store)
    for _, _, items, _ in gone:
        for item in items:
            beyond = [item.header[at : at + 24] for at in range(LEAF, len(item.header) - 24, 24)]
            assert not any(piece in found for piece in beyond)
            assert item.payload is None or item.payload[-24:] not in found
    assert checkpoint.rebuild(store)
    found = raw(store)
    for thread, locator, items, reply in gone:
        assert [traces(item, found) for item in items] == [0] * len(items)
        assert locator not in found
        assert reply.id not in found
        assert reply.header[:24] not in found
        assert threads.find(store, locator) is None
        assert not any(store.blobs.has(item.blob) for item in items if item.blob)
        assert thread in {mark.thread for mark in erase.withdrawn(store)}
    for _, locator, items, _ in kept:
        assert locator in found
        assert all(traces(item, found) > 100 for item in items)
    assert missing(store) == 0


def test_without_emptying_the_log_the_header_would_still_be_there(store: Store, monkeypatch: pytest.MonkeyPatch):
    """
    The search above can fail: with the log left alone, the forgotten header is found in it.
    """
    monkeypatch.setattr(store, "empty_log", lambda: False)
    monkeypatch.setattr(checkpoint, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint.finish, "__kwdefaults__", {"patience": 0.0})
    item = make_item()
    thread = make_thread(store, items=[item]).thread
    assert thread is not None
    erase.forget(store, thread, day=DAY)
    assert traces(item, raw(store)) > 100
    assert checkpoint.unfinished(store)


def test_a_reader_in_the_way_leaves_a_mark_that_the_sweeper_finishes(store: Store):
    """
    While a snapshot is open the log cannot be emptied; the mark stays, and the sweep after it finishes.
    """
    item = make_item()
    thread = make_thread(store, items=[item]).thread
    assert thread is not None
    other = Store(store.folder)
    with other.read() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM items").scalar_one()
        erase.forget(store, thread, day=DAY)
        assert checkpoint.unfinished(store)
        assert not checkpoint.finish(store, patience=0.0)
    assert sweep(store, now=0).erased
    assert not checkpoint.unfinished(store)
    assert traces(item, raw(store)) == 0
    other.close()


def test_forgetting_twice_has_no_effect(store: Store):
    """
    The second wish finds nothing and leaves one mark.
    """
    thread = make_thread(store).thread
    assert thread is not None
    assert erase.forget(store, thread, day=DAY)
    assert not erase.forget(store, thread, day=DAY)
    assert len(erase.withdrawn(store)) == 1


def test_an_erasure_that_is_undone_keeps_the_blob(store: Store):
    """
    A blob is unlinked after the commit, never before.
    """
    thread = make_thread(store, items=[make_file(store)]).thread
    assert thread is not None
    with pytest.raises(ZeroDivisionError), store.write():  # noqa: PT012  (the whole block is undone)
        erase.forget(store, thread, day=DAY)
        _ = 1 / 0
    assert missing(store) == 0
    assert threads.get(store, thread).items == 1


def test_ordered_deletions_wait_seven_days_in_view(store: Store):
    """
    On the sixth day nothing happens, on the seventh the thread and the item go; unknown targets have no effect.
    """
    locator = make_locator()
    doomed = make_thread(store).thread
    items = [make_item(size=10), make_item(size=20)]
    deposit(store, locator=locator, generation=1, items=items, day=DAY)
    assert doomed is not None
    deletions.queue_deletion(store, seat=1, kind="thread", targets=[doomed, bytes(16)], day=DAY)
    deletions.queue_deletion(store, seat=2, kind="item", targets=[items[0].id], day=DAY)
    # The unknown thread is not queued.
    assert [waiting.due for waiting in deletions.queued(store)] == [LATER[7]] * 2
    assert deletions.due(store, LATER[6]) == ()
    assert deletions.carry_out(store, LATER[6]) == ()
    done = deletions.carry_out(store, LATER[7])
    assert {(deletion.kind, deletion.target) for deletion in done} == {("thread", doomed), ("item", items[0].id)}
    assert deletions.queued(store) == ()
    with pytest.raises(MissingError):
        threads.get(store, doomed)
    thread = threads.find(store, locator)
    assert thread is not None
    assert (thread.items, thread.waiting, thread.length) == (1, 1, 20)
    assert traces(items[0], raw(store)) == 0


def test_a_cancelled_deletion_is_not_carried_out(store: Store):
    """
    It leaves the queue, the thread stays, and cancelling it again is an error.
    """
    thread = make_thread(store).thread
    assert thread is not None
    (queued,) = deletions.queue_deletion(store, seat=1, kind="thread", targets=[thread], day=DAY)
    deletions.cancel(store, queued)
    assert deletions.carry_out(store, LATER[30]) == ()
    assert threads.get(store, thread).items == 1
    with pytest.raises(MissingError):
        deletions.cancel(store, queued)


def test_payloads_go_when_every_active_seat_has_them(store: Store):
    """
    Two of three acknowledgements keep header and payload, the third lets them go; the item's facts stay.
    """
    install(store)
    locator = make_locator()
    message, file = make_item(), make_file(store)
    deposit(store, locator=locator, generation=1, items=[message, file], day=DAY)
    batch = take_out(store)
    for seat in (1, 2):
        returns.record_acknowledgement(store, seat=seat, batch=1, digest=batch.digest, signed=b"s", day=DAY)
    assert erase.purge_acknowledged(store, day=LATER[29]) == ()
    returns.record_acknowledgement(store, seat=3, batch=1, digest=batch.digest, signed=b"s", day=DAY)
    assert erase.purge_acknowledged(store, day=DAY) == (erase.Purged(1, 2, ()),)
    assert list(store.blobs.names()) == []
    found = raw(store)
    assert message.header[:24] not in found
    assert (message.payload or b"")[:24] not in found
    thread = threads.find(store, locator)
    assert thread is not None
    assert thread.items == 2
    assert deposit(store, locator=locator, generation=1, items=[message], day=DAY).items == ()
    assert erase.purge_acknowledged(store, day=DAY) == ()


def test_a_silent_seat_holds_payloads_thirty_days_from_the_first_acknowledgement(store: Store):
    """
    On the thirtieth day they go and the silent seats are named; without any acknowledgement they stay.
    """
    install(store)
    make_thread(store)
    batch = take_out(store)
    assert erase.purge_acknowledged(store, day=LATER[39]) == ()
    returns.record_acknowledgement(store, seat=2, batch=1, digest=batch.digest, signed=b"s", day=LATER[1])
    assert erase.purge_acknowledged(store, day=LATER[30]) == ()
    assert erase.purge_acknowledged(store, day=LATER[31]) == (erase.Purged(1, 1, (1, 3)),)


def test_an_acknowledgement_is_for_every_batch_before_it(store: Store):
    """
    Seats that acknowledged only the second batch have the first one too; thirty days are counted from that word.
    """
    install(store)
    made = []
    for _ in range(2):
        make_thread(store)
        made.append(take_out(store))
    for seat in (1, 2):
        returns.record_acknowledgement(store, seat=seat, batch=2, digest=made[1].digest, signed=b"s", day=LATER[1])
    returns.record_acknowledgement(store, seat=3, batch=1, digest=made[0].digest, signed=b"s", day=LATER[2])
    assert erase.purge_acknowledged(store, day=LATER[2]) == (erase.Purged(1, 1, ()),)
    assert erase.purge_acknowledged(store, day=LATER[31]) == (erase.Purged(2, 1, (3,)),)


def test_nothing_is_purged_where_no_seat_is_active(store: Store):
    """
    "Every active seat" is not true of none.
    """
    install(store)
    make_thread(store)
    batch = take_out(store)
    returns.record_acknowledgement(store, seat=1, batch=1, digest=batch.digest, signed=b"s", day=DAY)
    seats.install_card(store, b"card", sequence=2, digest=b"\x02" * 32, seats=(9,))
    assert erase.purge_acknowledged(store, day=LATER[39]) == ()


def test_a_rebuild_is_done_once_for_the_erasures_before_it(store: Store, monkeypatch: pytest.MonkeyPatch):
    """A night without erasures writes nothing anew; a night after one does, and the next does not."""
    seen: list[str] = []
    rebuilt = store.rebuild

    def counted() -> None:
        seen.append("rebuilt")
        rebuilt()

    monkeypatch.setattr(store, "rebuild", counted)
    assert checkpoint.rebuild(store)
    assert seen == []
    thread = make_thread(store).thread
    erase.forget(store, thread, day=DAY)
    assert checkpoint.rebuild(store)
    assert checkpoint.rebuild(store)
    assert seen == ["rebuilt"]
