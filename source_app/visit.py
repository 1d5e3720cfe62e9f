# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What was sent in this visit: a short list in the workers' memory, gone with the visit.

It serves the source who asks "did it arrive?", and nobody who forces the browser or the codename open later: the list is found
by the visit's random id, which only the sealed cookie carries. File names are cut to what a list needs; the newest stay, and what did not
arrive before what did. What no longer stands there is in the totals.

A browser sends a form anew by itself when its connection broke, and a person sends what was cut: so a file that arrives takes the place of
earlier tries of its name. What is listed as broken off has not arrived since.
"""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from source_app.outcome import Reason

if TYPE_CHECKING:
    from source_app.memory import Memory
    from source_app.outcome import Received

NAME: Final = 60  # characters of a name that the list shows
SHOWN: Final = 24

# A record is the totals, then the lines. JSON has no bare line end within it.
_END: Final = b"\n"


class State(StrEnum):
    """What became of one thing."""

    ARRIVED = "arrived"
    CUT = "cut"
    TOO_LARGE = "too-large"
    TOO_MANY = "too-many"
    FULL = "full"
    SEND_AGAIN = "send-again"
    TROUBLE = "trouble"


_STATES: Final = {
    Reason.TOO_LARGE: State.TOO_LARGE,
    Reason.TOO_MANY: State.TOO_MANY,
    Reason.FULL: State.FULL,
    Reason.SEND_AGAIN: State.SEND_AGAIN,
    Reason.TROUBLE: State.TROUBLE,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One line of the list.

    Args:
        state: what became of it.
        name: a file's name, shortened; None for a message.
        length: bytes of content; 0 if it did not arrive.
        item: first bytes of the item id, so that a repeat is not listed twice; zeros if it did not arrive.
        again: whether it had arrived before, so that a repeat is not counted twice when its line is gone.
    """

    state: State
    name: str | None
    length: int = 0
    item: bytes = bytes(4)
    again: bool = False


@dataclass(frozen=True, slots=True)
class Totals:
    """
    All that was ever listed in a visit.

    Args:
        lines: how many.
        files: of these, files that arrived.
        length: bytes of these files.
        lost: files that did not.
    """

    lines: int = 0
    files: int = 0
    length: int = 0
    lost: int = 0

    def and_(self, line: Entry) -> Totals:
        """These, and one line more."""
        if line.state is not State.ARRIVED:
            return replace(self, lines=self.lines + 1, lost=self.lost + 1)
        if line.name is None or line.again:
            return replace(self, lines=self.lines + 1)
        return replace(self, lines=self.lines + 1, files=self.files + 1, length=self.length + line.length)

    def without(self, line: Entry) -> Totals:
        """These, and one line of a file fewer."""
        if line.state is not State.ARRIVED:
            return replace(self, lines=self.lines - 1, lost=self.lost - 1)
        return replace(self, lines=self.lines - 1, files=self.files - 1, length=self.length - line.length)


def entries_of(received: Received) -> tuple[Entry, ...]:
    """The lines of what a form brought."""
    lines = [
        Entry(State.ARRIVED, _shortened(one.name), one.length, one.item[:4], again=one.again)
        for one in received.arrived
    ]
    lines += [Entry(State.CUT, _shortened(one.name)) for one in received.cut]
    lines += [Entry(_STATES[one.reason], _shortened(one.name)) for one in received.refused]
    return tuple(lines)


def add(memory: Memory, visit: bytes, lines: tuple[Entry, ...]) -> None:
    """Add lines to a visit's list; those of items that stand there already are left out."""
    if not lines:
        return

    def merge(record: bytes) -> bytes:
        head, *kept = (record or b"[]").split(_END)
        sums = Totals(*json.loads(head))
        for line in lines:
            raw = _encode(line)
            # An item has one line whenever it is written: the same bytes again are a repeat of its form.
            if line.state is State.ARRIVED and raw in kept:
                continue
            if line.again and sums.lines == len(kept):
                # No line is gone, so it was never counted: who brought it first has not written yet.
                line = replace(line, again=False)  # noqa: PLW2901 - the same line, counted
            for old in [one for one in kept if _is_a_later_try(line, _decode(one))]:
                kept.remove(old)
                sums = sums.without(_decode(old))
            kept.append(raw)
            sums = sums.and_(line)
        return _fitted(sums, kept, memory.visits.size)

    memory.visits.change(visit, merge)


def listed(memory: Memory, visit: bytes) -> tuple[tuple[Entry, ...], bool]:
    """
    A visit's list, newest first.

    Returns:
        The lines, and whether older ones are no longer listed.
    """
    totals, lines = _read(memory, visit)
    return tuple(_decode(raw) for raw in reversed(lines)), totals.lines > len(lines)


def totals(memory: Memory, visit: bytes) -> Totals:
    """Of what is listed, and of what no longer is."""
    return _read(memory, visit)[0]


def _read(memory: Memory, visit: bytes) -> tuple[Totals, list[bytes]]:
    head, *lines = (memory.visits.get(visit) or b"[]").split(_END)
    return Totals(*json.loads(head)), lines


def _fitted(sums: Totals, kept: list[bytes], size: int) -> bytes:
    head = json.dumps(astuple(sums), separators=(",", ":")).encode()
    while len(kept) > SHOWN or len(head) + sum(map(len, kept)) + len(kept) > size:
        # What did not arrive stays longest: whoever sends it again has to see which it is, and its line is uncounted when it arrives.
        kept.remove(next((one for one in kept[:-1] if _decode(one).state is State.ARRIVED), kept[0]))
    return _END.join([head, *kept])


def _is_a_later_try(line: Entry, of: Entry) -> bool:
    if not line.name or line.name != of.name:
        return False
    if line.state is State.ARRIVED and of.state is not State.ARRIVED:
        return True
    # Two files of one name and length are listed once, though both are kept; far more often they are one.
    return (line.state, line.length) == (of.state, of.length)


def _shortened(name: str) -> str:
    if len(name) <= NAME:
        return name
    half = NAME // 2
    return f"{name[:half]}…{name[1 - half :]}"


def _encode(line: Entry) -> bytes:
    row = [line.state, line.name, line.length, line.item.hex()]
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()


def _decode(raw: bytes) -> Entry:
    state, name, length, item = json.loads(raw)
    return Entry(State(state), name, length, bytes.fromhex(item))
