# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A small history of how full the disk was, one reading a day, kept in D/doctor/space.json.

It is kept short and coarse on purpose: what was erased must not be read out of it afterwards. Readings are whole sixty-fourths of the disk, no
more than 30 of them, and one a day. Only what `encode` writes is read back; anything else counts as no history.
"""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass
from typing import Final

from deploy.errors import CannotLookError

MOST: Final = 30
STEPS: Final = 64
MAX_FILE: Final = 4_096
#: A trend of fewer days is the weather.
LEAST_DAYS: Final = 3


@dataclass(frozen=True, slots=True)
class Reading:
    """
    One day's: how many sixty-fourths of the disk were in use.
    """

    day: datetime.date
    used: int


def coarse(used: int, total: int) -> int:
    """
    Bytes in use as sixty-fourths of the disk, rounded up.
    """
    return min(STEPS, -(-used * STEPS // max(1, total)))


def with_reading(history: tuple[Reading, ...], day: datetime.date, used: int) -> tuple[Reading, ...]:
    """
    The history with today's reading: the first of a day counts. What a clock set back left ahead of today is dropped.
    """
    before = tuple(one for one in history if one.day < day)
    today = next((one for one in history if one.day == day), Reading(day, used))
    return (*before, today)[-MOST:]


def per_day(history: tuple[Reading, ...]) -> float | None:
    """
    Sixty-fourths of the disk that fill in a day, from the oldest reading to the newest; None if there are too few days to tell.
    """
    if len(history) < 2:
        return None
    days = (history[-1].day - history[0].day).days
    return None if days < LEAST_DAYS else (history[-1].used - history[0].used) / days


def encode(history: tuple[Reading, ...]) -> bytes:
    """
    The file.
    """
    return json.dumps([[one.day.isoformat(), one.used] for one in history]).encode() + b"\n"


def decode(raw: bytes) -> tuple[Reading, ...]:
    """
    Read the file.

    Raises:
        CannotLookError: It is not what `encode` writes.
    """
    try:
        if len(raw) > MAX_FILE:
            raise CannotLookError("space.json is too long")
        history = tuple(Reading(datetime.date.fromisoformat(day), used) for day, used in json.loads(raw))
        days = [one.day for one in history]
        right = len(history) <= MOST and days == sorted(set(days))
        right = right and all(type(one.used) is int and 0 <= one.used <= STEPS for one in history)
        right = right and encode(history) == raw
    except (ValueError, TypeError, RecursionError):
        right = False
    if not right:
        raise CannotLookError("space.json is not as doctor writes it")
    return history
