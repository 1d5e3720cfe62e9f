# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Where a numbered bundle stands in its run: next, seen before, too far ahead, or a forgery.

Batches are one run, the outboxes of each seat another. The functions are pure: the caller says what it has taken.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from journalist_app.bundle.errors import ConflictError, GapError

# spec T30: what stands as `previous` in the first bundle of a run.
NOTHING = bytes(32)


class Standing(Enum):
    """
    What to do with a bundle that was not refused.
    """

    NEXT = "next"
    REPEAT = "repeat"


def standing(
    what: str, *, number: int, digest: bytes, previous: bytes, last: int, taken: Callable[[int], bytes | None]
) -> Standing:
    """
    Place a bundle in its run.

    Args:
        what: How to call it in a refusal: `batch`, or `outbox of seat 2`.
        number: Its number, from 1.
        digest: The digest of its manifest document.
        previous: The digest it names as its predecessor's.
        last: The highest number taken so far, 0 when none was.
        taken: Gives the digest of a number taken before, or None if that number was never taken.

    Returns:
        NEXT if it is to be taken now, REPEAT if it was taken before and has no effect.

    Raises:
        GapError: Numbers between the last one and this one were withheld or lost.
        ConflictError: A number taken before comes with another digest, or with another predecessor than the one taken.
    """
    # spec T32: what lies between was withheld, lost, or not yet brought.
    if number > last + 1:
        raise GapError(f"{what}: number {last + 1} is missing, this is {number}")
    known = taken(number)
    if known is not None:
        # spec T31: same number and digest again has no effect.
        if known == digest:
            return Standing.REPEAT
        # spec T33: two histories under one signature.
        raise ConflictError(f"{what}: number {number} was taken before with another digest")
    if number <= last:
        raise ConflictError(f"{what}: number {number} is older than {last} and was never taken")
    expected = NOTHING if last == 0 else taken(last)
    if previous != expected:
        raise ConflictError(f"{what}: number {number} names another number {last} than the one taken here")
    return Standing.NEXT
