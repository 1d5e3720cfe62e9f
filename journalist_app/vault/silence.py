# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Which seats owe a sign, and for how long: one rule, for the page of seats and for the alarm.

A seat owes one from the first batch it has not acknowledged, and is silent since then or since its last sign, whichever is later. This
vault's own seat is never silent to itself, and a seat that had nothing to acknowledge has nothing to say.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from sqlalchemy import Connection, func, select

from journalist_app.vault.models import batches, seats

SILENCE: Final = timedelta(days=30)


def silent_days(connection: Connection, *, mine: int, day: date) -> dict[int, int]:
    """
    For how long each seat has owed a sign.

    Args:
        connection: Of the vault.
        mine: This vault's seat.
        day: The server's day.

    Returns:
        Days by seat; only of seats that owe one.
    """
    found = {}
    for row in connection.execute(select(seats.c.seat, seats.c.batch, seats.c.day).where(seats.c.seat != mine)).all():
        number = select(func.min(batches.c.number)).where(batches.c.number > row.batch).scalar_subquery()
        owed = connection.execute(select(batches.c.day).where(batches.c.number == number)).scalar()
        if owed is not None:
            found[row.seat] = (day - max(date.fromisoformat(row.day), date.fromisoformat(owed))).days
    return found
