# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Codenames of one process that wait for their derivation: who is next, and how long it will be.

Circuits take turns: one that asks a hundred times waits for itself, and delays another by one turn. The line is bounded; when it is full, whoever
comes from a circuit that holds less takes the last place of the one that holds most. Where tor tells no circuits, all stand in one row.

It promises an estimate made of what the last derivations really took, other processes' turns included. It holds no lock while anything is
derived, and knows nothing of slots and forks (`kdf`).
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final

from crypto.derive import Generation, Subkeys
from crypto.hidden import Hidden
from source_app.limits import LINE

_WEIGHT: Final = 8  # the last one counts for an eighth


class FullError(Exception):
    """The line has no place for this one."""


@dataclass(eq=False, slots=True, kw_only=True)
class Place:
    """
    One codename in line.

    Args:
        ticket: what names it.
        secret: the codename.
        generations: each is derived, one after the other.
        circuit: it came by, if tor tells.
        kept: whether what it derives to is put aside, because the one who asked could not wait.
    """

    ticket: bytes
    secret: Hidden
    generations: tuple[Generation, ...]
    circuit: int | None
    kept: bool = False
    joined: float = field(default_factory=time.monotonic)
    derived: Future[tuple[Subkeys, ...]] = field(default_factory=Future)


class Line:
    """
    The places, in order.

    Args:
        places: at most so many.
    """

    def __init__(self, places: int = LINE) -> None:
        self._places = places
        #: Held for a place's change from waiting to derived, so that nobody puts aside what is there already.
        self.changing: Final = threading.RLock()
        self._somebody = threading.Condition(self.changing)
        # Circuits by whose turn it is; each with its places, first come first.
        self._rows: OrderedDict[int | None, deque[Place]] = OrderedDict()
        self._known: dict[bytes, Place] = {}
        self._waiting = 0
        self._closed = False
        self._each = 0.0
        self._ended = 0.0

    def join(self, place: Place) -> tuple[Place, Place | None]:
        """
        Stand in line.

        Returns:
            The place under this ticket, which may have been there before; and one that was pushed out for it.

        Raises:
            FullError: there is none.
        """
        with self._somebody:
            there = self._known.get(place.ticket)
            if there is not None:
                return there, None
            pushed = self._push(place.circuit) if self._waiting >= self._places else None
            self._rows.setdefault(place.circuit, deque()).append(place)
            self._known[place.ticket] = place
            self._waiting += 1
            self._somebody.notify()
            return place, pushed

    def wait(self) -> bool:
        """Sleep until somebody is in line; whether the line is still open."""
        with self._somebody:
            self._somebody.wait_for(lambda: self._waiting or self._closed)
            return not self._closed

    def pass_on(self) -> None:
        """Wake another one who sleeps in `wait`: whoever was woken by the last to join has to wait for something else first."""
        with self._somebody:
            self._somebody.notify()

    def close(self) -> None:
        """Nobody comes any more: whoever sleeps in `wait` leaves."""
        with self._somebody:
            self._closed = True
            self._somebody.notify_all()

    def next(self) -> Place | None:
        """The one whose turn it is, no more in line but known until `end`; None if another thread took the last."""
        with self._somebody:
            if not self._waiting:
                return None
            circuit, row = self._rows.popitem(last=False)
            self._waiting -= 1
            place = row.popleft()
            if row:
                self._rows[circuit] = row
            return place

    def end(self, place: Place) -> None:
        """It was derived, or failed: it is forgotten, and what it took tells others what they have to expect."""
        now = time.monotonic()
        with self._somebody:
            self._known.pop(place.ticket, None)
            taken = now - max(self._ended, place.joined)
            self._each += (taken - self._each) / _WEIGHT if self._each else taken
            self._ended = now

    def find(self, ticket: bytes) -> Place | None:
        """The place under a ticket, if it waits or is being derived here."""
        with self._somebody:
            return self._known.get(ticket)

    def ahead(self, place: Place) -> int:
        """
        How many are derived before this place. Of circuits whose turn comes after its own, the last one is counted too: at most one round too much.
        """
        with self._somebody:
            row = self._rows.get(place.circuit, deque())
            if place not in row:
                return 0
            turns = row.index(place) + 1
            return sum(min(len(other), turns) for other in self._rows.values()) - 1

    def seconds(self, place: Place | None) -> float:
        """
        How long until this place is derived; of None, until a line as it is now has ended. 0 before anything was derived here.
        """
        with self._somebody:
            # One more for what is being derived, and one for itself.
            return self._each * (self._waiting if place is None else self.ahead(place) + 2)

    def _push(self, circuit: int | None) -> Place:
        holder, most = max(self._rows.items(), key=lambda row: len(row[1]))
        if len(most) <= len(self._rows.get(circuit, ())) + 1:
            raise FullError
        pushed = most.pop()
        if not most:
            del self._rows[holder]
        del self._known[pushed.ticket]
        self._waiting -= 1
        return pushed
