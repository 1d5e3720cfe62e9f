# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Taking in: everything an outbox says is done, or nothing; every refusal by name.
"""

from __future__ import annotations

import dataclasses
import re
import secrets

import pytest

from journalist_app.bundle.chain import NOTHING
from journalist_app.bundle.documents import seal_manifest
from journalist_app.bundle.outbox_manifest import Acknowledgement
from journalist_app.bundle.records import (
    AcknowledgementRecord,
    Carried,
    ClosedRecord,
    DeletionRecord,
    SheetRecord,
)
from journalist_app.desk.installing import install
from store import batches, deletions, replies, returns, seats, threads
from tests.journalist_app.bundle.organisation import FIRST_DAY, Organisation, archive
from tests.journalist_app.desk.conftest import Desk, carried_entry, carried_reply, state
from tests.store.factories import make_reply, make_thread


def test_everything_an_outbox_says_is_done(desk: Desk) -> None:
    """Reply published, entry filed for all, sheet installed, epochs closed, batch acknowledged, deletion in view."""
    ours = desk.organisation
    thread = desk.deposit()
    browser = desk.browser("mei")
    desk.post(browser, "/batches", number="1")
    digest = batches.newest(desk.store)[0].digest
    outbox = ours.outbox(
        1,
        [
            carried_reply(ours, thread),
            carried_entry(ours),
            Carried(record=SheetRecord(signed=ours.new_sheet(1, 2).signed.encode().decode())),
            Carried(record=ClosedRecord(through=2)),
            Carried(
                record=AcknowledgementRecord(
                    signed=Acknowledgement(seat=1, batch=1, digest=digest).sign(ours.laptops[1].signing)
                )
            ),
            Carried(record=DeletionRecord(threads=(thread,))),
        ],
    )
    response = desk.bring(browser, archive(outbox))
    assert response.status_code == 200
    text = response.text
    for group in (outbox.digest.hex()[at : at + 8] for at in range(0, 64, 8)):
        assert group in text
    assert threads.get(desk.store, thread).replies == 1
    assert [item.lane for item in batches.pending(desk.store, budget=1 << 30)] == ["team"]
    assert seats.organisation(desk.store).floor == 3
    assert "sheet 2 of seat 1 installed" in text
    assert [(one.seat, one.batch) for one in returns.acknowledgements(desk.store)] == [(1, 1)]
    assert deletions.queued(desk.store)[0].target == thread
    assert "seat 1" in browser.get("/batches/1").text.lower()
    assert "took in outbox 1 of seat 1" in browser.get("/log").text


def test_a_replayed_outbox_has_no_effect(desk: Desk) -> None:
    """The same bytes again: the page says so, and nothing changes. Also for one that is not the newest."""
    ours = desk.organisation
    browser = desk.browser("mei")
    first = ours.outbox(1, [carried_entry(ours)])
    second = ours.outbox(1, [carried_entry(ours)], sequence=2, previous=first.digest)
    desk.bring(browser, archive(first))
    desk.bring(browser, archive(second))
    before = state(desk)
    for outbox in (first, second):
        response = desk.bring(browser, archive(outbox))
        assert response.status_code == 200
        assert "taken in before" in response.text
    assert state(desk) == before


def signed_again(desk: Desk, outbox, by: int, **changes: object) -> bytes:
    """The same outbox with another manifest, signed by that seat."""
    manifest = dataclasses.replace(outbox.manifest, **changes)
    ours = desk.organisation
    sealed = seal_manifest("outbox", manifest.document(), ours.laptops[by].signing, [ours.server_transfer.recipient])
    return archive(dataclasses.replace(outbox, sealed=sealed))


REFUSED = {
    "gap": ("GapError", "number 2 is missing"),
    "other digest": ("ConflictError", "another digest"),
    "older with other digest": ("ConflictError", "another outbox 1"),
    "fork": ("ConflictError", "another number 1"),
    "foreign root": ("ForeignError", "another root"),
    "other organisation": ("NoMatchError", ""),
    "wrong seat key": ("SignatureError", ""),
    "seat not on the card": ("ForeignError", "seat 9"),
    "epoch below the floor": ("EpochBelowFloorError", "the floor is 3"),
    "epoch not over": ("EpochError", "cannot be closed yet"),
    "entry under another card": ("ForeignError", "card 2"),
    "acknowledges another batch": ("ConflictError", "another batch 1"),
    "acknowledges no batch": ("MissingError", "no batch 7"),
    "speaks for another seat": ("ForeignError", "seat 2"),
    "tampered file": ("ItemError", "not those the seat signed"),
    "cut": ("TruncatedError", ""),
    "trailing": ("ArchiveError", "after the end"),
    "batch": ("DocumentError", "not of kind outbox"),
}


def refused_outbox(desk: Desk, case: str) -> bytes:  # noqa: C901, PLR0911, PLR0912 - one case, one return
    """An outbox that has an entry and a reply in it, and one thing wrong."""
    ours = desk.organisation
    good = [carried_entry(ours), carried_reply(ours, threads.page(desk.store).threads[0].id)]
    first = desk.first
    key = ours.laptops[1].signing

    def second(*more: Carried, previous: bytes = first.digest, sequence: int = 2):
        return ours.outbox(1, [*good, *more], sequence=sequence, previous=previous)

    def acknowledging(seat: int, batch: int) -> Carried:
        signed = Acknowledgement(seat=seat, batch=batch, digest=bytes(32)).sign(key)
        return Carried(record=AcknowledgementRecord(signed=signed))

    match case:
        case "gap":
            return archive(second(sequence=3))
        case "other digest":
            return archive(second(sequence=1, previous=NOTHING))
        case "older with other digest":
            desk.bring(desk.browser("mei"), archive(ours.outbox(1, [], sequence=2, previous=first.digest)))
            return archive(second(sequence=1, previous=NOTHING))
        case "fork":
            return archive(second(previous=secrets.token_bytes(32)))
        case "foreign root":
            return signed_again(desk, second(), 1, root=secrets.token_bytes(32))
        case "other organisation":
            return archive(Organisation().outbox(1, []))
        case "wrong seat key":
            return signed_again(desk, second(), 2)
        case "seat not on the card":
            return signed_again(desk, second(), 1, seat=9)
        case "epoch below the floor":
            seats.raise_floor(desk.store, 3)
            return archive(second(carried_entry(ours, epoch=2)))
        case "epoch not over":
            return archive(second(Carried(record=ClosedRecord(through=4))))
        case "entry under another card":
            return archive(second(carried_entry(ours, card=2)))
        case "acknowledges another batch":
            desk.post(desk.browser("mei"), "/batches", number="1")
            return archive(second(acknowledging(1, 1)))
        case "acknowledges no batch":
            return archive(second(acknowledging(1, 7)))
        case "speaks for another seat":
            return archive(second(acknowledging(2, 1)))
        case "tampered file":
            outbox = second()
            return archive(dataclasses.replace(outbox, files=(outbox.files[0], outbox.files[1][:-1] + b"!")))
        case "cut":
            return archive(second())[:-1]
        case "trailing":
            return archive(second()) + b"\0"
        case _:
            browser = desk.browser("mei")
            desk.post(browser, "/batches", number="1")
            return browser.get("/batches/1/download").data


@pytest.mark.parametrize("case", REFUSED)
def test_each_refusal_has_its_name_and_leaves_nothing(desk: Desk, case: str) -> None:
    """A bad outbox between good ones: refused under its own name, nothing half-taken, and the next good one is taken."""
    desk.deposit()
    desk.first = desk.organisation.outbox(1, [])
    browser = desk.browser("tashi")
    assert desk.bring(browser, archive(desk.first)).status_code == 200
    raw = refused_outbox(desk, case)
    before = state(desk)
    response = desk.bring(browser, raw)
    kind, said = REFUSED[case]
    assert 400 <= response.status_code < 500
    assert f"<code>{kind}</code>" in response.text
    assert said in response.text.replace("&#39;", "'")
    assert state(desk) == before
    last = returns.last_outbox(desk.store, 1)
    assert last is not None
    following = desk.organisation.outbox(1, [], sequence=last.sequence + 1, previous=last.digest)
    assert desk.bring(browser, archive(following)).status_code == 200


def test_a_reply_whose_author_had_not_seen_everything_is_held(desk: Desk) -> None:
    """It waits for "send anyway", which a reviewer presses."""
    locator = secrets.token_bytes(32)
    thread = desk.deposit(locator=locator)
    desk.deposit(locator=locator)
    browser = desk.browser("mei")
    response = desk.bring(browser, archive(desk.organisation.outbox(1, [carried_reply(desk.organisation, thread)])))
    assert "held back" in response.text
    assert threads.get(desk.store, thread).replies == 0
    reply = replies.held(desk.store)[0]
    assert desk.post(desk.browser("oskar"), f"/waiting/replies/{reply.id.hex()}/send").status_code == 404
    assert desk.post(browser, f"/waiting/replies/{reply.id.hex()}/send").status_code == 303
    assert threads.get(desk.store, thread).replies == 1


def test_a_reply_to_a_forgotten_thread_does_not_stop_the_outbox(desk: Desk) -> None:
    """Its source forgot it while the answer travelled; the rest is taken in and the page counts it."""
    ours = desk.organisation
    outbox = ours.outbox(2, [carried_reply(ours, secrets.token_bytes(16)), carried_entry(ours)])
    text = desk.bring(desk.browser("tashi"), archive(outbox)).text
    assert "threads that are gone" in text
    assert len(batches.pending(desk.store, budget=1 << 30)) == 1


def test_a_deletion_is_cancelled_by_another_seat_only(desk: Desk) -> None:
    """Not by the seat that ordered it, not by an operator."""
    thread = desk.deposit()
    outbox = desk.organisation.outbox(1, [Carried(record=DeletionRecord(threads=(thread,)))])
    mei = desk.browser("mei")
    desk.bring(mei, archive(outbox))
    address = f"/waiting/deletions/{deletions.queued(desk.store)[0].id.hex()}/cancel"
    assert desk.post(mei, address).status_code == 403
    assert desk.post(desk.browser("oskar"), address).status_code == 404
    assert len(deletions.queued(desk.store)) == 1
    assert desk.post(desk.browser("rena"), address).status_code == 303
    assert deletions.queued(desk.store) == ()
    assert desk.post(desk.browser("rena"), address).status_code == 404


def test_a_stolen_laptops_orders_end_with_its_place_on_the_card(desk: Desk) -> None:
    """The card without it drops what it ordered, and the log says so; the other seat's order stays."""
    ours, mei = desk.organisation, desk.browser("mei")
    doomed, kept = desk.deposit(), desk.deposit()
    for seat, thread in ((2, kept), (3, doomed)):
        desk.bring(mei, archive(ours.outbox(seat, [Carried(record=DeletionRecord(threads=(thread,)))])))
    install(desk.store, [ours.new_card(2, (1, 2)).signed.encode()], by="mei", day=FIRST_DAY)
    assert [one.target for one in deletions.queued(desk.store)] == [kept]
    assert "dropped 1 deletion of seats that left" in mei.get("/log").text


def test_many_orders_are_paged_and_cancelled_with_one_button(desk: Desk) -> None:
    """Unknown ids are not queued; a page stays below 64 KiB; all of a seat are cancelled by another seat only."""
    ours, mei = desk.organisation, desk.browser("mei")
    there = sorted(make_thread(desk.store).thread for _ in range(120))
    for thread in there:
        for _ in range(1 + (thread is there[0])):
            replies.publish(desk.store, thread, make_reply(held=True))
    unknown = tuple(sorted(secrets.token_bytes(16) for _ in range(300)))
    orders = [DeletionRecord(threads=tuple(there)), DeletionRecord(items=unknown)]
    page = desk.bring(mei, archive(ours.outbox(2, [Carried(record=record) for record in orders]))).text
    assert re.search(r"Deletions passed over[^<]*</span><span>300<", page)
    seen, held, address = [], [], "/waiting"
    while address:
        page = mei.get(address).text
        assert len(page.encode()) <= 64 << 10
        seen += re.findall(r"/waiting/deletions/([0-9a-f]{32})/cancel", page)
        following = re.search(r'href="(/waiting[^"]*)">More orders', page)
        address = following and following[1].replace("&amp;", "&")
    assert sorted(seen) == sorted(one.id.hex() for one in deletions.queued(desk.store))
    address = "/waiting"
    while address:
        page = mei.get(address).text
        held += re.findall(r"/waiting/replies/([0-9a-f]{32})/send", page)
        following = re.search(r'href="(/waiting[^"]*)">More replies', page)
        address = following and following[1].replace("&amp;", "&")
    assert sorted(held) == sorted(one.id.hex() for one in replies.held(desk.store))
    assert "Cancel all of seat 2" not in desk.browser("tashi").get("/waiting").text
    assert desk.post(desk.browser("tashi"), "/waiting/seats/2/cancel").status_code == 403
    assert desk.post(desk.browser("oskar"), "/waiting/seats/2/cancel").status_code == 404
    assert desk.post(mei, "/waiting/seats/2/cancel").status_code == 303
    assert deletions.queued(desk.store) == ()
    assert "cancelled 120 deletions that seat 2 ordered" in mei.get("/log").text
    assert desk.post(mei, "/waiting/seats/2/cancel").status_code == 404
    for wrong in ("orders=x", "orders=2026-99-99.00", "held=zz"):
        assert mei.get(f"/waiting?{wrong}").status_code == 404


def test_the_next_batch_lists_the_outbox_and_carries_the_entry(desk: Desk) -> None:
    """So the seat learns that its outbox arrived, and the others get what it wrote."""
    from tests.journalist_app.desk.test_batches import opened

    outbox = desk.organisation.outbox(2, [carried_entry(desk.organisation)])
    browser = desk.browser("mei")
    desk.bring(browser, archive(outbox))
    desk.post(browser, "/batches", number="1")
    manifest = opened(desk, browser.get("/batches/1/download").data).manifest
    assert [(one.seat, one.sequence, one.digest) for one in manifest.outboxes] == [(2, 1, outbox.digest)]
    assert [(one.lane, one.thread) for one in manifest.items] == [("team", b"")]


def test_of_two_people_with_the_same_outbox_one_is_told_it_is_a_repeat(desk: Desk) -> None:
    """Brought at the same moment: done once."""
    from concurrent.futures import ThreadPoolExecutor

    raw = archive(desk.organisation.outbox(1, [carried_entry(desk.organisation)]))
    browsers = [desk.browser("mei"), desk.browser("rena")]
    with ThreadPoolExecutor(2) as both:
        pages = list(both.map(lambda browser: desk.bring(browser, raw).text, browsers))
    assert sorted("taken in before" in page for page in pages) == [False, True]
    assert len(batches.pending(desk.store, budget=1 << 30)) == 1


def test_a_sheet_older_than_the_installed_one_is_passed_over(desk: Desk) -> None:
    """Someone installed the newer one by hand while the outbox travelled; the rest of it is taken in."""
    ours = desk.organisation
    older, newer = ours.new_sheet(1, 2), ours.new_sheet(1, 3)
    install(desk.store, [newer.signed.encode()], by="test", day=FIRST_DAY)
    outbox = ours.outbox(1, [Carried(record=SheetRecord(signed=older.signed.encode().decode())), carried_entry(ours)])
    page = desk.bring(desk.browser("mei"), archive(outbox)).text
    assert "its sheet was passed over" in page
    assert seats.organisation(desk.store).sheets[1] == newer.signed.encode()
    assert len(batches.pending(desk.store, budget=1 << 30)) == 1
