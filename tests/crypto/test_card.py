# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Cards: who is entitled, and which card may follow which. What is refused byte by byte stands in the trust vectors.
"""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.card import Card, require_newer
from crypto.errors import FormatError, SignatureError, StaleError
from crypto.issue import make_card
from tests.crypto.organisations import Organisation, sign_all

ONE = Organisation.make(threshold=2, keys=3, epochs=1)


def card(sequence: int, seats: int = 3) -> Card:
    """The organisation's card with another sequence, or fewer seats."""
    draft = make_card(
        root=ONE.root,
        sequence=sequence,
        seats=ONE.card.seats[:seats],
        server_signing=ONE.server_signing.public,
        server_transfer=ONE.server_transfer.recipient,
    )
    return Card.decode(sign_all(draft, ONE.root_keys), ONE.root)


def test_a_card_reads_back_as_it_was_made() -> None:
    """Seats in order with their keys, and the server's."""
    again = Card.decode(ONE.card.signed.encode(), ONE.root)
    assert again == ONE.card
    assert [seat.number for seat in again.seats] == [1, 2, 3]
    assert again.seat(2).signing == ONE.signing[2].public
    assert again.seat(3).recipient == ONE.bundles[3].recipient
    assert again.server_signing == ONE.server_signing.public
    assert again.server_transfer == ONE.server_transfer.recipient


@pytest.mark.parametrize("number", [0, 4, -1])
def test_a_seat_that_is_not_listed_is_refused_by_number(number: int) -> None:
    """Also inside a manifest's list (spec U1)."""
    with pytest.raises(FormatError, match=f"seat {number} is not on card 1"):
        ONE.card.seat(number)
    with pytest.raises(FormatError, match=f"seat {number} is not on card 1"):
        ONE.card.require_seats((1, number))


def test_the_seats_of_the_card_are_accepted() -> None:
    """All of them, some of them."""
    ONE.card.require_seats((1, 2, 3))
    ONE.card.require_seats((2,))


def test_a_card_of_another_root_is_refused() -> None:
    """Even when that root has the same shape."""
    other = Organisation.make(threshold=2, keys=3, epochs=1, name="two")
    with pytest.raises(SignatureError, match="0 of the 2"):
        Card.decode(ONE.card.signed.encode(), other.root)


def test_a_draft_can_be_read_before_anyone_signed() -> None:
    """Whoever holds a root key sees seats and sequence first."""
    draft = dataclasses.replace(ONE.card.signed, signatures=())
    assert Card.draft(draft, ONE.root).seats == ONE.card.seats
    with pytest.raises(SignatureError, match="0 of the 2"):
        Card.decode(draft.encode(), ONE.root)


def test_a_card_follows_nothing_an_older_one_and_itself() -> None:
    """These three, and a gap between sequences is no harm: drafts are thrown away."""
    card(1).replaces(None)
    card(1).replaces(card(1))
    card(2).replaces(card(1))
    card(7).replaces(card(1))


def test_a_card_never_follows_a_newer_one_or_its_twin() -> None:
    """A removed seat is not brought back."""
    with pytest.raises(StaleError, match="card 1 is older than card 2"):
        card(1).replaces(card(2))
    with pytest.raises(StaleError, match="another card 2"):
        card(2, seats=2).replaces(card(2))


@given(st.lists(st.tuples(st.integers(1, 6), st.sampled_from([b"a", b"b"])), min_size=1, max_size=12))
def test_an_installed_sequence_never_falls_and_never_changes(offers: list[tuple[int, bytes]]) -> None:
    """Whatever is offered in whatever order."""
    installed: tuple[int, bytes] | None = None
    seen: dict[int, bytes] = {}
    for offer in offers:
        try:
            if installed is not None:
                require_newer("card", offer, installed)
        except StaleError:
            continue
        assert installed is None or offer[0] >= installed[0]
        assert seen.setdefault(offer[0], offer[1]) == offer[1]
        installed = offer
