# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Taking in sealed items: the one door through which ciphertext becomes "received".

When `deposit` returns, every item it names is durable and its thread has its locator. It refuses what was sealed
under a closed epoch (spec E5) and an id that another thread holds; it recognises a repeat. It never looks inside.
On every refusal it removes the blobs it was given, so that nothing half-written stays.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from sqlalchemy import LargeBinary, Text, bindparam, func, select, update
from sqlalchemy.dialects.sqlite import insert

from store.connections import driver, spelled
from store.designations import draw
from store.errors import ConflictError, DamagedError, EpochBelowFloorError
from store.models import EnvelopeRow, ItemRow, OrganisationRow, ThreadRow

if TYPE_CHECKING:
    import datetime
    import sqlite3
    from collections.abc import Callable, Sequence

    from store.engine import Store

Lane: TypeAlias = Literal["source", "team"]

# Two words usually suffice; a deposit is never refused because a name is taken.
_TRIES_WITH_TWO_WORDS = 8
_TRIES = 64
# Bound values of one statement; SQLite takes many more.
ASKED = 1_000

_FLOOR_AND_THREAD = spelled(
    select(OrganisationRow.floor, ThreadRow.id).select_from(
        OrganisationRow.__table__.outerjoin(
            ThreadRow.__table__, ThreadRow.locator == bindparam("locator", type_=LargeBinary())
        )
    )
)
_NEW_THREAD = spelled(
    insert(ThreadRow).on_conflict_do_nothing(index_elements=["designation"]),
    (
        "id",
        "locator",
        "generation",
        "designation",
        "first_day",
        "last_day",
        "items",
        "waiting",
        "length",
        "replies",
        "files",
    ),
)
_NEW_ITEM = spelled(
    insert(ItemRow).on_conflict_do_nothing(index_elements=["id"]),
    ("id", "thread_id", "lane", "card_sequence", "epoch", "seats", "length"),
)
_NEW_ENVELOPE = spelled(insert(EnvelopeRow))
_OWNER = spelled(select(ItemRow.thread_id, ItemRow.lane, ItemRow.length).where(ItemRow.id == bindparam("item")))
_BLOB_KNOWN = spelled(select(EnvelopeRow.item_id).where(EnvelopeRow.blob == bindparam("blob")))
_COUNT = spelled(
    update(ThreadRow)
    .where(ThreadRow.id == bindparam("thread"))
    .values(
        items=ThreadRow.items + bindparam("more_items"),
        waiting=ThreadRow.waiting + bindparam("more_items"),
        length=ThreadRow.length + bindparam("more_length"),
        files=ThreadRow.files + bindparam("more_files"),
        # Days are ISO text: the later one is the greater.
        last_day=func.max(ThreadRow.last_day, bindparam("day", type_=Text()), type_=Text()),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewItem:
    """
    One sealed item, ready to be kept.

    Args:
        id: 16 random bytes, the same that stand inside the frame.
        lane: "source" for what belongs to a thread, "team" for entries.
        epoch: The epoch it was sealed under.
        card_sequence: The sequence of the card it was sealed under.
        seats: The numbers of the seats it was sealed to, ascending.
        header: The age header, with the wrapped file key.
        payload: The age payload itself, or None when it lies in a blob.
        blob: The name `BlobWriter.commit` returned, or None when *payload* is given.
        length: The length of the payload in bytes.

    """

    id: bytes
    lane: Lane = "source"
    epoch: int
    card_sequence: int
    seats: tuple[int, ...]
    header: bytes
    payload: bytes | None = None
    blob: str | None = None
    length: int

    def __post_init__(self) -> None:
        if len(self.id) != 16:
            raise ValueError("an item id has 16 bytes")
        if (self.payload is None) == (self.blob is None):
            raise ValueError("an item has either a payload or a blob")
        if self.payload is not None and len(self.payload) != self.length:
            raise ValueError("an item's length is that of its payload")


@dataclass(frozen=True, slots=True)
class Deposited:
    """
    What a deposit did.

    Args:
        thread: The server's id of the thread, or None for the team lane.
        new: Whether this deposit made the thread.
        items: The ids stored by this call, in order; repeats are not among them.

    """

    thread: bytes | None
    new: bool
    items: tuple[bytes, ...]


def deposit(
    store: Store,
    *,
    locator: bytes | None,
    generation: int,
    items: Sequence[NewItem],
    day: datetime.date,
    guard: Callable[[], None] | None = None,
) -> Deposited:
    """
    Keep sealed items, all or none, and return only when they are durable.

    An item whose id the same thread already holds is a repeat: it has no effect and its new blob is removed. The store
    cannot compare what is sealed, so an id has to be random, or made from everything that the item carries: an id made
    from a part of it would have another item acknowledged and thrown away. The store owns the blobs named in *items*
    from here on, whatever the outcome.

    Args:
        locator: The 32-byte locator of the codename (spec D5), or None for items of the team lane.
        generation: The number of the codename generation; kept when the thread is new, ignored otherwise.
        items: At least one, of one lane.
        day: The server's day (UTC).
        guard: Asked inside the transaction, when nobody else can write any more: what it raises refuses them all.

    Raises:
        EpochBelowFloorError: One of them was sealed under a closed epoch.
        ConflictError: One of the ids belongs to another thread.
        DamagedError: A blob is not where it was committed.
        FullError: The disk takes no more.

    """
    lane: Lane = "team" if locator is None else "source"
    if not items or any(item.lane != lane for item in items):
        raise ValueError("a deposit has items of one lane, and a locator if and only if it is the source's")
    # Whatever can be computed is computed before the gate is taken: others wait behind it.
    rows = [_rows(item) for item in items]
    try:
        with store.write() as connection:
            if guard is not None:
                guard()
            done = _deposit(
                store, driver(connection), locator=locator, generation=generation, items=items, rows=rows, day=day
            )
    except Exception:
        # What a commit that failed late did store is known by its row, and stays.
        _discard(store, items)
        raise
    stored = set(done.items)
    _discard(store, [item for item in items if item.id not in stored])
    return done


def present(store: Store, locator: bytes, ids: Sequence[bytes]) -> frozenset[bytes]:
    """
    Which of these items the thread of a locator holds, sealed or already purged.

    Args:
        locator: The 32-byte locator of the codename.
        ids: At most `ASKED` item ids.

    """
    if len(ids) > ASKED:
        raise ValueError(f"at most {ASKED} items are asked for at a time")
    of_thread = select(ItemRow.id).join(ThreadRow, ThreadRow.id == ItemRow.thread_id)
    with store.read() as connection:
        found = connection.execute(of_thread.where(ThreadRow.locator == locator, ItemRow.id.in_(ids))).scalars()
        return frozenset(found)


_Rows: TypeAlias = tuple[dict[str, object], dict[str, object]]


def _rows(item: NewItem) -> _Rows:
    facts: dict[str, object] = {
        "id": item.id,
        "lane": item.lane,
        "card_sequence": item.card_sequence,
        "epoch": item.epoch,
        "seats": ",".join(map(str, item.seats)),
        "length": item.length,
    }
    envelope: dict[str, object] = {
        "item_id": item.id,
        "blob": item.blob,
        "header": item.header,
        "payload": item.payload,
    }
    return facts, envelope


def _deposit(
    store: Store,
    connection: sqlite3.Connection,
    *,
    locator: bytes | None,
    generation: int,
    items: Sequence[NewItem],
    rows: Sequence[_Rows],
    day: datetime.date,
) -> Deposited:
    # The outer join leaves the thread empty where none has this locator.
    thread: bytes | None
    floor, thread = connection.execute(_FLOOR_AND_THREAD, {"locator": locator}).fetchone()
    new = locator is not None and thread is None
    if new:
        thread = _make_thread(connection, locator, generation, day)
    stored: list[bytes] = []
    length = files = 0
    for item, (facts, envelope) in zip(items, rows, strict=True):
        if connection.execute(_NEW_ITEM, {**facts, "thread_id": thread}).rowcount == 0:
            _require_repeat(connection, item, thread)
            continue
        # spec E5: asked inside the transaction, so that no epoch closes between the question and the commit.
        if item.epoch < floor:
            raise EpochBelowFloorError(f"sealed under epoch {item.epoch}, the floor is {floor}")
        if item.blob is not None and not store.blobs.has(item.blob):
            raise DamagedError("a committed blob is missing")
        connection.execute(_NEW_ENVELOPE, envelope)
        stored.append(item.id)
        length += item.length
        files += item.length if item.blob is not None else 0
    if thread is not None and stored:
        more = {
            "thread": thread,
            "more_items": len(stored),
            "more_length": length,
            "more_files": files,
            "day": day.isoformat(),
        }
        connection.execute(_COUNT, more)
    return Deposited(thread, new, tuple(stored))


def _make_thread(connection: sqlite3.Connection, locator: bytes | None, generation: int, day: datetime.date) -> bytes:
    thread = secrets.token_bytes(16)
    facts = {
        "id": thread,
        "locator": locator,
        "generation": generation,
        "first_day": day.isoformat(),
        "last_day": day.isoformat(),
        "items": 0,
        "waiting": 0,
        "length": 0,
        "replies": 0,
        "files": 0,
    }
    for attempt in range(_TRIES):
        words = 2 if attempt < _TRIES_WITH_TWO_WORDS else 3
        if connection.execute(_NEW_THREAD, {**facts, "designation": draw(words)}).rowcount == 1:
            return thread
    raise ConflictError("no designation is free")


def _require_repeat(connection: sqlite3.Connection, item: NewItem, thread: bytes | None) -> None:
    *owner, length = connection.execute(_OWNER, {"item": item.id}).fetchone()
    if owner != [thread, item.lane]:
        raise ConflictError("this item id belongs to another thread")
    # Whatever the caller made the id from: another length is not a repeat, and not to be acknowledged as one.
    if length != item.length:
        raise ConflictError("another item came under this id before")


def _discard(store: Store, items: Sequence[NewItem]) -> None:
    names = [item.blob for item in items if item.blob is not None]
    if not names:
        return
    # A repeat may name the very blob that is stored; that one is not ours to remove.
    with store.read() as connection:
        known = driver(connection)
        kept = {name for name in names if known.execute(_BLOB_KNOWN, {"blob": name}).fetchone() is not None}
    for name in names:
        if name not in kept:
            store.blobs.delete(name)
