# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Files that are volumes of one: which ones, by their names alone.

`NAME.001`, `NAME.zip.001`; `NAME.z01`, `NAME.z02`, … and `NAME.zip`, the last; what `split` makes: `xaa`, `NAME.aa`, and
after 650 of them `NAME.zaaa`. A name proves nothing: two letters may be any ending, so names become a run only if there
are two of them and they lie close enough. No name says how many there were.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

Family = Literal["numbers", "zip", "letters"]

# Of a run at least so many hundredths must be here: `notes.md` and `notes.py` are no volumes 315 and 415.
DENSE: Final = 25
# A run of more is none, and each is shown by itself: a page reads every volume of the runs it shows.
MOST: Final = 2_000
# A `.zip` stands behind every `.zNN`, whatever their numbers.
LAST: Final = 1_000

_NUMBERS: Final = re.compile(r"(.+)\.([0-9]{3})", re.DOTALL)
_ZIP: Final = re.compile(r"(.+)\.(?:z([0-9]{2,3})|zip)", re.DOTALL | re.IGNORECASE)
_LETTERS: Final = re.compile(r"((?:.*/)?x|.+[._-])([a-z]{2}|z[a-y][a-z]{2})", re.DOTALL)
_LONG: Final = 25 * 26


@dataclass(frozen=True, slots=True)
class Volume:
    """
    What a name says of itself.

    Args:
        family: How its volumes are numbered.
        stem: The name of the whole.
        number: Its number; `LAST` for the `.zip` of a zip's volumes.
    """

    family: Family
    stem: str
    number: int

    @property
    def run(self) -> tuple[Family, str]:
        """
        What the volumes of one file have in common.
        """
        return self.family, self.stem


def volume(name: str) -> Volume | None:
    """
    Read a name; None if it is none of a volume.
    """
    found = _NUMBERS.fullmatch(name)
    if found is not None:
        return Volume("numbers", found[1], int(found[2]))
    found = _ZIP.fullmatch(name)
    if found is not None:
        number = LAST if found[2] is None else int(found[2])
        return None if number == 0 else Volume("zip", f"{found[1]}.zip", number)
    found = _LETTERS.fullmatch(name)
    if found is not None:
        stem = found[1].rstrip("._-") or found[1]
        return Volume("letters", stem, _counted(found[2]))
    return None


def runs(named: Iterable[tuple[bytes, str]]) -> tuple[tuple[bytes, ...], ...]:
    """
    Which of these files are volumes of one.

    Args:
        named: Items and their names.

    Returns:
        Items that belong together, in the order in which they were given.
    """
    found: dict[tuple[Family, str], list[tuple[bytes, int]]] = {}
    for item, name in named:
        one = volume(name)
        if one is not None:
            found.setdefault(one.run, []).append((item, one.number))
    return tuple(
        tuple(item for item, _ in members)
        for (family, _), members in found.items()
        if len(members) <= MOST and _believed(family, {number for _, number in members})
    )


def _believed(family: Family, numbers: set[int]) -> bool:
    if len(numbers) < 2:
        return False
    if family == "zip" or (family == "numbers" and numbers & {0, 1}):
        return True
    return 100 * len(numbers) >= DENSE * max(numbers)


def _counted(letters: str) -> int:
    # split goes from yz to zaaa: the first z says that two more letters follow.
    places = letters[1:] if len(letters) > 2 else letters
    value = 0
    for letter in places:
        value = value * 26 + ord(letter) - ord("a")
    return value + 1 + (_LONG if len(letters) > 2 else 0)
