# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The desk's audit log: what people did there, each line bound to the one before by hash.

Its head travels in every batch manifest, so that a line changed or cut later is noticed in the vaults. It names
people, seats, batches and designations of the queue's acts; never a source, a locator or content.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from store.errors import DamagedError
from store.models import AuditRow

if TYPE_CHECKING:
    import datetime

    from sqlalchemy import Connection

    from store.engine import Store

LONGEST_ACT = 1_000
BEGINNING = bytes(32)

_LABEL = b"dengwen/v1/audit\x00"
_LAST = select(AuditRow.number, AuditRow.digest).order_by(AuditRow.number.desc()).limit(1)
_ALL = select(AuditRow.number, AuditRow.previous, AuditRow.day, AuditRow.act, AuditRow.digest)


@dataclass(frozen=True, slots=True)
class Act:
    """
    One line of the log.

    Args:
        number: 1, 2, …
        previous: The digest of the line before; 32 zeros at the beginning.
        day: The server's day.
        act: What was done, in words.
        digest: SHA-256 over all of it.

    """

    number: int
    previous: bytes
    day: datetime.date
    act: str
    digest: bytes


def append(store: Store, act: str, *, day: datetime.date) -> bytes:
    """
    Add a line. Inside the `store.write()` block of the act itself, both happen or neither.

    Args:
        act: One line of at most 1,000 characters.
        day: The server's day (UTC).

    Returns:
        The new head.

    """
    if not act or len(act) > LONGEST_ACT or not act.isprintable():
        raise ValueError(f"an act is one printable line of at most {LONGEST_ACT} characters")
    with store.write() as connection:
        number, previous = _head(connection)
        digest = _digest(number + 1, previous, day, act)
        row = {"number": number + 1, "previous": previous, "day": day, "act": act, "digest": digest}
        connection.execute(insert(AuditRow), row)
    return digest


def head(store: Store) -> bytes:
    """
    The digest of the newest line; 32 zeros while there is none.
    """
    with store.read() as connection:
        return _head(connection)[1]


def newest(store: Store, *, below: int | None = None, limit: int = 100) -> tuple[Act, ...]:
    """
    Lines, newest first.

    Args:
        below: Only those with a lower number, for the next page.
        limit: How many at most.

    """
    statement = _ALL if below is None else _ALL.where(AuditRow.number < below)
    with store.read() as connection:
        rows = connection.execute(statement.order_by(AuditRow.number.desc()).limit(limit)).all()
    return tuple(Act(*row) for row in rows)


def verify(store: Store) -> bytes:
    """
    Follow the whole chain.

    Returns:
        The head.

    Raises:
        DamagedError: A line was changed, cut out or moved.

    """
    number, previous = 0, BEGINNING
    with store.read() as connection:
        for row in connection.execute(_ALL.order_by(AuditRow.number)):
            number += 1
            right = _digest(number, previous, row.day, row.act)
            if (row.number, row.previous, row.digest) != (number, previous, right):
                raise DamagedError(f"the audit log is broken at line {number}")
            previous = right
    return previous


def _head(connection: Connection) -> tuple[int, bytes]:
    row = connection.execute(_LAST).one_or_none()
    return (0, BEGINNING) if row is None else (row.number, row.digest)


def _digest(number: int, previous: bytes, day: datetime.date, act: str) -> bytes:
    # Every part before the act has a fixed width, so no two lines hash the same bytes.
    fixed = _LABEL + previous + number.to_bytes(8, "big") + day.isoformat().encode()
    return hashlib.sha256(fixed + act.encode()).digest()
