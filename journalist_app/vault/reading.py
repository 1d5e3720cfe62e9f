# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What the pages show of threads: read, never changed.

Days are the server's, as the batch stated them; within a day nothing is known of the order, so items stand by batch and
submission. Entries stand by clock. A thread may hold any number of items of any length, so a page has PAGE of them, and of
a long text its beginning: a source, or a server that learnt its thread value, cannot make a thread that does not open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, case, func, select, tuple_

from crypto.canonical import JSON, decode
from crypto.signing import MAX_DOCUMENT, SignedDocument
from journalist_app.vault import consent
from journalist_app.vault.alarms import Alarm, of_thread
from journalist_app.vault.entries import Entry, parse_entry
from journalist_app.vault.errors import NotFoundError
from journalist_app.vault.gathered import Copies, File, Volumes, copies, file_of, volumes_of
from journalist_app.vault.identity import read_fact
from journalist_app.vault.models import entries, grouped, items, listed, threads
from journalist_app.vault.recipients import Standing, standing

PAGE = 50
# Characters of a text on the thread's page: 64 KiB of most scripts. The whole text has a page of its own.
FOLD = 20_000
MISSING_SHOWN = 20
# A filter of the list beside the states: anybody can call a thread urgent, ten thousand times, and must not hide the others.
CALM = "not-urgent"
OPENING = 160
MAX_FIELDS = 8_192

# Of a thread: whether it is urgent, its last day, its value.
ThreadPlace = tuple[int, str, bytes]
# Of an item: batch, whether its submission has no words, submission, place of its kind, id. Of an entry: clock, seat, digest.
ItemPlace = tuple[int, int, bytes, int, bytes]
EntryPlace = tuple[int, int, bytes]

# Kinds of a submission's items in the order in which they are shown.
_ORDER = {"message": 0, "file": 1}
# Shown in the page's own words, so not among the raw fields.
_SHOWN = {"consent", "channel", "set", "part", "parts", "report"}


@dataclass(frozen=True, slots=True)
class Item:
    """
    One item as the page shows it, with what stands under it.
    """

    row: Row[Any]
    fields: Mapping[str, JSON]
    misfiled: bool
    other_recipient: bool
    listed_length: int | None
    copies: Copies | None
    file: File | None
    volumes: Volumes | None

    @property
    def folded(self) -> bool:
        """
        Whether only the beginning of its text is here.
        """
        return bool(self.row.characters > FOLD)

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
        items: A page of them, by batch and submission.
        more: Where the next page of items begins, if there is one.
        entries: A page of them, by clock.
        older: Where the page of older entries ends, if there are any.
        alarms: Those kept about it, the gravest first.
        missing: The first ids that a list of files names and that are not here.
        lang: The language of its first message, or empty.
        recipient: What the seats say of the pinned reply recipient.
        consent: What all of its messages allow.
    """

    row: Row[Any]
    items: tuple[Item, ...]
    more: ItemPlace | None
    entries: tuple[Entry, ...]
    older: EntryPlace | None
    alarms: tuple[Alarm, ...]
    missing: tuple[str, ...]
    lang: str
    recipient: Standing
    consent: consent.Consent


@dataclass(frozen=True, slots=True)
class WholeText:
    """
    All of one message.
    """

    thread: bytes
    text: str
    lang: str


def page(
    connection: Connection, *, after: ThreadPlace | None = None, state: str | None = None
) -> tuple[Sequence[Row[Any]], ThreadPlace | None]:
    """
    One page of threads: urgent ones first, then by the newest day.

    Args:
        connection: To read from.
        after: The last place of the page before.
        state: Only threads in this state, or only those that are not urgent (CALM).

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
    place = (threads.c.urgent, threads.c.last_day, threads.c.thread)
    query = select(threads, opening.label("opening"), lang.label("lang"))
    if after is not None:
        query = query.where(tuple_(*place) < tuple_(*after))
    if state is not None:
        query = query.where(threads.c.urgent == 0 if state == CALM else threads.c.state == state)
    query = query.order_by(*(column.desc() for column in place)).limit(PAGE + 1)
    rows = connection.execute(query).all()
    if len(rows) <= PAGE:
        return rows, None
    last = rows[PAGE - 1]
    return rows[:PAGE], (last.urgent, last.last_day, last.thread)


def thread(
    connection: Connection, value: bytes, *, after: ItemPlace | None = None, before: EntryPlace | None = None
) -> Thread:
    """
    One thread: a page of its items and a page of its entries.

    Args:
        connection: To read from.
        value: The thread value.
        after: Where the page of items before ended; the first page if it is not said.
        before: Where the page of newer entries began; the newest if it is not said.

    Raises:
        NotFoundError: There is no such thread.
    """
    row = connection.execute(select(threads).where(threads.c.thread == value)).first()
    if row is None:
        raise NotFoundError("there is no such thread")
    found, more = _items(connection, value, after)
    told, older = _entries(connection, value, before)
    lines = select(listed.c.item, listed.c.length).where(
        listed.c.thread == value, listed.c.item.in_([one.item for one in found])
    )
    lengths = {line.item: line.length for line in connection.execute(lines)}
    return Thread(
        row=row,
        items=tuple(_item(connection, one, row, lengths.get(one.item)) for one in found),
        more=more,
        entries=told,
        older=older,
        alarms=of_thread(connection, value),
        missing=_missing(connection, value),
        lang=_lang(connection, value),
        recipient=_recipient(connection, row),
        consent=_consent(connection, value),
    )


def whole_text(connection: Connection, item: bytes) -> WholeText:
    """
    One message with all of its text.

    Raises:
        NotFoundError: There is no such message.
    """
    query = select(items.c.thread, items.c.text, items.c.lang).where(items.c.item == item, items.c.kind == "message")
    row = connection.execute(query).first()
    if row is None:
        raise NotFoundError("there is no such message")
    return WholeText(row.thread, row.text, row.lang)


def whole_entry(connection: Connection, digest: bytes) -> Entry:
    """
    One entry.

    Raises:
        NotFoundError: There is no such entry.
    """
    signed = connection.execute(select(entries.c.signed).where(entries.c.digest == digest)).scalar()
    if signed is None:
        raise NotFoundError("there is no such entry")
    return parse_entry(SignedDocument.decode(signed, MAX_DOCUMENT))


def _recipient(connection: Connection, row: Row[Any]) -> Standing:
    return standing(connection, row.thread, row.recipient, seat=int(read_fact(connection, "seat") or b"0"))


def _items(
    connection: Connection, value: bytes, after: ItemPlace | None
) -> tuple[Sequence[Row[Any]], ItemPlace | None]:
    # Places first, then the page's rows: sorting must not carry every text of the thread through memory.
    under = select(grouped.c.item).where(grouped.c.thread == value)
    worded = select(items.c.submission).where(items.c.thread == value, items.c.kind == "message")
    places = (
        select(
            items.c.batch,
            # Of one batch, what has words comes before what has only files.
            case((items.c.submission.in_(worded), 0), else_=1).label("wordless"),
            items.c.submission,
            case(_ORDER, value=items.c.kind, else_=9).label("rank"),
            items.c.item,
        )
        .where(items.c.thread == value, items.c.kind.in_(("message", "file")), items.c.item.not_in(under))
        .subquery()
    )
    query = select(places).order_by(*places.c).limit(PAGE + 1)
    if after is not None:
        query = query.where(tuple_(*places.c) > tuple_(*after))
    found: list[ItemPlace] = [tuple(place) for place in connection.execute(query)]
    shown = [column for column in items.c if column.name not in {"text", "file_key"}]
    beginning = func.substr(items.c.text, 1, FOLD).label("text")
    wanted = select(*shown, beginning, func.length(items.c.text).label("characters")).where(
        items.c.item.in_([place[-1] for place in found[:PAGE]])
    )
    rows: dict[bytes, Any] = {row.item: row for row in connection.execute(wanted)}
    return [rows[place[-1]] for place in found[:PAGE]], found[PAGE - 1] if len(found) > PAGE else None


def _entries(
    connection: Connection, value: bytes, before: EntryPlace | None
) -> tuple[tuple[Entry, ...], EntryPlace | None]:
    place = (entries.c.clock, entries.c.seat, entries.c.digest)
    query = select(*place, entries.c.signed).where(entries.c.thread == value)
    if before is not None:
        query = query.where(tuple_(*place) < tuple_(*before))
    newest_first = [column.desc() for column in place]
    rows = connection.execute(query.order_by(*newest_first).limit(PAGE + 1)).all()
    shown = rows[:PAGE]
    older = (shown[-1].clock, shown[-1].seat, shown[-1].digest) if len(rows) > PAGE else None
    return tuple(parse_entry(SignedDocument.decode(row.signed, MAX_DOCUMENT)) for row in reversed(shown)), older


def _missing(connection: Connection, value: bytes) -> tuple[str, ...]:
    here = select(items.c.item).where(items.c.item == listed.c.item, items.c.thread == value)
    query = select(listed.c.item).where(listed.c.thread == value, ~here.exists()).distinct()
    found = connection.execute(query.order_by(listed.c.item).limit(MISSING_SHOWN)).scalars()
    return tuple(item.hex() for item in found)


def _lang(connection: Connection, value: bytes) -> str:
    query = select(items.c.lang).where(items.c.thread == value, items.c.kind == "message", items.c.lang != "")
    return connection.execute(query.order_by(items.c.batch, items.c.item).limit(1)).scalar() or ""


def _consent(connection: Connection, value: bytes) -> consent.Consent:
    answer = func.json_extract(items.c.fields, "$.consent")
    # Copies are left out: they say what their lead says.
    under = select(grouped.c.item).where(grouped.c.thread == value)
    query = select(answer.label("answer"), func.count().label("times"))
    query = query.where(items.c.thread == value, items.c.kind == "message", items.c.item.not_in(under))
    rows = connection.execute(query.group_by(answer))
    return consent.of_thread({row.answer: row.times for row in rows})


def blocked(connection: Connection, rows: Sequence[Row[Any]]) -> frozenset[bytes]:
    """
    Those of these threads where replies wait, because another seat answers at another recipient.
    """
    return frozenset(row.thread for row in rows if _recipient(connection, row).blocked)


def warned(connection: Connection, limit: int = 200) -> Sequence[Row[Any]]:
    """
    Threads about which something is computed to be wrong.
    """
    wrong = (threads.c.misfiled > 0) | (threads.c.recipients > 1) | (threads.c.differing > 0) | (threads.c.missing > 0)
    return connection.execute(select(threads).where(wrong).order_by(threads.c.last_day.desc()).limit(limit)).all()


def _item(connection: Connection, one: Row[Any], row: Row[Any], length: int | None) -> Item:
    fields = decode(one.fields.encode(), limit=MAX_FIELDS)
    file = file_of(connection, one.item) if one.kind == "file" else None
    return Item(
        row=one,
        fields=fields if isinstance(fields, dict) else {},
        misfiled=one.server_thread != row.server_thread,
        other_recipient=bool(one.reply_to) and one.reply_to != row.recipient,
        listed_length=length if length is not None and length != one.length else None,
        copies=copies(connection, one.item),
        file=file,
        volumes=None if file is None else volumes_of(connection, file),
    )
