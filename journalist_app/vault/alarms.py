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

from sqlalchemy import Connection, Row, func, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from journalist_app.vault.models import alarms

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
    The alarms, unseen ones first, newest batch first.
    """
    query = select(alarms).order_by(alarms.c.seen, alarms.c.batch.desc(), alarms.c.kind, alarms.c.subject).limit(limit)
    return tuple(_alarm(row) for row in connection.execute(query))


def of_thread(connection: Connection, thread: bytes) -> tuple[Alarm, ...]:
    """
    The alarms that belong to one thread.
    """
    query = select(alarms).where(alarms.c.thread == thread).order_by(alarms.c.kind, alarms.c.subject)
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


def _alarm(row: Row[Any]) -> Alarm:
    return Alarm(row.kind, row.subject, row.detail, row.thread, row.batch, bool(row.seen))
