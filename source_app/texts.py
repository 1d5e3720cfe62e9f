# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The format of a guidance text: what we ship in `texts/`, and what an operator may put in its place.

    2026-11-22            the day it was true, as the first line

    # Title               exactly one, before all else

    ## Heading

    A paragraph, on one line.

    - An item             items stand line under line
    - Another

    $ a command           commands too; shown as they are, in no language

One blank line stands between blocks. Plain text: no markup, no links, nothing that a page would not show as it is written.

Promises: what is read fits on a page of one shape in two languages. Refuses, with the number of the line: anything else, whatever its size.
Leaves to others: files and folders (`own_texts`), which text stands beside which (`shelf`), HTML (the template).
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal, TypeAlias

from markupsafe import escape

from source_app.errors import TextError
from source_app.limits import KIB
from source_app.plain import plain

Kind: TypeAlias = Literal["title", "heading", "items", "commands", "paragraph"]

#: Of a file. Tibetan takes three bytes a sign.
MAX_BYTES: Final = 8 * KIB
MAX_LINES: Final = 160
MAX_BLOCKS: Final = 64
MAX_LINE: Final = 1_000
#: Every page lists the titles of the others.
MAX_TITLE: Final = 60
#: Of a text as HTML, with what stands around each line, and around each word of a command: two of them and the rest of a page are one
#: shape (`render.SHAPE`).
MAX_WEIGHT: Final = 10 * KIB
WEIGHT_OF_LINE: Final = 64
WEIGHT_OF_WORD: Final = 13

_MARKS: Final[tuple[tuple[str, Kind], ...]] = (("# ", "title"), ("## ", "heading"), ("- ", "items"), ("$ ", "commands"))
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
#: Of these, several lines make one block.
_LISTS: Final = frozenset(("items", "commands"))


@dataclass(frozen=True, slots=True)
class Block:
    """
    One block of a text.

    Args:
        kind: what it is.
        lines: without their marks; of a title, a heading and a paragraph, one.
    """

    kind: Kind
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """
    One text in one language.

    Args:
        day: on which it was true.
        title: its title.
        blocks: what follows the title.
    """

    day: datetime.date
    title: str
    blocks: tuple[Block, ...]

    @classmethod
    def read(cls, raw: bytes) -> Text:
        """
        Raises:
            TextError: these bytes are not a text; the message says in which line.
        """
        lines = _lines(raw)
        day = _day(lines[0])
        if len(lines) < 3 or lines[1]:
            raise TextError("line 2: after the day stands a blank line, and then the title")
        blocks = tuple(_blocks(lines))
        if len(blocks) > MAX_BLOCKS:
            raise TextError(f"more than {MAX_BLOCKS} blocks")
        if [block.kind for block in blocks].count("title") != 1 or blocks[0].kind != "title":
            raise TextError('line 3: one title ("# ") comes first, and no other')
        if len(blocks[0].lines[0]) > MAX_TITLE:
            raise TextError(f"line 3: a title has at most {MAX_TITLE} signs")
        text = cls(day, blocks[0].lines[0], blocks[1:])
        text._require_fitting()
        return text

    @property
    def shape(self) -> tuple[tuple[Kind, int], ...]:
        """What its blocks are and how many lines each has: two texts of one shape can stand beside each other."""
        return tuple((block.kind, len(block.lines)) for block in self.blocks)

    @property
    def weight(self) -> int:
        """At most how many bytes of HTML it makes."""
        lines = [self.title, *(line for block in self.blocks for line in block.lines)]
        words = [
            word for block in self.blocks if block.kind == "commands" for line in block.lines for word in line.split()
        ]
        return sum(len(escape(line).encode()) + WEIGHT_OF_LINE for line in lines) + WEIGHT_OF_WORD * len(words)

    def _require_fitting(self) -> None:
        if self.weight > MAX_WEIGHT:
            raise TextError(f"longer than {MAX_WEIGHT // KIB} KiB once it is on a page")


def _lines(raw: bytes) -> list[str]:
    if len(raw) > MAX_BYTES:
        raise TextError(f"longer than {MAX_BYTES // KIB} KiB")
    try:
        # Editors of Windows begin a file with a mark of its encoding, and end lines with two signs.
        written = raw.decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise TextError("not UTF-8") from None
    lines = written.rstrip("\n ").split("\n")
    if len(lines) > MAX_LINES:
        raise TextError(f"more than {MAX_LINES} lines")
    return [_line(number, line.rstrip(" ")) for number, line in enumerate(lines, 1)]


def _line(number: int, line: str) -> str:
    if len(line) > MAX_LINE:
        raise TextError(f"line {number}: longer than {MAX_LINE} signs")
    try:
        return plain(line)
    except TextError as error:
        raise TextError(f"line {number}: {error}") from None


def _day(line: str) -> datetime.date:
    try:
        # What fromisoformat takes besides is no day as people write it here.
        return datetime.date.fromisoformat(line if _DAY.fullmatch(line) else "")
    except ValueError:
        raise TextError("line 1: the day it was written, like 2026-11-22, and nothing else") from None


def _blocks(lines: list[str]) -> list[Block]:
    blocks: list[Block] = []
    numbered = list(enumerate(lines, 1))[2:]
    for blank, group in groupby(numbered, key=lambda one: not one[1]):
        found = list(group)
        if not blank:
            blocks.append(_block(found))
        elif len(found) > 1:
            raise TextError(f"line {found[1][0]}: one blank line between blocks, not more")
    return blocks


def _block(found: list[tuple[int, str]]) -> Block:
    read = [_marked(number, line) for number, line in found]
    kind = read[0][0]
    for (number, _), (other, _) in zip(found, read, strict=True):
        if other != kind or (kind not in _LISTS and number != found[0][0]):
            raise TextError(f"line {number}: a blank line belongs before it; a paragraph is one line")
    return Block(kind, tuple(said for _, said in read))


def _marked(number: int, line: str) -> tuple[Kind, str]:
    for mark, kind in _MARKS:
        if line.startswith(mark) and line[len(mark) :].strip():
            return kind, line[len(mark) :].strip()
    if line[0] in "#-$ " or not line.strip():
        raise TextError(f'line {number}: begins with none of "# ", "## ", "- ", "$ ", and is no paragraph')
    return "paragraph", line
