# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A set: one file that comes in parts under a slip.

It is named by the beginning of its SHA-256, its size and the size of a part. From these and the thread value follow the ids of its parts,
so that the store's own rows say which are there: nothing else is kept of a set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from source_app.errors import BadFormError
from source_app.limits import MISSING_NAMED
from source_app.parts import parts
from source_app.sealed_part import Part, part_id
from source_app.slip import Slip, require_valid
from source_app.submission import Sender
from store.items import ASKED, present

if TYPE_CHECKING:
    from source_app.submission import Submission

#: As many as a frame can count (spec F6).
MOST_PARTS: Final = 65_536
_HEX: Final = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True, kw_only=True)
class Set:
    """
    The parts of one file under one slip.

    Args:
        slip: under which they come.
        name: 16 bytes, the beginning of the file's SHA-256.
        size: of the file.
        step: bytes of each part but the last.
    """

    slip: Slip
    name: bytes
    size: int
    step: int

    @classmethod
    def of_text(cls, slip: Slip, name: str, size: str, *, step: int) -> Self:
        """
        A set as a form names it.

        Raises:
            BadFormError: a name or a size that is none.
        """
        if len(name) != 32 or not set(name) <= _HEX:
            raise BadFormError("a set is named by 32 hexadecimal digits")
        return cls(slip=slip, name=bytes.fromhex(name), size=number_of(size, MOST_PARTS * step), step=step)

    @property
    def of(self) -> int:
        """How many parts there are; an empty file is one."""
        return max(1, -(-self.size // self.step))

    def part(self, number: int) -> Part:
        """
        Raises:
            BadFormError: there is no such part.
        """
        if not 1 <= number <= self.of:
            raise BadFormError("no such part")
        length = min(self.step, self.size - (number - 1) * self.step)
        return Part(set_=self.name, number=number, of=self.of, length=length)

    def submission(self) -> Submission:
        """What takes its parts."""
        slip = self.slip
        sender = Sender(
            locator=slip.locator, generation=slip.generation, thread=slip.thread, reply_to="", lang=slip.lang
        )
        named = self.name + self.size.to_bytes(8, "big") + self.step.to_bytes(8, "big")
        return parts().intake.submission(sender, slip.set_key(named), lambda: require_valid(slip))

    def missing(self) -> list[int]:
        """The first parts that are not there, in order."""
        form, found = self.submission(), list[int]()
        for start in range(1, self.of + 1, ASKED):
            ids = {part_id(form, number): number for number in range(start, min(start + ASKED, self.of + 1))}
            there = present(parts().store, self.slip.locator, tuple(ids))
            found += [number for item, number in ids.items() if item not in there]
            if len(found) >= MISSING_NAMED:
                break
        return found[:MISSING_NAMED]


def number_of(text: str, most: int) -> int:
    """
    A number in its one accepted form: decimal digits, no zero before them.

    Raises:
        BadFormError: it is none, or over the most it could be.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 20) or text != str(int(text)) or int(text) > most:
        raise BadFormError("not a number that it could be")
    return int(text)
