# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A night's care of a server: what is to go goes, and what cannot be done tonight is named.

Left-over files first, because on a full disk everything else needs the room they give back; then each step by itself, so that one that
fails stops no other. A clock that jumped ahead would make all of this destroy too early: a day that is more than two past the last night's
is refused until somebody has looked. The day of the last care stands in D/care.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from deploy.errors import DeployError
from deploy.keeping import read_small, write_whole
from deploy.server import opened, today
from store import checkpoint, deletions, erase, lanes, replies, slips
from store.connections import DATABASE
from store.engine import Store
from store.errors import StoreError
from store.sweep import Swept, sweep

LAST = "care"
MOST_DAYS = 2
# Writers wait while the database is written anew, some ten seconds for each of these.
REBUILD_BYTES = 2 << 30
MAX_LAST = 64

Done = TypeVar("Done")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cared:
    """
    What a night's care did, in counts.

    Args:
        rebuild_due: Whether the database was too large to be written anew tonight.
        failed: What could not be done, one line each.
    """

    expired_replies: int
    expired_slips: int
    deleted_threads: int
    purged_batches: int
    swept_blobs: int
    erasures_finished: bool
    rebuild_due: bool
    failed: tuple[str, ...]


def care(
    folder: Path,
    *,
    day: Callable[[], datetime.date] | None = None,
    now: Callable[[], float] = time.time,
    day_is_right: bool = False,
    rebuild: bool = False,
) -> Cared:
    """
    What is to be done each night: what crashes left, replies, slips and acceptances that ran out, deletions that nobody cancelled, payloads every seat
    has, and, after erasures, the database written anew.

    Args:
        folder: The server's.
        day: The server's day, UTC.
        now: Seconds since 1970.
        day_is_right: Whether somebody has looked at the clock after a long pause.
        rebuild: Write the database anew however large it is.

    Raises:
        DeployError: The day cannot be believed. Nothing was done.
        StoreError: There is no store.
    """
    store, date = opened(folder), (day or today)()
    if not day_is_right:
        _require_believable(folder / LAST, date)
    steps = _Steps()
    nothing = Swept(0, 0, erased=False)
    swept = steps.take("left-over files", lambda: sweep(store, now=now()), nothing)
    steps.take(f"keeping the day in {LAST}", lambda: _keep(folder / LAST, date), None)
    expired = steps.take("replies that ran out", lambda: replies.expire(store, date), 0)
    slipped = steps.take("slips that ran out", lambda: slips.expire(store, date), 0)
    steps.take("acceptances that ran out", lambda: lanes.expire(store, date), 0)
    deleted = steps.take("deletions that are due", lambda: len(deletions.carry_out(store, date)), 0)
    purged = steps.take("purging", lambda: len(erase.purge_acknowledged(store, day=date)), 0)
    rebuild = rebuild or (store.folder / DATABASE).stat().st_size < REBUILD_BYTES
    cleared = steps.take("finishing erasures", lambda: _finish(store, rebuild=rebuild), False)
    return Cared(
        expired_replies=expired,
        expired_slips=slipped,
        deleted_threads=deleted,
        purged_batches=purged,
        swept_blobs=swept.blobs + swept.incoming,
        erasures_finished=cleared,
        rebuild_due=not rebuild and steps.take("looking for erasures", lambda: checkpoint.rebuild_due(store), False),
        failed=tuple(steps.failed),
    )


class _Steps:
    """
    Steps that do not stop one another.
    """

    def __init__(self) -> None:
        self.failed: list[str] = []

    def take(self, what: str, act: Callable[[], Done], otherwise: Done) -> Done:
        """
        Do a step; if it fails, note it.
        """
        try:
            return act()
        except (StoreError, OSError, SQLAlchemyError) as error:
            # The system's and SQLAlchemy's own texts can carry paths and values.
            said = str(error) if isinstance(error, StoreError) else getattr(error, "strerror", None)
            self.failed.append(f"{what}: {said or type(error).__name__}")
            return otherwise


def _finish(store: Store, *, rebuild: bool) -> bool:
    return checkpoint.rebuild(store) if rebuild else checkpoint.finish(store)


def _require_believable(path: Path, date: datetime.date) -> None:
    try:
        text = read_small(path, MAX_LAST).decode("ascii").strip()
        last = datetime.date.fromisoformat(text)
    except FileNotFoundError:
        return
    except ValueError:
        raise DeployError(f"{path} holds no day; if today is {date}, say so with --day-is-right") from None
    except OSError as error:
        raise DeployError(f"{path}: {error.strerror}") from None
    if (date - last).days > MOST_DAYS:
        raise DeployError(
            f"the last care was on {last} and the clock says {date}: a wrong clock would delete too early. "
            "Look at the clock; if it is right, say so with --day-is-right"
        )


def _keep(path: Path, date: datetime.date) -> None:
    write_whole(path, f"{date.isoformat()}\n".encode("ascii"), mode=0o600)
