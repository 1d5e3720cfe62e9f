# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The organisation as it stands this moment, and the way into its store.

Root, card and sheets are parsed, and sealed to once, for each version of what is installed and each epoch (`organisation`). Nothing is
sealed to nobody, and nothing under documents that are not sound: there is `ClosedError`, before a byte is taken. It opens by itself when
something good is installed.

What it leaves to others: whose thread this is, what a token means, sealing (`submission`), pages.
"""

from __future__ import annotations

import datetime
import logging
import time
from typing import TYPE_CHECKING, Final

from crypto.epochs import Addressees, addressees
from crypto.errors import NoSeatError
from source_app.errors import ClosedError
from source_app.limits import THREAD_BYTES
from source_app.organisation import Organisation, Reading, prove, read
from source_app.space import Space
from source_app.submission import Sender, Submission
from store.errors import StoreError
from store.seats import version

if TYPE_CHECKING:
    from collections.abc import Callable

    from crypto.card import Card
    from crypto.root import Root
    from store.engine import Store

__all__ = ["Intake", "Organisation", "Sender", "Submission", "today"]

#: What was found damaged is looked at again after this long: a row can be mended without a new version.
AGAIN_SECONDS: Final = 30.0

_log = logging.getLogger("source_app")


def today() -> datetime.date:
    """
    Returns:
        the server's day, UTC.
    """
    return datetime.datetime.now(datetime.UTC).date()


class Intake:
    """
    One for each app; threads may share it.
    """

    def __init__(
        self,
        store: Store,
        *,
        reserve: int,
        writers: int = 1,
        quota: int = THREAD_BYTES,
        clock: Callable[[], datetime.date] = today,
    ) -> None:
        """
        Args:
            store: where items go.
            reserve: bytes of disk that files leave to messages.
            writers: files that may be written at the same time, by all workers together.
            quota: bytes of files that a thread nobody accepted may have on the server.
            clock: the server's day.
        """
        self.store = store
        self.clock = clock
        self.space = Space(store, reserve=reserve, quota=quota, writers=writers, clock=clock)
        # Two threads may read the same version at once; the one that is forgotten cost a few milliseconds.
        self._reading: Reading | None = None
        self._again = 0.0
        # Every card this process sealed under, by digest: there are as many as there were installations.
        self._cards: dict[bytes, Card] = {}

    def organisation(self) -> Organisation:
        """
        Returns:
            what is installed now: root and card, and its sheets as far as they are sound.

        Raises:
            ClosedError: nothing is installed, or root or card cannot be read.
        """
        now = self._now()
        if now.whole is None:
            raise ClosedError(now.trouble)
        return now.whole

    def root(self) -> Root:
        """
        Returns:
            the installed root, for its codename generations.

        Raises:
            ClosedError: none is installed that can be read.
        """
        now = self._now()
        if now.root is None:
            raise ClosedError(now.trouble)
        return now.root

    def addressees(self) -> Addressees:
        """
        Returns:
            to whom to seal now; something was sealed to all of them before.

        Raises:
            ClosedError: nothing is installed, no seat is active, or what is installed is not sound.
        """
        now = self._now()
        if now.whole is None or now.trouble:
            raise ClosedError(now.trouble)
        try:
            to = addressees(now.whole.card, now.whole.sheets, self.clock(), now.whole.root.first_day, now.whole.floor)
            if to.epoch not in now.proved:
                prove(to)
                now.proved.add(to.epoch)
        except NoSeatError:
            raise ClosedError("no seat is active") from None
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing may be sealed under it
            self._close(now, f"a seat cannot be sealed to: {type(error).__name__}")
            raise ClosedError(now.trouble) from None
        return to

    def ahead(self) -> Addressees:
        """
        Returns:
            to whom a source may seal a file beforehand: the keys of the epoch after the one that is sealed under now, or of that one where no
            active seat announced more. Never one below the floor.

        Raises:
            ClosedError: intake is closed, or every sheet ran out: the key a seat fell back to may be gone any day.
        """
        to, now = self.addressees(), self.organisation()
        reach = max((sheet.last for number, sheet in now.sheets.items() if number in to.seats), default=-1)
        if reach < to.epoch:
            raise ClosedError("every sheet ran out")
        return addressees(now.card, now.sheets, self.clock(), now.root.first_day, min(to.epoch + 1, reach))

    def closed(self) -> bool:
        """
        Returns:
            whether nothing would be taken now, for pages that say so before anybody writes.
        """
        try:
            self.addressees()
        except ClosedError:
            return True
        return False

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

    def _now(self) -> Reading:
        reading, asked = self._reading, self._version()
        # Of what is sound only the version is asked; what is damaged is read anew now and then.
        if reading is None or asked != reading.asked or (reading.trouble and time.monotonic() >= self._again):
            before = "" if reading is None else reading.trouble
            reading = read(self.store)
            if reading.trouble:
                self._close(reading, reading.trouble, before)
            if reading.whole is not None:
                self._cards[reading.whole.card.digest] = reading.whole.card
            # In one step: under a newer thread's version, an older reading would stay, and with it a seat that was removed.
            reading.asked = asked
            self._reading = reading
        return reading

    def _version(self) -> int:
        try:
            return version(self.store)
        except StoreError:
            raise
        except Exception:  # noqa: BLE001 - the row is gone, or is no row
            return -1

    def _close(self, reading: Reading, trouble: str, before: str = "") -> None:
        reading.trouble = trouble
        self._again = time.monotonic() + AGAIN_SECONDS
        if trouble != before:
            _log.error("intake is closed: %s", trouble)
