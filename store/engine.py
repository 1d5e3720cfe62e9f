# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Opening the store: one folder with a database, blobs, and a gate.

Writers pass the gate, then take the one connection that is kept for them and say BEGIN IMMEDIATE; readers see a snapshot and wait for
no writer, neither for its transaction nor for a connection that others hold in line before the gate.

Forking: `open_store` leaves nothing open. Connections and the gate are made at first use, once per process, so an app
may open the store, fork (gunicorn preload), and use it in parent and children. A process that forks after first use is
safe too: the child finds another process's connections, never touches or closes them, and makes its own.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from store.blobs import Blobs
from store.connections import BUSY_MILLISECONDS, driver, for_writing, make_engine
from store.errors import StoreError
from store.failures import database_failures
from store.gate import WriteGate
from store.schema import GATE, require_current

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from sqlalchemy import Connection

    from store.disk import Disk

# How long one attempt to empty the log may hold the gate while readers finish.
EMPTYING_MILLISECONDS = 100


class Store:
    """
    One store folder. Make it with `open_store`.

    Args:
        folder: The folder.
        disk: The filesystem calls for blobs; tests give their own.

    """

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        self.folder = folder
        self.blobs = Blobs(folder, disk)
        self._here: _Process | None = None
        self._opening = threading.Lock()
        self._of_other_processes: list[_Process] = []

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """
        A snapshot to read from. Inside this thread's `write` block it is that block's own connection.
        """
        here = self._process()
        writing = here.writing
        with database_failures():
            if writing is not None:
                yield writing.connection
                return
            with here.readers.connect() as connection:
                yield connection

    def rows(self, statement: str, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """
        The rows of one `spelled` query: a snapshot of its own, without a transaction around it. Inside this thread's `write` block it
        sees what that has written.

        Args:
            statement: The query.
            values: What it binds, by name.

        """
        here = self._process()
        writing = here.writing
        with database_failures():
            if writing is not None:
                return driver(writing.connection).execute(statement, values).fetchall()
            with closing(here.readers.raw_connection()) as pooled:
                return driver(pooled).execute(statement, values).fetchall()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """
        A transaction behind the gate, durable when the block ends, undone when it raises.

        A block inside a block of the same thread joins it: what the inner one wrote is undone when it raises, and
        becomes durable with the outer one.

        Raises:
            FullError: The disk takes no more. Nothing was stored.

        """
        here = self._process()
        if here.writing is not None:
            with _joined(here.writing) as connection:
                yield connection
            return
        # The gate first: whoever waits for it holds nothing that others need.
        with database_failures(), here.gate.held(), here.writers.connect() as pooled:
            connection = for_writing(pooled)
            with connection.begin():
                writing = here.writing = _Writing(connection)
                try:
                    yield connection
                finally:
                    here.writing = None
        for act in writing.afterwards:
            act()

    def after_commit(self, act: Callable[[], object]) -> None:
        """
        Do something once this thread's `write` block is durable and the gate is open again; never if it is undone.
        """
        writing = self._process().writing
        if writing is None:
            raise StoreError("nothing is being written")
        writing.afterwards.append(act)

    def empty_log(self) -> bool:
        """
        Try once to copy the write-ahead log into the database and cut it to nothing.

        Returns:
            Whether it is empty now; False when a reader was in the way.

        """
        here = self._process()
        if here.writing is not None:
            raise StoreError("the log is not emptied inside a transaction")
        with database_failures(), here.gate.held(), here.writers.connect() as pooled:
            raw = driver(pooled)
            try:
                raw.execute(f"PRAGMA busy_timeout={EMPTYING_MILLISECONDS}")
                return _truncate(raw)
            finally:
                raw.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")

    def rebuild(self) -> None:
        """
        Write the database anew from its live rows, behind the gate: writers wait meanwhile.

        Raises:
            FullError: The disk takes no more. Nothing was changed.
        """
        here = self._process()
        if here.writing is not None:
            raise StoreError("the database is not rebuilt inside a transaction")
        with database_failures(), here.gate.held(), here.writers.connect() as pooled:
            driver(pooled).execute("VACUUM")

    def close(self) -> None:
        """
        Close this process's connections. The store may be used again; it then opens new ones.
        """
        with self._opening:
            here, self._here = self._here, None
        if here is not None and here.number == os.getpid():
            here.readers.dispose()
            here.writers.dispose()
            here.gate.close()

    def _process(self) -> _Process:
        here = self._here
        if here is not None and here.number == os.getpid():
            return here
        with self._opening:
            here = self._here
            if here is not None and here.number == os.getpid():
                return here
            if here is not None:
                # SQLite forbids even closing a connection in another process than opened it.
                self._of_other_processes.append(here)
            here = self._here = _Process(self.folder)
            return here


class _Writing:
    """
    A transaction in progress, and what to do once it is durable.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.afterwards: list[Callable[[], object]] = []


class _Process:
    """
    What belongs to one process: its engines, its gate, and the transaction each of its threads is in.
    """

    def __init__(self, folder: Path) -> None:
        self.number = os.getpid()
        self.readers = make_engine(folder, pooled=True)
        # Of these there is never more than one: the gate lets one thread of a process through.
        self.writers = make_engine(folder, pooled=True)
        self.gate = WriteGate(folder / GATE)
        self._of_thread = threading.local()

    @property
    def writing(self) -> _Writing | None:
        """
        This thread's transaction, if it is in one.
        """
        found: _Writing | None = getattr(self._of_thread, "writing", None)
        return found

    @writing.setter
    def writing(self, value: _Writing | None) -> None:
        self._of_thread.writing = value


def open_store(folder: Path, *, disk: Disk | None = None) -> Store:
    """
    Open an existing store of this version. Nothing stays open until first use.

    Args:
        folder: The store folder, made by `store.schema.migrate`.
        disk: The filesystem calls for blobs; tests give their own.

    Raises:
        NotInstalledError: There is none, or it is of another version.
        DamagedError: The database file is damaged.
        ExposedError: The folder is open to others.

    """
    require_current(folder)
    return Store(folder, disk)


@contextmanager
def _joined(writing: _Writing) -> Iterator[Connection]:
    kept = len(writing.afterwards)
    try:
        with writing.connection.begin_nested():
            yield writing.connection
    except BaseException:
        del writing.afterwards[kept:]
        raise


def _truncate(raw: sqlite3.Connection) -> bool:
    try:
        row = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return False
        raise
    return bool(row[0] == 0)
