# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What is installed, read and tried out: either all of it can be sealed to, or intake is closed.

Every document is parsed and verified, and something is really sealed to every active seat, in memory, before anything of a source is.
What fails to parse, verify or seal closes intake, and so does a damaged row: sealing to fewer seats than the operator believes in, or to a
key that nobody has, would be a loss that nobody notices. Root and card stay readable by themselves, so that answers can be read meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from crypto.card import Card
from crypto.frame import files_header
from crypto.hidden import Hidden
from crypto.root import Root
from crypto.seal import seal_frame
from crypto.sheet import Sheet
from store.errors import FullError, OverloadedError
from store.seats import organisation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crypto.epochs import Addressees
    from store.engine import Store
    from store.seats import Installed

#: These pass by themselves; they say nothing about what is installed.
PASSING: Final = (OverloadedError, FullError)


@dataclass(frozen=True, slots=True)
class Organisation:
    """
    What is installed, parsed and verified.
    """

    version: int
    root: Root
    card: Card
    sheets: Mapping[int, Sheet]
    floor: int


@dataclass(slots=True)
class Reading:
    """
    One reading of what is installed.

    Args:
        root: if it could be read.
        whole: root and card, and those sheets that could be read; None if one of the two could not.
        trouble: what closes intake, for the operator; empty while it is open.
        proved: the epochs in which all of it was sealed to.
        asked: the version that made it be read; what was read may be newer.
    """

    root: Root | None = None
    whole: Organisation | None = None
    trouble: str = ""
    proved: set[int] = field(default_factory=set)
    asked: int = -1


def read(store: Store) -> Reading:
    """
    Read what is installed; what is wrong with it is in the answer.

    Raises:
        OverloadedError, FullError: the store could not be read just now.
    """
    try:
        installed = organisation(store)
    except PASSING:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a damaged database makes of a row
        return Reading(trouble=_said("what is installed", error))
    reading = Reading()
    _fill(reading, installed)
    return reading


def prove(to: Addressees) -> None:
    """
    Seal a small frame to every active seat, and forget it.

    Raises:
        CryptoError: it cannot be sealed to one of them.
    """
    nothing = bytes(16)
    header = files_header(
        thread=Hidden(bytes(32)),
        item=nothing,
        submission=nothing,
        card=to.card_digest,
        epoch=to.epoch,
        seats=to.seats,
        lang="",
    )
    seal_frame(to.recipients, header, b"")


def _fill(reading: Reading, installed: Installed) -> None:
    if installed.root is None or installed.card is None:
        reading.trouble = "no card is installed"
    what = "the root"
    try:
        if installed.root is None:
            return
        reading.root = root = Root.decode(installed.root)
        what = "the card"
        if installed.card is None:
            return
        card = Card.decode(installed.card, root)
        sheets: dict[int, Sheet] = {}
        reading.whole = Organisation(installed.version, root, card, sheets, installed.floor)
        for number in sorted({seat.number for seat in card.seats} & installed.sheets.keys()):
            what = f"the sheet of seat {number}"
            sheets[number] = Sheet.decode(installed.sheets[number], root, card)
            if sheets[number].seat != number:
                reading.trouble = f"{what} is another seat's"
    except Exception as error:  # noqa: BLE001 - a damaged row can be of any type and shape
        reading.trouble = _said(what, error)


def _said(what: str, error: Exception) -> str:
    return f"{what}: {type(error).__name__}"
