# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Numbered batches: which items go to the vaults together, frozen once taken out.

The order of work: `pending` proposes, the caller hashes each item (`read`, `record_digest`) outside the write gate,
builds and signs the manifest, then `record` freezes all of it at once or refuses if anything moved meanwhile.
A batch is the same for all seats and stays readable in the same order; what was erased since is missing from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, bindparam, func, insert, select, update

from store.errors import ConflictError, DamagedError, GapError, MissingError
from store.models import BatchRow, EnvelopeRow, ItemRow, OutboxRow, ThreadRow, WithdrawnRow

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator, Sequence

    from store.engine import Store
    from store.items import Lane

# A manifest has at most 64 MiB (spec S3); an item takes well under 1,000 bytes of it.
MOST_ITEMS = 50_000
READ_SIZE = 1 << 20


@dataclass(frozen=True, slots=True)
class BatchItem:
    """
    What a manifest says of one item.

    Args:
        id: Its id.
        thread: The server's id of its thread, or None in the team lane.
        lane: "source" or "team".
        card_sequence: The sequence of the card it was sealed under.
        epoch: The epoch it was sealed under.
        seats: The seats it was sealed to.
        length: The bytes of header and payload together.
        sha256: SHA-256 of header‖payload, or None until recorded.
        place: Where it stands in its batch's manifest, from 0; None until taken out.

    """

    id: bytes
    thread: bytes | None
    lane: Lane
    card_sequence: int
    epoch: int
    seats: tuple[int, ...]
    length: int
    sha256: bytes | None
    place: int | None


@dataclass(frozen=True, slots=True)
class Batch:
    """
    A batch that was taken out.

    Args:
        number: 1, 2, …
        digest: SHA-256 of its manifest document.
        manifest: The sealed manifest, as it was first written.
        day: The server's day when it was frozen.
        count: How many items it was frozen with.
        items: Those still here, in the manifest's order. Fewer than *count* once some were erased or purged.

    """

    number: int
    digest: bytes
    manifest: bytes
    day: datetime.date
    count: int
    items: tuple[BatchItem, ...]


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """
    One line of the list of batches.
    """

    number: int
    digest: bytes
    day: datetime.date
    count: int


_TOTAL = (ItemRow.length + func.length(EnvelopeRow.header)).label("total")
_ITEMS = select(
    ItemRow.id,
    ItemRow.thread_id,
    ItemRow.lane,
    ItemRow.card_sequence,
    ItemRow.epoch,
    ItemRow.seats,
    _TOTAL,
    ItemRow.sha256,
    ItemRow.place,
).join(EnvelopeRow, EnvelopeRow.item_id == ItemRow.id)
_WAITING = select(func.count()).select_from(ItemRow).where(ItemRow.batch.is_(None))
_FREEZE = (
    update(ItemRow)
    .where(ItemRow.id == bindparam("item"), ItemRow.batch.is_(None), ItemRow.sha256.is_not(None))
    .values(batch=bindparam("number"), place=bindparam("at"))
)


def waiting(store: Store) -> int:
    """
    How many items no batch has taken out yet.
    """
    with store.read() as connection:
        return connection.execute(_WAITING).scalar_one()


def pending(store: Store, *, budget: int, most: int = MOST_ITEMS) -> tuple[BatchItem, ...]:
    """
    The items to hand over next, smallest first.

    Args:
        budget: The bytes a batch may have; the first item is taken whatever its size, so that none waits for ever.
        most: How many items at most.

    """
    statement = _ITEMS.where(ItemRow.batch.is_(None)).order_by(ItemRow.length, ItemRow.id).limit(most)
    chosen: list[BatchItem] = []
    left = budget
    with store.read() as connection:
        for row in connection.execute(statement):
            if chosen and row.total > left:
                break
            chosen.append(BatchItem(*row))
            left -= row.total
    return tuple(chosen)


def read(store: Store, item: bytes) -> Iterator[bytes]:
    """
    An item's age file, header‖payload, in pieces of at most 1 MiB.

    Raises:
        MissingError: It was erased.
        DamagedError: Its blob is gone or has another length than was stored.

    """
    statement = (
        select(EnvelopeRow.header, EnvelopeRow.payload, EnvelopeRow.blob, ItemRow.length)
        .join(ItemRow, ItemRow.id == EnvelopeRow.item_id)
        .where(EnvelopeRow.item_id == item)
    )
    with store.read() as connection:
        row = connection.execute(statement).one_or_none()
    if row is None:
        raise MissingError("this item was erased")
    yield row.header
    if row.payload is not None:
        yield row.payload
        return
    left = row.length
    with store.blobs.open(row.blob) as blob:
        while piece := blob.read(READ_SIZE):
            left -= len(piece)
            yield piece
    if left:
        raise DamagedError("a blob has another length than was stored")


def record_digest(store: Store, digests: Sequence[tuple[bytes, bytes]]) -> None:
    """
    Keep what hashing found, so that a batch interrupted before it was frozen is not hashed again.

    Args:
        digests: Pairs of item id and SHA-256 of header‖payload. An item erased meanwhile is passed over.

    Raises:
        DamagedError: An item hashed differently before.

    """
    fill = update(ItemRow).where(ItemRow.id == bindparam("item"), ItemRow.sha256.is_(None))
    with store.write() as connection:
        for item, sha256 in digests:
            if connection.execute(fill.values(sha256=bindparam("sha")), {"item": item, "sha": sha256}).rowcount == 1:
                continue
            known = connection.execute(select(ItemRow.sha256).where(ItemRow.id == item)).scalar_one_or_none()
            if known is not None and known != sha256:
                raise DamagedError("an item is not what it was when it was first hashed")


def next_number(store: Store) -> int:
    """
    The number of the next batch: 1, 2, …
    """
    with store.read() as connection:
        return _next(connection)


def record(
    store: Store,
    *,
    number: int,
    digest: bytes,
    manifest: bytes,
    items: Sequence[bytes],
    day: datetime.date,
    withdrawn: Sequence[bytes] = (),
    outboxes: Sequence[tuple[int, int]] = (),
) -> bool:
    """
    Freeze a batch: from here on its number, content and order stand.

    Args:
        number: What `next_number` said.
        digest: SHA-256 of the manifest document.
        manifest: The sealed manifest.
        items: The ids in the manifest's order; each has its digest recorded.
        day: The server's day (UTC).
        withdrawn: The forgotten threads this manifest tells of.
        outboxes: The (seat, sequence) of the outboxes this manifest lists.

    Returns:
        Whether it was new; the same number and digest again has no effect.

    Raises:
        GapError: It is not the next number.
        ConflictError: Another batch has that number, or one of the items was erased, taken out or not yet hashed.
        FullError: The disk takes no more.

    """
    with store.write() as connection:
        known = connection.execute(select(BatchRow.digest).where(BatchRow.number == number)).scalar_one_or_none()
        if known is not None:
            if known != digest:
                raise ConflictError(f"another batch {number} was taken out")
            return False
        expected = _next(connection)
        if number != expected:
            raise GapError(f"the next batch is {expected}", expected)
        row = {"number": number, "digest": digest, "manifest": manifest, "count": len(items), "day": day}
        connection.execute(insert(BatchRow), row)
        _freeze(connection, number, items)
        _tell(connection, number, withdrawn, outboxes)
    return True


def get(store: Store, number: int) -> Batch:
    """
    A batch that was taken out, with what is still here of it.

    Raises:
        MissingError: There is none of that number.

    """
    statement = select(BatchRow.number, BatchRow.digest, BatchRow.manifest, BatchRow.day, BatchRow.count)
    with store.read() as connection:
        row = connection.execute(statement.where(BatchRow.number == number)).one_or_none()
        if row is None:
            raise MissingError(f"there is no batch {number}")
        rows = connection.execute(_ITEMS.where(ItemRow.batch == number).order_by(ItemRow.place)).all()
    return Batch(*row, tuple(BatchItem(*item) for item in rows))


def newest(store: Store, *, below: int | None = None, limit: int = 50) -> tuple[BatchSummary, ...]:
    """
    Batches, newest first.

    Args:
        below: Only those with a lower number, for the next page.
        limit: How many at most.

    """
    statement = select(BatchRow.number, BatchRow.digest, BatchRow.day, BatchRow.count)
    if below is not None:
        statement = statement.where(BatchRow.number < below)
    with store.read() as connection:
        rows = connection.execute(statement.order_by(BatchRow.number.desc()).limit(limit)).all()
    return tuple(BatchSummary(*row) for row in rows)


def _next(connection: Connection) -> int:
    return connection.execute(select(func.coalesce(func.max(BatchRow.number), 0) + 1)).scalar_one()


def _freeze(connection: Connection, number: int, items: Sequence[bytes]) -> None:
    for place, item in enumerate(items):
        if connection.execute(_FREEZE, {"item": item, "number": number, "at": place}).rowcount != 1:
            raise ConflictError("an item of this batch was erased, taken out or not hashed; take the batch out again")
    taken = select(func.count()).where(ItemRow.batch == number, ItemRow.thread_id == ThreadRow.id).scalar_subquery()
    threads = select(ItemRow.thread_id).where(ItemRow.batch == number)
    connection.execute(
        update(ThreadRow).where(ThreadRow.id.in_(threads)).values(waiting=ThreadRow.waiting - taken),
    )


def _tell(connection: Connection, number: int, withdrawn: Sequence[bytes], outboxes: Sequence[tuple[int, int]]) -> None:
    for thread in withdrawn:
        connection.execute(update(WithdrawnRow).where(WithdrawnRow.thread_id == thread).values(batch=number))
    for seat, sequence in outboxes:
        listed = update(OutboxRow).where(OutboxRow.seat == seat, OutboxRow.sequence == sequence)
        connection.execute(listed.values(batch=number))
