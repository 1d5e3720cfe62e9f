# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What seats send back: acknowledgements of batches, and the numbers of their outboxes.

A number comes once. The same number with the same digest again has no effect; with another digest it is an alarm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select

from store.errors import ConflictError, GapError, MissingError
from store.models import AcknowledgementRow, BatchRow, OutboxRow

if TYPE_CHECKING:
    import datetime

    from store.engine import Store


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """
    A seat's signed word that it has imported a batch.

    Args:
        seat: The seat.
        batch: The batch's number.
        digest: The batch's digest.
        signed: The signed acknowledgement document, as it came.
        day: The server's day when it came.

    """

    seat: int
    batch: int
    digest: bytes
    signed: bytes
    day: datetime.date


@dataclass(frozen=True, slots=True)
class Outbox:
    """
    An outbox that was taken in: which, and its digest.
    """

    seat: int
    sequence: int
    digest: bytes


_ACKNOWLEDGEMENTS = select(
    AcknowledgementRow.seat,
    AcknowledgementRow.batch,
    AcknowledgementRow.digest,
    AcknowledgementRow.signed,
    AcknowledgementRow.day,
)
_OUTBOXES = select(OutboxRow.seat, OutboxRow.sequence, OutboxRow.digest)


def record_acknowledgement(
    store: Store, *, seat: int, batch: int, digest: bytes, signed: bytes, day: datetime.date
) -> bool:
    """
    Keep a verified acknowledgement.

    Returns:
        Whether it was new; the same again has no effect.

    Raises:
        MissingError: There is no batch of that number.
        ConflictError: The seat acknowledges another digest than that batch has: an alarm.

    """
    with store.write() as connection:
        known = connection.execute(select(BatchRow.digest).where(BatchRow.number == batch)).scalar_one_or_none()
        if known is None:
            raise MissingError(f"there is no batch {batch}")
        if known != digest:
            raise ConflictError(f"seat {seat} acknowledges another batch {batch} than was taken out")
        again = _ACKNOWLEDGEMENTS.where(AcknowledgementRow.seat == seat, AcknowledgementRow.batch == batch)
        if connection.execute(again).first() is not None:
            return False
        row = {"seat": seat, "batch": batch, "digest": digest, "signed": signed, "day": day}
        connection.execute(insert(AcknowledgementRow), row)
    return True


def acknowledgements(store: Store) -> tuple[Acknowledgement, ...]:
    """
    The newest acknowledgement of each seat, by seat.
    """
    newest = (
        select(AcknowledgementRow.seat, func.max(AcknowledgementRow.batch).label("batch"))
        .group_by(AcknowledgementRow.seat)
        .subquery()
    )
    statement = _ACKNOWLEDGEMENTS.join(
        newest, (AcknowledgementRow.seat == newest.c.seat) & (AcknowledgementRow.batch == newest.c.batch)
    ).order_by(AcknowledgementRow.seat)
    with store.read() as connection:
        return tuple(Acknowledgement(*row) for row in connection.execute(statement))


def record_outbox(store: Store, *, seat: int, sequence: int, digest: bytes) -> bool:
    """
    Keep the number of an outbox that is being taken in.

    Call it first inside the `store.write()` block that takes in the records, so that both happen or neither.

    Returns:
        Whether it was new; the same outbox again has no effect.

    Raises:
        ConflictError: An outbox of that number with another digest was taken in: an alarm.
        GapError: An earlier one is missing; `expected` says which.

    """
    with store.write() as connection:
        statement = _OUTBOXES.where(OutboxRow.seat == seat, OutboxRow.sequence == sequence)
        known = connection.execute(statement).one_or_none()
        if known is not None:
            if known.digest != digest:
                raise ConflictError(f"another outbox {sequence} of seat {seat} was taken in")
            return False
        last = connection.execute(select(func.max(OutboxRow.sequence)).where(OutboxRow.seat == seat)).scalar_one()
        expected = (last or 0) + 1
        if sequence != expected:
            raise GapError(f"outbox {expected} of seat {seat} is missing", expected)
        connection.execute(insert(OutboxRow), {"seat": seat, "sequence": sequence, "digest": digest})
    return True


def last_outbox(store: Store, seat: int) -> Outbox | None:
    """
    The newest outbox taken in from a seat, or None.
    """
    statement = _OUTBOXES.where(OutboxRow.seat == seat).order_by(OutboxRow.sequence.desc()).limit(1)
    with store.read() as connection:
        row = connection.execute(statement).one_or_none()
    return None if row is None else Outbox(*row)


def untold_outboxes(store: Store) -> tuple[Outbox, ...]:
    """
    The outboxes taken in that no batch has listed yet, by seat and sequence.
    """
    statement = _OUTBOXES.where(OutboxRow.batch.is_(None)).order_by(OutboxRow.seat, OutboxRow.sequence)
    with store.read() as connection:
        return tuple(Outbox(*row) for row in connection.execute(statement))
