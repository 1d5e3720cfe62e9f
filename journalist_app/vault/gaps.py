# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What is missing in a run of numbers, and the words for it: "17 and 31 are missing".

A source decides how many there should be: words name at most SAID stretches and count the rest.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise
from typing import Final

SAID: Final = 12

# The first and the last number of a stretch.
Stretch = tuple[int, int]


def gaps(here: Collection[int], first: int, last: int) -> tuple[Stretch, ...]:
    """
    The stretches of numbers from `first` to `last` that are not here.
    """
    held = sorted({first - 1, last + 1, *(number for number in here if first <= number <= last)})
    return tuple((before + 1, after - 1) for before, after in pairwise(held) if after - before > 1)


def missing(stretches: Collection[Stretch]) -> int:
    """
    How many numbers these are.
    """
    return sum(last - first + 1 for first, last in stretches)


def spoken(stretches: Collection[Stretch]) -> str:
    """
    A sentence without its full stop; empty if nothing is missing.
    """
    if not stretches:
        return ""
    named, rest = list(stretches)[:SAID], list(stretches)[SAID:]
    said = [word for first, last in named for word in _words(first, last)]
    unsaid = missing(rest)
    if unsaid:
        said.append(f"{unsaid} more")
    listed = said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"
    return f"{listed} {'is' if missing(stretches) == 1 else 'are'} missing"


def numbered(stretches: Collection[Stretch]) -> str:
    """
    The numbers alone, for a sentence in any language: "17, 31, 40–45"; an ellipsis if there are more.
    """
    said = [str(first) if first == last else f"{first}–{last}" for first, last in list(stretches)[:SAID]]
    return ", ".join(said if len(stretches) <= SAID else [*said, "…"])


def _words(first: int, last: int) -> tuple[str, ...]:
    return (str(first),) if first == last else (str(first), str(last)) if last == first + 1 else (f"{first} to {last}",)
