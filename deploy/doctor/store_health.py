# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Judging the store: whether it opens, whether the database is whole, files without rows and rows without files, the night's care, erasures.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Final

from deploy.doctor.finding import Finding, plain, unknown
from deploy.doctor.machine import Seen, Unseen

#: Nights that may be missed; as `care` believes its clock.
CARE_DAYS: Final = 2

WHY_STORE = (
    "Everything sources sent lies in the store. If it cannot be opened, nothing is taken in and nothing is handed over."
)
WHY_WHOLE = "A damaged database loses what sources sent, and may lose more with each day that it is written to."
WHY_LEFT = "A crash can leave files that no row names. They take room until the night's care sweeps them."
WHY_MISSING = (
    "The row of an item is there and its file is not: that file was promised to be kept, and cannot be handed over."
)
WHY_CARE = "Each night's care lets replies expire, carries out deletions, purges and sweeps. Without it the disk fills and what was to go stays."
WHY_ERASED = "Until an erasure is finished, traces of what was erased stand in the database's log."


@dataclass(frozen=True, slots=True, kw_only=True)
class Integrity:
    """
    What SQLite said of its file.

    Args:
        fault: The first fault it named; empty if there is none.
        finished: Whether it came to the end in the time it had.
        day: The day it was looked through.
    """

    fault: str
    finished: bool
    day: datetime.date


def opens(reason: str, folder: str) -> Finding:
    """
    Whether the store opens, as this version needs it.

    Args:
        reason: Why it does not; empty if it does.
        folder: The server's.
    """
    what = "store"
    if not reason:
        return Finding(what=what, ok=True, seen="The store opens and is of this version.", why=WHY_STORE)
    return Finding(
        what=what,
        ok=False,
        urgent=True,
        seen=f"The store does not open: {plain(reason)}.",
        why=WHY_STORE,
        fix=f"Look whether {folder}/store is there and belongs to dengwen-source: ls -la {folder}/store. If it is of an older version: systemctl stop dengwen-source.socket dengwen-source dengwen-desk.socket dengwen-desk, then dengwen server upgrade --dir {folder}, then dengwen setup. "
        "If it is of a newer one, install the dengwen that wrote it. "
        f"If it is damaged: systemctl stop dengwen-source.socket dengwen-source dengwen-desk.socket dengwen-desk, then copy all of it before anything else: cp -a {folder}/store /var/backups/store-copy",
    )


def integrity(found: Seen[Integrity], database: str) -> Finding:
    """
    What SQLite found when it looked its file through.
    """
    what = "database integrity"
    by_hand = f"python3 -c \"import sqlite3; print(*sqlite3.connect('file:{database}?mode=ro', uri=True).execute('PRAGMA quick_check'))\""
    if isinstance(found, Unseen):
        return unknown(what, found.reason, why=WHY_WHOLE, fix=f"In a quiet hour, type: {by_hand}. It must say ok.")
    if found.fault:
        return Finding(
            what=what,
            ok=False,
            urgent=True,
            seen=f"The database is damaged: {plain(found.fault, 160)}.",
            why=WHY_WHOLE,
            fix="Stop writing to it: systemctl stop dengwen-source.socket dengwen-source dengwen-desk.socket dengwen-desk. Copy it before anything else: "
            f"cp -a {database}* /var/backups/. Then look at the disk (dmesg, smartctl) and bring back the last good copy.",
        )
    if not found.finished:
        return Finding(
            what=what,
            ok=False,
            seen="Could not be checked to the end: the database is too large to be looked through in one run.",
            why=WHY_WHOLE,
            fix=f"In a quiet hour, type: {by_hand}. It must say ok.",
        )
    return Finding(
        what=what, ok=True, seen=f"SQLite looked its file through on {found.day} and found it whole.", why=WHY_WHOLE
    )


def left_over(any_left: bool, folder: str) -> Finding:  # noqa: FBT001 (the one fact there is)
    """
    Files without rows. How many is not said: it would count crashes of uploads.
    """
    what = "left-over files"
    if not any_left:
        return Finding(what=what, ok=True, seen="Every file older than two days belongs to a row.", why=WHY_LEFT)
    return Finding(
        what=what,
        ok=False,
        seen="There are files older than two days that no row names.",
        why=WHY_LEFT,
        fix=f"Type: dengwen server care --dir {folder}",
    )


def missing_files(count: int, folder: str) -> Finding:
    """
    Rows without files.
    """
    what = "missing files"
    if count == 0:
        return Finding(what=what, ok=True, seen="Every row's file is there.", why=WHY_MISSING)
    return Finding(
        what=what,
        ok=False,
        urgent=True,
        seen=f"{'A file' if count == 1 else f'{count} files'} that a row names {'is' if count == 1 else 'are'} not there.",
        why=WHY_MISSING,
        fix=f"Find out who or what removed files below {folder}/store/blobs, and bring them back from the last copy of that folder with cp -an (which overwrites "
        "nothing). What cannot be brought back is lost: tell the reviewers, who can ask the source.",
    )


def care(last: datetime.date | None, day: datetime.date, folder: str) -> Finding:
    """
    When the night's care was done last.
    """
    what = "night's care"
    run = f"systemctl start dengwen-care.service, or: dengwen server care --dir {folder}"
    if last is None:
        return Finding(what=what, ok=False, seen="It was never done here.", why=WHY_CARE, fix=f"Type: {run}")
    if last > day:
        return Finding(
            what=what,
            ok=False,
            seen=f"It was done on {last}, which is after today ({day}): the clock was or is wrong.",
            why=WHY_CARE,
            fix="Type: timedatectl, and set the clock right.",
        )
    if (day - last).days > CARE_DAYS:
        return Finding(
            what=what,
            ok=False,
            seen=f"It was done last on {last}, {(day - last).days} days ago.",
            why=WHY_CARE,
            fix=f"See why: journalctl -u dengwen-care. Then look at the clock (date), and if it is right type: dengwen server care --dir {folder} --day-is-right",
        )
    return Finding(what=what, ok=True, seen=f"It was done on {last}.", why=WHY_CARE)


def erasures(unfinished: bool, folder: str) -> Finding:  # noqa: FBT001 (the one fact there is)
    """
    Whether an erasure still waits for the log to be emptied.
    """
    what = "erasures"
    if not unfinished:
        return Finding(what=what, ok=True, seen="Every erasure is finished.", why=WHY_ERASED)
    return Finding(
        what=what,
        ok=False,
        seen="An erasure is not finished: somebody was reading when it was made.",
        why=WHY_ERASED,
        fix=f"Type: dengwen server care --dir {folder}. If this stays, restart the desk: systemctl restart dengwen-desk",
    )
