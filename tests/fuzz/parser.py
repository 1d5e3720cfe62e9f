# SPDX-License-Identifier: AGPL-3.0-or-later
"""
One parser as the fuzzers see it: bytes in, nothing out, and an exception if a promise broke.

A module of `tests.fuzz.parsers` has a `make(folder)` that returns one of these. What its parser may refuse with is caught there; whatever
else comes out is a finding. Beside "it does not crash" each states what must hold of what was accepted: most findings worth having are
wrong answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hypothesis.strategies import SearchStrategy

#: Longest input of any parser.
MOST_BYTES: Final = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Parser:
    """
    Args:
        take: judges one input.
        seeds: inputs to begin from: what browsers and tor really send, and what was found before.
        words: pieces that are worth putting anywhere.
        shapes: inputs that look as they should and are wrong in one place.
        folders: where it may write; nowhere else, and for most nowhere.
        most: bytes of the longest input that is worth trying: longer than what the parser takes before it refuses.
    """

    take: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...]
    shapes: SearchStrategy[bytes]
    folders: tuple[Path, ...] = ()
    most: int = MOST_BYTES


class BrokenError(AssertionError):
    """A parser took what it should not have, or made of it what it should not have."""


def must(held: object, said: str) -> None:
    """
    Raises:
        BrokenError: it does not hold.
    """
    if not held:
        raise BrokenError(said)
