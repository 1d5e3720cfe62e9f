# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What was sent in this visit: a short list in the workers' memory, gone with the visit.

It serves the source who asks "did it arrive?", and nobody who forces the browser or the codename open later: the list is found
by the visit's random id, which only the sealed cookie carries. File names are cut to what a list needs; the newest stay.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from source_app.outcome import Reason, Received

if TYPE_CHECKING:
    from source_app.memory import Memory

NAME: Final = 60  # characters of a name that the list shows
SHOWN: Final = 30

# A record is a mark of whether older lines are gone, then the lines. JSON has no bare line end within it.
_END: Final = b"\n"
_MORE: Final = b"+"


class State(StrEnum):
    """What became of one thing."""

    ARRIVED = "arrived"
    CUT = "cut"
    TOO_LARGE = "too-large"
    FULL = "full"
    SEND_AGAIN = "send-again"
    TROUBLE = "trouble"


_STATES: Final = {
    Reason.TOO_LARGE: State.TOO_LARGE,
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
    """

    state: State
    name: str | None
    length: int = 0
    item: bytes = bytes(4)


def entries_of(received: Received) -> tuple[Entry, ...]:
    """The lines that one form's outcome adds."""
    lines = [Entry(State.ARRIVED, _shortened(one.name), one.length, one.item[:4]) for one in received.arrived]
    lines += [Entry(State.CUT, _shortened(one.name)) for one in received.cut]
    lines += [Entry(_STATES[one.reason], _shortened(one.name)) for one in received.refused]
    return tuple(lines)


def add(memory: Memory, visit: bytes, lines: tuple[Entry, ...]) -> None:
    """Add lines to a visit's list; those of items that stand there already are left out."""
    if not lines:
        return

    def merge(record: bytes) -> bytes:
        more, *old = record.split(_END) if record else [b""]
        # An item has one line whenever it is written: the same bytes again are a repeat of its form.
        new = [raw for raw in map(_encode, lines) if raw not in old or _decode(raw).state is not State.ARRIVED]
        kept = (old + new)[-SHOWN:]
        while 1 + sum(map(len, kept)) + len(kept) > memory.visits.size:
            kept = kept[1:]
        return _END.join([_MORE if more or len(kept) < len(old) + len(new) else b"", *kept])

    memory.visits.change(visit, merge)


def listed(memory: Memory, visit: bytes) -> tuple[tuple[Entry, ...], bool]:
    """
    A visit's list, newest first.

    Returns:
        The lines, and whether older ones are no longer listed.
    """
    record = memory.visits.get(visit)
    if record is None:
        return (), False
    more, *lines = record.split(_END)
    return tuple(_decode(raw) for raw in reversed(lines)), bool(more)


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
