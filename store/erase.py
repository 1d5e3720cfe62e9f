# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Erasing: at the source's wish at once, at the seats' order after seven days, payloads once every seat has them.

An act commits, then unlinks its blobs, then empties the write-ahead log. What may fail after the commit is taken up by
the sweeper: a blob without a row, and the mark of an unfinished checkpoint. README.md says what erasure means exactly
and what stays possible afterwards.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from store import checkpoint
from store.models import (
    AcknowledgementRow,
    BatchRow,
    DeletionRow,
    EnvelopeRow,
    ItemRow,
    SlipRow,
    ThreadRow,
    WithdrawnRow,
)
from store.seats import active_seats

if TYPE_CHECKING:
    from store.engine import Store

# A seat that is silent keeps the others' server full for this long after the first acknowledgement, no longer.
PATIENCE_WITH_SILENT_SEATS = datetime.timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """
    A thread its source has forgotten: its server id and the day, for the next manifest.
    """

    thread: bytes
    day: datetime.date


@dataclass(frozen=True, slots=True)
class Purged:
    """
    A batch whose payloads were erased from the server.

    Args:
        batch: Its number.
        items: How many items were erased.
        silent: The active seats that had not acknowledged it; the others are to be told.

    """

    batch: int
    items: int
    silent: tuple[int, ...]


def forget(store: Store, thread: bytes, *, day: datetime.date, locator: bytes | None = None) -> bool:
    """
    Erase a thread at its source's wish, at once: items, replies, blobs, locator, designation and slips.

    What stays is a mark of its server id and the day, which the next batch tells the vaults.

    Args:
        thread: The server's id of the thread.
        day: The server's day (UTC).
        locator: The codename's, so that its slips go also where there is no thread yet.

    Returns:
        Whether there was such a thread; a repeated wish has no effect.

    """
    with store.write() as connection:
        gone = erase_thread(store, connection, thread)
        if connection.execute(delete(SlipRow).where(SlipRow.locator == locator)).rowcount:
            checkpoint.after_erasing(store, connection)
        if gone:
            connection.execute(insert(WithdrawnRow), {"thread_id": thread, "day": day})
    return gone


def withdrawn(store: Store) -> tuple[Withdrawn, ...]:
    """
    The forgotten threads no batch has told the vaults of yet.
    """
    statement = select(WithdrawnRow.thread_id, WithdrawnRow.day).where(WithdrawnRow.batch.is_(None))
    with store.read() as connection:
        return tuple(Withdrawn(*row) for row in connection.execute(statement.order_by(WithdrawnRow.thread_id)))


def erase_thread(store: Store, connection: Connection, thread: bytes) -> bool:
    """
    Erase a thread inside a running transaction; its blobs and the log follow after the commit.

    Returns:
        Whether there was such a thread.

    """
    # Items, envelopes and replies go with their thread by foreign key.
    blobs = _blobs(connection, ItemRow.thread_id == thread)
    items = select(ItemRow.id).where(ItemRow.thread_id == thread)
    connection.execute(delete(DeletionRow).where((DeletionRow.target == thread) | DeletionRow.target.in_(items)))
    # A slip that outlived its thread could begin it anew.
    locator = select(ThreadRow.locator).where(ThreadRow.id == thread).scalar_subquery()
    connection.execute(delete(SlipRow).where(SlipRow.locator == locator))
    if connection.execute(delete(ThreadRow).where(ThreadRow.id == thread)).rowcount == 0:
        return False
    _afterwards(store, connection, blobs)
    return True


def erase_item(store: Store, connection: Connection, item: bytes) -> bool:
    """
    Erase one item inside a running transaction; its blob and the log follow after the commit.

    Returns:
        Whether there was such an item.

    """
    facts = connection.execute(
        select(ItemRow.thread_id, ItemRow.length, ItemRow.batch).where(ItemRow.id == item)
    ).one_or_none()
    if facts is None:
        return False
    blobs = _blobs(connection, ItemRow.id == item)
    connection.execute(delete(DeletionRow).where(DeletionRow.target == item))
    connection.execute(delete(ItemRow).where(ItemRow.id == item))
    if facts.thread_id is not None:
        fewer = update(ThreadRow).where(ThreadRow.id == facts.thread_id)
        waiting = 1 if facts.batch is None else 0
        connection.execute(
            fewer.values(
                items=ThreadRow.items - 1,
                waiting=ThreadRow.waiting - waiting,
                length=ThreadRow.length - facts.length,
                files=ThreadRow.files - (facts.length if blobs else 0),
            )
        )
    _afterwards(store, connection, blobs)
    return True


def purge_acknowledged(store: Store, *, day: datetime.date) -> tuple[Purged, ...]:
    """
    Erase header and payload of items whose batch every active seat has acknowledged, or whose batch was first
    acknowledged thirty days ago.

    The items' facts stay, so that a repeat is still recognised and the thread's size still told. Where no seat is
    active nothing is purged. The marks of forgotten threads go with the batch that told of them.

    Args:
        day: The server's day (UTC).

    """
    done: list[Purged] = []
    with store.write() as connection:
        active = active_seats(connection)
        for batch, first, seats in _acknowledged(connection) if active else ():
            silent = tuple(seat for seat in active if seat not in seats)
            if silent and day < first + PATIENCE_WITH_SILENT_SEATS:
                continue
            connection.execute(delete(WithdrawnRow).where(WithdrawnRow.batch == batch))
            blobs = _blobs(connection, ItemRow.batch == batch)
            _give_back(connection, batch)
            of_batch = select(ItemRow.id).where(ItemRow.batch == batch)
            gone = connection.execute(delete(EnvelopeRow).where(EnvelopeRow.item_id.in_(of_batch))).rowcount
            if gone:
                _afterwards(store, connection, blobs)
                done.append(Purged(batch, gone, silent))
    return tuple(done)


def _acknowledged(connection: Connection) -> list[tuple[int, datetime.date, set[int]]]:
    """
    The batches that still have something to purge, the day they were first acknowledged, and by which seats.

    An acknowledgement is for its batch and all before it (bundle T34).
    """
    remaining = (
        select(ItemRow.id).join(EnvelopeRow, EnvelopeRow.item_id == ItemRow.id).where(ItemRow.batch == BatchRow.number)
    )
    told = select(WithdrawnRow.thread_id).where(WithdrawnRow.batch == BatchRow.number)
    statement = (
        select(BatchRow.number, func.min(AcknowledgementRow.day, type_=AcknowledgementRow.day.type))
        .join(AcknowledgementRow, AcknowledgementRow.batch >= BatchRow.number)
        .where(remaining.exists() | told.exists())
        .group_by(BatchRow.number)
        .order_by(BatchRow.number)
    )
    seats = select(AcknowledgementRow.seat)
    return [
        (number, first, set(connection.execute(seats.where(AcknowledgementRow.batch >= number)).scalars()))
        for number, first in connection.execute(statement).all()
    ]


def _give_back(connection: Connection, batch: int) -> None:
    """
    Count the blobs of a batch as gone from their threads.
    """
    freed = (
        select(ItemRow.thread_id, func.sum(ItemRow.length).label("length"))
        .join(EnvelopeRow, EnvelopeRow.item_id == ItemRow.id)
        .where(ItemRow.batch == batch, ItemRow.thread_id.is_not(None), EnvelopeRow.blob.is_not(None))
        .group_by(ItemRow.thread_id)
    )
    for thread, length in connection.execute(freed).all():
        connection.execute(update(ThreadRow).where(ThreadRow.id == thread).values(files=ThreadRow.files - length))


def _blobs(connection: Connection, condition: ColumnElement[bool]) -> tuple[str, ...]:
    statement = (
        select(EnvelopeRow.blob)
        .join(ItemRow, ItemRow.id == EnvelopeRow.item_id)
        .where(condition, EnvelopeRow.blob.is_not(None))
    )
    return tuple(name for name in connection.execute(statement).scalars() if name is not None)


def _afterwards(store: Store, connection: Connection, blobs: tuple[str, ...]) -> None:
    # Never before the commit: a rolled back erasure must leave the item whole.
    def unlink() -> None:
        for name in blobs:
            store.blobs.delete(name)

    if blobs:
        store.after_commit(unlink)
    checkpoint.after_erasing(store, connection)
