# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Lanes of space: how many bytes of files one thread may still add.

Files of threads that nobody accepted have at most half of what is free for files, all of them together, so that a flood
of new threads leaves the other half to those somebody waits for. One such thread has at most its quota. A thread that
was accepted, up to a size and a day, has that size, and the disk. Words are not counted here: they are never refused
for a lane.

What is written under `incoming/` belongs to no thread yet and counts as spent by those that nobody accepted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import Text, bindparam, func, or_, select, text, update

from store.connections import driver, spelled
from store.errors import MissingError
from store.models import ThreadRow

if TYPE_CHECKING:
    import datetime

    from store.engine import Store

MOST_ACCEPTED_BYTES: Final = 1 << 50

_UNACCEPTED = or_(ThreadRow.accepted_until.is_(None), ThreadRow.accepted_until < bindparam("day", type_=Text()))
# Written out, not bound: SQLite uses a partial index only when it can read the condition.
_SPENT = spelled(select(func.sum(ThreadRow.files)).where(text("files > 0"), _UNACCEPTED))
_THREAD = spelled(
    select(ThreadRow.files, ThreadRow.accepted_bytes, ThreadRow.accepted_until).where(
        ThreadRow.locator == bindparam("locator")
    )
)


@dataclass(frozen=True, slots=True)
class Room:
    """
    What may still be added, in bytes of sealed payload; neither is negative.

    Args:
        lane: By all who write in this thread's lane together.
        own: By this thread, for what it was accepted up to or for its quota.
        whole: What the lane had if nothing were in it.

    """

    lane: int
    own: int
    whole: int

    @property
    def length(self) -> int:
        """
        What this thread may add if nobody else writes meanwhile.
        """
        return min(self.lane, self.own)


def room(store: Store, locator: bytes | None, *, free: int, quota: int, day: datetime.date, writing: int = 0) -> Room:
    """
    How much a thread may still add.

    Args:
        locator: The 32-byte locator of the codename, or None for one that nothing was ever sent under.
        free: The bytes of disk that are free for files.
        quota: The bytes of files that a thread nobody accepted may have here.
        day: The server's day (UTC).
        writing: The bytes of a file of this thread that is being written, which are no row yet.

    """
    with store.read() as connection:
        reading = driver(connection)
        row = reading.execute(_THREAD, {"locator": locator}).fetchone()
        files, accepted, until = row or (0, 0, None)
        # Days are ISO text: the later one is the greater.
        if until is not None and until >= day.isoformat():
            return Room(max(0, free), max(0, accepted - files - writing), max(0, free))
        (files_of_all,) = reading.execute(_SPENT, {"day": day.isoformat()}).fetchone()
    spent = (files_of_all or 0) + store.blobs.incoming_bytes()
    # Half of (free + spent) is this lane's, and of that it has spent.
    return Room(max(0, (free - spent) // 2), max(0, quota - files - writing), (free + spent) // 2)


def accept(store: Store, thread: bytes, *, length: int, until: datetime.date) -> None:
    """
    Let a thread's files in up to a size and a day, whatever lane is full. Said again, the last word stands.

    Args:
        thread: The server's id of the thread.
        length: The bytes its files may have here in all, those that lie here already among them.
        until: The last day on which that counts.

    Raises:
        MissingError: There is no such thread (any more).

    """
    if not 0 < length <= MOST_ACCEPTED_BYTES:
        raise ValueError("a thread is accepted up to at least one byte and at most a pebibyte")
    _set(store, thread, length, until)


def take_back(store: Store, thread: bytes) -> None:
    """
    Let a thread be one that nobody accepted. What it sent stays.

    Raises:
        MissingError: There is no such thread (any more).

    """
    _set(store, thread, None, None)


def expire(store: Store, day: datetime.date) -> int:
    """
    Forget acceptances whose last day is over. They count no more already; this takes them out of the rows.

    Args:
        day: The server's day (UTC).

    Returns:
        How many there were.

    """
    over = update(ThreadRow).where(ThreadRow.accepted_until < day)
    with store.write() as connection:
        return connection.execute(over.values(accepted_bytes=None, accepted_until=None)).rowcount


def _set(store: Store, thread: bytes, length: int | None, until: datetime.date | None) -> None:
    grant = update(ThreadRow).where(ThreadRow.id == thread).values(accepted_bytes=length, accepted_until=until)
    with store.write() as connection:
        if connection.execute(grant).rowcount == 0:
            raise MissingError("there is no such thread")
