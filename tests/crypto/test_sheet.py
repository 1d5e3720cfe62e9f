# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Sheets: a recipient for any epoch anybody can name, and which sheet may follow which.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.age import HybridIdentity
from crypto.card import Card, Seat
from crypto.epochs import MAX_EPOCH
from crypto.errors import EpochError, FormatError, SignatureError, StaleError
from crypto.issue import make_card, make_sheet
from crypto.sheet import Sheet
from tests.crypto.organisations import Organisation, seed, sheet_of, sign_all

ONE = Organisation.make(epochs=4)
SEEDS = {epoch: seed("later", epoch) for epoch in range(5, 9)}
LATER = sheet_of(ONE.root, ONE.card, 2, SEEDS, ONE.signing[2], sequence=2)


def test_a_sheet_reads_back_as_it_was_made() -> None:
    """Its seat, its key, its sequence and one recipient for each epoch."""
    again = Sheet.decode(LATER.signed.encode(), ONE.root, ONE.card)
    assert again == LATER
    assert (again.seat, again.sequence, again.signing) == (2, 2, ONE.signing[2].public)
    assert (again.first, again.last) == (5, 8)
    assert [epoch.recipient for epoch in again.epochs] == [HybridIdentity(value).recipient for value in SEEDS.values()]


@given(st.integers(0, MAX_EPOCH))
def test_a_sheet_has_a_recipient_for_every_epoch(epoch: int) -> None:
    """Its own where it reaches, else the nearest: never none (spec E4)."""
    expected = HybridIdentity(SEEDS[min(max(epoch, 5), 8)]).recipient
    assert LATER.recipient_for(epoch) == expected


def test_a_sheet_of_sixty_four_epochs_is_the_longest() -> None:
    """One more is refused before anyone signs it."""
    recipients = {epoch: HybridIdentity(seed("long", epoch)).recipient for epoch in range(65)}
    sixty_four = {epoch: recipients[epoch] for epoch in range(64)}
    signed = make_sheet(root=ONE.root, card=ONE.card, seat=1, sequence=2, recipients=sixty_four, key=ONE.signing[1])
    assert Sheet.decode(signed.encode(), ONE.root, ONE.card).last == 63
    with pytest.raises(FormatError, match="more than 64"):
        make_sheet(root=ONE.root, card=ONE.card, seat=1, sequence=2, recipients=recipients, key=ONE.signing[1])


def test_a_sheet_is_signed_by_its_own_seat() -> None:
    """Seat 1's key makes no sheet for seat 2."""
    with pytest.raises(SignatureError, match="0 of the 1"):
        sheet_of(ONE.root, ONE.card, 2, SEEDS, ONE.signing[1])


def test_an_epoch_outside_the_calendar_is_refused() -> None:
    """By number, not by an overflow."""
    with pytest.raises(EpochError, match=str(MAX_EPOCH + 1)):
        sheet_of(ONE.root, ONE.card, 2, {MAX_EPOCH + 1: seed("x")}, ONE.signing[2])


def test_a_sheet_follows_an_older_one_and_itself_only() -> None:
    """And never one of another seat."""
    first = ONE.sheets[2]
    first.replaces(None)
    first.replaces(first)
    LATER.replaces(first)
    with pytest.raises(StaleError, match="sheet 1 is older than sheet 2"):
        first.replaces(LATER)
    twin = sheet_of(ONE.root, ONE.card, 2, {5: seed("twin")}, ONE.signing[2], sequence=2)
    with pytest.raises(StaleError, match="another sheet 2"):
        twin.replaces(LATER)
    with pytest.raises(StaleError, match="seat 2 does not replace one of seat 1"):
        LATER.replaces(ONE.sheets[1])


def test_a_new_holder_of_a_number_starts_at_one_again() -> None:
    """The sheets of the laptop that was lost do not bind the one that follows it."""
    other = Organisation.make(epochs=4, name="two")
    seats = [ONE.card.seats[0], Seat(number=2, signing=other.signing[2].public, recipient=other.bundles[2].recipient)]
    draft = make_card(
        root=ONE.root,
        sequence=2,
        seats=seats,
        server_signing=ONE.server_signing.public,
        server_transfer=ONE.server_transfer.recipient,
    )
    card = Card.decode(sign_all(draft, ONE.root_keys), ONE.root)
    sheet_of(ONE.root, card, 2, SEEDS, other.signing[2]).replaces(LATER)
