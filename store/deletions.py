# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Deletions that seats have ordered in signed outboxes: seven days in view, then carried out.

The desk cannot delete; it only keeps the queue. Any other seat may cancel while an order waits. Only what is there is
queued, once for each seat, and no seat has more than `MOST_WAITING` orders in view: a list nobody can read to its end
would hide an order in it. A seat that leaves the card takes its orders with it (`seats.install_card`).
"""

from __future__ import annotations

import datetime
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from sqlalchemy import delete, func, insert, select, tuple_

from store.erase import erase_item, erase_thread
from store.errors import MissingError
from store.models import DeletionRow, ItemRow, ThreadRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from store.engine import Store

Kind: TypeAlias = Literal["thread", "item"]

DAYS_IN_VIEW = datetime.timedelta(days=7)
# Orders of one seat that may wait at a time.
MOST_WAITING: Final = 500
# SQLite takes many more parameters; this keeps a statement readable in a trace.
_AT_ONCE: Final = 400


@dataclass(frozen=True, slots=True)
class Deletion:
    """
    One ordered deletion.

    Args:
        id: 16 random bytes.
        seat: The seat that ordered it.
        kind: Whether *target* is a thread or an item.
        target: The server id of the thread, or the id of the item.
        day: The day it was ordered.

    """

    id: bytes
    seat: int
    kind: Kind
    target: bytes
    day: datetime.date

    @property
    def due(self) -> datetime.date:
        """
        The first day on which it is carried out.
        """
        return self.day + DAYS_IN_VIEW


_ALL = select(DeletionRow.id, DeletionRow.seat, DeletionRow.kind, DeletionRow.target, DeletionRow.day)


def queue_deletion(
    store: Store, *, seat: int, kind: Kind, targets: Sequence[bytes], day: datetime.date
) -> tuple[bytes, ...]:
    """
    Put ordered deletions in view.

    Args:
        seat: The seat whose signed outbox ordered them.
        kind: What the targets are.
        targets: Server ids of threads, or ids of items. Passed over: what is not here, what waits already by this
            seat's order, and what is more than `MOST_WAITING` of one seat.
        day: The server's day (UTC).

    Returns:
        The ids of the queued deletions, in order.

    """
    with store.write() as connection:
        mine = DeletionRow.seat == seat
        waiting = set(connection.execute(select(DeletionRow.target).where(mine)).scalars())
        room = max(0, MOST_WAITING - len(waiting))
        wanted = [target for target in dict.fromkeys(targets) if target not in waiting]
        rows = [
            {"id": secrets.token_bytes(16), "seat": seat, "kind": kind, "target": target, "day": day}
            for target in _present(connection, kind, wanted)[:room]
        ]
        if rows:
            connection.execute(insert(DeletionRow), rows)
    return tuple(row["id"] for row in rows)  # type: ignore[misc]


def _present(connection: Connection, kind: Kind, targets: Sequence[bytes]) -> list[bytes]:
    column = ThreadRow.id if kind == "thread" else ItemRow.id
    found: set[bytes] = set()
    for start in range(0, len(targets), _AT_ONCE):
        found.update(connection.execute(select(column).where(column.in_(targets[start : start + _AT_ONCE]))).scalars())
    return [target for target in targets if target in found]


def page(
    store: Store, *, after: tuple[datetime.date, bytes] | None = None, limit: int = 50
) -> tuple[tuple[Deletion, str | None], ...]:
    """
    Deletions that wait, oldest day first, each with the designation of the thread it is about.

    Args:
        after: Day and id of the last one of the page before, or None for the first page.
        limit: How many at most.

    """
    statement = (
        select(DeletionRow.id, DeletionRow.seat, DeletionRow.kind, DeletionRow.target, DeletionRow.day)
        .add_columns(ThreadRow.designation)
        .outerjoin(ThreadRow, ThreadRow.id == DeletionRow.target)
        .order_by(DeletionRow.day, DeletionRow.id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(tuple_(DeletionRow.day, DeletionRow.id) > tuple_(*after))
    with store.read() as connection:
        return tuple((Deletion(*row[:5]), row[5]) for row in connection.execute(statement))


def waiting(store: Store) -> Mapping[int, int]:
    """
    How many orders of each seat wait, for the seats that have any.
    """
    statement = select(DeletionRow.seat, func.count()).group_by(DeletionRow.seat).order_by(DeletionRow.seat)
    with store.read() as connection:
        return {row[0]: row[1] for row in connection.execute(statement)}


def get(store: Store, deletion: bytes) -> Deletion:
    """
    One that waits.

    Raises:
        MissingError: It was carried out or cancelled already.

    """
    with store.read() as connection:
        row = connection.execute(_ALL.where(DeletionRow.id == deletion)).one_or_none()
    if row is None:
        raise MissingError("this deletion no longer waits")
    return Deletion(*row)


def queued(store: Store) -> tuple[Deletion, ...]:
    """
    Every deletion that waits, oldest day first.
    """
    with store.read() as connection:
        rows = connection.execute(_ALL.order_by(DeletionRow.day, DeletionRow.id)).all()
    return tuple(Deletion(*row) for row in rows)


def due(store: Store, day: datetime.date) -> tuple[Deletion, ...]:
    """
    Those that `carry_out` would carry out on this day.
    """
    return tuple(deletion for deletion in queued(store) if deletion.due <= day)


def cancel(store: Store, deletion: bytes) -> None:
    """
    Take an ordered deletion out of the queue. Who may is the desk's to decide, and its audit log's to keep.

    Raises:
        MissingError: It was carried out or cancelled already.

    """
    with store.write() as connection:
        if connection.execute(delete(DeletionRow).where(DeletionRow.id == deletion)).rowcount == 0:
            raise MissingError("this deletion no longer waits")


def cancel_all(store: Store, seat: int) -> int:
    """
    Take every order of one seat out of the queue.

    Returns:
        How many there were.

    """
    with store.write() as connection:
        return connection.execute(delete(DeletionRow).where(DeletionRow.seat == seat)).rowcount


def carry_out(store: Store, day: datetime.date) -> tuple[Deletion, ...]:
    """
    Carry out every deletion that has been in view for seven days, in one transaction.

    Args:
        day: The server's day (UTC).

    Returns:
        Those whose target was still there.

    """
    done: list[Deletion] = []
    with store.write() as connection:
        for row in connection.execute(_ALL.where(DeletionRow.day <= day - DAYS_IN_VIEW)).all():
            deletion = Deletion(*row)
            erase = erase_thread if deletion.kind == "thread" else erase_item
            if erase(store, connection, deletion.target):
                done.append(deletion)
            connection.execute(delete(DeletionRow).where(DeletionRow.id == deletion.id))
    return tuple(done)
