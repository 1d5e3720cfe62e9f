# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A vault that an older version wrote is opened: what is computed is made again, what arrived is untouched.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from journalist_app.vault import keystore, models, projection, replies
from journalist_app.vault.errors import FolderError
from journalist_app.vault.importer import import_batch
from tests.journalist_app.vault.fakes import PASSPHRASE, Organisation, Source

SCHEMA_2 = (Path(__file__).parent / "schema-2.sql").read_text().split(";\n")
OLD_COLUMNS = [column.name for column in models.threads.c if column.name != "urgent"]


@pytest.fixture
def older(one: Organisation) -> Organisation:
    """
    An organisation whose one vault has every table as version 2 made it, with all that version wrote into them.
    """
    source, calm, closed = Source(), Source(), Source()
    one.server.message(source, "urgent", report={"danger": "yes"})
    one.server.files(source, **{"a.001": b"a", "a.002": b"b"})
    one.server.message(calm, "calm")
    one.server.message(closed, "closed", report={"danger": "yes"})
    vault = one.vaults[0]
    import_batch(vault, one.server.batch(one.stick))
    replies.set_state(vault, bytes(closed.thread), "closed")
    with vault.write() as connection:
        held = {table: connection.execute(select(table)).mappings().all() for table in models.metadata.sorted_tables}
        for table in held:
            connection.exec_driver_sql(f"DROP TABLE {table.name}")
        for statement in SCHEMA_2:
            if statement.strip():
                connection.exec_driver_sql(statement)
        for table, rows in held.items():
            old = [{name: value for name, value in row.items() if name != "urgent"} for row in rows]
            if old:
                connection.execute(insert(table), old)
        connection.exec_driver_sql("PRAGMA user_version = 2")
    vault.close()
    return one


def dump(vault: keystore.Vault) -> dict[str, list[tuple[object, ...]]]:
    """
    Every table's rows, in one order.
    """
    with vault.read() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in models.metadata.sorted_tables
        }


def test_a_vault_of_version_2_gets_its_computed_tables_again(older: Organisation):
    """Urgency is known at once, nothing else changed, and opening it again changes nothing any more."""
    vault = older.open(1)
    found = dump(vault)
    with vault.read() as connection:
        assert connection.exec_driver_sql("PRAGMA user_version").scalar_one() == models.SCHEMA
        closed = select(models.threads.c.urgent).where(models.threads.c.state == "closed")
        assert connection.execute(closed).scalars().all() == [0]
        names = set(connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'index'").scalars())
    assert sorted(row[-1] for row in found["threads"]) == [0, 0, 1]
    assert {"threads_by_urgency", "threads_by_state"} <= names
    assert "threads_by_day" not in names
    with vault.write() as connection:
        projection.compute_all(connection)
    assert dump(vault) == found
    vault.close()
    again = older.open(1)
    assert dump(again) == found
    again.close()


def test_an_upgrade_that_breaks_off_leaves_the_vault_as_it_was(older: Organisation, monkeypatch: pytest.MonkeyPatch):
    """It is one transaction: the next opening does it whole."""

    def cut(_: object) -> None:
        raise FolderError("cut")

    with monkeypatch.context() as patched:
        patched.setattr("journalist_app.vault.upgrade.compute_all", cut)
        with pytest.raises(FolderError, match="cut"):
            older.open(1)
    with monkeypatch.context() as patched:
        patched.setattr("journalist_app.vault.keystore.bring_up", lambda _: None)
        vault = older.open(1)
    with vault.read() as connection:
        assert connection.exec_driver_sql("PRAGMA user_version").scalar_one() == 2
        kept = connection.exec_driver_sql("SELECT * FROM threads").mappings().all()
    assert len(kept) == 3
    assert list(kept[0]) == OLD_COLUMNS
    vault.close()
    older.open(1).close()


def test_a_vault_of_version_1_gets_the_tables_that_are_new(one: Organisation):
    """What it holds is not altered."""
    new = ("bodies", "grouped", "joined")
    with one.vaults[0].write() as connection:
        connection.execute(insert(models.facts).values(name="x", content=b"y"))
        for name in new:
            connection.exec_driver_sql(f"DROP TABLE {name}")
        connection.exec_driver_sql("PRAGMA user_version = 1")
    again = one.open(1)
    with again.read() as connection:
        for name in new:
            assert connection.execute(select(func.count()).select_from(models.metadata.tables[name])).scalar_one() == 0
        assert connection.execute(select(models.facts.c.content).where(models.facts.c.name == "x")).scalar() == b"y"
        assert connection.exec_driver_sql("PRAGMA user_version").scalar_one() == models.SCHEMA
    again.close()


def test_a_version_that_is_not_known_is_not_touched(one: Organisation):
    """Neither a newer one, which may hold what this program would lose, nor one that never was."""
    for version in (models.SCHEMA + 1, 0):
        with one.vaults[0].write() as connection:
            connection.exec_driver_sql(f"PRAGMA user_version = {version}")
        with pytest.raises(FolderError, match=f"version {version}"):
            keystore.open_vault(one.folder / "v1", PASSPHRASE)
