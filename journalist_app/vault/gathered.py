# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What stands under one item: copies, the parts of its set, the volumes of its run. Read, never changed.

A file is *whole* when every part from 1 to the last is here and no part came with two contents: what a source, or a server
that learnt its thread value, sent twice and differently is shown, and never joined by guessing. Parts of equal content
are one part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from journalist_app.vault.errors import NotFoundError
from journalist_app.vault.gaps import Stretch, gaps, spoken
from journalist_app.vault.models import bodies, grouped, items, joined
from journalist_app.vault.volumes import LAST, Family, volume

COPIES_SHOWN: Final = 10

_MEMBER = (
    items.c.item,
    items.c.thread,
    items.c.name,
    items.c.length,
    items.c.day,
    items.c.batch,
    bodies.c.sha256,
    bodies.c.set,
    bodies.c.part,
    bodies.c.parts,
)


@dataclass(frozen=True, slots=True)
class Copies:
    """
    How often the same bytes came: the item itself among them, the others' first few.
    """

    times: int
    others: tuple[Row[Any], ...]

    @property
    def said(self) -> str:
        """
        In words.
        """
        return "sent twice" if self.times == 2 else f"sent {self.times} times"


@dataclass(frozen=True, slots=True)
class Parts:
    """
    One set.

    Args:
        parts: How many there are to be.
        here: The first of each part that is here, by number.
        gaps: Which are not.
        contrary: Numbers of parts that came with two contents.
        sha256: Of the joined file, once it was read; empty before.
    """

    parts: int
    here: tuple[Row[Any], ...]
    gaps: tuple[Stretch, ...]
    contrary: tuple[int, ...]
    sha256: bytes

    @property
    def length(self) -> int:
        """
        Bytes of the parts that are here.
        """
        return sum(part.length for part in self.here)

    @property
    def refusal(self) -> str:
        """
        Why they cannot be joined; empty if they can.
        """
        if self.contrary:
            return f"part {', '.join(map(str, self.contrary[:COPIES_SHOWN]))} came with two contents"
        return spoken(self.gaps)


@dataclass(frozen=True, slots=True)
class File:
    """
    A file that came whole, or as a set.

    Args:
        lead: Its first item.
        parts: If it is a set.
    """

    lead: Row[Any]
    parts: Parts | None

    @property
    def length(self) -> int:
        """
        Bytes that are here.
        """
        return int(self.lead.length) if self.parts is None else self.parts.length

    @property
    def pieces(self) -> tuple[Row[Any], ...]:
        """
        Its items in their order.
        """
        return (self.lead,) if self.parts is None else self.parts.here

    @property
    def refusal(self) -> str:
        """
        Why it is not whole; empty if it is.
        """
        return "" if self.parts is None else self.parts.refusal


@dataclass(frozen=True, slots=True)
class Volumes:
    """
    Volumes of one file.

    Args:
        family: How they are numbered.
        stem: The name of the whole.
        here: Number and file, by number; of a number that came with two contents the first.
        others: Numbers and files that `here` leaves out.
        gaps: Numbers below the highest that are not here.
    """

    family: Family
    stem: str
    here: tuple[tuple[int, File], ...]
    others: tuple[tuple[int, File], ...]
    gaps: tuple[Stretch, ...]

    @property
    def every(self) -> tuple[tuple[int, File], ...]:
        """
        All of them, by number.
        """
        return tuple(sorted((*self.here, *self.others), key=lambda one: one[0]))

    @property
    def contrary(self) -> tuple[int, ...]:
        """
        Numbers that came with two contents.
        """
        return tuple(sorted({number for number, _ in self.others}))

    @property
    def length(self) -> int:
        """
        Bytes that are here.
        """
        return sum(file.length for _, file in self.here)

    @property
    def endless(self) -> bool:
        """
        Whether the highest is as long as the others: then it is hardly the last.
        """
        lengths = [file.length for _, file in self.here]
        return self.family != "zip" and len(lengths) > 1 and len(set(lengths)) == 1

    @property
    def uneven(self) -> tuple[int, ...]:
        """
        Numbers, the highest left out, that are not as long as the first: one of them is not whole.
        """
        if self.family == "zip":
            return ()
        first = self.here[0][1].length
        return tuple(number for number, file in self.here[:-1] if file.length != first)

    @property
    def lost(self) -> str:
        """
        What is missing, in words; empty if nothing below the highest is.
        """
        said = [spoken(self.gaps)] if self.gaps else []
        if self.family == "zip" and self.here[-1][0] != LAST:
            said.append("the .zip that ends them is missing")
        return "; ".join(said)

    @property
    def refusal(self) -> str:
        """
        Why they cannot be joined; empty if they can.
        """
        if self.contrary:
            return f"volume {', '.join(map(str, self.contrary[:COPIES_SHOWN]))} came with two contents"
        if self.lost:
            return self.lost
        torn = next((number for number, file in self.here if file.refusal), None)
        if torn is not None:
            return f"volume {torn} came in parts and is not whole"
        if self.family == "zip":
            return "volumes of a zip are no pieces of one file: a program that knows them opens them together"
        return ""


def copies(connection: Connection, lead: bytes) -> Copies | None:
    """
    Where else the same bytes came; None if they came once.
    """
    under = select(grouped.c.item).where(grouped.c.lead == lead, grouped.c.why == "twice")
    times = connection.execute(select(func.count()).select_from(under.subquery())).scalar_one()
    if not times:
        return None
    query = _members().where(items.c.item.in_(under)).order_by(items.c.batch, items.c.item).limit(COPIES_SHOWN)
    return Copies(times + 1, tuple(connection.execute(query)))


def file_of(connection: Connection, lead: bytes) -> File:
    """
    The file that an item is, or is the first part of.

    Raises:
        NotFoundError: There is no such file.
    """
    row = connection.execute(_members().where(items.c.item == lead, items.c.kind == "file")).first()
    if row is None:
        raise NotFoundError("there is no such file")
    return File(row, _parts(connection, row) if row.parts is not None and row.parts > 1 else None)


def volumes_of(connection: Connection, file: File) -> Volumes | None:
    """
    The volumes that a file leads; None if it is none.
    """
    first = volume(file.lead.name)
    if first is None:
        return None
    under = select(grouped.c.item).where(grouped.c.lead == file.lead.item, grouped.c.why == "volume")
    others = connection.execute(under).scalars().all()
    # A single volume of a zip says already that there are others.
    if not others and (first.family != "zip" or first.number == LAST):
        return None
    held: dict[int, File] = {}
    besides = []
    files = [file, *(file_of(connection, item) for item in others)]
    for one in sorted(files, key=lambda one: (one.lead.batch, one.lead.item)):
        said = volume(one.lead.name)
        if said is not None and held.setdefault(said.number, one) is not one:
            besides.append((said.number, one))
    counted = [number for number in held if first.family != "zip" or number != LAST]
    begin = 0 if first.family == "numbers" and 0 in held else 1
    lost = gaps(counted, begin, max(counted, default=0))
    here = tuple(sorted(held.items(), key=lambda one: one[0]))
    return Volumes(first.family, first.stem, here, tuple(besides), lost)


def every_part(connection: Connection, lead: Row[Any], *, after: int, limit: int) -> tuple[Sequence[Row[Any]], bool]:
    """
    Items of a set by their numbers, those that came twice too.

    Args:
        connection: To read from.
        lead: A member of the set.
        after: How many were shown before.
        limit: How many to show now.

    Returns:
        The items, and whether there are more.
    """
    query = _members().where(_same_set(lead)).order_by(bodies.c.part, items.c.batch, items.c.item)
    rows = connection.execute(query.offset(after).limit(limit + 1)).all()
    return rows[:limit], len(rows) > limit


def _parts(connection: Connection, lead: Row[Any]) -> Parts:
    query = _members().where(_same_set(lead)).order_by(bodies.c.part, items.c.batch, items.c.item)
    here: dict[int, Row[Any]] = {}
    contrary = set()
    for row in connection.execute(query):
        first = here.setdefault(row.part, row)
        if first.length != row.length or (first.sha256 != row.sha256 and first.sha256 and row.sha256):
            contrary.add(row.part)
    known = select(joined.c.sha256).where(joined.c.thread == lead.thread, joined.c.set == lead.set)
    sha256 = connection.execute(known).scalar() or b""
    numbers = tuple(sorted(contrary))
    return Parts(lead.parts, tuple(here.values()), gaps(here, 1, lead.parts), numbers, sha256)


def _members() -> Select[Any]:
    # An item of an older vault has no digest until the next import; it is shown all the same.
    return select(*_MEMBER).select_from(items.outerjoin(bodies, bodies.c.item == items.c.item))


def _same_set(lead: Row[Any]) -> ColumnElement[bool]:
    # Found by the set alone: to look through the thread for each would cost its square.
    same = select(bodies.c.item).where(bodies.c.thread == lead.thread, bodies.c.set == lead.set)
    return items.c.item.in_(same)
