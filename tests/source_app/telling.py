# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Whether two kinds of answer can be told apart by the time they take; and the four threads that must not be.

The effect size is Vargha and Delaney's A: the chance that a time of the one kind is longer than a time of the other, ties counted half.
0.5 is none, 0 and 1 are certainty. It asks nothing of how times are distributed.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from crypto.codename import Codename
from tests.source_app.window import House, Window

if TYPE_CHECKING:
    from crypto.replies import Status

STATES = ("never used", "empty", "known", "full")
#: The longest answer there may be, of characters that grow most when they are escaped.
LONGEST = '"' * 65_536


def effect(one: Sequence[float], other: Sequence[float]) -> float:
    """A: the chance that a time of `one` is longer than one of `other`."""
    ordered = sorted(other)
    wins = sum(bisect_left(ordered, time) + bisect_right(ordered, time) for time in one)
    return wins / (2 * len(one) * len(ordered))


def largest_effect(times: Mapping[str, Sequence[float]]) -> float:
    """How far the most different two of them are from 0.5."""
    return max(abs(effect(times[one], times[other]) - 0.5) for one, other in combinations(times, 2))


def noise(count: int) -> float:
    """The standard deviation of A between two samples of this many times that are not different."""
    return math.sqrt((2 * count + 1) / (12 * count * count))


def four_threads(house: House) -> dict[str, str]:
    """A codename in each state: nothing ever sent; sent, no answer; one answer read; many and long answers, and statuses."""
    words = {"never used": " ".join(Codename.generate().words())}
    words |= {state: Window(house).write("What I saw") for state in STATES[1:]}
    house.publish(words["known"], text="Thank you. We have read it.")
    for status in ("closed", "answered"):
        _status(house, words["full"], status)
    for _ in range(6):
        house.publish(words["full"], text=LONGEST)
    _status(house, words["full"], "read")
    return words


def _status(house: House, words: str, status: Status) -> None:
    house.publish(words, status=status)
