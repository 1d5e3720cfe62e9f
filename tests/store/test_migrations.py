# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The migrations make what the models describe.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from store.engine import Store, open_store
from store.errors import NotInstalledError
from store.models import Base
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
