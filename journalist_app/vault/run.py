# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What the run of batches imported so far lets this seat say: what it has, what may be missing, what was settled when.

The server may purge what every seat acknowledged, and a seed that is destroyed opens nothing more. So nothing is
acknowledged and no seed goes while a batch before the first, or an item that came without its bytes, may still be wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, func, select

from journalist_app.vault.identity import read_fact, write_fact
from journalist_app.vault.models import batches, entries, passed, threads, withdrawn


def day_of(connection: Connection, number: int) -> date:
    """
    The day of a batch that was begun, as this vault believes it.
    """
    return date.fromisoformat(connection.execute(select(batches.c.day).where(batches.c.number == number)).scalar_one())


def settled_run(connection: Connection) -> Sequence[Row[Any]]:
    """
    The batches imported whole, in their order.
    """
    return connection.execute(select(batches).where(batches.c.complete == 1).order_by(batches.c.number)).all()


def acknowledgeable(connection: Connection) -> Row[Any] | None:
    """
    The newest batch of which this seat may say that it has all of it; the server may purge what every seat has.
    """
    if awaited(connection) is not None:
        return None
    query = select(batches).where(batches.c.complete == 1)
    gap = _unexplained(connection)
    if gap is not None:
        query = query.where(batches.c.number < gap)
    return connection.execute(query.order_by(batches.c.number.desc()).limit(1)).first()


def any_unexplained(connection: Connection) -> bool:
    """
    Whether an item came without its bytes and nobody has said why.
    """
    return _unexplained(connection) is not None


def awaited(connection: Connection) -> int | None:
    """
    The number of the batch before the first, while it may hold something for this seat; None when nothing is awaited.
    """
    first = connection.execute(select(batches).order_by(batches.c.number).limit(1)).first()
    if first is None or first.number == 1:
        return None
    if read_fact(connection, "begins") == str(first.number).encode():
        return None
    return int(first.number) - 1


def begin_here(connection: Connection, *, number: int | None = None) -> None:
    """
    Take it as known that the batch before the first was not sealed to this seat: it was tried, or a person says so.

    Args:
        connection: Inside a write.
        number: Which batch did not open; None if a person says that nothing earlier can be had.
    """
    waits = awaited(connection)
    if waits is not None and number in {None, waits}:
        write_fact(connection, "begins", str(waits + 1).encode())


def settled_before(connection: Connection, number: int) -> tuple[int, int]:
    """
    The newest card and the floor that settled batches before this one stated; zeros if there is none.
    """
    earlier = (batches.c.number < number) & (batches.c.waiting == 0)
    row = connection.execute(select(func.max(batches.c.card), func.max(batches.c.floor)).where(earlier)).one()
    return row[0] or 0, row[1] or 0


def _unexplained(connection: Connection) -> int | None:
    # The bytes went with their thread, because its source took it back or because a seat asked for it.
    asked = (
        select(threads.c.server_thread)
        .join(entries, entries.c.thread == threads.c.thread)
        .where(entries.c.type == "deletion", entries.c.revoked == 0, threads.c.server_thread != b"")
    )
    query = select(func.min(passed.c.batch)).where(
        passed.c.reason == "erased",
        passed.c.server_thread.not_in(select(withdrawn.c.server_thread)),
        passed.c.server_thread.not_in(asked),
    )
    return connection.execute(query).scalar()
