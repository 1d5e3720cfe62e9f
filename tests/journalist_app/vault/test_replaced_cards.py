# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A seat leaves: what its old card and its old key are still good for.
"""

from __future__ import annotations

from sqlalchemy import select

from crypto.card import Card
from crypto.epochs import addressees
from journalist_app.bundle.batch import BatchItem
from journalist_app.vault import alarms, ceremony, models, outbox, reading, replies, rootkeys
from journalist_app.vault.importer import import_batch
from journalist_app.vault.keystore import Vault
from tests.journalist_app.vault.fakes import Organisation, Source, Stored
from tests.journalist_app.vault.looks import kinds


def remove(made: Organisation, number: int) -> Card:
    """
    The next card, without a seat, installed at the server.
    """
    signed = ceremony.draft_card(made.vaults[0], remove=[number])
    for key in made.root_keys:
        signed = rootkeys.sign_card(signed, key, made.server.root)
    made.server.card = Card.decode(signed.encode(), made.server.root)
    return made.server.card


def bring(made: Organisation, *vaults: Vault) -> None:
    """
    One batch into these vaults.
    """
    path = made.server.batch(made.stick)
    for vault in vaults:
        assert import_batch(vault, path).refused == []


def smuggle(made: Organisation, vault: Vault, card: Card) -> None:
    """
    The newest entry of a vault, sealed under a card and put among the items by a hostile server.
    """
    server = made.server
    to = addressees(card, server.sheets, server.day, server.root.first_day, 0)
    with vault.read() as connection:
        waits = select(models.pending).where(models.pending.c.kind == "entry").order_by(models.pending.c.id.desc())
        row = connection.execute(waits).first()
    carried = outbox._carry_entry(row.fields, to)
    record = carried.record
    place = BatchItem(
        item=record.item,
        thread=b"",
        lane="team",
        card=record.card,
        epoch=record.epoch,
        seats=record.seats,
        length=record.length,
        sha256=record.sha256,
    )
    server.waiting.append(Stored(place, carried.file))


def state(vault: Vault, source: Source) -> str:
    """
    What state a thread is in.
    """
    with vault.read() as connection:
        return reading.thread(connection, bytes(source.thread)).row.state


def on_thread(vault: Vault, source: Source) -> set[str]:
    """
    The kinds of alarms that the thread's page shows.
    """
    with vault.read() as connection:
        return {one.kind for one in alarms.of_thread(connection, bytes(source.thread))}


def test_a_new_card_is_told_with_who_came_and_who_left(three: Organisation):
    """A card is a change of who reads: it is never taken without a word."""
    bring(three, three.vaults[0])
    remove(three, 2)
    bring(three, three.vaults[0])
    with three.vaults[0].read() as connection:
        told = {one.kind: one.detail for one in alarms.every(connection)}
    assert told == {"new-card": "card 3 after card 2; removed: seat 2"}


def test_an_item_sealed_under_a_replaced_card_is_shown_with_an_alarm(three: Organisation):
    """The seat that left can read it. What still waited when the card was replaced is no alarm."""
    source, server = Source(), three.server
    server.message(source, "before")
    bring(three, *three.vaults)
    old = server.card
    server.message(source, "still waiting")
    remove(three, 2)
    bring(three, three.vaults[0], three.vaults[2])
    assert on_thread(three.vaults[0], source) == set()
    new, server.card = server.card, old
    server.message(source, "readable by the seat that left")
    server.card = new
    bring(three, three.vaults[0], three.vaults[2])
    for vault in (three.vaults[0], three.vaults[2]):
        assert on_thread(vault, source) == {"old-card"}


def test_while_the_server_holds_items_back_an_older_card_is_no_alarm(three: Organisation):
    """Only a settled batch leaves nothing of the old card to come."""
    source, server = Source(), three.server
    server.message(source, "before")
    bring(three, three.vaults[0])
    old = server.card
    remove(three, 2)
    server.manifest_changes = {"waiting": 1}
    bring(three, three.vaults[0])
    server.manifest_changes = {}
    new, server.card = server.card, old
    server.message(source, "large, held back")
    server.card = new
    bring(three, three.vaults[0])
    assert on_thread(three.vaults[0], source) == set()


def test_an_entry_of_a_seat_that_left_is_shown_and_decides_nothing(three: Organisation):
    """Its key may be in other hands. What it wrote before it left still counts, also if it is sent once more."""
    source, server = Source(), three.server
    server.message(source, "hello")
    bring(three, *three.vaults)
    old, leaver = server.card, three.vaults[1]
    replies.set_state(leaver, bytes(source.thread), "reading")
    smuggle(three, leaver, old)
    bring(three, three.vaults[0], three.vaults[2])
    remove(three, 2)
    bring(three, three.vaults[0], three.vaults[2])
    smuggle(three, leaver, old)
    replies.set_state(leaver, bytes(source.thread), "closed")
    smuggle(three, leaver, old)
    bring(three, three.vaults[0], three.vaults[2])
    rows = []
    for vault in (three.vaults[0], three.vaults[2]):
        assert state(vault, source) == "reading"
        assert {"old-card", "old-seat"} <= on_thread(vault, source)
        with vault.read() as connection:
            rows.append(connection.execute(select(models.entries.c.value, models.entries.c.revoked)).all())
    assert sorted(rows[0]) == sorted(rows[1]) == [("closed", 1), ("reading", 0)]


def test_an_entry_of_a_seat_that_stayed_counts_under_an_older_card(three: Organisation):
    """The card is old, the key is not: an alarm for the item, and the state follows."""
    source, server = Source(), three.server
    server.message(source, "hello")
    bring(three, *three.vaults)
    old = server.card
    remove(three, 2)
    bring(three, three.vaults[0])
    replies.set_state(three.vaults[2], bytes(source.thread), "closed")
    smuggle(three, three.vaults[2], old)
    bring(three, three.vaults[0])
    assert state(three.vaults[0], source) == "closed"
    assert on_thread(three.vaults[0], source) == {"old-card"}


def test_an_old_epoch_or_card_does_not_hide_that_a_seat_was_left_out(three: Organisation):
    """What comes after a settled batch that reported this seat's sheet was sealed while it was active."""
    server, vault = three.server, three.vaults[2]
    bring(three, vault)
    server.sheets.pop(3)
    server.message(Source(), "sealed past seat 3, under epoch 0")
    path = server.batch(three.stick)
    report = import_batch(vault, path)
    assert (report.others, report.imported) == (1, 0)
    assert kinds(vault) == {"not-for-us"}


def test_an_item_below_a_floor_stated_before_is_an_alarm(one: Organisation):
    """The server said that nothing more comes under that epoch."""
    vault, server = one.vaults[0], one.server
    one.turn(30)
    server.floor = 1
    bring(one, vault)
    assert kinds(vault) == set()
    server.floor, server.day = 0, server.root.first_day
    server.message(Source(), "under epoch 0")
    server.floor, server.day = 1, one.clock.day
    bring(one, vault)
    assert kinds(vault) == {"below-floor"}
