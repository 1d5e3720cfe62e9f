# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A thread as long as its source likes: an item of a long one costs the import what an item of a short one does.

Counted in steps of the database's own machine, in hundreds, so that no other program's work is measured along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event, func, select

from journalist_app.vault import found, importer, models
from journalist_app.vault.importer import import_batch
from journalist_app.vault.keystore import Vault
from tests.journalist_app.vault.browsing import Browser
from tests.journalist_app.vault.cards import later_cards
from tests.journalist_app.vault.fakes import PASSPHRASE, Organisation, Source

SHORT, LONG = 60, 480
# A tree's depth may grow, and what a batch costs once is shared by fewer.
GROWTH = 1.5


def test_an_item_of_a_long_thread_costs_what_one_of_a_short_thread_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Eight times as many messages in one batch, in many transactions, and no more work for each."""
    monkeypatch.setattr(importer, "AT_ONCE", 10)
    assert spent_on_each(tmp_path, LONG, deposit) < GROWTH * spent_on_each(tmp_path, SHORT, deposit)


def test_an_item_that_stayed_sealed_costs_the_same_in_a_long_thread(tmp_path: Path):
    """All of a thread waits for one card: each is opened in a transaction of its own, the thread is computed once."""
    assert spent_on_each(tmp_path, LONG, keep_sealed) < GROWTH * spent_on_each(tmp_path, SHORT, keep_sealed)


def test_a_thread_put_off_by_an_import_that_was_killed_is_computed_by_the_next(
    one: Organisation, monkeypatch: pytest.MonkeyPatch
):
    """Nothing of the next batch belongs to it; the note that the killed one left is enough, and is used once."""
    vault = one.vaults[0]
    kill_import(one, monkeypatch)
    assert messages(vault) == (3, None)
    import_batch(vault, one.server.batch(one.stick))
    assert messages(vault) == (3, 3)
    monkeypatch.setattr(found, "compute", killed)
    import_batch(vault, one.server.batch(one.stick))


def test_a_thread_put_off_by_an_import_that_was_killed_is_computed_when_the_vault_is_unlocked(
    one: Organisation, browser: Browser, monkeypatch: pytest.MonkeyPatch
):
    """Whoever starts the laptop again may not have the stick."""
    kill_import(one, monkeypatch)
    browser.post("/lock")
    browser.post("/unlock", passphrase=PASSPHRASE)
    assert messages(one.vaults[0]) == (3, 3)


def killed(*_: object) -> None:
    """
    Where a process ends.
    """
    raise KeyboardInterrupt


def kill_import(one: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    An import of three messages that ends before their thread is computed.
    """
    path = keep_sealed(one, 3)
    with monkeypatch.context() as patched:
        patched.setattr(found, "compute", killed)
        with pytest.raises(KeyboardInterrupt):
            import_batch(one.vaults[0], path)


def deposit(one: Organisation, count: int) -> Path:
    """
    A batch with so many messages of one thread.
    """
    source = Source()
    for number in range(count):
        one.server.message(source, f"message {number}")
    return one.server.batch(one.stick)


def keep_sealed(one: Organisation, count: int) -> Path:
    """
    So many messages of one thread under a card that the vault gets only now; the batch that lets it try them again.
    """
    server, vault = one.server, one.vaults[0]
    import_batch(vault, server.batch(one.stick))
    unknown, newest = later_cards(one)
    server.card = unknown
    source = Source()
    for number in range(count):
        server.message(source, f"message {number}")
    server.card = newest
    assert import_batch(vault, server.batch(one.stick)).kept == count
    with vault.write() as connection:
        row = {"digest": unknown.digest, "sequence": unknown.sequence, "signed": unknown.signed.encode()}
        connection.execute(models.cards.insert().values(row))
    return server.batch(one.stick)


def spent_on_each(folder: Path, count: int, prepare: Callable[[Organisation, int], Path]) -> float:
    """
    What the database works for each of so many messages.
    """
    place = folder / str(count)
    place.mkdir()
    made = Organisation(place)
    try:
        path = prepare(made, count)
        with counted(made.vaults[0]) as steps:
            import_batch(made.vaults[0], path)
        assert messages(made.vaults[0]) == (count, count)
        return len(steps) / count
    finally:
        made.close()


@contextmanager
def counted(vault: Vault) -> Iterator[list[None]]:
    """
    One element for each hundred steps.
    """
    steps: list[None] = []

    def count(connection: object, *_: object) -> None:
        connection.set_progress_handler(lambda: steps.append(None), 100)

    event.listen(vault.database.engine, "checkout", count)
    yield steps
    event.remove(vault.database.engine, "checkout", count)


def messages(vault: Vault) -> tuple[int, int | None]:
    """
    How many messages are here, and how many the list of threads says.
    """
    with vault.read() as connection:
        here = connection.execute(select(func.count()).where(models.items.c.kind == "message")).scalar_one()
        return here, connection.execute(select(func.sum(models.threads.c.messages))).scalar_one()
