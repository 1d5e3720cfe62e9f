# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Which epoch a day belongs to, what the server seals under, and when a seed may die.

Pure decisions: every day, floor and sheet is given. They hold with a clock that was set back or far ahead, with a
sheet that has run out, and with a seat that stopped writing: the answer is a recipient for every active seat, or one
named error. Nothing here destroys or stores anything.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from crypto.errors import EpochError, NoSeatError

if TYPE_CHECKING:
    # card and sheet read days with this module.
    from crypto.age import HybridRecipient
    from crypto.card import Card
    from crypto.sheet import Sheet

# spec E1
SPAN_DAYS: Final = 14
# Three hundred and eighty years: no number that passes a parser can leave the calendar.
MAX_EPOCH: Final = 9_999
# spec E6: how long after its end a seed stays, whatever was announced.
GRACE_DAYS: Final = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressees:
    """
    To whom the server seals today: one recipient for each active seat, in seat order.

    Args:
        card_digest: goes into the frame.
        card_sequence: goes into the row.
        epoch: the number that frame and manifest name, even where a sheet has run out.
        seats: numbers, ascending.
        recipients: one for each of ``seats``.
    """

    card_digest: bytes
    card_sequence: int
    epoch: int
    seats: tuple[int, ...]
    recipients: tuple[HybridRecipient, ...]


def number_on(day: date, first_day: date) -> int:
    """
    The epoch of a day (spec E1). A day before the first day is in epoch 0: a clock set back seals, it does not fail.
    """
    return min(max(0, (day - first_day).days // SPAN_DAYS), MAX_EPOCH)


def span(number: int, first_day: date) -> tuple[date, date]:
    """
    The first and the last day of an epoch (spec E1).

    Raises:
        EpochError: no epoch has that number.
    """
    if not 0 <= number <= MAX_EPOCH:
        raise EpochError(f"epoch {number} is not between 0 and {MAX_EPOCH}")
    first = first_day + timedelta(days=SPAN_DAYS * number)
    return first, first + timedelta(days=SPAN_DAYS - 1)


def sealing_epoch(day: date, first_day: date, floor: int) -> int:
    """
    The later of the day's epoch and the floor (spec E4).
    """
    return max(number_on(day, first_day), floor)


def addressees(
    card: Card,
    sheets: Mapping[int, Sheet],
    day: date,
    first_day: date,
    floor: int,
) -> Addressees:
    """
    One recipient for every active seat, in seat order (spec E3, E4).

    A seat is active when a sheet signed with *its* key of *this* card is there. A sheet that an earlier holder of the
    same number signed does not count: it would seal to the laptop that was removed.

    Args:
        card: the installed card.
        sheets: the newest installed sheet of each seat, by seat number; those of other seats are not looked at.
        day: the server's day.
        first_day: the root's.
        floor: the stored floor.

    Raises:
        NoSeatError: no seat is active; there is nobody to seal to.
    """
    epoch = sealing_epoch(day, first_day, floor)
    active = tuple(
        (seat.number, sheets[seat.number].recipient_for(epoch))
        for seat in card.seats
        if seat.number in sheets and sheets[seat.number].signing == seat.signing
    )
    if not active:
        raise NoSeatError(f"none of the {len(card.seats)} seats of card {card.sequence} has a sheet")
    return Addressees(
        card_digest=card.digest,
        card_sequence=card.sequence,
        epoch=epoch,
        seats=tuple(number for number, _ in active),
        recipients=tuple(recipient for _, recipient in active),
    )


def raise_floor(floor: int, closed_through: int, day: date, first_day: date) -> int:
    """
    The floor after a seat announced that every epoch up to ``closed_through`` is closed. It never falls (spec E5).

    Args:
        floor: the stored floor.
        closed_through: the highest closed epoch, as announced in a signed outbox.
        day: the server's day.
        first_day: the root's.

    Raises:
        EpochError: that epoch has not ended by the server's day.
    """
    _, last = span(closed_through, first_day)
    if day <= last:
        raise EpochError(f"epoch {closed_through} lasts until {last}, and the day is {day}: it cannot be closed yet")
    return max(floor, closed_through + 1)


def settled_floor(imported: Mapping[int, int]) -> int:
    """
    The highest floor stated by a batch that is imported with every batch before it (spec E6).

    Args:
        imported: batch number, from 1, to the floor it states; a gap ends the run that counts.

    Returns:
        0 when batch 1 is missing.
    """
    floor, number = 0, 1
    while number in imported:
        floor, number = max(floor, imported[number]), number + 1
    return floor


def destroyable(
    held: Collection[int],
    *,
    settled: int,
    installed_last: int | None,
    day: date,
    first_day: date,
) -> tuple[int, ...]:
    """
    The epochs whose seeds this seat may destroy now, ascending (spec E6).

    Args:
        held: epochs whose seeds the vault has.
        settled: see `settled_floor`.
        installed_last: last epoch of the newest sheet that the server reports installed for this seat. Without one
            nothing is destroyable: the vault cannot know which key the server falls back to.
        day: the vault's day. A laptop's clock may be far ahead, so give the earlier of it and the newest batch's day.
        first_day: the root's.
    """
    if installed_last is None:
        return ()
    return tuple(
        epoch
        for epoch in sorted(set(held))
        if epoch < settled and epoch != installed_last and day >= span(epoch, first_day)[1] + timedelta(days=GRACE_DAYS)
    )
