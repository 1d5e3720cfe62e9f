# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Clearing away what crashes left: blobs without rows, dead incoming files, an unfinished erasure.

Why it cannot take an upload's blob: names are listed before rows are read; only blobs older than a given age count;
each is looked up again behind the write gate before it goes; and `deposit` asks behind the same gate whether its blob
is still there before it commits the row.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from store import checkpoint
from store.models import EnvelopeRow

if TYPE_CHECKING:
    from store.engine import Store

AGE = datetime.timedelta(days=1)

_REFERENCED = select(EnvelopeRow.blob).where(EnvelopeRow.blob.is_not(None))
_ONE = select(EnvelopeRow.item_id).where(EnvelopeRow.blob == bindparam("blob"))


@dataclass(frozen=True, slots=True)
class Swept:
    """
    What a sweep did.

    Args:
        blobs: Blobs without rows that were removed.
        incoming: Dead incoming files that were removed.
        erased: Whether no erasure is left unfinished.

    """

    blobs: int
    incoming: int
    erased: bool


def sweep(store: Store, *, now: float, age: datetime.timedelta = AGE) -> Swept:
    """
    Clear away what is older than *age*, and finish erasures.

    Args:
        now: Seconds since 1970, by the clock of the filesystem.
        age: How long a file is left alone. Zero is safe only while no upload runs.

    """
    before = now - age.total_seconds()
    incoming = store.blobs.sweep_incoming(before=before)
    return Swept(_sweep_blobs(store, before), incoming, checkpoint.finish(store))


def missing(store: Store) -> int:
    """
    How many rows name a blob that is not there. Anything but 0 is damage.
    """
    with store.read() as connection:
        names = connection.execute(_REFERENCED).scalars().all()
    return sum(1 for name in names if name is not None and not store.blobs.has(name))


def _sweep_blobs(store: Store, before: float) -> int:
    old = [name for name in store.blobs.names() if _is_old(store, name, before)]
    with store.read() as connection:
        referenced = set(connection.execute(_REFERENCED).scalars())
    orphans = [name for name in old if name not in referenced]
    if not orphans:
        return 0
    removed = 0
    with store.write() as connection:
        for name in orphans:
            if connection.execute(_ONE, {"blob": name}).first() is None:
                store.blobs.delete(name)
                removed += 1
    return removed


def _is_old(store: Store, name: str, before: float) -> bool:
    committed = store.blobs.committed_at(name)
    return committed is not None and committed < before
