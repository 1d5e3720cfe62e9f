# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What the operating system and SQLite report, turned into this room's errors.

A cause is cut off: SQLAlchemy's and the system's texts can carry values and paths.
"""

from __future__ import annotations

import errno
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import DatabaseError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from store.errors import DamagedError, FullError, OverloadedError

if TYPE_CHECKING:
    from collections.abc import Iterator

_FULL_ERRNO = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# SQLite says FULL for ENOSPC alone. A quota or a file-size limit comes out as a failed write, a full disk under the
# shared-memory file as a failed resize: for whoever waits it is the same, nothing can be taken in now.
_FULL_SQLITE = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE}
_BUSY_SQLITE = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_DAMAGED_SQLITE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


@contextmanager
def disk_failures() -> Iterator[None]:
    """
    Turn a full disk, an exhausted quota or a file-size limit into FullError.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL_ERRNO:
            raise FullError("the disk takes no more") from None
        raise


@contextmanager
def database_failures() -> Iterator[None]:
    """
    Turn SQLite's reports of a full disk and of a damaged file into FullError and DamagedError, and a wait that was too long (for a
    connection, for a lock) into OverloadedError.
    """
    try:
        yield
    except PoolTimeoutError:
        raise OverloadedError("too many read at once") from None
    except (DatabaseError, sqlite3.DatabaseError) as error:
        reported = error.orig if isinstance(error, DatabaseError) else error
        code = getattr(reported, "sqlite_errorcode", None)
        if code in _FULL_SQLITE:
            raise FullError("the disk takes no more") from None
        if isinstance(code, int) and code & 0xFF in _DAMAGED_SQLITE:
            raise DamagedError("the database file is damaged") from None
        if isinstance(code, int) and code & 0xFF in _BUSY_SQLITE:
            raise OverloadedError("somebody else held the database for too long") from None
        raise
