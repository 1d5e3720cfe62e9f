# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What went wrong, kept: an alarm never disappears, it is only marked as seen.

An alarm is its kind and its subject, so the same thing noticed twice is one alarm. What can be computed from a thread's
items at any time (filed wrongly, other recipient, files missing) is not written here but computed in `projection`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, case, func, select, tuple_, update
from sqlalchemy.dialects.sqlite import insert as upsert

from journalist_app.vault.models import alarms

# On a page of one kind.
PAGE: Final = 50
# Of each kind on the page of all, so that no kind hides another.
FIRST: Final = 3
# The gravest first: what somebody forged or kept back, then what was changed or lost, then what may be no one's fault.
GRAVITY: Final = (
    "own-entry",
    "batch-fork",
    "entry-fork",
    "outbox-fork",
    "other-digest",
    "other-server",
    "batch-refused",
    "refused",
    "withheld",
    "not-for-us",
    "old-card",
    "old-seat",
    "below-floor",
    "acknowledgement",
    "entry-chain",
    "entry-clock",
    "stale-card",
    "new-card",
    "floor-fell",
    "far-floor",
    "far-day",
    "clock-back",
    "outbox-stuck",
    "erased",
    "without-damaged",
    "damaged",
    "repeated",
    "unknown-card",
    "needs-newer",
    "silence",
    "withdrawn",
)

# One sentence each, for the person who has to do something about it.
SENTENCES: Final[Mapping[str, str]] = {
    "withheld": "A batch is missing: the server gave a later one first.",
    "batch-fork": "Two different batches carry this number. One of them is forged: compare with the other seats.",
    "batch-refused": "A batch was refused.",
    "stale-card": "A batch came with an older card than one before it: the server may have been set back.",
    "other-server": "A batch names a card or sheet that contradicts one accepted before.",
    "floor-fell": "The server states a lower floor than before: closed epochs may be in use again.",
    "clock-back": "The server's day went back.",
    "damaged": "An item was damaged on the way. Copy the batch again.",
    "refused": "An item was refused.",
    "repeated": "The server sent the id of an earlier item again; the second was dropped.",
    "erased": "An item came without its bytes: its source erased it since, or somebody took it out of this copy.",
    "needs-newer": "An item needs a newer vault; it is kept sealed.",
    "unknown-card": "An item was sealed under a card this vault has never seen; it is kept sealed.",
    "entry-clock": "A seat signed an entry with an impossible clock: it is shown, and decides no state.",
    "old-card": "An item came sealed under a card that was replaced: seats that left it can read it.",
    "old-seat": "An entry came of a seat that had left the card: it is shown, and decides no state.",
    "own-entry": "An entry came that carries this seat's signature and was not written here: its key may be stolen.",
    "new-card": "The organisation has another card: compare who is on it.",
    "far-day": "A batch states a day far ahead: the server's clock or this laptop's is wrong.",
    "far-floor": "A batch closes epochs that have not come yet.",
    "below-floor": "An item names an epoch that was closed before: the server sealed or filed it against its word.",
    "outbox-stuck": "An outbox could not be sealed again; the server will refuse it.",
    "not-for-us": "The server left this seat out when it sealed an item, although the card has it. Ask another seat.",
    "other-digest": "A seat acknowledged another batch under this number than the one imported here.",
    "acknowledgement": "An acknowledgement in a batch does not hold.",
    "silence": "A seat has given no sign for 30 days.",
    "outbox-fork": "The server took in another outbox under this seat's number than the one written here.",
    "entry-fork": "A seat signed two entries with one number.",
    "entry-chain": "An entry does not name the one before it: one of the two was exchanged.",
    "withdrawn": "The source took this thread back: the server has erased it. Answers do not reach them any more.",
    "without-damaged": "A batch was finished without its damaged items.",
}


@dataclass(frozen=True, slots=True)
class Alarm:
    """
    One alarm.

    Args:
        kind: A key of SENTENCES.
        subject: What it is about: a number, an item id, `seat:number`.
        detail: What was found; never a word of a report.
        thread: The thread it belongs to, or empty.
        batch: In which batch it was noticed, 0 if in none.
        seen: Whether somebody marked it.

    """

    kind: str
    subject: str
    detail: str = ""
    thread: bytes = b""
    batch: int = 0
    seen: bool = False

    @property
    def sentence(self) -> str:
        """
        What it means.
        """
        return SENTENCES[self.kind]


@dataclass(frozen=True, slots=True)
class Group:
    """
    All alarms of one kind.

    Args:
        kind: Which.
        count: How many there are.
        unseen: How many nobody has marked.
        first: The first few.

    """

    kind: str
    count: int
    unseen: int
    first: tuple[Alarm, ...]

    @property
    def sentence(self) -> str:
        """
        What it means.
        """
        return SENTENCES[self.kind]


def raise_alarm(connection: Connection, alarm: Alarm, *, batch: int) -> None:
    """
    Keep an alarm; one of the same kind and subject stays as it was.
    """
    row = {
        "kind": alarm.kind,
        "subject": alarm.subject,
        "thread": alarm.thread,
        "detail": alarm.detail,
        "batch": batch,
        "seen": 0,
    }
    connection.execute(upsert(alarms).values(row).on_conflict_do_nothing())


def every(connection: Connection, limit: int = 500) -> tuple[Alarm, ...]:
    """
    The alarms, unseen ones first, the gravest first, newest batch first.
    """
    order = (alarms.c.seen, _gravity(), alarms.c.batch.desc(), alarms.c.kind, alarms.c.subject)
    return tuple(_alarm(row) for row in connection.execute(select(alarms).order_by(*order).limit(limit)))


def groups(connection: Connection) -> tuple[Group, ...]:
    """
    Every kind there is, the gravest first, each with its counts and its first alarms.
    """
    counts = select(alarms.c.kind, func.count(), func.sum(1 - alarms.c.seen)).group_by(alarms.c.kind)
    found = connection.execute(counts.order_by(_gravity(), alarms.c.kind)).all()
    return tuple(Group(kind, count, new, of_kind(connection, kind, limit=FIRST)[0]) for kind, count, new in found)


def of_kind(
    connection: Connection, kind: str, *, after: tuple[int, int, str] | None = None, limit: int = PAGE
) -> tuple[tuple[Alarm, ...], tuple[int, int, str] | None]:
    """
    One page of the alarms of one kind, unseen ones first, newest batch first.

    Args:
        connection: To read from.
        kind: Which.
        after: Where the page before ended.
        limit: How many at most.

    Returns:
        The alarms, and where the next page begins, if there is one.
    """
    place = (alarms.c.seen, -alarms.c.batch, alarms.c.subject)
    query = select(alarms).where(alarms.c.kind == kind).order_by(*place).limit(limit + 1)
    if after is not None:
        query = query.where(tuple_(*place) > tuple_(*after))
    rows = connection.execute(query).all()
    if len(rows) <= limit:
        return tuple(_alarm(row) for row in rows), None
    last = rows[limit - 1]
    return tuple(_alarm(row) for row in rows[:limit]), (last.seen, -last.batch, last.subject)


def of_thread(connection: Connection, thread: bytes, limit: int = PAGE) -> tuple[Alarm, ...]:
    """
    The alarms that belong to one thread, the gravest first.
    """
    query = select(alarms).where(alarms.c.thread == thread).order_by(_gravity(), alarms.c.subject).limit(limit)
    return tuple(_alarm(row) for row in connection.execute(query))


def unseen(connection: Connection) -> int:
    """
    How many nobody has marked.
    """
    return connection.execute(select(func.count()).select_from(alarms).where(alarms.c.seen == 0)).scalar_one()


def mark_seen(connection: Connection, kind: str, subject: str) -> None:
    """
    Mark one alarm as seen. It stays.
    """
    connection.execute(update(alarms).where(alarms.c.kind == kind, alarms.c.subject == subject).values(seen=1))


def _gravity() -> ColumnElement[int]:
    return case({kind: place for place, kind in enumerate(GRAVITY)}, value=alarms.c.kind, else_=len(GRAVITY))


def _alarm(row: Row[Any]) -> Alarm:
    return Alarm(row.kind, row.subject, row.detail, row.thread, row.batch, bool(row.seen))
