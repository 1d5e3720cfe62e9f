# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The organisation as it stands this moment, and the way into its store.

Root, card and sheets are parsed once for each version of what is installed. Nothing is sealed to nobody: without an
active seat there is `ClosedError`, before a byte is taken.

What it leaves to others: whose thread this is, what a token means, sealing (`submission`), pages.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crypto.card import Card
from crypto.epochs import Addressees, addressees
from crypto.errors import NoSeatError
from crypto.root import Root
from crypto.sheet import Sheet
from source_app.errors import ClosedError
from source_app.submission import Sender, Submission
from store.seats import organisation, version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from store.engine import Store
    from store.seats import Installed

__all__ = ["Intake", "Organisation", "Sender", "Submission", "today"]


def today() -> datetime.date:
    """
    Returns:
        the server's day, UTC.
    """
    return datetime.datetime.now(datetime.UTC).date()


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


class Intake:
    """
    One for each app; threads may share it.
    """

    def __init__(
        self, store: Store, *, reserve: int, writers: int = 1, clock: Callable[[], datetime.date] = today
    ) -> None:
        """
        Args:
            store: where items go.
            reserve: bytes of disk that files leave to messages (see `limits.room_for_files`).
            writers: files that may be written at the same time, by all workers together.
            clock: the server's day.
        """
        self.store = store
        self.reserve = reserve
        self.writers = writers
        self.clock = clock
        # Two threads may parse the same version at once; the one that is forgotten cost a few milliseconds.
        self._parsed: Organisation | None = None
        # Every card this process sealed under, by digest: there are as many as there were installations.
        self._cards: dict[bytes, Card] = {}

    def organisation(self) -> Organisation:
        """
        Returns:
            what is installed now; its root has the codename generations.

        Raises:
            ClosedError: nothing is installed.
        """
        parsed = self._parsed
        if parsed is None or parsed.version != version(self.store):
            parsed = self._parsed = _parse(organisation(self.store))
            self._cards[parsed.card.digest] = parsed.card
        return parsed

    def root(self) -> Root:
        """
        Returns:
            the installed root, for its codename generations.

        Raises:
            ClosedError: nothing is installed.
        """
        return self.organisation().root

    def addressees(self) -> Addressees:
        """
        Returns:
            to whom to seal now.

        Raises:
            ClosedError: nothing is installed, or no seat is active.
        """
        now = self.organisation()
        try:
            return addressees(now.card, now.sheets, self.clock(), now.root.first_day, now.floor)
        except NoSeatError:
            raise ClosedError("no seat is active") from None

    def stands(self, to: Addressees) -> bool:
        """
        Args:
            to: to whom something was sealed by this process.

        Returns:
            whether all of them may still read: no card installed since removed a seat or gave its number to another key.
        """
        now = self.organisation().card
        if now.digest == to.card_digest:
            return True
        then = self._cards.get(to.card_digest)
        if then is None:
            return False
        old, new = ({seat.number: seat.signing for seat in card.seats} for card in (then, now))
        return all(old[number] == new.get(number) for number in to.seats)

    def submission(self, sender: Sender, form: bytes, wanted: Callable[[], None] | None = None) -> Submission:
        """
        Args:
            sender: whose form it is.
            form: the form's id out of its token, 16 bytes.
            wanted: asked in the moment of each commit, when nothing else can be written; raises what refuses the item.

        Returns:
            what takes the form's items; each of them asks anew to whom it is sealed.
        """
        return Submission(self, sender, form, wanted)


def _parse(installed: Installed) -> Organisation:
    if installed.root is None or installed.card is None:
        raise ClosedError("no card is installed")
    root = Root.decode(installed.root)
    card = Card.decode(installed.card, root)
    numbers = {seat.number for seat in card.seats}
    sheets = {number: Sheet.decode(raw, root, card) for number, raw in installed.sheets.items() if number in numbers}
    return Organisation(installed.version, root, card, sheets, installed.floor)
