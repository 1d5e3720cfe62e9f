# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The card: which seats there are, with which keys, and which server speaks for the organisation.

Signed by the root's threshold (spec R3). It says who is *entitled*; who is *active* depends on sheets (spec E3). A
removed seat is one that the next card does not list. Older cards are refused, so that nobody brings a seat back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from crypto.age import HybridRecipient
from crypto.canonical import Fields
from crypto.errors import FormatError, StaleError
from crypto.root import MAX_SEQUENCE, Root
from crypto.signing import KEY_SIZE, SignedDocument

MAX_SEATS: Final = 16
# Numbers are not given again, so they climb past the count; they fit a frame's list of seats many times over.
MAX_SEAT_NUMBER: Final = 9_999
# spec A9: an age1pq1… recipient is 1,959 characters long.
MAX_RECIPIENT: Final = 2_048


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """
    One vault's public half.

    Args:
        number: its place in every list.
        signing: Ed25519 public key; signs sheets, outboxes, entries and replies.
        recipient: to which manifests of batches are sealed.
    """

    number: int
    signing: bytes
    recipient: HybridRecipient


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """
    A card whose signatures have been checked against a root.

    Args:
        sequence: 1, 2, …; a higher one replaces a lower one.
        root: digest of the root it was signed under.
        seats: by number, ascending.
        server_signing: Ed25519 public key; signs batches.
        server_transfer: to which manifests of outboxes are sealed.
        signed: the document as it is stored.
    """

    sequence: int
    root: bytes
    seats: tuple[Seat, ...]
    server_signing: bytes
    server_transfer: HybridRecipient
    signed: SignedDocument

    @classmethod
    def decode(cls, raw: bytes, root: Root) -> Self:
        """
        Read a card and check it against its root (spec R3).

        Raises:
            FormatError: it is not a card, or not one of this root.
            SignatureError: the root's threshold of signatures is not there, or one is wrong.
        """
        signed = SignedDocument.decode(raw)
        signed.require("card", root.keys, root.threshold)
        return cls.draft(signed, root)

    @classmethod
    def draft(cls, signed: SignedDocument, root: Root) -> Self:
        """
        Read a card whose signatures are still being gathered: for showing it to those who are asked to sign.

        Raises:
            FormatError: it is not a card, or not one of this root.
        """
        fields = Fields(signed.contents("card"), "card")
        server = fields.object("server")
        card = cls(
            sequence=fields.number("sequence", 1, MAX_SEQUENCE),
            root=fields.hex("root", 32),
            seats=tuple(_read_seat(entry) for entry in fields.objects("seats", MAX_SEATS)),
            server_signing=server.hex("signing", KEY_SIZE),
            server_transfer=HybridRecipient.parse(server.text("transfer", MAX_RECIPIENT)),
            signed=signed,
        )
        server.done()
        fields.done()
        card._require_consistent(root)
        return card

    def _require_consistent(self, root: Root) -> None:
        if self.root != root.digest:
            raise FormatError(f"card {self.sequence} names another root than root {root.number}")
        numbers = [seat.number for seat in self.seats]
        if not numbers or numbers != sorted(set(numbers)):
            raise FormatError(f"the seats of a card stand in ascending order, at least one; these are {numbers}")
        signing = [self.server_signing, *(seat.signing for seat in self.seats)]
        # spec R3, R5: a key that stands twice would let one laptop speak for two, and a root key signs nothing but
        # roots and cards.
        if len({*signing, *root.keys}) != len(signing) + len(root.keys):
            raise FormatError(f"card {self.sequence} lists a signing key twice, or a root key")
        recipients = {self.server_transfer, *(seat.recipient for seat in self.seats)}
        if len(recipients) != len(signing):
            raise FormatError(f"card {self.sequence} lists a recipient twice")

    @property
    def digest(self) -> bytes:
        """
        SHA-256 of the document (spec S4): what frames name.
        """
        return self.signed.digest

    def seat(self, number: int) -> Seat:
        """
        The seat with this number.

        Raises:
            FormatError: the card lists no such seat.
        """
        for seat in self.seats:
            if seat.number == number:
                return seat
        raise FormatError(f"seat {number} is not on card {self.sequence}")

    def require_seats(self, numbers: Iterable[int]) -> None:
        """
        Refuse seats that this card does not list (spec U1: all seats that a manifest names are on the card).

        Raises:
            FormatError: one is not listed.
        """
        for number in numbers:
            self.seat(number)

    def replaces(self, old: Card | None) -> None:
        """
        Accept this card after another, or the same again (spec R3).

        Raises:
            StaleError: its sequence is lower, or the same with another digest.
        """
        if old is not None:
            require_newer("card", (self.sequence, self.digest), (old.sequence, old.digest))


def require_newer(name: str, new: tuple[int, bytes], old: tuple[int, bytes]) -> None:
    """
    The rule of spec R3 and R4 over (sequence, digest): never lower, and one sequence has one digest.

    Raises:
        StaleError: the new one is older than the installed one, or another with the same sequence.
    """
    if new[0] < old[0]:
        raise StaleError(f"{name} {new[0]} is older than {name} {old[0]}, which is installed")
    if new[0] == old[0] and new[1] != old[1]:
        raise StaleError(f"another {name} {old[0]} is installed: two with one sequence and different contents")


def _read_seat(fields: Fields) -> Seat:
    seat = Seat(
        number=fields.number("number", 1, MAX_SEAT_NUMBER),
        signing=fields.hex("signing", KEY_SIZE),
        recipient=HybridRecipient.parse(fields.text("recipient", MAX_RECIPIENT)),
    )
    fields.done()
    return seat
