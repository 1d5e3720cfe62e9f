# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What somebody types for a codename.

A refusal that a page can say, or one codename that reads back to itself in words, characters and numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hypothesis import strategies as st

from crypto.codename import COUNT, Codename
from crypto.errors import CodenameError, UnknownSymbolError
from crypto.hidden import Hidden
from crypto.wordlists import ENGLISH, SIMPLIFIED
from tests.fuzz.parser import Parser, must

#: Words that share beginnings, the shortest, the longest, and the characters that are folded.
PICKED: Final = (
    *ENGLISH[::97],
    *SIMPLIFIED[::97],
    "zoo",
    "abandon",
    "着",
    "著",
    "矽",
    "硅",
    "１",
    "٣",
    "2048",
    "2049",
    "0",
    "²",
    "\u0301",
    "\u200d",
    "ﷺ",
)
WORDS: Final = tuple(word.encode() for word in PICKED)


def _genuine() -> tuple[Codename, ...]:
    """The first codenames there are in a fixed order: seeds must be the same in each run."""
    found: list[Codename] = []
    number = 1
    while len(found) < 6:
        indices = [number * (place + 3) * 7 % 2_048 for place in range(COUNT)]
        number += 1
        try:
            found.append(Codename(Hidden(b"".join(index.to_bytes(2, "big") for index in indices))))
        except CodenameError:
            continue
    return tuple(found)


def take(raw: bytes) -> None:
    """The bytes as UTF-8, as a form's field is; what is not UTF-8 never gets here."""
    text = raw.decode("utf-8", "ignore")
    try:
        name = Codename.parse(text)
    except UnknownSymbolError as error:
        must(len(error.nearest) <= 3, "too many words are offered")
        must(set(error.nearest) <= set(ENGLISH), "a word is offered that is on no list")
        return
    except CodenameError:
        return
    for rendering in (name.words(), name.characters(), tuple(map(str, name.numbers()))):
        must(len(rendering) == COUNT, "not nine symbols")
        must(
            bytes(Codename.parse(" ".join(rendering)).secret) == bytes(name.secret),
            "a rendering reads back as another codename",
        )


SHAPES: Final = st.lists(
    st.tuples(
        st.sampled_from(PICKED) | st.text(max_size=6), st.sampled_from([" ", "", ", ", "\u3000", "\r\n", "-", "."])
    ),
    min_size=1,
    max_size=14,
).map(lambda symbols: "".join(symbol + between for symbol, between in symbols).encode("utf-8", "ignore"))


def make(_folder: Path) -> Parser:
    """Nothing to make ready."""
    seeds = tuple(
        between.join(rendering).encode()
        for name in _genuine()
        for between, rendering in (
            (" ", name.words()),
            ("", name.characters()),
            ("，", tuple(map(str, name.numbers()))),
        )
    )
    return Parser(take=take, seeds=(*seeds, b"", b"abandon", b"x" * 1_001), words=WORDS, shapes=SHAPES, most=1_200)
