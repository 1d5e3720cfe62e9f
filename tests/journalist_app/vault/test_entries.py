# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Entries and the tables computed from them: the order in which anything arrives has no say.
"""

from __future__ import annotations

import dataclasses
import itertools
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, select

from crypto.errors import FormatError, SignatureError
from crypto.frame import ListedFile, encode_list
from crypto.hidden import Hidden
from crypto.signing import SignedDocument, SigningKey, sign_document, write_document
from crypto.unseal import SeatOpener
from journalist_app.vault import alarms, models, projection, replies
from journalist_app.vault.entries import MAX_TEXT, checked_text, missing_entries, open_entry, parse_entry
from journalist_app.vault.epochs import seeds
from journalist_app.vault.errors import InputError, ItemRefusedError, NotFoundError, NotNowError
from journalist_app.vault.found import write_found
from journalist_app.vault.identity import held_cards, load
from journalist_app.vault.importer import import_batch
from journalist_app.vault.intake import Filed, Found, Intake
from tests.journalist_app.vault.fakes import Organisation, Source

COMPARED = (
    *(models.items, models.bodies, models.payloads, models.listed, models.entries),
    *(models.threads, models.grouped),
)


def dump(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
    """
    Everything that must not depend on order, in one order.
    """
    found = {
        table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr) for table in COMPARED
    }
    # What a vault has thrown away it takes for a stranger's when it comes again: only the seat itself can know.
    found["alarms"] = sorted((one.kind, one.subject) for one in alarms.every(connection) if one.kind != "own-entry")
    return found


def everything(made: Organisation) -> list[Found]:
    """
    A history with everything that order could disturb, as what `intake` makes of it.
    """
    server, vaults = made.server, made.vaults
    one, two = Source(), Source()
    for source in (one, two):
        server.message(source, "first")
        server.message(source, "first")
        for name in ("disk.001", "disk.002", "copy.001"):
            server.deposit(source, "file", name[5:].encode(), name=name)
        for body in (b"a", b"b"):
            server.deposit(source, "file", body, name="in parts", set_=bytes(16), part=1, parts=2)
        server.message(source, "second")
        server.files(source, a=b"a" * 100, b=b"b" * 200)
    server.message(Source(one.thread), "filed elsewhere, other recipient")
    server.deposit(two, "files", encode_list([ListedFile(bytes(16), 5)]))
    path = server.batch(made.stick)
    for vault in vaults:
        import_batch(vault, path)
    for turn, vault in enumerate(vaults):
        replies.note(vault, bytes(one.thread), f"note {turn}")
        replies.set_state(vault, bytes(one.thread), ("reading", "waiting", "closed")[turn])
        replies.reply(vault, bytes(two.thread), f"reply {turn}")
        made.send(vault)
    server.batch(made.stick)
    found = []
    with vaults[0].read() as connection:
        identity = load(connection)
        opener = SeatOpener(seat=identity.number, seeds=seeds(connection), last=0)
        intake = Intake(vaults[0], opener, seeds(connection), held_cards(connection, identity.root))
    for manifest, _, raws in server.batches:
        for place, (item, raw) in enumerate(zip(manifest.items, raws, strict=True)):
            filed = Filed(batch=manifest.number, place=place, day=manifest.day.isoformat(), item=item)
            taken = intake.take(filed, iter((raw,)))
            assert isinstance(taken, Found)
            found.append(taken)
    entry = next(one for one in found if one.entry is not None and one.entry.number == 2)
    found.append(forked(entry, vaults[entry.entry.seat - 1]))
    return found


def forked(found: Found, vault: object) -> Found:
    """
    A second entry with a number that is taken, by the same seat.
    """
    with vault.read() as connection:
        key = load(connection).signing
    contents = found.entry.signed.contents("entry")
    signed = sign_document("entry", write_document("entry", {**contents, "person": "somebody else"}), [key])
    row = {**found.row, "item": b"f" * 16, "place": 999}
    return Found(row, None, found.payload, (), parse_entry(signed))


@pytest.fixture(scope="module")
def history():
    """
    Three vaults and everything that came to pass between them.
    """
    with tempfile.TemporaryDirectory() as folder:
        made = Organisation(Path(folder), seats=3)
        yield made, everything(made)
        made.close()


def feed(vault: object, order: list[Found], cuts: list[int]) -> dict[str, list[tuple[object, ...]]]:
    """
    Let everything arrive in this order, in transactions cut here, and throw it away again.
    """
    with vault.database.engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        for table in (*COMPARED, models.alarms):
            connection.execute(delete(table))
        edges = [0, *sorted(set(cuts)), len(order)]
        for start, end in itertools.pairwise(edges):
            write_found(connection, order[start:end])
        found = dump(connection)
        projection.compute_all(connection)
        assert dump(connection) == found
        connection.rollback()
    return found


@settings(max_examples=40)
@given(choice=st.data())
def test_two_vaults_show_the_same_tables_whatever_the_order(history, choice: st.DataObject):
    """Any two interleavings, cut into any transactions, give the same tables and alarms."""
    made, found = history
    cuts = st.lists(st.integers(1, len(found) - 1), max_size=6)
    first = feed(made.vaults[0], choice.draw(st.permutations(found)), choice.draw(cuts))
    second = feed(made.vaults[1], choice.draw(st.permutations(found)), choice.draw(cuts))
    assert first == second
    assert {kind for kind, _ in first["alarms"]} == {"entry-fork", "entry-chain"}


def test_the_state_is_that_of_the_highest_clock(history):
    """Later by clock wins, not later by arrival."""
    made, _ = history
    with made.vaults[2].read() as connection:
        states = connection.execute(select(models.threads.c.state)).scalars().all()
    assert sorted(states) == ["closed", "new"]


def test_entries_come_in_with_gaps_and_the_gap_is_counted(history):
    """A seat whose second entry has not come is shown as having one missing."""
    made, found = history
    mine = [one for one in found if one.entry is not None and one.entry.seat == 2]
    with made.vaults[0].database.engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        connection.execute(delete(models.entries))
        connection.execute(delete(models.items))
        write_found(connection, [one for one in mine if one.entry.number != 2])
        assert missing_entries(connection) == {2: 1}
        connection.rollback()


def test_an_entry_of_another_key_or_thread_is_refused(history):
    """The seat's key on the card, and the thread of the frame."""
    made, found = history
    entry = next(one.entry for one in found if one.entry is not None)
    card = made.server.card
    body = entry.signed.encode()
    assert open_entry(body, card, entry.thread) == entry
    with pytest.raises(ItemRefusedError):
        open_entry(body, card, Hidden(bytes(32)))
    forged = sign_document("entry", entry.signed.document, [SigningKey.generate()])
    with pytest.raises(SignatureError):
        open_entry(forged.encode(), card, entry.thread)
    with pytest.raises(SignatureError):
        open_entry(dataclasses.replace(entry.signed, signatures=()).encode(), card, entry.thread)


def test_an_entry_of_a_known_type_without_its_fields_is_refused(history):
    """A note has a text, a state is one of the list."""
    _, found = history
    contents = next(one.entry for one in found if one.entry is not None).signed.contents("entry")
    for kind, fields in (("note", {}), ("state", {"state": "lost"}), ("status", {"item": "00"}), ("reply", {})):
        bare = {key: contents[key] for key in ("seat", "number", "previous", "clock", "person", "day", "thread")}
        document = write_document("entry", {**bare, "type": kind, **fields})
        with pytest.raises(FormatError):
            parse_entry(SignedDocument(document, ()))


def test_an_entry_of_an_unknown_type_is_kept(history):
    """A newer vault's entry is shown raw here."""
    _, found = history
    contents = next(one.entry for one in found if one.entry is not None).signed.contents("entry")
    document = write_document("entry", {**contents, "type": "urgency", "urgency": 3})
    assert parse_entry(SignedDocument(document, ())).fields["urgency"] == 3


@given(st.text(max_size=200))
def test_a_text_has_one_spelling_of_a_line_end(text: str):
    """Checked text is stable, and never empty."""
    try:
        once = checked_text(text)
    except InputError:
        assert not text.strip()
        return
    assert "\r" not in once
    assert checked_text(once) == once


def test_what_cannot_be_written_is_refused_and_nothing_waits(one: Organisation):
    """Empty, too long, no such state, no such thread, nobody to reply to."""
    source = Source()
    one.server.message(source, "hello")
    import_batch(one.vaults[0], one.server.batch(one.stick))
    vault, thread = one.vaults[0], bytes(source.thread)
    for refused in (
        lambda: replies.note(vault, thread, " \r\n "),
        lambda: replies.reply(vault, thread, "x" * (MAX_TEXT + 1)),
        lambda: replies.reply(vault, thread, "x", "not a language"),
        lambda: replies.set_state(vault, thread, "lost"),
    ):
        with pytest.raises(InputError):
            refused()
    with pytest.raises(NotFoundError):
        replies.note(vault, bytes(32), "x")
    with vault.write() as connection:
        connection.execute(delete(models.items))
        connection.execute(models.threads.update().values(recipient=""))
    with pytest.raises(NotNowError):
        replies.reply(vault, thread, "x")
    with vault.read() as connection:
        assert connection.execute(select(models.pending)).all() == []
        assert connection.execute(select(models.entries)).all() == []
