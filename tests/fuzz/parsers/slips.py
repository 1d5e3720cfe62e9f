# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What a shell sends under a slip: the slip, the name and the size of a set, the number of a part.

Each has one accepted spelling. A slip that opens is the one that was given out, and a set that is accepted has parts that add up to it.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

from hypothesis import strategies as st

from crypto.hidden import Hidden
from source_app.errors import BadFormError, TokenError
from source_app.limits import PART_BYTES
from source_app.sets import MOST_PARTS, Set, number_of
from source_app.slip import Slip, _token
from tests.fuzz.parser import Parser, must

WORDS: Final = (
    b"0",
    b"1",
    b"00",
    b"-1",
    b"+1",
    b" 1",
    b"1_0",
    b"1e3",
    "１".encode(),
    "²".encode(),
    b"65536",
    b"65537",
    b"4398046511104",
    b"9" * 30,
    b"\n",
    b"abcdef01" * 4,
    b"ABCDEF01" * 4,
    b"a" * 51,
    b"a" * 52,
    b"=",
)
_SLIP: Final = Slip(digest=bytes(32), locator=bytes(32), generation=1, thread=Hidden(bytes(32)), lang="en")


def take(raw: bytes) -> None:
    """Fields one after the other, a line each: slip, set, size, part."""
    slip, name, size, part = (*raw.decode("utf-8", "replace").split("|", 3), "", "", "", "")[:4]
    with contextlib.suppress(TokenError):
        must(len(_token(slip)) == 32, "a slip that is no slip")
        must(set(slip) <= set("abcdefghijklmnopqrstuvwxyz234567"), "a second spelling of a slip")
    try:
        whole = Set.of_text(_SLIP, name, size, step=PART_BYTES)
    except BadFormError:
        return
    must(whole.name.hex() == name, "a second spelling of a set's name")
    must(str(whole.size) == size, "a second spelling of a size")
    must(1 <= whole.of <= MOST_PARTS, "more parts than a frame can count")
    last = whole.part(whole.of)
    must((whole.of - 1) * PART_BYTES + last.length == whole.size, "the parts do not add up")
    try:
        number = number_of(part, MOST_PARTS)
        found = whole.part(number)
    except BadFormError:
        return
    must(str(number) == part, "a second spelling of a number")
    must(1 <= found.number <= whole.of, "a part outside its set")
    must(0 <= found.length <= PART_BYTES, "a part over its size")


_NUMBERS: Final = (
    st.integers(-2, MOST_PARTS * PART_BYTES + 2).map(str)
    | st.sampled_from([word.decode() for word in WORDS])
    | st.text(max_size=8)
)
SHAPES: Final = st.builds(
    lambda slip, name, size, part: f"{slip}|{name}|{size}|{part}".encode("utf-8", "ignore"),
    st.text("abcdefghijklmnopqrstuvwxyz234567A=", min_size=50, max_size=54),
    st.text("0123456789abcdefA", min_size=31, max_size=33),
    _NUMBERS,
    _NUMBERS,
)


def make(_folder: Path) -> Parser:
    """Nothing to make ready."""
    seeds = (
        b"a" * 52 + b"|" + b"0123456789abcdef" * 2 + b"|134217729|3",
        b"b" * 51 + b"q|" + b"0" * 32 + b"|0|1",
        b"||1|1",
    )
    return Parser(take=take, seeds=seeds, words=WORDS, shapes=SHAPES, most=300)
