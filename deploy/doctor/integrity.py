# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Having SQLite look its own file through: read only, bounded in time, and a large file once a day.

A small database is looked through whole (integrity_check) in every run. A large one gets the check that leaves indexes out (quick_check), once a
day, and the day it was found whole stands in D/doctor/integrity. While it runs, the log cannot be emptied, so that a large one takes its
bounded time once a day and not every ten minutes.
"""

from __future__ import annotations

import datetime
import time
from pathlib import Path
from typing import Final

from deploy.doctor.machine import Deadline
from deploy.doctor.store_health import Integrity
from deploy.keeping import read_small, write_whole
from store.connections import DATABASE, driver
from store.engine import Store
from store.errors import DamagedError

SMALL: Final = 64 << 20
SECONDS: Final = 20.0
#: Between two looks at the clock, in SQLite's steps.
STEPS: Final = 20_000
MAX_KEPT: Final = 64


def look_through(store: Store, *, kept: Path, day: datetime.date, deadline: Deadline, small: int = SMALL) -> Integrity:
    """
    Look the database through, or say on which day it was found whole.

    Args:
        store: The store.
        kept: Where the day stands.
        day: Today.
        deadline: Of this run.
        small: Up to how many bytes it is looked through in every run.
    """
    large = (store.folder / DATABASE).stat().st_size > small
    if large and _kept(kept) == day:
        return Integrity(fault="", finished=True, day=day)
    seconds = deadline.left(SECONDS)
    try:
        found = _check(store, "quick_check" if large else "integrity_check", seconds, day)
    except DamagedError as error:
        # So damaged that SQLite could not say where.
        found = Integrity(fault=str(error), finished=True, day=day)
    if large and found.finished and not found.fault:
        write_whole(kept, f"{day}\n".encode("ascii"))
    return found


def _check(store: Store, pragma: str, seconds: float, day: datetime.date) -> Integrity:
    end = time.monotonic() + seconds
    with store.read() as connection:
        raw = driver(connection)
        raw.set_progress_handler(lambda: time.monotonic() >= end, STEPS)
        try:
            (said,) = raw.execute(f"PRAGMA {pragma}(1)").fetchone()
        except Exception as error:
            if getattr(error, "sqlite_errorname", "") == "SQLITE_INTERRUPT":
                return Integrity(fault="", finished=False, day=day)
            raise
        finally:
            raw.set_progress_handler(None, 0)
    return Integrity(fault="" if said == "ok" else str(said), finished=True, day=day)


def _kept(path: Path) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(read_small(path, MAX_KEPT).decode("ascii").strip())
    except (OSError, ValueError):
        return None
