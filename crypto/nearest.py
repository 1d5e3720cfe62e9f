# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The words nearest to a mistyped one, by edit distance: a letter missing, added, wrong, or two neighbours in the wrong order.

Promises: the same answer always, in some ten milliseconds, whatever is asked. A symbol far longer than any word has none.
Leaves to others: saying it to the person who typed.
"""

from __future__ import annotations

from crypto.wordlists import ENGLISH

MAX_NEAREST = 3
MAX_DISTANCE = 2
MAX_SYMBOL = 16

_SORTED = sorted(ENGLISH)


def nearest(symbol: str) -> tuple[str, ...]:
    """
    At most three words of the English list, nearest first; none when all are too far.
    """
    if len(symbol) > MAX_SYMBOL:
        return ()
    # Half the letters wrong is another word.
    limit = min(MAX_DISTANCE, len(symbol) // 2)
    found: list[tuple[int, str]] = []
    # In a sorted list neighbours share a beginning, and so the first rows of the distance table: rows[n] is for n letters.
    rows = [list(range(len(symbol) + 1))]
    previous = ""
    for word in _SORTED:
        shared = min(_common(previous, word), len(rows) - 1)
        del rows[shared + 1 :]
        previous = word
        for length in range(shared + 1, len(word) + 1):
            # Rows never fall: once all of one is above the limit, no word with this beginning is near.
            if min(rows[-1]) > limit:
                break
            rows.append(_next_row(rows, symbol, word[:length]))
        if len(rows) == len(word) + 1 and rows[-1][-1] <= limit:
            found.append((rows[-1][-1], word))
    return tuple(word for _, word in sorted(found)[:MAX_NEAREST])


def _common(one: str, other: str) -> int:
    length = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        length += 1
    return length


def _next_row(rows: list[list[int]], symbol: str, beginning: str) -> list[int]:
    """
    The distances of one more letter of a word to each beginning of the symbol.
    """
    row, letter = rows[-1], beginning[-1]
    left = row[0] + 1
    below = [left]
    for position, meant in enumerate(symbol):
        left = min(left + 1, row[position + 1] + 1, row[position] + (meant != letter))
        swapped = position > 0 and len(beginning) > 1 and symbol[position - 1] == letter and meant == beginning[-2]
        if swapped:
            left = min(left, rows[-2][position - 1] + 1)
        below.append(left)
    return below
