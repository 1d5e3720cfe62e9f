# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The encrypted database: every connection is keyed, and refuses to go on if the key or a pragma did not take.

One writer at a time: a lock in the process, then BEGIN IMMEDIATE. Readers do not wait for it (WAL).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlcipher3.dbapi2
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import QueuePool

from crypto.hidden import Hidden
from journalist_app.vault.errors import FolderError, LockedError
from journalist_app.vault.models import SCHEMA, metadata

KEY_SIZE = 32
# Bytes of pages that one connection keeps.
CACHE = 32 << 20

# What each connection must say it does, after it was told to.
_PRAGMAS: tuple[tuple[str, str | int, str | int], ...] = (
    ("temp_store", "MEMORY", 2),
    ("journal_mode", "WAL", "wal"),
    ("synchronous", "FULL", 2),
    ("secure_delete", "ON", 1),
    ("foreign_keys", "ON", 1),
    # A page that falls out of the cache is authenticated and decrypted again when it is wanted. Ids are random, so an import comes back to all of
    # the pages it wrote: with SQLite's own 2 MiB, ten thousand messages read 330 MB of them, with this a quarter of it.
    ("cache_size", -(CACHE >> 10), -(CACHE >> 10)),
)


class Database:
    """
    One open, keyed database.

    Args:
        path: The file.
        key: 32 random bytes; SQLCipher takes them as they are and derives nothing.

    """

    def __init__(self, path: Path, key: Hidden) -> None:
        self._path = path
        self._key = key
        self._writing = threading.RLock()
        self.engine: Engine = create_engine(
            f"sqlite:///{path}", creator=self._connect, module=sqlcipher3.dbapi2, poolclass=QueuePool, pool_size=4
        )

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """
        A transaction that nobody else writes beside; committed at the end, rolled back on any error.
        """
        with self._writing, self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            connection.commit()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """
        One consistent view.
        """
        with self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            yield connection

    def create(self) -> None:
        """
        Make the tables of a new vault.
        """
        with self.write() as connection:
            metadata.create_all(connection)
            connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA}")

    def settle(self) -> None:
        """
        Bring everything deleted out of the write-ahead log, so that no copy of it stays in the files.

        Raises:
            FolderError: A reader stood in the way; what was deleted is still in the log.

        """
        with self._writing, self.engine.connect() as connection:
            busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
        if busy:
            raise FolderError("the log could not be emptied; lock the vault and open it again")

    def close(self) -> None:
        """
        Drop every connection.
        """
        self.engine.dispose()

    def _connect(self) -> Any:
        # Transactions are begun by hand: the driver's own would begin late and without a lock.
        connection = sqlcipher3.dbapi2.connect(str(self._path), isolation_level=None, check_same_thread=False)
        # First of all: a wrong key would otherwise be written to stderr.
        connection.execute("PRAGMA cipher_log_level = NONE")
        connection.execute(f"PRAGMA key = \"x'{self._key.hex()}'\"")
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlcipher3.dbapi2.DatabaseError:
            connection.close()
            raise LockedError("the key does not open the vault's database") from None
        connection.execute("PRAGMA busy_timeout = 10000")
        for name, wanted, answer in _PRAGMAS:
            connection.execute(f"PRAGMA {name} = {wanted}")
            if connection.execute(f"PRAGMA {name}").fetchone()[0] != answer:
                connection.close()
                raise FolderError(f"the database does not keep {name} = {wanted}")
        return connection
