# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Outboxes and epochs: what leaves the vault, what is sealed again, what may be destroyed.
"""

from __future__ import annotations

import pytest
from sqlalchemy import select

from crypto.age import Header
from crypto.replies import open_reply
from journalist_app.bundle.errors import ForeignError
from journalist_app.vault import epochs, models, outbox, replies
from journalist_app.vault.errors import NotFoundError, NotNowError
from journalist_app.vault.identity import load, newest_own_sheet
from journalist_app.vault.importer import import_batch
from tests.journalist_app.vault.fakes import Organisation, Source


def bring(made: Organisation) -> None:
    """
    One batch into every vault.
    """
    path = made.server.batch(made.stick)
    for vault in made.vaults:
        import_batch(vault, path)


def test_a_reply_and_a_status_open_with_the_source_s_key_and_are_signed_by_the_seat(one: Organisation):
    """What the server publishes is what the source reads."""
    source = Source()
    one.server.message(source, "hello")
    bring(one)
    replies.reply(one.vaults[0], bytes(source.thread), "你好\r\n再见", "zh-Hans")
    replies.tell_status(one.vaults[0], bytes(source.thread), "answered")
    one.send(one.vaults[0])
    opened = []
    for record, raw in one.server.published:
        assert (record.thread, record.sees) == (source.server_thread, 1)
        header = raw[: Header.length(raw)]
        found = open_reply(header, raw[len(header) :], source.reply)
        found.verify(one.server.card.seat(1).signing)
        opened.append((found.text, found.status))
    assert sorted(opened, key=str) == [("你好\n再见", None), (None, "answered")]


def test_replies_live_ninety_days_and_up_to_fourteen_more(one: Organisation):
    """Each its own number of days, so that the day it goes does not say on which it came."""
    source = Source()
    one.server.message(source, "hello")
    bring(one)
    for _ in range(30):
        replies.tell_status(one.vaults[0], bytes(source.thread), "read")
    one.send(one.vaults[0])
    days = [record.expires_days for record, _ in one.server.published]
    assert len(days) == 30
    assert all(90 <= each <= 104 for each in days)
    # Thirty equal draws of fifteen: less than one in 10^34.
    assert len(set(days)) > 1


def test_an_outbox_is_written_again_byte_for_byte_until_a_batch_confirms_it(one: Organisation):
    """The same number has the same bytes, however often it is written."""
    vault = one.vaults[0]
    frozen = outbox.freeze(vault)
    first = outbox.write_to(vault, frozen.sequence, one.stick).read_bytes()
    second = outbox.write_to(vault, frozen.sequence, one.stick)
    assert second.read_bytes() == first
    one.server.take(second)
    bring(one)
    with vault.read() as connection:
        assert [(row.sequence, row.confirmed) for row in outbox.every(connection)] == [(1, True)]
    with pytest.raises(NotFoundError):
        outbox.write_to(vault, 9, one.stick)


def test_an_outbox_whose_resealing_is_rolled_back_keeps_its_bytes(one: Organisation):
    """File and row never differ: a crash between them leaves a file that nobody names, and the next freeze removes it."""
    vault, source = one.vaults[0], Source()
    one.server.message(source, "hello")
    bring(one)
    replies.note(vault, bytes(source.thread), "sealed anew under another item id")
    frozen = outbox.freeze(vault)
    before = outbox.write_to(vault, frozen.sequence, one.stick).read_bytes()

    def crash() -> None:
        with vault.write() as connection:
            assert outbox.seal_again(connection, vault, server_card=2) == (1,)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crash()
    assert len(list(vault.outboxes.iterdir())) == 2
    written = outbox.write_to(vault, frozen.sequence, one.stick)
    assert written.read_bytes() == before
    one.server.take(written)
    assert one.server.taken[1][1] == frozen.digest
    again = outbox.freeze(vault)
    assert len(list(vault.outboxes.iterdir())) == 2
    one.server.take(outbox.write_to(vault, again.sequence, one.stick))
    bring(one)
    with vault.read() as connection:
        assert all(row.confirmed for row in outbox.every(connection))


def test_each_outbox_brings_a_renewed_sheet_and_the_newest_acknowledgement(one: Organisation):
    """Sealing never depends on a ceremony."""
    bring(one)
    one.turn(28)
    one.send(one.vaults[0])
    assert (one.server.sheets[1].sequence, one.server.sheets[1].first, one.server.sheets[1].last) == (2, 0, 28)
    assert set(one.server.acknowledgements) == {1}


def test_an_outbox_below_a_risen_floor_is_sealed_again_under_its_number(three: Organisation):
    """The floor rises while an outbox lies on the way; nothing in it is lost, and those after it follow."""
    source = Source()
    three.server.message(source, "hello")
    bring(three)
    slow = three.vaults[0]
    replies.note(slow, bytes(source.thread), "slow")
    before = outbox.freeze(slow)
    replies.note(slow, bytes(source.thread), "slower")
    after = outbox.freeze(slow)
    three.turn(20)
    bring(three)
    epochs.close_through(three.vaults[1], 0)
    three.send(three.vaults[1])
    assert three.server.floor == 1
    stale = outbox.write_to(slow, before.sequence, three.stick)
    with pytest.raises(ValueError, match="below the floor"):
        three.server.take(stale)
    bring(three)
    with slow.read() as connection:
        sealed = {row.sequence: row.digest for row in outbox.every(connection)}
    assert sealed[before.sequence] != before.digest
    assert sealed[after.sequence] != after.digest
    for sequence in (before.sequence, after.sequence):
        three.server.take(outbox.write_to(slow, sequence, three.stick))
    bring(three)
    with three.vaults[2].read() as connection:
        assert connection.execute(select(models.threads.c.notes)).scalar() == 2


def test_an_outbox_under_an_older_card_is_sealed_again(one: Organisation):
    """The server has a newer card than the one the outbox names."""
    frozen = outbox.freeze(one.vaults[0])
    stale = outbox.write_to(one.vaults[0], frozen.sequence, one.stick)
    one.admit(1)
    with pytest.raises(ForeignError):
        one.server.take(stale)
    bring(one)
    one.server.take(outbox.write_to(one.vaults[0], frozen.sequence, one.stick))


def test_a_deletion_is_asked_for_once(one: Organisation):
    """The request names the server's thread."""
    source = Source()
    one.server.message(source, "hello")
    bring(one)
    for _ in range(2):
        replies.ask_deletion(one.vaults[0], bytes(source.thread))
    one.send(one.vaults[0])
    assert [record.threads for record in one.server.deletions] == [(source.server_thread,)]


def test_an_epoch_closes_only_after_its_end_by_the_server(one: Organisation):
    """A laptop's clock alone closes nothing."""
    bring(one)
    one.clock.day = one.clock.day.replace(year=2027)
    for epoch in (0, 10_000):
        with pytest.raises(NotNowError):
            epochs.close_through(one.vaults[0], epoch)


def test_a_seed_is_destroyed_after_two_trips_and_fourteen_days_and_what_was_imported_stays(three: Organisation):
    """E6, rule by rule."""
    source = Source()
    three.server.message(source, "in epoch 0")
    bring(three)
    vault = three.vaults[0]
    three.turn(15)
    bring(three)
    assert epochs.destroy(vault) == ()
    for one in three.vaults:
        epochs.close_through(one, 0)
        three.send(one)
    assert epochs.destroy(vault) == ()
    bring(three)
    # The floor is above it, the batch is in, but its end is one day past.
    assert epochs.destroy(vault) == ()
    three.turn(13)
    assert epochs.destroy(vault) == ()
    bring(three)
    assert epochs.destroy(vault) == (0,)
    with vault.read() as connection:
        assert 0 not in epochs.seeds(connection)
        assert connection.execute(select(models.items.c.text).where(models.items.c.kind == "message")).scalar()
    with pytest.raises(NotNowError):
        epochs.close_through(vault, 0)


def test_no_seed_goes_while_the_server_holds_items_back(three: Organisation):
    """A large item that waits for a later batch may need the seed, whatever floor the newest batch states (E6)."""
    vault = three.vaults[0]
    bring(three)
    three.turn(15)
    bring(three)
    for one in three.vaults:
        epochs.close_through(one, 0)
        three.send(one)
    three.turn(13)
    three.server.manifest_changes = {"waiting": 1}
    bring(three)
    assert epochs.destroy(vault) == ()
    three.server.manifest_changes = {}
    bring(three)
    assert epochs.destroy(vault) == (0,)


def test_epochs_are_made_a_year_ahead_and_never_twice(one: Organisation):
    """A destroyed number is not made again; seeds that exist are not replaced."""
    vault = one.vaults[0]
    with vault.write() as connection:
        identity = load(connection)
        before = dict(epochs.seeds(connection))
        assert sorted(before) == list(range(27))
        epochs.extend(connection, identity, one.clock.day)
        assert epochs.seeds(connection) == before
        connection.execute(models.epochs.delete().where(models.epochs.c.number == 0))
        one.turn(14)
        epochs.extend(connection, identity, one.clock.day)
        assert sorted(epochs.seeds(connection)) == list(range(1, 28))
        sheet = newest_own_sheet(connection, identity)
        assert sheet is not None
        assert sheet.sequence == 1


def test_the_pages_count_how_far_the_installed_sheet_reaches(one: Organisation):
    """Thirteen epochs ahead is the least."""
    bring(one)
    with one.vaults[0].read() as connection:
        assert epochs.ahead(connection, one.vaults[0]) == 26
        held = epochs.overview(connection, one.vaults[0])
    assert not any(epoch.closable or epoch.destroyable for epoch in held)
