# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Judging the room on the disk: the lanes of files, the reserve that only words may use, the days until files are refused, and inodes.

The lanes are those the source app keeps (`store.lanes`). Sizes are said as powers of two, rounded down, as strangers learn them from the
pages; nothing finer leaves the host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from deploy.doctor.finding import Finding, unknown
from deploy.doctor.machine import Seen, Unseen
from deploy.doctor.space_history import STEPS

GIB: Final = 1 << 30
MIB: Final = 1 << 20
#: Below this much, words themselves are about to be refused.
WORDS_LEAST: Final = 512 * MIB
DAYS_SOON: Final = 30
DAYS_URGENT: Final = 3
INODES_LOW: Final = 10
INODES_URGENT: Final = 2

WHY_FILES = (
    "Files of threads that nobody accepted share half of the room for files. When that lane is full, such a source can still write but sends no files, or only "
    "smaller ones than the page promises on a good day."
)
WHY_WORDS = "The last part of the disk is for words alone. When that is gone too, nobody is heard."
WHY_DAYS = "Room is made by purging what every seat has acknowledged; that takes people some days, so it has to begin before the disk is full."
WHY_INODES = "Every file takes an inode. Without one left nothing can be stored, however much room there is."


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """
    The disk under the store.

    Args:
        total: Its bytes.
        free: Bytes that are free.
        reserve: Bytes kept for words.
        files: The largest file that is taken now from a thread that somebody accepted.
        wanted: The largest file the settings promise.
        inodes: How many there are; 0 where the file system has no fixed number.
        inodes_free: How many are free.
    """

    total: int
    free: int
    reserve: int
    files: int
    wanted: int
    inodes: int
    inodes_free: int


def _fix(folder: str) -> str:
    return (
        f"Take out batches at the desk and bring back outboxes of every seat, then type: dengwen server care --dir {folder}. What every seat has is purged. "
        "If that is not enough, give the disk more room."
    )


def _fix_lane(folder: str) -> str:
    return f"{_fix(folder)} Meanwhile a reviewer can accept, on the desk's page of a thread, the sources somebody waits for."


def files(room: Room, strangers: Seen[int], folder: str) -> Finding:
    """
    The lanes of files: that of the threads nobody accepted, and behind it the disk.

    Args:
        room: The disk now.
        strangers: The largest file that is taken now from a thread that nobody accepted.
        folder: The server's, for the command to type.
    """
    what = "room for files"
    if room.files <= 0:
        seen = "No room is left for files: sources can only write."
        return Finding(what=what, ok=False, urgent=True, seen=seen, why=WHY_FILES, fix=_fix(folder))
    if isinstance(strangers, Unseen):
        return unknown(what, strangers.reason, why=WHY_FILES, fix="Mend “store” first.")
    if strangers <= 0:
        seen = "The lane of threads that nobody accepted is full: only accepted threads can send files."
        return Finding(what=what, ok=False, urgent=True, seen=seen, why=WHY_FILES, fix=_fix_lane(folder))
    if room.files < room.wanted:
        seen = (
            f"The largest file that is taken now is {size(min(room.files, strangers))}, less than the {exact(room.wanted)} of the settings, "
            "and accepting a thread helps little: the disk has no more."
        )
        return Finding(what=what, ok=False, seen=seen, why=WHY_FILES, fix=_fix(folder))
    if strangers < room.wanted:
        seen = (
            f"The largest file that is taken now from a thread that nobody accepted is {size(strangers)}, less than the {exact(room.wanted)} of the "
            "settings. Accepted threads are not short of room."
        )
        return Finding(what=what, ok=False, seen=seen, why=WHY_FILES, fix=_fix_lane(folder))
    return Finding(
        what=what,
        ok=True,
        seen=f"There is room for a file of {exact(room.wanted)}, the largest the settings allow.",
        why=WHY_FILES,
    )


def words(room: Room, folder: str) -> Finding:
    """
    What is kept for words alone.
    """
    what = "room for words"
    if room.free < WORDS_LEAST:
        seen = f"Less than {size(WORDS_LEAST)} is free in all: soon not even words can be taken."
        return Finding(what=what, ok=False, urgent=True, seen=seen, why=WHY_WORDS, fix=_fix(folder))
    if room.free < room.reserve:
        seen = "The part of the disk that is kept for words is being used."
        return Finding(what=what, ok=False, seen=seen, why=WHY_WORDS, fix=_fix(folder))
    if room.reserve == 0:
        return Finding(
            what=what,
            ok=False,
            seen="Nothing is kept for words: files may fill the disk to the last byte.",
            why=WHY_WORDS,
            fix=f"Set reserve_bytes = {2 * GIB} under [source] in {folder}/dengwen.toml, then type: systemctl restart dengwen-source",
        )
    return Finding(
        what=what,
        ok=True,
        seen=f"{size(room.reserve)} or more is kept for words, and all of it is free.",
        why=WHY_WORDS,
    )


def days_until_full(room: Room, per_day: Seen[float | None], folder: str) -> Finding:
    """
    How long the lane of files lasts as the disk has been filling.

    Args:
        room: The disk now.
        per_day: Sixty-fourths of the disk that fill in a day; None if nobody knows yet.
        folder: The server's, for the command to type.
    """
    what = "days until full"
    if isinstance(per_day, Unseen):
        return unknown(
            what,
            per_day.reason,
            why=WHY_DAYS,
            fix=f"The readings lie in {folder}/doctor, which dengwen-care must own. As root, type: install -d -o dengwen-care -g dengwen -m 0700 {folder}/doctor",
        )
    if per_day is None:
        return Finding(what=what, ok=True, seen="There are too few daily readings yet to tell.", why=WHY_DAYS)
    left = max(0, room.free - room.reserve)
    if per_day <= 0:
        return Finding(what=what, ok=True, seen="The disk is not filling.", why=WHY_DAYS)
    days = int(left / (per_day * room.total / STEPS))
    if days >= DAYS_SOON:
        return Finding(
            what=what, ok=True, seen=f"At the pace of the last weeks, more than {DAYS_SOON} days.", why=WHY_DAYS
        )
    seen = f"At the pace of the last weeks, files are refused in about {days} {'day' if days == 1 else 'days'}."
    return Finding(what=what, ok=False, urgent=days < DAYS_URGENT, seen=seen, why=WHY_DAYS, fix=_fix(folder))


def inodes(room: Room, folder: str) -> Finding:
    """
    Whether the file system can still name new files.
    """
    what = "inodes"
    if room.inodes == 0:
        return Finding(what=what, ok=True, seen="This file system makes inodes as it needs them.", why=WHY_INODES)
    percent = 100 * room.inodes_free // room.inodes
    if percent >= INODES_LOW:
        return Finding(what=what, ok=True, seen=f"At least {INODES_LOW} % of the inodes are free.", why=WHY_INODES)
    return Finding(
        what=what,
        ok=False,
        urgent=percent < INODES_URGENT,
        seen=f"Only {percent} % of the inodes are free.",
        why=WHY_INODES,
        fix=f"See what takes them: du --inodes -x -d 3 / | sort -n | tail. If it is {folder}/store, purge as for “room for files”.",
    )


def exact(count: int) -> str:
    """
    Bytes as an operator set them, in the largest unit that leaves no rest.
    """
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (1 << 10, "KiB")):
        if count >= unit and count % unit == 0:
            return f"{count // unit} {name}"
    return f"{count} bytes"


def size(count: int) -> str:
    """
    Bytes as a power of two, rounded down.
    """
    whole = 1 << max(0, count.bit_length() - 1)
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (1 << 10, "KiB")):
        if whole >= unit:
            return f"{whole // unit} {name}"
    return f"{count} bytes"
