# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Looking up when each seat last gave a sign, as far as the store keeps it: acknowledgements have a day, outboxes the batch that first told of them.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, select

from deploy.doctor.silence import Sign
from store.engine import Store
from store.models import AcknowledgementRow, BatchRow, OutboxRow


def signs(store: Store, seats: Sequence[int]) -> tuple[Sign, ...]:
    """
    What is known of each of these seats.
    """
    with store.read() as connection:
        return tuple(_signs(connection, seats))


def _signs(connection: Connection, seats: Sequence[int]) -> Iterator[Sign]:
    for seat in seats:
        acknowledged = select(AcknowledgementRow.batch, AcknowledgementRow.day).where(AcknowledgementRow.seat == seat)
        newest = connection.execute(acknowledged.order_by(AcknowledgementRow.batch.desc()).limit(1)).one_or_none()
        number = 0 if newest is None else newest.batch
        owed = select(BatchRow.day).where(BatchRow.number > number).order_by(BatchRow.number).limit(1)
        outbox = select(OutboxRow.batch).where(OutboxRow.seat == seat).order_by(OutboxRow.sequence.desc()).limit(1)
        told = connection.execute(outbox).one_or_none()
        # An outbox that no batch has told of came after every batch: this seat has just spoken.
        spoke = told is not None and told.batch is None
        days = [] if newest is None else [newest.day]
        if told is not None and told.batch is not None:
            days.append(_day(connection, told.batch))
        yield Sign(
            seat=seat,
            last=max(days, default=None),
            owed=None if spoke else connection.execute(owed).scalar_one_or_none(),
        )


def _day(connection: Connection, batch: int) -> datetime.date:
    return connection.execute(select(BatchRow.day).where(BatchRow.number == batch)).scalar_one()
