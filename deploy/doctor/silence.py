# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Judging which seats are silent, by the rule of the vaults: a seat owes a sign from the first batch it has not acknowledged, and is silent since
then or since its last sign, whichever is later. A seat that had nothing to acknowledge has nothing to say.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from deploy.doctor.finding import Finding

SILENCE: Final = datetime.timedelta(days=30)

WHY = (
    "A seat that does not answer may be a laptop that was lost or taken. Payloads wait for it, no epoch closes for good, "
    "and its person reads nothing."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """
    What is known of one active seat.

    Args:
        seat: Its number.
        last: The day of its last sign, or None if there was none yet.
        owed: The day of the first batch it has not acknowledged, or None if it owes nothing.
    """

    seat: int
    last: datetime.date | None
    owed: datetime.date | None

    def silent(self, day: datetime.date) -> int:
        """
        For how many days it has owed a sign.
        """
        if self.owed is None:
            return 0
        return (day - max(self.owed, self.last or self.owed)).days


def silent_seats(signs: Iterable[Sign], day: datetime.date) -> Finding:
    """
    Seats that have owed a sign for 30 days or more.
    """
    what = "silent seats"
    found = [(one.seat, one.silent(day)) for one in signs if one.silent(day) >= SILENCE.days]
    if not found:
        return Finding(what=what, ok=True, seen=f"No seat has owed an outbox for {SILENCE.days} days.", why=WHY)
    said = "; ".join(f"seat {seat} for {days} days" for seat, days in found)
    return Finding(
        what=what,
        ok=False,
        seen=f"An outbox is owed: {said}.",
        why=WHY,
        fix="Ask the person of that seat, by another way than this server, whether they still hold the laptop. If so: take out the batches at the desk, import "
        "them in the vault, bring back an outbox. If not: the ceremony makes a card without that seat; install it at once.",
    )
