# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Looking for files that no row names, without touching them: blobs, and what uploads left unfinished.

Only files older than two days count: the night's care takes them after one, and an upload that runs now is younger.
"""

from __future__ import annotations

import datetime
from typing import Final

from sqlalchemy import select

from store.engine import Store
from store.models import EnvelopeRow

AGE: Final = datetime.timedelta(days=2)

_REFERENCED = select(EnvelopeRow.blob).where(EnvelopeRow.blob.is_not(None))


def any_left_over(store: Store, *, now: float) -> bool:
    """
    Whether there are any.

    Args:
        store: The store.
        now: Seconds since 1970.
    """
    before = now - AGE.total_seconds()
    return _dead_incoming(store, before) or _orphans(store, before)


def _dead_incoming(store: Store, before: float) -> bool:
    for path in (store.folder / "incoming").iterdir():
        try:
            if path.stat().st_mtime < before:
                return True
        except FileNotFoundError:
            continue
    return False


def _orphans(store: Store, before: float) -> bool:
    # Names before rows, as the sweeper lists them: a row that came meanwhile is then seen.
    names = set(store.blobs.names())
    with store.read() as connection:
        names.difference_update(connection.execute(_REFERENCED).scalars())
    return any(at is not None and at < before for at in map(store.blobs.committed_at, names))
