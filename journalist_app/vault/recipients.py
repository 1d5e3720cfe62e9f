# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Whether the seats seal a thread's replies to the same recipient.

Each vault pins the reply recipient of the first message it saw. A seat that joined later may never have seen the true
first one, and a server that learnt the thread value meanwhile can forge a message with a recipient of its own. So every
reply and status names the SHA-256 of the recipient it was sealed to (`to`), and each vault compares it with its own.
Where two differ, one seat answers somebody else: replies stop here until a person says whose side this vault is on.
Like all that the pages show, it is computed from the set of entries, whatever order they came in. Entries of seats that
had left the card count for nothing.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select, text

from journalist_app.vault.models import batches, threads
from journalist_app.vault.projection import CLOCKS_END

MOST_SHOWN: Final = 200

# `to` stands in the document of entries that name a recipient; those of an earlier version have none.
_NAMED: Final = text("""
SELECT thread, seat, clock, type, "to" FROM (
    SELECT thread, seat, clock, type,
        json_extract(json_extract(CAST(signed AS TEXT), '$.document'), '$.to') AS "to"
    FROM entries
    WHERE type IN ('reply', 'status', 'recipient') AND revoked = 0 AND (:thread IS NULL OR thread = :thread))
WHERE "to" IS NOT NULL ORDER BY thread, clock, seat
""")


@dataclass(frozen=True, slots=True)
class Standing:
    """
    What the entries of a thread say of the recipient pinned here.

    Args:
        others: The seats that sealed to another recipient than the one pinned here.
        chosen: Whether this seat was told, after the newest of these, to keep its own.
        confirmed: Whether another seat sealed to the same one.
        joined: The first batch this vault ever saw.
    """

    others: tuple[int, ...]
    chosen: bool
    confirmed: bool
    joined: int

    @property
    def blocked(self) -> bool:
        """
        Whether replies must wait for a person.
        """
        return bool(self.others) and not self.chosen

    @property
    def unsure(self) -> bool:
        """
        Whether the thread may have begun before this seat joined, and nobody who was there has said that its
        recipient is the right one.
        """
        return self.joined > 1 and not self.confirmed and not self.others


def named(recipient: str) -> str:
    """
    How entries name a reply recipient: the SHA-256 of its text, in hex.
    """
    return hashlib.sha256(recipient.encode()).hexdigest()


def standing(connection: Connection, thread: bytes, recipient: str, *, seat: int) -> Standing:
    """
    Compare what the seats say with the recipient pinned here.

    Args:
        connection: To read from.
        thread: The thread value.
        recipient: Pinned here.
        seat: This one.
    """
    ours = named(recipient)
    rows = connection.execute(_NAMED, {"thread": thread}).all()
    differing = [row for row in rows if row.to != ours]
    # Clocks from CLOCKS_END on order nothing: one of them would otherwise make every choice too old.
    newest = max((row.clock for row in differing if row.clock < CLOCKS_END), default=0)
    return Standing(
        others=tuple(sorted({row.seat for row in differing})),
        chosen=any(
            row.type == "recipient" and row.seat == seat and row.to == ours and row.clock > newest for row in rows
        ),
        confirmed=any(row.seat != seat and row.to == ours for row in rows),
        joined=connection.execute(select(func.min(batches.c.number))).scalar() or 0,
    )


def disputed(connection: Connection) -> Sequence[Row[Any]]:
    """
    Threads some seat has answered at another recipient than the one pinned here, the latest first.
    """
    told: dict[bytes, set[str]] = {}
    for row in connection.execute(_NAMED, {"thread": None}):
        told.setdefault(row.thread, set()).add(row.to)
    every = connection.execute(select(threads).order_by(threads.c.last_day.desc(), threads.c.thread))
    wrong = (row for row in every if row.recipient and told.get(row.thread, set()) - {named(row.recipient)})
    return list(itertools.islice(wrong, MOST_SHOWN))
