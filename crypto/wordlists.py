# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The lists that a codename is shown in, and the table that reads them back (spec K2, K3).

Promises: 2,048 distinct symbols a list, each symbol at one index, in whichever list or variant it is met; looked at again at
every start, since a list that moved would turn codenames into others.
Leaves to others: what a codename is (`codename`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

from mnemonic import Mnemonic

SYMBOLS: Final = 2_048
SHORTEST_PREFIX: Final = 4


def fold(text: str) -> str:
    """
    Make equal what a reader takes for equal: width, compatibility forms and case (spec K3).
    """
    # Folding the case may undo the normal form, so it is made twice.
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def one_index_each(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    """
    A table of symbols, each at one index.

    Raises:
        ValueError: a symbol stands at two.
    """
    table: dict[str, int] = {}
    for symbol, index in pairs:
        if table.setdefault(symbol, index) != index:
            raise ValueError("a symbol stands at two indices")
    return table


def _load(language: str) -> tuple[str, ...]:
    words = tuple(fold(word) for word in Mnemonic(language).wordlist)
    if len(words) != SYMBOLS or len(set(words)) != SYMBOLS:
        raise ValueError(f"the list {language} has not {SYMBOLS} distinct symbols")
    return words


# spec K3: the pairs 著/着 and 矽/硅 need no row of their own: one of each stands in either list, at the same index.
def _characters(lists: Iterable[tuple[str, ...]]) -> dict[str, int]:
    table = one_index_each((symbol, index) for words in lists for index, symbol in enumerate(words))
    if any(len(symbol) != 1 for symbol in table):
        raise ValueError("a Chinese symbol is not one character")
    return table


def _prefixes(words: tuple[str, ...]) -> dict[str, int]:
    found: dict[str, list[int]] = {}
    for index, word in enumerate(words):
        for length in range(SHORTEST_PREFIX, len(word)):
            found.setdefault(word[:length], []).append(index)
    return {prefix: indices[0] for prefix, indices in found.items() if len(indices) == 1}


ENGLISH: Final = _load("english")
SIMPLIFIED: Final = _load("chinese_simplified")
TRADITIONAL: Final = _load("chinese_traditional")
CHARACTERS: Final[Mapping[str, int]] = _characters((SIMPLIFIED, TRADITIONAL))
# Whole words last: an exact word wins over a prefix (spec K3).
WORDS: Final[Mapping[str, int]] = {**_prefixes(ENGLISH), **{word: index for index, word in enumerate(ENGLISH)}}
