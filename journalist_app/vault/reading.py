# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What the pages show of threads: read, never changed.

Days are the server's, as the batch stated them; within a day nothing is known of the order, so items stand by batch and
submission. Entries stand by clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select, tuple_

from crypto.canonical import JSON, decode
from crypto.signing import MAX_DOCUMENT, SignedDocument
from journalist_app.vault.alarms import Alarm, of_thread
from journalist_app.vault.entries import Entry, parse_entry
from journalist_app.vault.errors import NotFoundError
from journalist_app.vault.models import entries, items, listed, threads

PAGE = 50
OPENING = 160
MAX_FIELDS = 8_192

# Kinds of a submission's items in the order in which they are shown.
_ORDER = {"message": 0, "file": 1, "files": 2}
# Shown in the page's own words, so not among the raw fields.
_SHOWN = {"consent", "channel", "set", "part", "parts", "report"}


@dataclass(frozen=True, slots=True)
class Item:
    """
    One item as the page shows it.
    """

    row: Row[Any]
    fields: Mapping[str, JSON]
    misfiled: bool
    other_recipient: bool
    listed_length: int | None

    @property
    def raw(self) -> Mapping[str, JSON]:
        """
        Fields that this version does not know (spec F9).
        """
        return {key: value for key, value in self.fields.items() if key not in _SHOWN}


@dataclass(frozen=True, slots=True)
class Thread:
    """
    One thread as the page shows it.

    Args:
        row: From the threads table.
        items: By batch and submission.
        entries: By clock.
        alarms: Those kept about it.
        missing: Ids that a list of files names and that are not here.
    """

    row: Row[Any]
    items: tuple[Item, ...]
    entries: tuple[Entry, ...]
    alarms: tuple[Alarm, ...]
    missing: tuple[str, ...]


def page(
    connection: Connection, *, after: tuple[str, bytes] | None = None, state: str | None = None
) -> tuple[Sequence[Row[Any]], tuple[str, bytes] | None]:
    """
    One page of threads, newest day first.

    Args:
        connection: To read from.
        after: The last day and thread of the page before.
        state: Only threads in this state.

    Returns:
        The rows, each with the opening of its first message, and where the next page begins, if there is one.
    """
    opening = (
        select(func.substr(items.c.text, 1, OPENING))
        .where(items.c.thread == threads.c.thread, items.c.kind == "message")
        .order_by(items.c.batch, items.c.item)
        .limit(1)
        .scalar_subquery()
    )
    lang = (
        select(items.c.lang)
        .where(items.c.thread == threads.c.thread, items.c.kind == "message")
        .order_by(items.c.batch, items.c.item)
        .limit(1)
        .scalar_subquery()
    )
    query = select(threads, opening.label("opening"), lang.label("lang"))
    if after is not None:
        query = query.where(tuple_(threads.c.last_day, threads.c.thread) < tuple_(*after))
    if state is not None:
        query = query.where(threads.c.state == state)
    query = query.order_by(threads.c.last_day.desc(), threads.c.thread.desc()).limit(PAGE + 1)
    rows = connection.execute(query).all()
    if len(rows) <= PAGE:
        return rows, None
    last = rows[PAGE - 1]
    return rows[:PAGE], (last.last_day, last.thread)


def thread(connection: Connection, value: bytes) -> Thread:
    """
    One thread, whole.

    Raises:
        NotFoundError: There is no such thread.
    """
    row = connection.execute(select(threads).where(threads.c.thread == value)).first()
    if row is None:
        raise NotFoundError("there is no such thread")
    lines = connection.execute(select(listed).where(listed.c.thread == value)).all()
    lengths = {line.item: line.length for line in lines}
    found = connection.execute(select(items).where(items.c.thread == value, items.c.kind != "entry")).all()
    present = {one.item for one in found}
    # Of one batch, what has words comes before what has only files.
    worded = {one.submission for one in found if one.kind == "message"}
    shown = sorted(
        found,
        key=lambda one: (one.batch, one.submission not in worded, one.submission, _ORDER.get(one.kind, 9), one.item),
    )
    signed = connection.execute(
        select(entries.c.signed)
        .where(entries.c.thread == value)
        .order_by(entries.c.clock, entries.c.seat, entries.c.digest)
    ).scalars()
    return Thread(
        row=row,
        items=tuple(_item(one, row, lengths.get(one.item)) for one in shown),
        entries=tuple(parse_entry(SignedDocument.decode(raw, MAX_DOCUMENT)) for raw in signed),
        alarms=of_thread(connection, value),
        missing=tuple(sorted(item.hex() for item in lengths.keys() - present)),
    )


def warned(connection: Connection, limit: int = 200) -> Sequence[Row[Any]]:
    """
    Threads about which something is computed to be wrong.
    """
    wrong = (threads.c.misfiled > 0) | (threads.c.recipients > 1) | (threads.c.differing > 0) | (threads.c.missing > 0)
    return connection.execute(select(threads).where(wrong).order_by(threads.c.last_day.desc()).limit(limit)).all()


def _item(one: Row[Any], row: Row[Any], length: int | None) -> Item:
    fields = decode(one.fields.encode(), limit=MAX_FIELDS)
    return Item(
        row=one,
        fields=fields if isinstance(fields, dict) else {},
        misfiled=one.server_thread != row.server_thread,
        other_recipient=bool(one.reply_to) and one.reply_to != row.recipient,
        listed_length=length if length is not None and length != one.length else None,
    )
