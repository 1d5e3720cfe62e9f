# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What every connection to the vault's database says of itself, and what it costs to come back to a page.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from crypto.hidden import Hidden
from journalist_app.vault.engine import CACHE, Database
from journalist_app.vault.errors import LockedError
from journalist_app.vault.models import payloads

KEY = Hidden(bytes(range(32)))
MIB = 1 << 20


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A new one, keyed."""
    one = Database(tmp_path / "vault.db", KEY)
    one.create()
    yield one
    one.close()


def _read() -> int:
    """Bytes this process has been given by read calls."""
    return int(Path("/proc/self/io").read_text().split()[1])


def test_every_connection_is_set_as_the_first_one(database: Database) -> None:
    """Four at once, none of them used before."""
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "secure_delete": 1,
        "foreign_keys": 1,
        "temp_store": 2,
        "cache_size": -(CACHE >> 10),
    }
    opened = [database.engine.connect() for _ in range(4)]
    for connection in opened:
        said = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted}
        assert said == wanted
    for connection in opened:
        connection.close()


def test_another_key_opens_nothing_and_says_so(database: Database, tmp_path: Path) -> None:
    """And does not harm what is there."""
    database.close()
    other = Database(tmp_path / "vault.db", Hidden(bytes(32)))
    with pytest.raises(LockedError), other.read():
        pass
    with database.read() as connection:
        assert connection.execute(select(payloads.c.item)).all() == []


def test_a_page_that_was_opened_is_not_opened_again(database: Database) -> None:
    """What an import comes back to fits: half a cache of small payloads in the order of their random ids, and once more without reading."""
    ids = [os.urandom(16) for _ in range(CACHE // 2 // (16 << 10))]
    with database.write() as connection:
        connection.execute(insert(payloads), [{"item": one, "payload": os.urandom(16 << 10)} for one in ids])
    with database.read() as connection:
        reads = []
        for _ in range(2):
            before = _read()
            for one in ids:
                connection.execute(select(payloads.c.payload).where(payloads.c.item == one)).one()
            reads.append(_read() - before)
    assert reads[1] < MIB
