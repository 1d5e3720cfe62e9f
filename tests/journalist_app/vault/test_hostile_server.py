# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What a hostile server may try, and what the vault says to it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import secrets

import pytest
from sqlalchemy import func, select

from crypto.age import HybridIdentity
from crypto.age.header import make_header
from crypto.age.keys import new_file_key
from crypto.age.stream import PayloadSealer
from crypto.card import Card
from crypto.epochs import addressees
from crypto.errors import SignatureError
from crypto.frame import ListedFile, encode_list
from crypto.issue import make_card
from crypto.signing import SigningKey
from journalist_app.bundle.batch import seal_batch
from journalist_app.bundle.errors import ArchiveError, ForeignError
from journalist_app.bundle.manifest import TakenOutbox
from journalist_app.vault import alarms, reading, rootkeys
from journalist_app.vault.errors import ForgedError, NotNowError, WithheldError
from journalist_app.vault.importer import import_batch
from journalist_app.vault.models import batches, items, threads
from tests.journalist_app.vault.fakes import Organisation, Source, Stored, write_batch
from tests.journalist_app.vault.looks import flip, imported, kinds


def restate(stored: Stored, **changes: object) -> Stored:
    """
    The same bytes under another line of the manifest.
    """
    return Stored(dataclasses.replace(stored.place, **changes), stored.raw)


def test_an_item_in_anothers_place_is_refused_and_the_batch_is_whole(one: Organisation):
    """A spliced item has the digest the server signed, so no better copy exists: it is named and passed."""
    source = Source()
    one.server.message(source, "good")
    one.server.message(source, "spliced")
    one.server.waiting[1] = restate(one.server.waiting[1], item=secrets.token_bytes(16))
    report, found = imported(one)
    assert report.whole
    assert report.imported == 1
    assert "spliced" in report.refused[0][1]
    assert found == {"refused"}


def test_an_item_under_another_epoch_than_its_frame_is_refused(one: Organisation):
    """U3: the epoch is inside."""
    one.server.message(Source(), "text")
    one.server.waiting[0] = restate(one.server.waiting[0], epoch=1)
    report, _ = imported(one)
    assert len(report.refused) == 1


def resealed(one: Organisation, stored: Stored, recipients: list[object]) -> Stored:
    """
    An item whose header a hostile server made anew for other recipients.
    """
    key = new_file_key()
    payload = bytearray()
    PayloadSealer(key, payload.extend).finish()
    raw = make_header(key, recipients) + bytes(payload)
    place = dataclasses.replace(stored.place, length=len(raw), sha256=hashlib.sha256(raw).digest())
    return Stored(place, raw)


def test_an_extra_stanza_is_refused(one: Organisation):
    """U1: a stanza more than the manifest's seats is a reader nobody was told of."""
    one.server.message(Source(), "text")
    to = addressees(one.server.card, one.server.sheets, one.server.day, one.server.root.first_day, 0)
    extra = HybridIdentity.generate().recipient
    one.server.waiting[0] = resealed(one, one.server.waiting[0], [*to.recipients, extra])
    report, found = imported(one)
    assert "2 stanzas" in report.refused[0][1]
    assert found == {"refused"}


def test_seats_that_the_card_does_not_list_are_refused(one: Organisation):
    """U1: all seats are seats of the card the frame names."""
    one.server.message(Source(), "text")
    one.server.waiting[0] = restate(one.server.waiting[0], seats=(1, 2))
    report, _ = imported(one)
    assert "seat 2 is not on card" in report.refused[0][1]


def test_a_message_in_the_team_lane_is_refused(one: Organisation):
    """A kind belongs in its lane."""
    one.server.message(Source(), "text")
    one.server.waiting[0] = restate(one.server.waiting[0], lane="team", thread=b"")
    report, _ = imported(one)
    assert "team lane" in report.refused[0][1]


def test_a_repeated_item_id_is_dropped(one: Organisation):
    """The first stays what it was."""
    source = Source()
    item = one.server.message(source, "first")
    import_batch(one.vaults[0], one.server.batch(one.stick))
    one.server.message(source, "second", item=item)
    report, found = imported(one)
    assert report.repeated == [item.hex()]
    assert found == {"repeated"}
    with one.vaults[0].read() as connection:
        assert connection.execute(select(items.c.text)).scalars().all() == ["first"]


def test_a_batch_with_an_older_card_than_before_is_refused(three: Organisation):
    """A server set back to an older card is not believed."""
    server = three.server
    import_batch(three.vaults[0], server.batch(three.stick))
    old = make_card(
        root=server.root,
        sequence=1,
        seats=server.card.seats[:1],
        server_signing=server.signing.public,
        server_transfer=server.transfer.recipient,
    )
    server.card = Card.decode(rootkeys.sign_card(old, three.root_keys[0], server.root).encode(), server.root)
    server.sheets = {1: server.sheets[1]}
    with pytest.raises(ForgedError):
        import_batch(three.vaults[0], server.batch(three.stick))
    assert kinds(three.vaults[0]) == {"stale-card"}


def test_a_batch_signed_by_another_key_is_refused(one: Organisation):
    """Only the card's server signs batches."""
    one.server.signing = SigningKey.generate()
    with pytest.raises(SignatureError):
        import_batch(one.vaults[0], one.server.batch(one.stick))
    assert kinds(one.vaults[0]) == {"batch-refused"}


def test_a_batch_of_another_root_is_refused(one: Organisation):
    """Another organisation's batch is named as one."""
    one.server.manifest_changes = {"root": secrets.token_bytes(32)}
    with pytest.raises(ForeignError):
        import_batch(one.vaults[0], one.server.batch(one.stick))


def test_a_batch_sealed_to_other_seats_says_so(one: Organisation):
    """A batch from before this seat was on the card is not for it."""
    server = one.server
    server.batch(one.stick)
    manifest, _, raws = server.batches[0]
    sealed = seal_batch(manifest, server.signing, [HybridIdentity.generate().recipient])
    path = write_batch(one.stick / "foreign.tar", 1, sealed, raws)
    with pytest.raises(NotNowError, match="begin with a later one"):
        import_batch(one.vaults[0], path)


def test_a_file_that_is_no_batch_is_refused(one: Organisation):
    """Anything may lie on a stick."""
    path = one.stick / "x.tar"
    path.write_bytes(b"not a batch" * 1000)
    with pytest.raises(ArchiveError):
        import_batch(one.vaults[0], path)


def test_a_new_seat_begins_with_whatever_batch_it_can_open(one: Organisation):
    """The first batch a seat sees is pinned; those before were not sealed to it."""
    one.server.message(Source(), "before")
    early = one.server.batch(one.stick)
    import_batch(one.vaults[0], early)
    one.admit(1)
    one.server.message(Source(), "after")
    later = one.server.batch(one.stick)
    with pytest.raises(NotNowError):
        import_batch(one.vaults[1], early)
    report = import_batch(one.vaults[1], later)
    assert (report.imported, report.whole) == (1, True)


def test_an_item_that_leaves_an_active_seat_out_is_an_alarm(three: Organisation):
    """A server that seals past a seat is noticed by that seat."""
    import_batch(three.vaults[2], three.server.batch(three.stick))
    three.turn(28)
    del three.server.sheets[3]
    three.server.message(Source(), "without seat 3")
    report = import_batch(three.vaults[2], three.server.batch(three.stick))
    assert report.others == 1
    assert kinds(three.vaults[2]) == {"not-for-us"}


def test_an_item_erased_since_is_passed_with_an_alarm(one: Organisation):
    """A source's "forget" does not stop the run of batches; the vault says that something is gone."""
    item = one.server.message(Source(), "forgotten")
    one.server.message(Source(), "kept")
    path = one.server.batch(one.stick)
    manifest, sealed, raws = one.server.batches[0]
    emptied = [b"" if place.item == item else raw for place, raw in zip(manifest.items, raws, strict=True)]
    write_batch(path, 1, sealed, emptied)
    report, found = import_batch(one.vaults[0], path), kinds(one.vaults[0])
    assert (report.erased, report.imported, report.whole) == ([item.hex()], 1, True)
    assert found == {"erased"}


def test_a_thread_filed_elsewhere_by_the_server_is_shown_where_its_value_says(one: Organisation):
    """Known thread value, other server thread: one thread, marked."""
    source = Source()
    one.server.message(source, "first")
    import_batch(one.vaults[0], one.server.batch(one.stick))
    one.server.message(Source(source.thread, source.reply), "second")
    import_batch(one.vaults[0], one.server.batch(one.stick))
    with one.vaults[0].read() as connection:
        row = connection.execute(select(threads)).one()
        shown = reading.thread(connection, row.thread)
    assert (row.messages, row.misfiled, row.server_thread) == (2, 1, source.server_thread)
    assert [item.misfiled for item in shown.items] == [False, True]


def test_another_reply_recipient_is_never_used(one: Organisation):
    """The pinned recipient stays; the thread says that another was named."""
    source = Source()
    one.server.message(source, "first")
    import_batch(one.vaults[0], one.server.batch(one.stick))
    one.server.message(Source(source.thread, server_thread=source.server_thread), "second")
    import_batch(one.vaults[0], one.server.batch(one.stick))
    with one.vaults[0].read() as connection:
        row = connection.execute(select(threads)).one()
    assert (row.recipient, row.recipients) == (str(source.reply.recipient), 2)


def test_a_file_dropped_by_the_server_and_a_length_that_differs_are_noticed(one: Organisation):
    """The list that ends a POST says what should be there."""
    source = Source()
    here = one.server.deposit(source, "file", b"12345", name="here")
    lines = [ListedFile(here, 6), ListedFile(secrets.token_bytes(16), 9)]
    one.server.deposit(source, "files", encode_list(lines))
    import_batch(one.vaults[0], one.server.batch(one.stick))
    with one.vaults[0].read() as connection:
        row = connection.execute(select(threads)).one()
        assert (row.missing, row.differing) == (1, 1)
        assert len(reading.warned(connection)) == 1


def test_thirty_days_of_silence_of_a_seat_are_an_alarm(three: Organisation):
    """A seat that gives no sign is named, once."""
    import_batch(three.vaults[0], three.server.batch(three.stick))
    three.turn(29)
    import_batch(three.vaults[0], three.server.batch(three.stick))
    assert kinds(three.vaults[0]) == set()
    three.turn(1)
    import_batch(three.vaults[0], three.server.batch(three.stick))
    assert kinds(three.vaults[0]) == {"silence"}
    with three.vaults[0].read() as connection:
        accused = {alarm.subject.split()[0] for alarm in alarms.every(connection)}
    assert accused == {"2", "3"}


def test_a_seat_that_acknowledged_another_batch_is_an_alarm(three: Organisation):
    """Two seats compare what the server gave them, through the server."""
    first = three.server.batch(three.stick)
    import_batch(three.vaults[0], first)
    three.send(three.vaults[0])
    three.server.batches.clear()
    three.server.message(Source(), "another first batch")
    import_batch(three.vaults[1], three.server.batch(three.stick))
    import_batch(three.vaults[1], three.server.batch(three.stick))
    assert "other-digest" in kinds(three.vaults[1])


def test_another_outbox_under_this_seats_number_is_an_alarm(one: Organisation):
    """Somebody who writes as this seat is noticed by it."""
    one.server.manifest_changes = {"outboxes": (TakenOutbox(seat=1, sequence=7, digest=bytes(32)),)}
    import_batch(one.vaults[0], one.server.batch(one.stick))
    assert kinds(one.vaults[0]) == {"outbox-fork"}


def test_a_floor_that_falls_and_a_day_that_goes_back_are_alarms(one: Organisation):
    """The server's word is compared with its earlier word."""
    one.turn(60)
    one.server.floor = 3
    import_batch(one.vaults[0], one.server.batch(one.stick))
    one.server.floor = 2
    one.turn(-1)
    import_batch(one.vaults[0], one.server.batch(one.stick))
    assert kinds(one.vaults[0]) == {"floor-fell", "clock-back"}
    with one.vaults[0].read() as connection:
        assert connection.execute(select(func.max(batches.c.floor))).scalar() == 3


def test_a_batch_that_withdraws_ten_thousand_threads_reads_no_table_for_each(one: Organisation):
    """The vault finds a thread by the server's id through an index."""
    import_batch(one.vaults[0], one.server.batch(one.stick))
    with one.vaults[0].read() as connection:
        query = "EXPLAIN QUERY PLAN SELECT DISTINCT thread FROM items WHERE server_thread = x'00'"
        plan = [row.detail for row in connection.exec_driver_sql(query)]
    assert any("items_by_server_thread" in step for step in plan)


def test_a_sheet_that_ran_out_still_opens(one: Organisation):
    """E4: sealed with the sheet's last key, named by the epoch of the day."""
    one.server.day = one.clock.day = one.server.root.first_day.replace(year=2031)
    one.server.message(Source(), "long after")
    report, found = imported(one)
    assert (report.imported, report.refused) == (1, [])
    assert found == set()


def test_another_first_batch_while_the_first_is_not_whole_is_an_alarm(one: Organisation):
    """The pinned batch cannot be exchanged between two tries."""
    for _ in range(4):
        one.server.batch(one.stick)
    one.admit(1)
    vault = one.vaults[1]
    one.server.message(Source(), "true")
    raw = one.server.waiting[0].raw
    path = one.server.batch(one.stick)
    flip(path, raw)
    assert not import_batch(vault, path).whole
    one.server.batches.pop()
    one.server.message(Source(), "other")
    with pytest.raises(ForgedError):
        import_batch(vault, one.server.batch(one.stick))
    with pytest.raises(WithheldError, match="batch 5 is not imported whole"):
        import_batch(vault, one.server.batch(one.stick))
    assert {"batch-fork", "withheld"} <= kinds(vault)
