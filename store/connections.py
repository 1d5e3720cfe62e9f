# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Connections to the database file, each with the pragmas this room relies on.

A pragma that does not read back as it was set is an error, not a warning: durability and erasure hang on them.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, NullPool, PoolProxiedConnection, QueuePool, create_engine, event
from sqlalchemy.dialects import sqlite

from store.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from sqlalchemy import ClauseElement

DATABASE = "dengwen.db"
BUSY_MILLISECONDS = 5_000
# Readers beyond these wait for one to finish; a page's reads take well under a millisecond.
CONNECTIONS = 8
MORE_CONNECTIONS = 24

# name → (as set, as read back). The wait comes first: the others may meet another process at work.
PRAGMAS: dict[str, tuple[str, object]] = {
    "busy_timeout": (str(BUSY_MILLISECONDS), BUSY_MILLISECONDS),
    "journal_mode": ("WAL", "wal"),
    "synchronous": ("FULL", 2),
    "secure_delete": ("ON", 1),
    "foreign_keys": ("ON", 1),
    "trusted_schema": ("OFF", 0),
    "temp_store": ("MEMORY", 2),
}

_FOR_WRITING = "dengwen_write"
_SPELLING = sqlite.dialect(paramstyle="named")


def make_engine(folder: Path, *, pooled: bool) -> Engine:
    """
    An engine for the database of a store folder. Nothing is opened yet.

    Args:
        folder: The store folder.
        pooled: Whether connections are kept for the next to come, or closed at once.

    """
    # Without isolation_level the driver would begin transactions by itself, late and never IMMEDIATE.
    arguments = {"isolation_level": None}
    url = f"sqlite:///{folder / DATABASE}"
    # hide_parameters: an error's text may reach a log, values must not.
    if pooled:
        engine = create_engine(
            url,
            connect_args=arguments,
            hide_parameters=True,
            poolclass=QueuePool,
            pool_size=CONNECTIONS,
            max_overflow=MORE_CONNECTIONS,
            pool_use_lifo=True,
        )
    else:
        engine = create_engine(url, connect_args=arguments, hide_parameters=True, poolclass=NullPool)
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)
    return engine


def for_writing(connection: Connection) -> Connection:
    """
    Let the next transaction of this connection begin as a writer's.
    """
    return connection.execution_options(**{_FOR_WRITING: True})


def spelled(statement: ClauseElement, columns: Collection[str] | None = None) -> str:
    """
    A statement as SQL, for the few that every request runs: going through SQLAlchemy costs more than SQLite itself.

    Values go in and come out as SQLite has them: days as ISO text, seats as "1,2,3".

    Args:
        statement: The statement, its values bound by name.
        columns: Those an INSERT fills; all, if it is none.

    """
    return str(statement.compile(dialect=_SPELLING, column_keys=None if columns is None else list(columns)))


def driver(connection: Connection | PoolProxiedConnection) -> sqlite3.Connection:
    """
    The driver's own connection, in whatever transaction this one is in, for `spelled` statements.
    """
    raw = (connection.connection if isinstance(connection, Connection) else connection).driver_connection
    if not isinstance(raw, sqlite3.Connection):
        raise StoreError("this is not a connection of the sqlite3 driver")
    return raw


def _set_pragmas(raw: sqlite3.Connection, _record: object) -> None:
    for name, (value, expected) in PRAGMAS.items():
        raw.execute(f"PRAGMA {name}={value}").close()
        found = raw.execute(f"PRAGMA {name}").fetchone()
        if found != (expected,):
            raise StoreError(f"SQLite does not take the pragma {name}={value}")


def _begin(connection: Connection) -> None:
    # A reader that turned writer could meet a newer snapshot and fail; IMMEDIATE settles it at the beginning.
    writing = connection.get_execution_options().get(_FOR_WRITING, False)
    driver(connection).execute("BEGIN IMMEDIATE" if writing else "BEGIN")
