# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Taking out: frozen once, the same for every seat, what was erased since left empty.
"""

from __future__ import annotations

import io
import tracemalloc

import pytest

from journalist_app.bundle.batch import open_batch
from journalist_app.bundle.chain import NOTHING
from journalist_app.bundle.errors import ItemError
from journalist_app.bundle.outbox_manifest import Acknowledgement
from journalist_app.desk.freezing import freeze
from journalist_app.desk.installing import install
from journalist_app.desk.parts import KEY
from store import audit, batches, erase, items, returns
from store.blobs import BlobWriter
from store.errors import ConflictError, DamagedError
from tests.journalist_app.bundle.organisation import FIRST_DAY


def take_out(desk, browser, number: int):
    """Press the button for that batch."""
    return desk.post(browser, "/batches", number=str(number))


def opened(desk, raw: bytes, seat: int = 1):
    """What a reader with the right key makes of it."""
    return open_batch(io.BytesIO(raw), desk.organisation.laptops[seat].bundle, desk.organisation.root)


def test_three_seats_download_identical_bytes(desk) -> None:
    """And each opens them with its own key: number, day, floor, card, sheets, every item."""
    for _ in range(3):
        desk.deposit()
    take_out(desk, desk.browser("mei"), 1)
    raws = [desk.browser(name).get("/batches/1/download").data for name in ("mei", "tashi", "rena")]
    assert raws[0] == raws[1] == raws[2]
    for seat in (1, 2, 3):
        reader = opened(desk, raws[0], seat)
        assert (reader.manifest.number, reader.manifest.previous, reader.manifest.floor) == (1, NOTHING, 0)
        assert len(reader.sheets) == 3
        assert [arrival.read(limit=1 << 20)[:3] for arrival in reader.items()] == [b"age"] * 3


def test_a_download_announces_its_length(desk) -> None:
    """The bytes are as many as the header says, and come as a stream."""
    desk.deposit()
    browser = desk.browser("mei")
    take_out(desk, browser, 1)
    response = browser.get("/batches/1/download")
    assert response.is_streamed
    assert response.content_length == len(response.data)
    assert response.headers["Content-Disposition"] == 'attachment; filename="batch-000001.tar"'


def test_a_form_sent_twice_makes_one_batch(desk) -> None:
    """The second answer shows the first batch, byte for byte."""
    desk.deposit()
    browser = desk.browser("mei")
    assert take_out(desk, browser, 1).headers["Location"] == "/batches/1"
    first = browser.get("/batches/1/download").data
    desk.deposit()
    assert take_out(desk, browser, 1).headers["Location"] == "/batches/1"
    assert browser.get("/batches/1/download").data == first
    assert batches.next_number(desk.store) == 2


def test_a_batch_follows_the_one_before(desk) -> None:
    """It names the digest before it and holds only what is new."""
    browser = desk.browser("mei")
    desk.deposit()
    take_out(desk, browser, 1)
    desk.deposit()
    desk.deposit()
    take_out(desk, browser, 2)
    first = opened(desk, browser.get("/batches/1/download").data)
    second = opened(desk, browser.get("/batches/2/download").data)
    assert second.manifest.previous == first.digest
    assert (len(first.manifest.items), len(second.manifest.items)) == (1, 2)
    assert not {one.item for one in first.manifest.items} & {one.item for one in second.manifest.items}


def test_another_number_than_the_next_is_refused(desk) -> None:
    """Nobody skips or repeats an older one by form."""
    response = take_out(desk, desk.browser("mei"), 5)
    assert response.status_code == 409
    assert "the next batch is 1" in response.text


def test_small_items_go_first_and_the_budget_holds(desk) -> None:
    """A large item waits for a batch of its own; the small ones do not wait for it."""
    desk.deposit(size=3_000_000 // 4)
    desk.deposit(size=900_000)
    small = desk.deposit(size=100)
    browser = desk.browser("mei")
    take_out(desk, browser, 1)
    listed = opened(desk, browser.get("/batches/1/download").data).manifest.items
    assert small in {one.thread for one in listed}
    assert sum(one.length for one in listed) <= desk.settings.batch_bytes
    take_out(desk, browser, 2)
    assert len(opened(desk, browser.get("/batches/2/download").data).manifest.items) == 1


def test_what_was_erased_since_leaves_an_empty_place(desk) -> None:
    """The others still arrive, and the next batch tells that the thread was forgotten."""
    threads = [desk.deposit() for _ in range(3)]
    browser = desk.browser("mei")
    take_out(desk, browser, 1)
    erase.forget(desk.store, threads[1], day=FIRST_DAY)
    assert "1 item was erased since" in browser.get("/batches/1").text
    reader = opened(desk, browser.get("/batches/1/download").data)
    good, bad = [], []
    for arrival in reader.items():
        try:
            arrival.read(limit=1 << 20)
            good.append(arrival.place.thread)
        except ItemError:
            bad.append(arrival.place.thread)
    assert (set(good), bad) == ({threads[0], threads[2]}, [threads[1]])
    take_out(desk, browser, 2)
    assert opened(desk, browser.get("/batches/2/download").data).manifest.withdrawn == (threads[1],)


def test_the_order_in_a_manifest_says_nothing(desk) -> None:
    """Fifteen items wait in the order of size and id; the manifest's order is another."""
    for _ in range(15):
        desk.deposit(size=100)
    waiting = [one.id for one in batches.pending(desk.store, budget=desk.settings.batch_bytes)]
    browser = desk.browser("mei")
    take_out(desk, browser, 1)
    listed = [one.item for one in opened(desk, browser.get("/batches/1/download").data).manifest.items]
    assert sorted(listed) == sorted(waiting)
    assert listed != waiting


def test_the_audit_head_travels_and_the_act_is_in_the_log(desk) -> None:
    """The manifest binds the log as it was; taking out is its next line."""
    before = audit.head(desk.store)
    browser = desk.browser("mei")
    take_out(desk, browser, 1)
    assert opened(desk, browser.get("/batches/1/download").data).manifest.audit == before
    assert "mei: took out batch 1, 0 items" in browser.get("/log").text


def test_a_download_holds_no_file_in_memory(desk) -> None:
    """A blob of 32 MiB passes in pieces."""
    writer: BlobWriter = desk.store.blobs.create()
    for _ in range(32):
        writer.write(bytes(1 << 20))
    item = items.NewItem(
        id=bytes(16),
        epoch=4,
        card_sequence=1,
        seats=(1, 2, 3),
        header=b"h" * 100,
        blob=writer.commit(),
        length=32 << 20,
    )
    items.deposit(desk.store, locator=bytes(32), generation=1, items=[item], day=FIRST_DAY)
    browser = desk.browser("mei")
    take_out(desk, browser, 1)
    tracemalloc.start()
    total = sum(len(chunk) for chunk in browser.get("/batches/1/download").iter_encoded())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total > 32 << 20
    assert peak < 8 << 20


def test_there_is_no_batch_of_other_numbers(desk) -> None:
    """Page and download say so."""
    browser = desk.browser("mei")
    for address in ("/batches/1", "/batches/1/download", "/batches/0", "/batches/99999999999"):
        assert browser.get(address).status_code == 404


def test_a_card_installed_while_a_batch_is_hashed_stops_it(desk) -> None:
    """What was read before is looked at again at the commit; nothing is frozen, and the next try takes the new card."""
    desk.deposit()
    here = desk.app.extensions[KEY]
    known = here.organisation.known()
    install(desk.store, [desk.organisation.signed_card(2, (1, 2))], by="test", day=FIRST_DAY)
    with pytest.raises(ConflictError, match="load the page again"):
        freeze(desk.store, here.keys, known, number=1, budget=1 << 20, by="mei", day=FIRST_DAY)
    assert batches.newest(desk.store) == ()
    freeze(desk.store, here.keys, here.organisation.known(), number=1, budget=1 << 20, by="mei", day=FIRST_DAY)


def test_an_acknowledgement_covers_the_batches_before_it(desk) -> None:
    """Seat 2 acknowledged the second batch alone: the pages show both as acknowledged by it."""
    browser = desk.browser("mei")
    for number in (1, 2):
        take_out(desk, browser, number)
    acknowledge(desk, 2, 2)
    assert browser.get("/batches").text.count("✓ seat 2") == 2
    for number in (1, 2):
        assert "✓ acknowledged" in browser.get(f"/batches/{number}").text


def test_an_acknowledgement_that_was_written_into_the_rows_is_noticed(desk) -> None:
    """The desk verifies what it reads, also what it only passes on: no page and no batch says what a seat did not."""
    browser = desk.browser("mei")
    take_out(desk, browser, 1)
    acknowledge(desk, 2, 1, by=3)
    assert "is not signed by it" in browser.get("/batches").text
    here = desk.app.extensions[KEY]
    with pytest.raises(DamagedError, match="seat 2"):
        freeze(desk.store, here.keys, here.organisation.known(), number=2, budget=1, by="mei", day=FIRST_DAY)


def acknowledge(desk, seat: int, number: int, *, by: int | None = None) -> None:
    """A seat's acknowledgement, put into the store; signed by another seat if so said."""
    digest = batches.get(desk.store, number).digest
    word = Acknowledgement(seat=seat, batch=number, digest=digest).sign(desk.organisation.laptops[by or seat].signing)
    returns.record_acknowledgement(
        desk.store, seat=seat, batch=number, digest=digest, signed=word.encode(), day=FIRST_DAY
    )
