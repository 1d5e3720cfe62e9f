# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Sealed replies and statuses on their way to a source.

The store keeps them until the source deletes one, the day given with it comes, or the thread is forgotten. It cannot
read them, and does not know who wrote them. A held reply (its author had not seen the newest items) is not shown to
the source until it is released.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, bindparam, func, select, update
from sqlalchemy import delete as delete_from
from sqlalchemy.dialects.sqlite import insert

from store import checkpoint
from store.connections import spelled
from store.errors import ConflictError, MissingError
from store.models import ReplyRow, ThreadRow

if TYPE_CHECKING:
    from collections.abc import Collection

    from store.engine import Store

MOST_SLOTS = 64

_SHOWN = select(func.count()).where(ReplyRow.thread_id == ThreadRow.id, ~ReplyRow.held).scalar_subquery()
_COUNT_SHOWN = update(ThreadRow).where(ThreadRow.id == bindparam("thread")).values(replies=_SHOWN)
_FOUND = select(ThreadRow.id).where(ThreadRow.locator == bindparam("locator")).scalar_subquery()
_SLOTS = spelled(
    select(ReplyRow.id, ReplyRow.header, ReplyRow.payload, ReplyRow.expires)
    .where(ReplyRow.thread_id == _FOUND, ~ReplyRow.held)
    .order_by(ReplyRow.number.desc())
    .limit(bindparam("count"))
    .offset(bindparam("offset"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReply:
    """
    A sealed reply or status, ready to be published.

    Args:
        id: 16 random bytes, the item id inside.
        header: The age header.
        payload: The age payload.
        expires: The first day on which it is no longer shown.
        held: Whether it waits for "send anyway".

    """

    id: bytes
    header: bytes
    payload: bytes
    expires: datetime.date
    held: bool = False


@dataclass(frozen=True, slots=True)
class StoredReply:
    """
    One reply as the source app needs it: sealed, with the day it goes.
    """

    id: bytes
    header: bytes
    payload: bytes
    expires: datetime.date


@dataclass(frozen=True, slots=True)
class HeldReply:
    """
    One reply that waits for "send anyway": which, and for which thread.
    """

    id: bytes
    thread: bytes
    expires: datetime.date


def publish(store: Store, thread: bytes, reply: NewReply) -> bool:
    """
    Keep a reply for a thread's source.

    Returns:
        Whether it was stored now; False if it was there already.

    Raises:
        MissingError: There is no such thread (any more).
        ConflictError: The id belongs to another thread's reply.
        FullError: The disk takes no more.

    """
    with store.write() as connection:
        _require_thread(connection, thread)
        number = select(func.coalesce(func.max(ReplyRow.number), 0) + 1).where(ReplyRow.thread_id == thread)
        row = {
            "id": reply.id,
            "thread_id": thread,
            "number": connection.execute(number).scalar_one(),
            "held": reply.held,
            "expires": reply.expires,
            "header": reply.header,
            "payload": reply.payload,
        }
        if connection.execute(insert(ReplyRow).on_conflict_do_nothing(index_elements=["id"]), row).rowcount == 0:
            owner = connection.execute(select(ReplyRow.thread_id).where(ReplyRow.id == reply.id)).scalar_one()
            if owner != thread:
                raise ConflictError("this reply id belongs to another thread")
            return False
        connection.execute(_COUNT_SHOWN, {"thread": thread})
    return True


def slots(store: Store, locator: bytes, *, offset: int, count: int) -> tuple[StoredReply, ...]:
    """
    The replies a source may see now, newest first.

    Args:
        locator: The locator of the thread, 32 bytes. An unknown one has no replies.
        offset: How many newer ones to pass over.
        count: How many at most, 1 to 64.

    """
    if offset < 0 or not 1 <= count <= MOST_SLOTS:
        raise ValueError(f"between 1 and {MOST_SLOTS} replies, from an offset that is not negative")
    return tuple(
        StoredReply(item, header, payload, datetime.date.fromisoformat(expires))
        for item, header, payload, expires in store.rows(_SLOTS, {"locator": locator, "offset": offset, "count": count})
    )


def held(store: Store) -> tuple[HeldReply, ...]:
    """
    The replies that wait for "send anyway".
    """
    with store.read() as connection:
        rows = connection.execute(
            select(ReplyRow.id, ReplyRow.thread_id, ReplyRow.expires).where(ReplyRow.held).order_by(ReplyRow.id)
        ).all()
    return tuple(HeldReply(*row) for row in rows)


def held_page(store: Store, *, after: bytes | None = None, limit: int = 50) -> tuple[tuple[HeldReply, str], ...]:
    """
    Replies that wait for "send anyway", by id, each with its thread's designation.

    Args:
        after: The id of the last one of the page before, or None for the first page.
        limit: How many at most.

    """
    statement = (
        select(ReplyRow.id, ReplyRow.thread_id, ReplyRow.expires, ThreadRow.designation)
        .join(ThreadRow, ThreadRow.id == ReplyRow.thread_id)
        .where(ReplyRow.held)
        .order_by(ReplyRow.id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(ReplyRow.id > after)
    with store.read() as connection:
        return tuple(
            (HeldReply(reply, thread, expires), name) for reply, thread, expires, name in connection.execute(statement)
        )


def release(store: Store, reply: bytes) -> None:
    """
    Show a held reply to its source after all. Releasing it twice has no effect.

    Raises:
        MissingError: There is no such reply (any more).

    """
    with store.write() as connection:
        thread = _thread_of(connection, reply)
        if thread is None:
            raise MissingError("there is no such reply")
        connection.execute(update(ReplyRow).where(ReplyRow.id == reply).values(held=False))
        connection.execute(_COUNT_SHOWN, {"thread": thread})


def delete(store: Store, thread: bytes, reply: bytes) -> bool:
    """
    Erase one reply at its source's wish.

    Returns:
        Whether there was one; a repeated wish has no effect.

    """
    with store.read() as connection:
        # Asked before the gate: a wish for what is not there costs a look, whether or not there is such a thread.
        there = select(ReplyRow.id).where(ReplyRow.id == reply, ReplyRow.thread_id == thread)
        if connection.execute(there).one_or_none() is None:
            return False
    with store.write() as connection:
        statement = delete_from(ReplyRow).where(ReplyRow.id == reply, ReplyRow.thread_id == thread)
        gone = connection.execute(statement).rowcount == 1
        if gone:
            connection.execute(_COUNT_SHOWN, {"thread": thread})
            checkpoint.after_erasing(store, connection)
    return gone


def expire(store: Store, day: datetime.date) -> int:
    """
    Erase every reply whose day has come.

    Args:
        day: The server's day (UTC).

    Returns:
        How many were erased.

    """
    with store.write() as connection:
        due = connection.execute(select(ReplyRow.id, ReplyRow.thread_id).where(ReplyRow.expires <= day)).all()
        if not due:
            return 0
        connection.execute(delete_from(ReplyRow).where(ReplyRow.expires <= day))
        _count_again(connection, {row.thread_id for row in due})
        checkpoint.after_erasing(store, connection)
    return len(due)


def _count_again(connection: Connection, threads: Collection[bytes]) -> None:
    for thread in threads:
        connection.execute(_COUNT_SHOWN, {"thread": thread})


def _thread_of(connection: Connection, reply: bytes) -> bytes | None:
    return connection.execute(select(ReplyRow.thread_id).where(ReplyRow.id == reply)).scalar_one_or_none()


def _require_thread(connection: Connection, thread: bytes) -> None:
    if connection.execute(select(ThreadRow.id).where(ThreadRow.id == thread)).one_or_none() is None:
        raise MissingError("there is no such thread")
