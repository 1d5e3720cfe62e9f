# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The organisation as the desk knows it: root, card and sheets, verified again each time they are read from the store.

Rows in a database prove nothing; signatures do. What was verified is kept until the store says that something changed.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from crypto.card import Card
from crypto.root import Root
from crypto.sheet import Sheet
from journalist_app.desk.errors import InstallError
from store import seats
from store.engine import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """
    What is installed, all of it verified.

    Args:
        root: The root.
        card: The card, valid under the root.
        sheets: By seat: those valid under the card.
        floor: The lowest epoch anything may be sealed under.
        version: The store's count of changes: another one means that this is no longer what is installed.
    """

    root: Root
    card: Card
    sheets: Mapping[int, Sheet]
    floor: int
    version: int

    @property
    def active(self) -> tuple[int, ...]:
        """
        The seats that have a sheet (spec E3).
        """
        return tuple(sorted(self.sheets))


class Organisation:
    """
    Reads what is installed and keeps it while it stays the same.

    Args:
        store: The store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._kept: tuple[int, Known] | None = None

    def known(self) -> Known:
        """
        What is installed now.

        Raises:
            InstallError: No root or no card is installed yet.
            CryptoError: What is stored does not verify.
        """
        with self._lock:
            version = seats.version(self._store)
            if self._kept is None or self._kept[0] != version:
                installed = seats.organisation(self._store)
                self._kept = (installed.version, verified(installed))
            return self._kept[1]

    def seats_person(self, seat: int | None) -> bool:
        """
        Whether somebody of this seat belongs here: people of the desk are those of the card's seats, and operators, who
        sit at none. Before the first card nobody can have been removed from it.
        """
        try:
            card = self.known().card
        except InstallError:
            return True
        return seat is None or any(one.number == seat for one in card.seats)


def verified(installed: seats.Installed) -> Known:
    """
    Verify what the store gave.

    Raises:
        InstallError: No root or no card is installed yet.
        CryptoError: It does not verify.
    """
    if installed.root is None or installed.card is None:
        raise InstallError("no root and card are installed yet")
    root = Root.decode(installed.root)
    card = Card.decode(installed.card, root)
    sheets = {number: Sheet.decode(raw, root, card) for number, raw in sorted(installed.sheets.items())}
    return Known(root=root, card=card, sheets=sheets, floor=installed.floor, version=installed.version)
