# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What this vault knows of the seats: their sheets, their acknowledgements, their silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from journalist_app.vault.entries import missing_entries
from journalist_app.vault.identity import load, reported_sheets, server_day
from journalist_app.vault.models import batches, seats
from journalist_app.vault.silence import SILENCE, silent_days


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatView:
    """
    One seat.

    Args:
        number: On the card.
        mine: Whether it is this one.
        active: Whether the server reported a sheet of it.
        last_epoch: How far that sheet reaches.
        batch: The newest batch it acknowledged, 0 if none.
        differs: Whether it acknowledged another batch under that number than the one imported here.
        heard: The day its newest acknowledgement came, or the day it was first seen.
        silent_days: Days since then, or since the first batch it has not acknowledged, whichever is later, by the server.
        missing: How many of its entries have not come.
    """

    number: int
    mine: bool
    active: bool
    last_epoch: int | None
    batch: int
    differs: bool
    heard: date | None
    silent_days: int
    missing: int

    @property
    def silent(self) -> bool:
        """
        Whether that is too long.
        """
        return self.silent_days >= SILENCE.days


@dataclass(frozen=True, slots=True)
class Team:
    """
    The page of seats.
    """

    fingerprint: str
    root: int
    threshold: int
    card: int
    day: date | None
    seats: tuple[SeatView, ...]


def overview(connection: Connection) -> Team:
    """
    Everything about the seats of the newest card.
    """
    mine = load(connection)
    sheets, day, missing = reported_sheets(connection, mine), server_day(connection), missing_entries(connection)
    signs = {row.seat: row for row in connection.execute(select(seats))}
    digests = {row.number: row.digest for row in connection.execute(select(batches.c.number, batches.c.digest))}
    owing = {} if day is None else silent_days(connection, mine=mine.number, day=day)
    found = []
    for seat in mine.card.seats:
        sign = signs.get(seat.number)
        heard = None if sign is None else date.fromisoformat(sign.day)
        sheet = sheets.get(seat.number)
        found.append(
            SeatView(
                number=seat.number,
                mine=seat.number == mine.number,
                active=sheet is not None,
                last_epoch=None if sheet is None else sheet.last,
                batch=0 if sign is None else sign.batch,
                differs=sign is not None and sign.batch in digests and digests[sign.batch] != sign.digest,
                heard=heard,
                silent_days=owing.get(seat.number, 0),
                missing=missing.get(seat.number, 0),
            )
        )
    return Team(mine.root.fingerprint, mine.root.number, mine.root.threshold, mine.card.sequence, day, tuple(found))
