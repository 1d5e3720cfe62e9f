# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What an erasure still owes after its commit: emptying the write-ahead log, where old pages live on.

Three counters stand in the database: erasures begun, erasures finished, and erasures begun before the last rebuild. A
crash or a busy reader leaves them apart, and the night's care finishes. The number of erasures begun is read before the log is emptied, so that one that commits
meanwhile is not taken for finished.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sqlalchemy import func, select, update

from store.models import OrganisationRow

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from store.engine import Store

# A source that forgets waits this long at most; then the sweeper takes over.
PATIENCE_SECONDS = 2.0
PAUSE_SECONDS = 0.02

_COUNTS = select(OrganisationRow.erasures, OrganisationRow.erasures_finished)
_REBUILT = select(OrganisationRow.erasures, OrganisationRow.erasures_rebuilt)
_BEGIN = update(OrganisationRow).values(erasures=OrganisationRow.erasures + 1)


def after_erasing(store: Store, connection: Connection) -> None:
    """
    Mark an erasure inside its own transaction, and empty the log once that is committed.
    """
    connection.execute(_BEGIN)
    store.after_commit(lambda: finish(store))


def rebuild(store: Store) -> bool:
    """
    Clear what secure_delete does not: bytes of rows that SQLite moved between pages while they lived, in the gaps of
    pages still in use. For a quiet hour: writers wait, and memory of the database's size is needed.

    Returns:
        Whether every erasure begun before this call is finished and cleared. Nothing is done when none was begun since
        the last rebuild.

    Raises:
        FullError: The disk takes no more. Nothing was changed.
    """
    with store.read() as connection:
        begun, rebuilt = connection.execute(_REBUILT).one()
    if begun > rebuilt:
        store.rebuild()
        with store.write() as connection:
            # The rebuild itself went through the log, so emptying it is owed once more.
            connection.execute(_BEGIN)
            done = func.max(OrganisationRow.erasures_rebuilt, begun + 1)
            connection.execute(update(OrganisationRow).values(erasures_rebuilt=done))
    return finish(store)


def rebuild_due(store: Store) -> bool:
    """
    Whether something was erased since the last rebuild.
    """
    with store.read() as connection:
        begun, rebuilt = connection.execute(_REBUILT).one()
    return bool(begun > rebuilt)


def unfinished(store: Store) -> bool:
    """
    Whether an erasure still lies in the write-ahead log.
    """
    with store.read() as connection:
        begun, finished = connection.execute(_COUNTS).one()
    return bool(begun > finished)


def finish(store: Store, *, patience: float = PATIENCE_SECONDS) -> bool:
    """
    Empty the log if an erasure is unfinished, trying again while readers are in the way.

    Args:
        patience: Seconds after which to give up; the mark then stays for the sweeper.

    Returns:
        Whether every erasure begun before this call is finished.

    """
    with store.read() as connection:
        begun, finished = connection.execute(_COUNTS).one()
    if begun == finished:
        return True
    end = time.monotonic() + patience
    while not store.empty_log():
        if time.monotonic() >= end:
            return False
        time.sleep(PAUSE_SECONDS)
    with store.write() as connection:
        done = func.max(OrganisationRow.erasures_finished, begun)
        connection.execute(update(OrganisationRow).values(erasures_finished=done))
    return True
