# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The sheet: one seat's recipients for the epochs ahead, signed by that seat (spec R4).

It is renewed in every outbox, so that sealing never depends on a ceremony. When it runs out all the same, its last
recipient stays in use (spec E4): a report sealed to an old key is better than a report refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final, Self

from crypto.age import HybridRecipient
from crypto.canonical import Fields
from crypto.card import MAX_RECIPIENT, MAX_SEAT_NUMBER, Card, Seat, require_newer
from crypto.epochs import MAX_EPOCH, span
from crypto.errors import FormatError, StaleError
from crypto.root import MAX_SEQUENCE, Root
from crypto.signing import SignedDocument

MAX_EPOCHS: Final = 64


@dataclass(frozen=True, slots=True)
class SheetEpoch:
    """
    What to seal to in one epoch. Its days are those of spec E1, so they are not repeated here.
    """

    number: int
    recipient: HybridRecipient


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """
    A sheet whose signature has been checked against a card.

    Args:
        seat: whose it is.
        signing: the key it was verified with; a card that gives this seat another key does not make it active.
        sequence: 1, 2, …; a higher one replaces a lower one.
        epochs: consecutive numbers, ascending.
        signed: the document as it is stored.
    """

    seat: int
    signing: bytes
    sequence: int
    epochs: tuple[SheetEpoch, ...]
    signed: SignedDocument

    @classmethod
    def decode(cls, raw: bytes, root: Root, card: Card) -> Self:
        """
        Read a sheet and check it against the seat's key on the card (spec R4).

        Raises:
            FormatError: it is not a sheet, not one of this root, or of a seat that is not on the card.
            SignatureError: the seat's signature is missing or wrong.
        """
        signed = SignedDocument.decode(raw)
        fields = Fields(signed.contents("sheet"), "sheet")
        seat = card.seat(fields.number("seat", 1, MAX_SEAT_NUMBER))
        signed.require("sheet", (seat.signing,), 1)
        if fields.hex("root", 32) != root.digest:
            raise FormatError(f"the sheet of seat {seat.number} names another root than root {root.number}")
        sheet = cls(
            seat=seat.number,
            signing=seat.signing,
            sequence=fields.number("sequence", 1, MAX_SEQUENCE),
            epochs=tuple(_read_epoch(entry, root.first_day) for entry in fields.objects("epochs", MAX_EPOCHS)),
            signed=signed,
        )
        fields.done()
        sheet._require_consistent(seat)
        return sheet

    def _require_consistent(self, seat: Seat) -> None:
        numbers = [epoch.number for epoch in self.epochs]
        if not numbers or numbers != list(range(numbers[0], numbers[0] + len(numbers))):
            raise FormatError(f"the epochs of a sheet are consecutive, at least one; these are {numbers}")
        recipients = {seat.recipient, *(epoch.recipient for epoch in self.epochs)}
        # spec E2: seeds are independent; one used twice would outlive the destruction of its epoch.
        if len(recipients) != len(numbers) + 1:
            raise FormatError(f"the sheet of seat {self.seat} lists a recipient twice, or the seat's own")

    @property
    def digest(self) -> bytes:
        """
        SHA-256 of the document (spec S4).
        """
        return self.signed.digest

    @property
    def first(self) -> int:
        """
        The first epoch it reaches.
        """
        return self.epochs[0].number

    @property
    def last(self) -> int:
        """
        The last epoch it reaches: never destroyed while this sheet is the newest one installed (spec E6).
        """
        return self.epochs[-1].number

    def recipient_for(self, epoch: int) -> HybridRecipient:
        """
        The recipient to use in this epoch; outside the sheet, the nearest one it has (spec E4).
        """
        within = min(max(epoch, self.first), self.last)
        return self.epochs[within - self.first].recipient

    def replaces(self, old: Sheet | None) -> None:
        """
        Accept this sheet after another of the same seat, or the same again (spec R4).

        A sheet of a former holder of the number, with another signing key, is replaced whatever its sequence was.

        Raises:
            StaleError: its sequence is lower, or the same with another digest, or it is of another seat.
        """
        if old is None:
            return
        if old.seat != self.seat:
            raise StaleError(f"a sheet of seat {self.seat} does not replace one of seat {old.seat}")
        if old.signing == self.signing:
            require_newer("sheet", (self.sequence, self.digest), (old.sequence, old.digest))


def _read_epoch(fields: Fields, first_day: date) -> SheetEpoch:
    epoch = SheetEpoch(
        number=fields.number("number", 0, MAX_EPOCH),
        recipient=HybridRecipient.parse(fields.text("recipient", MAX_RECIPIENT)),
    )
    days = fields.day("first"), fields.day("last")
    fields.done()
    expected = span(epoch.number, first_day)
    # spec E1, R4: days are written for people; a sheet whose days and numbers disagree has a mistaken author.
    if days != expected:
        raise FormatError(f"epoch {epoch.number} is {expected[0]} to {expected[1]}, not {days[0]} to {days[1]}")
    return epoch
