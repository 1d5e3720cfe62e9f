# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Deletions that seats have ordered in signed outboxes: seven days in view, then carried out.

The desk cannot delete; it only keeps the queue. Any seat may cancel while an order waits.
"""

from __future__ import annotations

import datetime
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from sqlalchemy import delete, insert, select

from store.erase import erase_item, erase_thread
from store.errors import MissingError
from store.models import DeletionRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from store.engine import Store

Kind: TypeAlias = Literal["thread", "item"]

DAYS_IN_VIEW = datetime.timedelta(days=7)


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
        targets: Server ids of threads, or ids of items. Unknown ones are kept too: they have no effect when due.
        day: The server's day (UTC).

    Returns:
        The ids of the queued deletions, in order.

    """
    rows = [
        {"id": secrets.token_bytes(16), "seat": seat, "kind": kind, "target": target, "day": day} for target in targets
    ]
    if rows:
        with store.write() as connection:
            connection.execute(insert(DeletionRow), rows)
    return tuple(row["id"] for row in rows)  # type: ignore[misc]


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
