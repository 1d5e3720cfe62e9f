# SPDX-License-Identifier: AGPL-3.0-or-later
"""
DESIGN §2: somebody recorded the server's ciphertext, and takes a vault and its passphrase later.

They learn what that vault still keeps. They cannot open what it never imported, of epochs that every seat has destroyed. Until the
last seat has, they can: forward secrecy is that of the slowest seat.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from crypto.age import Header, HybridIdentity
from crypto.hidden import Hidden
from journalist_app.vault import epochs, keystore, models
from journalist_app.vault.errors import LockedError, NotNowError
from tests.journeys.world import PASSPHRASE, World
from tests.source_app.window import Window


@dataclass
class Recorded:
    """Envelopes as they lay on the server's disk in epoch 0: one that the vaults imported, one that its source then forgot."""

    imported: bytes
    never: bytes


def _envelope(world: World, words: str) -> bytes:
    """The first age header of a thread, from the disk."""
    thread = world.server_thread(words)
    assert thread is not None
    with closing(sqlite3.connect(world.server / "store" / "dengwen.db")) as database:
        query = "SELECT header FROM envelopes e JOIN items i ON i.id = e.item_id WHERE i.thread_id = ?"
        return bytes(database.execute(query, (thread.id,)).fetchone()[0])


def _record(world: World) -> Recorded:
    """Two reports, both recorded; one is forgotten, the other imported."""
    kept = Window(world).write("imported by every seat")
    window = Window(world)
    gone = window.write("never imported")
    recorded = Recorded(_envelope(world, kept), _envelope(world, gone))
    window.go("thread")
    window.send("forget")
    window.send("forget", sure="yes")
    world.carry()
    return recorded


def _close_epoch_0(world: World) -> None:
    """The two trips: outboxes that announce it, a batch that states the floor, and the days that must pass."""
    world.calendar.turn(15)
    world.carry()
    for seat in world.vaults:
        epochs.close_through(world.vaults[seat], 0)
        world.send(seat)
    world.carry()
    world.calendar.turn(14)
    world.carry()


def _opens(world: World, seat: int, envelope: bytes) -> bool:
    """Whether any seed that this vault holds, of any epoch, or any of its other keys, opens any stanza."""
    vault = keystore.open_vault(world.folder / f"vault-{seat}", PASSPHRASE, clock=world.calendar.today)
    with vault.read() as connection:
        found = [row.seed for row in connection.execute(select(models.epochs))]
        found += connection.execute(select(models.facts.c.content).where(models.facts.c.name == "bundle")).scalars()
    vault.close()
    identities = [HybridIdentity(Hidden(seed)) for seed in found]
    return any(one.unwrap(stanza) is not None for stanza in Header.parse(envelope).stanzas for one in identities)


def test_what_was_never_imported_is_shut_once_every_seat_destroyed_the_epoch(world: World) -> None:
    """Before: any vault opens the recording. After the last seat: none does, and the passphrase helps nobody."""
    recorded = _record(world)
    assert all(_opens(world, seat, recorded.never) for seat in world.vaults)
    _close_epoch_0(world)
    for seat in (1, 2):
        assert epochs.destroy(world.vaults[seat]) == (0,)
    assert not _opens(world, 1, recorded.never)
    assert _opens(world, 3, recorded.never), "forward secrecy is that of the slowest seat"
    assert epochs.destroy(world.vaults[3]) == (0,)
    for seat in world.vaults:
        assert not _opens(world, seat, recorded.never)
        assert not _opens(world, seat, recorded.imported)


def test_what_the_vault_still_keeps_is_learned(world: World) -> None:
    """Destroying an epoch closes recordings, not the vault's own shelves: it kept the item's file key, and says so."""
    recorded = _record(world)
    _close_epoch_0(world)
    for seat in world.vaults:
        epochs.destroy(world.vaults[seat])
    with world.vaults[1].read() as connection:
        row = connection.execute(select(models.items).where(models.items.c.kind == "message")).one()
    Header.parse(recorded.imported).verify(Hidden(row.file_key))
    assert row.text == "imported by every seat"


def test_a_seed_that_was_destroyed_is_in_no_file_of_the_vault(world: World) -> None:
    """Not in the database, not in its log: read with the vault's own key, page by page."""
    with world.vaults[1].read() as connection:
        seed = connection.execute(select(models.epochs.c.seed).where(models.epochs.c.number == 0)).scalar_one()
    _record(world)
    _close_epoch_0(world)
    assert epochs.destroy(world.vaults[1]) == (0,)
    log = world.folder / "vault-1" / "vault.db-wal"
    assert not log.exists() or log.stat().st_size == 0
    plain = world.folder / "plain.db"
    with world.vaults[1].database.engine.connect() as connection:
        connection.exec_driver_sql(f"ATTACH DATABASE '{plain}' AS plain KEY ''")
        connection.exec_driver_sql("SELECT sqlcipher_export('plain')")
        connection.exec_driver_sql("DETACH DATABASE plain")
    assert bytes(seed) not in plain.read_bytes()
    plain.unlink()


def test_an_epoch_is_not_destroyed_before_its_time(world: World) -> None:
    """Not closed before it has ended; not destroyed before the floor was stated and fourteen days have passed."""
    _record(world)
    with pytest.raises(NotNowError):
        epochs.close_through(world.vaults[1], 0)
    world.calendar.turn(15)
    world.carry()
    epochs.close_through(world.vaults[1], 0)
    assert epochs.destroy(world.vaults[1]) == ()
    world.send(1)
    world.carry()
    assert epochs.destroy(world.vaults[1]) == ()
    world.calendar.turn(13)
    world.carry()
    assert epochs.destroy(world.vaults[1]) == (0,)


def test_a_vault_without_its_passphrase_is_noise(world: World) -> None:
    """The folder alone: another passphrase opens nothing, and no word, name or seed stands in any file of it."""
    Window(world).write("What only the reviewers may read", ("f.bin", b"f" * 2_000_000))
    world.carry(1)
    with world.vaults[1].read() as connection:
        secrets = [row.seed for row in connection.execute(select(models.epochs))]
        secrets += connection.execute(select(models.items.c.file_key)).scalars()
    world.vaults[1].close()
    with pytest.raises(LockedError):
        keystore.open_vault(world.folder / "vault-1", PASSPHRASE + "s")
    for path in sorted((world.folder / "vault-1").rglob("*")):
        if path.is_file():
            raw = path.read_bytes()
            assert b"SQLite format 3" not in raw[:16]
            assert b"What only" not in raw
            assert b"f" * 64 not in raw
            assert not [one for one in secrets if bytes(one) in raw], path
            # The file itself, or a folder of the vault on the way to it, is its owner's alone.
            assert any(one.stat().st_mode & 0o077 == 0 for one in (path, path.parent)), path
