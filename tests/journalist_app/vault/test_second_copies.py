# SPDX-License-Identifier: AGPL-3.0-or-later
"""
No place that gave no item is final: what a better copy, an earlier batch or a newer vault still gives.
"""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from sqlalchemy import select

from crypto.age.header import make_header
from crypto.age.keys import new_file_key
from crypto.age.stream import PayloadSealer
from crypto.epochs import addressees
from crypto.frame import message_header
from crypto.seal import seal_frame
from journalist_app.bundle.errors import BundleError, TruncatedError
from journalist_app.vault import epochs, importer, intake, models, replies, run
from journalist_app.vault.errors import ForgedError, NotNowError, WithheldError
from journalist_app.vault.importer import import_batch
from journalist_app.vault.keystore import Vault
from tests.journalist_app.vault.fakes import Organisation, Source, write_batch
from tests.journalist_app.vault.looks import count, flip, kinds


def emptied(one: Organisation, path: Path, number: int, gone: bytes) -> bytes:
    """
    Take one item's bytes out of a copy, as anybody who carries it can.

    Returns:
        The whole copy.
    """
    whole = path.read_bytes()
    manifest, sealed, raws = one.server.batches[number - 1]
    write_batch(
        path,
        number,
        sealed,
        [b"" if place.item == gone else raw for place, raw in zip(manifest.items, raws, strict=True)],
    )
    return whole


def acknowledged(vault: Vault) -> int | None:
    """
    The number that the next outbox would acknowledge.
    """
    with vault.read() as connection:
        row = run.acknowledgeable(connection)
    return None if row is None else row.number


def test_an_item_taken_out_of_one_copy_comes_in_with_the_next(one: Organisation):
    """It is not acknowledged before, so the server keeps it; the run goes on meanwhile."""
    vault, server = one.vaults[0], one.server
    import_batch(vault, server.batch(one.stick))
    item = server.message(Source(), "keep me")
    server.message(Source(), "other")
    path = server.batch(one.stick)
    whole = emptied(one, path, 2, item)
    report = import_batch(vault, path)
    assert (report.erased, report.whole, acknowledged(vault)) == ([item.hex()], True, 1)
    import_batch(vault, server.batch(one.stick))
    assert acknowledged(vault) == 1
    path.write_bytes(whole)
    report = import_batch(vault, path)
    assert (report.imported, report.erased, report.whole) == (1, [], True)
    assert (count(vault), acknowledged(vault)) == (2, 3)


def test_a_batch_whose_item_its_source_took_back_is_acknowledged(one: Organisation):
    """The manifest that tells of it explains the gap."""
    vault, server, source = one.vaults[0], one.server, Source()
    item = server.message(source, "forgotten")
    path = server.batch(one.stick)
    emptied(one, path, 1, item)
    import_batch(vault, path)
    assert acknowledged(vault) is None
    server.manifest_changes = {"withdrawn": (source.server_thread,)}
    import_batch(vault, server.batch(one.stick))
    assert acknowledged(vault) == 2


def test_a_batch_whose_thread_a_seat_had_deleted_is_acknowledged(one: Organisation):
    """A seat's own order explains the gap as well."""
    vault, server, source = one.vaults[0], one.server, Source()
    server.message(source, "first")
    import_batch(vault, server.batch(one.stick))
    item = server.message(source, "second")
    path = server.batch(one.stick)
    emptied(one, path, 2, item)
    import_batch(vault, path)
    assert acknowledged(vault) == 1
    replies.ask_deletion(vault, bytes(source.thread))
    assert acknowledged(vault) == 2


def test_a_person_can_finish_without_what_nobody_has_and_a_copy_still_gives_it(one: Organisation):
    """It is acknowledged then, with an alarm, and not lost if a good copy turns up."""
    vault, server = one.vaults[0], one.server
    item, damaged = server.message(Source(), "taken out"), server.message(Source(), "damaged")
    raw = next(stored.raw for stored in server.waiting if stored.place.item == damaged)
    path = server.batch(one.stick)
    whole = emptied(one, path, 1, item)
    flip(path, raw)
    report = import_batch(vault, path, without_damaged=True)
    assert (report.whole, acknowledged(vault)) == (True, 1)
    assert "without-damaged" in kinds(vault)
    path.write_bytes(whole)
    assert import_batch(vault, path).imported == 2


def test_a_refused_place_is_tried_again(one: Organisation, monkeypatch: pytest.MonkeyPatch):
    """What one vault or its memory refused, it may open the next time."""
    vault = one.vaults[0]
    one.server.message(Source(), "hello")
    path = one.server.batch(one.stick)
    with monkeypatch.context() as change:
        change.setattr(intake, "LANES", {"source": frozenset(), "team": frozenset()})
        assert len(import_batch(vault, path).refused) == 1
    assert import_batch(vault, path).imported == 1
    with vault.read() as connection:
        assert connection.execute(select(models.passed)).all() == []


def test_a_large_item_that_a_stick_misread_once_is_read_again(one: Organisation, monkeypatch: pytest.MonkeyPatch):
    """If the second reading has the server's digest, the item opens from a third."""
    vault = one.vaults[0]
    one.server.deposit(Source(), "file", secrets.token_bytes(2 << 20), name="large")
    raw = one.server.waiting[0].raw
    path = one.server.batch(one.stick)
    good = path.read_bytes()
    flip(path, raw)
    compare = importer._compare

    def recovered(*args: object) -> None:
        path.write_bytes(good)
        compare(*args)

    monkeypatch.setattr(importer, "_compare", recovered)
    report = import_batch(vault, path)
    assert (report.imported, report.refused, report.damaged, report.whole) == (1, [], [], True)


def test_a_copy_that_is_cut_gives_what_came_before_the_cut(one: Organisation):
    """Not only when it is repeated: a stick that is lost afterwards has not cost everything."""
    vault, source = one.vaults[0], Source()
    for number in range(30):
        one.server.message(source, f"message {number}")
    path = one.server.batch(one.stick)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TruncatedError):
        import_batch(vault, path)
    assert 5 <= count(vault) < 30
    assert acknowledged(vault) is None
    broken = bytearray(whole)
    broken[whole.index(one.server.batches[0][2][25]) - 512] ^= 1
    path.write_bytes(broken)
    with pytest.raises(BundleError):
        import_batch(vault, path)
    assert count(vault) == 25


def test_the_founder_begins_at_batch_one(one: Organisation):
    """Every batch there ever was is its own: the wrong file first loses nothing."""
    vault, server = one.vaults[0], one.server
    server.message(Source(), "first")
    first = server.batch(one.stick)
    server.message(Source(), "second")
    second = server.batch(one.stick)
    with pytest.raises(WithheldError, match="batch 1"):
        import_batch(vault, second)
    assert import_batch(vault, first).whole
    assert import_batch(vault, second).whole
    assert count(vault) == 2


def late_seat(one: Organisation) -> tuple[Vault, list[Path]]:
    """
    A second seat, admitted after batch 1, and batches 1 to 4; it is active in 2, 3 and 4.
    """
    server = one.server
    server.message(Source(), "not for seat 2")
    paths = [server.batch(one.stick)]
    one.admit(1)
    for number in (2, 3, 4):
        server.message(Source(), f"in batch {number}")
        paths.append(server.batch(one.stick))
    return one.vaults[1], paths


def test_a_later_seat_takes_earlier_batches_backwards(one: Organisation):
    """The wrong file first loses nothing here either; nothing is acknowledged until the beginning is known."""
    vault, paths = late_seat(one)
    assert import_batch(vault, paths[3]).imported == 1
    assert acknowledged(vault) is None
    with pytest.raises(NotNowError, match="import batch 3 first"):
        import_batch(vault, paths[1])
    for path in (paths[2], paths[1]):
        assert import_batch(vault, path).imported == 1
        assert acknowledged(vault) is None
    with pytest.raises(NotNowError):
        import_batch(vault, paths[0])
    assert (acknowledged(vault), count(vault)) == (4, 3)
    assert import_batch(vault, one.server.batch(one.stick)).whole


def test_an_earlier_batch_that_was_damaged_is_finished_by_a_good_copy(one: Organisation):
    """Backwards as forwards: an interrupted batch is the one to go on with."""
    vault, paths = late_seat(one)
    import_batch(vault, paths[3])
    good = paths[2].read_bytes()
    flip(paths[2], one.server.batches[2][2][0])
    assert not import_batch(vault, paths[2]).whole
    with pytest.raises(NotNowError, match="the rest of batch 3"):
        import_batch(vault, paths[1])
    paths[2].write_bytes(good)
    assert import_batch(vault, paths[2]).whole
    assert import_batch(vault, paths[1]).whole


def test_an_earlier_batch_that_the_first_does_not_name_is_a_forgery(one: Organisation):
    """The digests link backwards too."""
    vault, paths = late_seat(one)
    import_batch(vault, paths[3])
    del one.server.batches[2:]
    one.server.message(Source(), "another batch 3")
    with pytest.raises(ForgedError):
        import_batch(vault, one.server.batch(one.stick))
    assert "batch-fork" in kinds(vault)


def test_no_epoch_is_destroyed_before_the_beginning_is_known(one: Organisation):
    """An earlier batch may hold items that need its seed; a person may say that it cannot be had."""
    vault, _ = late_seat(one)
    one.turn(40)
    one.server.floor = 1
    import_batch(vault, one.server.batch(one.stick))
    assert epochs.destroy(vault) == ()
    with vault.write() as connection:
        assert run.awaited(connection) == 4
        run.begin_here(connection, number=3)
        assert run.awaited(connection) == 4
        run.begin_here(connection)
    assert epochs.destroy(vault) == (0,)
    assert acknowledged(vault) == 5


def test_a_seat_that_was_not_active_in_its_first_batch_awaits_nothing(one: Organisation):
    """No item of an earlier batch was sealed to it (spec E3)."""
    one.server.batch(one.stick)
    one.admit(1)
    del one.server.sheets[2]
    import_batch(one.vaults[1], one.server.batch(one.stick))
    assert acknowledged(one.vaults[1]) == 2


def strange(one: Organisation, body: int) -> bytes:
    """
    Deposit an item of a kind that no program knows.
    """
    server, item, key, payload = one.server, secrets.token_bytes(16), new_file_key(), bytearray()
    to = addressees(server.card, server.sheets, server.day, server.root.first_day, 0)
    sealer = PayloadSealer(key, payload.extend)
    sealer.write(b'dengwen/1\n{"kind":"hologram"}\n' + bytes(body))
    sealer.finish()
    server.keep(item, "source", bytes(16), to, make_header(key, to.recipients) + bytes(payload))
    return item


def test_what_is_kept_sealed_outlives_its_epoch(one: Organisation):
    """Its file key is kept, as an imported item's is: destroying the seed does not lose it, and nothing is written anew."""
    vault, server, source = one.vaults[0], one.server, Source()
    strange(one, 100)
    large = strange(one, 2 << 20)
    import_batch(vault, server.batch(one.stick))
    held = payload_file(vault, large)
    one.turn(40)
    import_batch(vault, server.batch(one.stick))
    epochs.close_through(vault, 0)
    one.send(vault)
    import_batch(vault, server.batch(one.stick))
    assert epochs.destroy(vault) == (0,)
    server.message(source, "after")
    import_batch(vault, server.batch(one.stick))
    assert "refused" not in kinds(vault)
    assert payload_file(vault, large) == held
    with vault.read() as connection:
        assert len(connection.execute(select(models.kept)).all()) == 2


def payload_file(vault: Vault, item: bytes) -> tuple[int, int]:
    """
    Which file a large payload is, and when it was written.
    """
    status = (vault.items / item.hex()).stat()
    return status.st_ino, status.st_mtime_ns


def test_what_a_newer_vault_knows_opens_after_its_epoch_is_gone(one: Organisation, monkeypatch: pytest.MonkeyPatch):
    """A message that this program did not take yet is read by the next one, without a seed."""
    vault, server, source = one.vaults[0], one.server, Source()
    to = addressees(server.card, server.sheets, server.day, server.root.first_day, 0)
    item = secrets.token_bytes(16)
    header = message_header(
        reply_to=str(source.reply.recipient),
        thread=source.thread,
        item=item,
        submission=item,
        card=to.card_digest,
        epoch=to.epoch,
        seats=to.seats,
        lang="",
    )
    sealed = seal_frame(to.recipients, header, b"later")
    server.keep(item, "source", source.server_thread, to, sealed.header + sealed.payload)
    path = server.batch(one.stick)
    known = intake.Intake._found

    def older(self: intake.Intake, *args: object) -> object:
        raise intake.NewerVersionError("not yet")

    monkeypatch.setattr(intake.Intake, "_found", older)
    assert import_batch(vault, path).kept == 1
    with vault.write() as connection:
        connection.execute(models.epochs.delete().where(models.epochs.c.number == 0))
    monkeypatch.setattr(intake.Intake, "_found", known)
    import_batch(vault, server.batch(one.stick))
    with vault.read() as connection:
        assert connection.execute(select(models.items.c.text)).scalars().all() == ["later"]


def test_an_item_sealed_with_the_last_key_of_a_sheet_that_was_renewed_since_opens(one: Organisation):
    """The batch that brings it reports the new sheet already (spec U2)."""
    vault, server = one.vaults[0], one.server
    import_batch(vault, server.batch(one.stick))
    one.turn(14 * 30)
    server.message(Source(), "sealed when the sheet had run out")
    one.send(vault)
    report = import_batch(vault, server.batch(one.stick))
    assert (report.imported, report.refused) == (1, [])


def test_an_item_sealed_while_the_server_s_clock_was_behind_opens(one: Organisation):
    """It names an older epoch; the key is the first of the sheet that was installed."""
    vault, server = one.vaults[0], one.server
    with vault.write() as connection:
        connection.execute(models.epochs.delete().where(models.epochs.c.number == 0))
    import_batch(vault, server.batch(one.stick))
    one.turn(14 * 6)
    one.send(vault)
    assert server.sheets[1].first == 1
    server.day = server.root.first_day
    server.message(Source(), "sealed to the first key, under epoch 0")
    report = import_batch(vault, server.batch(one.stick))
    assert (report.imported, report.refused) == (1, [])
