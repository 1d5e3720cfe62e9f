# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Batches: what they take, that they freeze, and what is refused.
"""

from __future__ import annotations

import hashlib

import pytest

from store import batches, erase, returns, threads
from store.engine import Store
from store.errors import ConflictError, DamagedError, GapError, MissingError
from store.items import deposit
from tests.store.factories import DAY, HEADER_SIZE, make_file, make_item, make_locator, make_thread, take_out

ONE = b"\x01" * 32


def freeze(store: Store, number: int, items, **more) -> bool:
    return batches.record(store, number=number, digest=ONE, manifest=b"sealed", items=items, day=DAY, **more)


def test_small_items_go_first_and_the_budget_holds(store: Store):
    """
    Two small items fit, the large one waits, and alone it is taken whatever the budget.
    """
    large, small, middle = make_item(size=50_000), make_item(size=10), make_item(size=200)
    make_thread(store, items=[large, small, middle])
    budget = 2 * HEADER_SIZE + 210
    assert [item.id for item in batches.pending(store, budget=budget)] == [small.id, middle.id]
    assert [item.id for item in batches.pending(store, budget=budget, most=1)] == [small.id]
    take_out(store, budget=budget)
    assert [item.id for item in batches.pending(store, budget=1)] == [large.id]


def test_an_item_reads_as_its_age_file_from_row_and_blob(store: Store):
    """
    Header and payload together, with the total length the manifest will name.
    """
    message, file = make_item(size=300), make_file(store, size=3_000_000)
    make_thread(store, items=[message, file])
    for item in batches.pending(store, budget=1 << 40):
        whole = b"".join(batches.read(store, item.id))
        assert len(whole) == item.length
        assert whole.startswith(message.header if item.id == message.id else file.header)
    assert b"".join(batches.read(store, message.id)) == message.header + (message.payload or b"")


def test_a_blob_cut_short_or_gone_is_damage(store: Store):
    """
    A blob shorter than its row says is named damaged when it is read, and a missing one too.
    """
    file = make_file(store, size=1000)
    make_thread(store, items=[file])
    (path,) = (store.folder / "blobs").rglob("?" * 32)
    path.write_bytes(b"short")
    with pytest.raises(DamagedError):
        list(batches.read(store, file.id))
    path.unlink()
    with pytest.raises(DamagedError):
        list(batches.read(store, file.id))
    with pytest.raises(MissingError):
        list(batches.read(store, bytes(16)))


def test_a_batch_keeps_its_number_content_and_order(store: Store):
    """
    What was recorded is what is read, in the order given; the items no longer wait.
    """
    locator = make_locator()
    items = [make_item() for _ in range(5)]
    entry = make_item(lane="team")
    deposit(store, locator=locator, generation=1, items=items, day=DAY)
    deposit(store, locator=None, generation=0, items=[entry], day=DAY)
    digests = {item.id: hashlib.sha256(item.header + (item.payload or b"")).digest() for item in [*items, entry]}
    batches.record_digest(store, list(digests.items()))
    order = [entry.id, *(item.id for item in reversed(items))]
    assert freeze(store, 1, order)
    batch = batches.get(store, 1)
    assert [item.id for item in batch.items] == order
    assert all(item.sha256 == digests[item.id] for item in batch.items)
    assert batch.items[0].thread is None
    assert batch.items[0].seats == (1, 2, 3)
    assert (batch.count, batch.digest, batch.manifest, batch.day) == (6, ONE, b"sealed", DAY)
    assert batches.pending(store, budget=1 << 40) == ()
    thread = threads.find(store, locator)
    assert thread is not None
    assert thread.waiting == 0


def test_numbers_are_consecutive_and_a_number_stands_for_one_batch(store: Store):
    """
    A gap is refused, the same again has no effect, another digest under the number is a conflict.
    """
    assert batches.next_number(store) == 1
    with pytest.raises(GapError):
        freeze(store, 2, [])
    assert freeze(store, 1, [])
    assert not freeze(store, 1, [])
    with pytest.raises(ConflictError):
        batches.record(store, number=1, digest=bytes(32), manifest=b"", items=[], day=DAY)
    assert batches.next_number(store) == 2
    assert [summary.number for summary in batches.newest(store)] == [1]
    assert batches.newest(store, below=1) == ()
    with pytest.raises(MissingError):
        batches.get(store, 2)


def test_a_batch_with_an_item_that_is_gone_taken_or_unhashed_is_refused_whole(store: Store):
    """
    Each of the three refuses the batch, and the good item still waits.
    """
    good, unhashed = make_item(), make_item()
    taken = make_item()
    make_thread(store, items=[taken])
    take_out(store)
    make_thread(store, items=[good, unhashed])
    batches.record_digest(store, [(good.id, ONE)])
    for bad in (bytes(16), unhashed.id, taken.id):
        with pytest.raises(ConflictError):
            freeze(store, 2, [good.id, bad])
    assert {item.id for item in batches.pending(store, budget=1 << 40)} == {good.id, unhashed.id}


def test_an_item_that_hashes_differently_later_is_damage(store: Store):
    """
    The first digest stands; the same is accepted again, an erased item is passed over.
    """
    item = make_item()
    make_thread(store, items=[item])
    batches.record_digest(store, [(item.id, ONE)])
    batches.record_digest(store, [(item.id, ONE), (bytes(16), ONE)])
    with pytest.raises(DamagedError):
        batches.record_digest(store, [(item.id, bytes(32))])


def test_what_a_manifest_tells_is_told_once(store: Store):
    """
    Forgotten threads and outboxes wait for a batch that lists them.
    """
    thread = make_thread(store).thread
    assert thread is not None
    erase.forget(store, thread, day=DAY)
    returns.record_outbox(store, seat=1, sequence=1, digest=ONE)
    assert [mark.thread for mark in erase.withdrawn(store)] == [thread]
    freeze(store, 1, [], withdrawn=[thread], outboxes=[(1, 1)])
    assert erase.withdrawn(store) == ()
    assert returns.untold_outboxes(store) == ()


def test_a_forgotten_item_is_missing_from_its_batch(store: Store):
    """
    The batch still says how many it had, and lists the one that is left in its order.
    """
    first, second = make_thread(store), make_thread(store)
    take_out(store)
    assert first.thread is not None
    erase.forget(store, first.thread, day=DAY)
    batch = batches.get(store, 1)
    assert batch.count == 2
    assert [item.id for item in batch.items] == list(second.items)
