# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Slips: rows that let a shell without a codename append parts to one thread, for some days.

The store keeps the hash of a slip, the locator it belongs to and a box that only the slip itself opens. It cannot make one from what
it keeps. A slip goes with its thread (`erase`), with its day, or when its codename has made too many newer ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from store import checkpoint
from store.models import SlipRow

if TYPE_CHECKING:
    import datetime

    from store.engine import Store

#: As many as one codename may have at a time; those that end first make way.
MOST: Final = 16


@dataclass(frozen=True, slots=True)
class Slip:
    """
    What is kept of a slip.

    Args:
        locator: The 32-byte locator of the codename it was made under.
        generation: The number of that codename's generation.
        sealed: A box that the slip opens.

    """

    locator: bytes
    generation: int
    sealed: bytes


def put(store: Store, *, digest: bytes, locator: bytes, generation: int, sealed: bytes, expires: datetime.date) -> None:
    """
    Keep a slip. A repeat has no effect.

    Args:
        digest: The 32-byte hash of the slip.
        locator: The 32-byte locator of the codename.
        generation: The number of the codename generation.
        sealed: A box that only the slip opens, of one length for all.
        expires: The first day on which it counts no more.

    Raises:
        FullError: The disk takes no more.

    """
    others = (SlipRow.locator == locator) & (SlipRow.digest != digest)
    # SQLite knows an offset only behind a limit; -1 is none.
    too_many = select(SlipRow.digest).where(others).order_by(SlipRow.expires.desc(), SlipRow.digest)
    row = {"digest": digest, "locator": locator, "generation": generation, "sealed": sealed, "expires": expires}
    with store.write() as connection:
        connection.execute(insert(SlipRow).on_conflict_do_nothing(index_elements=["digest"]), row)
        older = delete(SlipRow).where(SlipRow.digest.in_(too_many.limit(-1).offset(MOST - 1)))
        if connection.execute(older).rowcount:
            checkpoint.after_erasing(store, connection)


def find(store: Store, digest: bytes, *, day: datetime.date) -> Slip | None:
    """
    The slip with this hash, if it still counts.

    Args:
        digest: The 32-byte hash of the slip.
        day: The server's day (UTC).

    """
    statement = select(SlipRow.locator, SlipRow.generation, SlipRow.sealed)
    with store.read() as connection:
        row = connection.execute(statement.where(SlipRow.digest == digest, SlipRow.expires > day)).one_or_none()
    return None if row is None else Slip(*row)


def drop(store: Store, digest: bytes) -> bool:
    """
    Erase one slip.

    Returns:
        Whether there was one.

    """
    with store.write() as connection:
        gone = connection.execute(delete(SlipRow).where(SlipRow.digest == digest)).rowcount == 1
        if gone:
            checkpoint.after_erasing(store, connection)
    return gone


def expire(store: Store, day: datetime.date) -> int:
    """
    Erase every slip whose day has come.

    Args:
        day: The server's day (UTC).

    Returns:
        How many were erased.

    """
    with store.write() as connection:
        gone = connection.execute(delete(SlipRow).where(SlipRow.expires <= day)).rowcount
        if gone:
            checkpoint.after_erasing(store, connection)
    return gone
