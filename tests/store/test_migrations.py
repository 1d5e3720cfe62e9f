# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The migrations make what the models describe.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from store import schema as making
from store import threads
from store.connections import for_writing, make_engine
from store.engine import Store, open_store
from store.errors import NotInstalledError
from store.models import Base
from store.modes import make_file
from store.schema import migrate
from tests.store.factories import make_locator, make_thread


def schema(connection) -> dict[str, list[str]]:
    found = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
    parts = {}
    for name, sql in found:
        flat = re.sub(r"\s+", " ", sql.replace('"', ""))
        before, rest = flat.split("(", 1)
        body, after = rest.rsplit(")", 1)
        # Constraints may stand in any order; names and words must agree.
        parts[name] = [before.strip(), *sorted(part.strip() for part in body.split(", ")), after.strip()]
    return parts


def test_an_empty_folder_upgraded_equals_the_models(store: Store):
    """
    Table by table, constraint by constraint, word by word; and Alembic finds no difference either.
    """
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with engine.connect() as wanted, store.read() as found:
        made = schema(found)
        assert made.pop("alembic_version")
        assert made == schema(wanted)
        context = MigrationContext.configure(found)
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_every_constraint_has_a_name(store: Store):
    """
    A later migration can name what it changes.
    """
    for table in Base.metadata.tables.values():
        for constraint in table.constraints:
            assert constraint.name, (table.name, constraint)


def test_migrating_again_has_no_effect(store: Store):
    """
    The second run keeps every row.
    """
    locator = make_locator()
    made = make_thread(store, locator=locator)
    migrate(store.folder)
    with store.read() as connection:
        assert connection.execute(text("SELECT id FROM threads")).scalar_one() == made.thread


def old_store(folder: Path) -> None:
    """
    A store of the first version with one thread: a message of 7 bytes, a file of 100 here, one of 1,000 purged.
    """
    folder.mkdir(mode=0o700)
    make_file(folder / "dengwen.db")
    engine = make_engine(folder, pooled=False)
    config = making._config()
    with engine.connect() as connection, for_writing(connection).begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql(
            "INSERT INTO threads (id, locator, generation, designation, first_day, last_day, items, waiting, length,"
            " replies) VALUES (zeroblob(16), zeroblob(32), 1, 'calm lake', '2026-11-01', '2026-11-02', 3, 3, 1107, 0)"
        )
        for number, length, blob, payload in (
            (1, 7, None, b"message"),
            (2, 100, "ab" * 16, None),
            (3, 1_000, "", None),
        ):
            connection.exec_driver_sql(
                "INSERT INTO items (id, thread_id, lane, card_sequence, epoch, seats, length)"
                " VALUES (?, zeroblob(16), 'source', 1, 1, '1', ?)",
                (bytes([number]) * 16, length),
            )
            if blob != "":
                connection.exec_driver_sql(
                    "INSERT INTO envelopes (item_id, blob, header, payload) VALUES (?, ?, x'00', ?)",
                    (bytes([number]) * 16, blob, payload),
                )


def test_an_older_store_keeps_its_rows_and_its_files_are_counted(tmp_path: Path):
    """
    The second version counts what lies here of each thread; nothing is accepted, and no row is lost.
    """
    old_store(tmp_path / "store")
    migrate(tmp_path / "store")
    store = open_store(tmp_path / "store")
    thread = threads.find(store, bytes(32))
    assert thread is not None
    assert (thread.items, thread.length, thread.files) == (3, 1_107, 100)
    assert (thread.accepted_bytes, thread.accepted_until) == (None, None)
    with store.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM items").scalar_one() == 3
        assert connection.exec_driver_sql("SELECT count(*) FROM envelopes").scalar_one() == 2
        wanted = create_engine("sqlite://")
        Base.metadata.create_all(wanted)
        with wanted.connect() as models:
            made = schema(connection)
            made.pop("alembic_version")
            assert made == schema(models)
        wanted.dispose()
    store.close()


def test_a_store_of_another_version_is_not_opened(store: Store):
    """
    A newer or unfinished one is refused by name.
    """
    with store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NotInstalledError, match="9999"):
        open_store(store.folder)


def test_an_empty_file_is_not_a_store(tmp_path: Path):
    """
    A database without tables is refused.
    """
    (tmp_path / "dengwen.db").touch()
    with pytest.raises(NotInstalledError):
        open_store(tmp_path)
