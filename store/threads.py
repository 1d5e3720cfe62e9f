# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Threads as the server may know them: a designation, days, counts and sizes.

A thread's states are read off its counts, never stored beside them. Pages are keyset pages, newest day first; within a
day the order is that of the random ids and says nothing. An unknown locator is an answer (None), not an error: a
codename never used opens the same page.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from sqlalchemy import ColumnElement, Select, bindparam, select, text, tuple_

from store.connections import spelled
from store.errors import MissingError
from store.models import ThreadRow

if TYPE_CHECKING:
    from store.engine import Store

Filter: TypeAlias = Literal["all", "arrived", "handed over", "replied"]

MOST_THREADS_A_PAGE = 200

_THREAD: Select[Any] = select(  # type: ignore[assignment] # a Select of any columns
    ThreadRow.id,
    ThreadRow.designation,
    ThreadRow.generation,
    ThreadRow.first_day,
    ThreadRow.last_day,
    ThreadRow.items,
    ThreadRow.waiting,
    ThreadRow.length,
    ThreadRow.replies,
    ThreadRow.files,
    ThreadRow.accepted_bytes,
    ThreadRow.accepted_until,
)
# What the driver gives as ISO text: first day, last day, accepted until.
_DAYS = (3, 4, 11)
_BY_LOCATOR = spelled(_THREAD.where(ThreadRow.locator == bindparam("locator")))
_BY_ID = _THREAD.where(ThreadRow.id == bindparam("thread"))
_BY_NAME = _THREAD.where(ThreadRow.designation == bindparam("designation"))
# Written out, not bound: SQLite uses a partial index only when it can read the condition.
_FILTERS: dict[Filter, ColumnElement[bool] | None] = {
    "all": None,
    "arrived": text("waiting > 0"),  # type: ignore[dict-item]
    "handed over": text("waiting = 0"),  # type: ignore[dict-item]
    "replied": text("replies > 0"),  # type: ignore[dict-item]
}


class Cursor(NamedTuple):
    """
    Where a page ended: the last thread shown.
    """

    last_day: datetime.date
    id: bytes


@dataclass(frozen=True, slots=True)
class Thread:
    """
    What the server knows of one thread.

    Args:
        id: The server's 16-byte id, unrelated to the thread value.
        designation: Two random words.
        generation: The number of the codename generation.
        first_day: The day its first item came.
        last_day: The day its newest item came.
        items: How many items it ever received.
        waiting: How many of them are in no batch yet.
        length: The payload bytes it ever received.
        replies: How many replies the source can see now.
        files: The bytes of its files that lie on the server now.
        accepted_bytes: The bytes its files may have here, if somebody at the desk accepted it.
        accepted_until: The last day on which that counts.

    """

    id: bytes
    designation: str
    generation: int
    first_day: datetime.date
    last_day: datetime.date
    items: int
    waiting: int
    length: int
    replies: int
    files: int = 0
    accepted_bytes: int | None = None
    accepted_until: datetime.date | None = None

    @property
    def arrived(self) -> bool:
        """
        Whether something in it waits to be handed over.
        """
        return self.waiting > 0

    @property
    def handed_over(self) -> bool:
        """
        Whether everything in it has been taken out in batches.
        """
        return self.waiting == 0

    @property
    def replied(self) -> bool:
        """
        Whether a reply lies ready for the source.
        """
        return self.replies > 0


@dataclass(frozen=True, slots=True)
class Page:
    """
    A page of threads.

    Args:
        threads: Newest day first.
        after: The cursor for the next page, or None when this is the last.

    """

    threads: tuple[Thread, ...]
    after: Cursor | None


def find(store: Store, locator: bytes) -> Thread | None:
    """
    The thread of this 32-byte locator, or None if no item was ever sent under it.
    """
    rows = store.rows(_BY_LOCATOR, {"locator": locator})
    if not rows:
        return None
    facts = list(rows[0])
    for place in _DAYS:
        facts[place] = None if facts[place] is None else datetime.date.fromisoformat(facts[place])
    return Thread(*facts)


def get(store: Store, thread: bytes) -> Thread:
    """
    The thread of this server id.

    Raises:
        MissingError: There is none (any more).

    """
    with store.read() as connection:
        row = connection.execute(_BY_ID, {"thread": thread}).one_or_none()
    if row is None:
        raise MissingError("there is no such thread")
    return Thread(*row)


def named(store: Store, designation: str) -> Thread:
    """
    The thread of this designation.

    Raises:
        MissingError: There is none (any more).

    """
    with store.read() as connection:
        row = connection.execute(_BY_NAME, {"designation": designation}).one_or_none()
    if row is None:
        raise MissingError("there is no such thread")
    return Thread(*row)


def page(store: Store, *, after: Cursor | None = None, limit: int = 50, show: Filter = "all") -> Page:
    """
    One page of threads, newest day first.

    Args:
        after: The cursor of the page before, or None for the first.
        limit: How many, 1 to 200.
        show: All of them, or those in one state.

    """
    if not 1 <= limit <= MOST_THREADS_A_PAGE:
        raise ValueError(f"a page has 1 to {MOST_THREADS_A_PAGE} threads")
    with store.read() as connection:
        rows = connection.execute(_page_statement(after, limit + 1, show)).all()
    threads = tuple(Thread(*row) for row in rows[:limit])
    more = len(rows) > limit
    return Page(threads, Cursor(threads[-1].last_day, threads[-1].id) if more else None)


def _page_statement(after: Cursor | None, limit: int, show: Filter) -> Select[Any]:
    statement = _THREAD.order_by(ThreadRow.last_day.desc(), ThreadRow.id.desc()).limit(limit)
    condition = _FILTERS[show]
    if condition is not None:
        statement = statement.where(condition)
    if after is not None:
        statement = statement.where(tuple_(ThreadRow.last_day, ThreadRow.id) < tuple_(after.last_day, after.id))
    return statement
