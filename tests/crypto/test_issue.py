# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Issuing: drafts travel, signatures gather one by one, and nothing is signed that a reader would refuse.
"""

from __future__ import annotations

import dataclasses

import pytest

from crypto.card import Card
from crypto.errors import FormatError, SignatureError
from crypto.issue import add_signature, make_card, make_root
from crypto.root import Root
from crypto.signing import SignedDocument, SigningKey, sign_document, write_document
from tests.crypto.organisations import FIRST_DAY, GENERATION, Organisation, seed

ONE = Organisation.make(threshold=2, keys=3, epochs=1)
KEYS = ONE.root_keys
DRAFT = dataclasses.replace(ONE.card.signed, signatures=())


def test_a_draft_gathers_signatures_as_a_file() -> None:
    """Each holder reads the bytes the last one wrote; with the threshold it is a card."""
    travelling = DRAFT.encode()
    for key in KEYS[:2]:
        travelling = add_signature(SignedDocument.decode(travelling), key).encode()
    assert Card.decode(travelling, ONE.root).digest == ONE.card.digest


def test_the_order_of_signatures_does_not_matter() -> None:
    """Whoever is reached first signs first."""
    backwards = add_signature(add_signature(DRAFT, KEYS[2]), KEYS[0])
    assert Card.decode(backwards.encode(), ONE.root).seats == ONE.card.seats


def test_the_same_holder_does_not_sign_twice() -> None:
    """It is said, so that nobody counts to two with one key."""
    with pytest.raises(SignatureError, match="signed this card already"):
        add_signature(add_signature(DRAFT, KEYS[0]), KEYS[0])


def test_a_draft_with_a_wrong_signature_is_not_signed() -> None:
    """Somebody altered it on the way."""
    wrong = dataclasses.replace(DRAFT, signatures=((KEYS[1].public, bytes(64)),))
    with pytest.raises(SignatureError, match="not this key's"):
        add_signature(wrong, KEYS[0])


@pytest.mark.parametrize("label", ["sheet", "batch", "outbox", "reply", "entry", "acknowledgement"])
def test_a_root_key_signs_roots_and_cards_and_nothing_else(label: str) -> None:
    """Spec R5."""
    other = sign_document(label, write_document(label, {}), [])  # type: ignore[arg-type]
    with pytest.raises(FormatError, match="kind"):
        add_signature(other, KEYS[0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"number": 0}, "number"),
        ({"threshold": 3}, "threshold"),
        ({"keys": []}, "different keys"),
        ({"keys": [KEYS[0].public] * 2}, "different keys"),
        ({"keys": [key.public[:31] for key in KEYS[:2]]}, "32 bytes"),
        ({"generations": []}, "generations"),
        ({"generations": [GENERATION] * 2}, "ascending"),
        ({"first_day": FIRST_DAY.replace(year=1999)}, "first day"),
    ],
)
def test_a_root_that_nobody_would_accept_is_not_drafted(change: dict[str, object], words: str) -> None:
    """The mistake is said before three people meet to sign it."""
    good = {
        "number": 1,
        "threshold": 2,
        "keys": [key.public for key in KEYS[:2]],
        "generations": [GENERATION],
        "first_day": FIRST_DAY,
    }
    assert Root.draft(make_root(**good)).number == 1  # type: ignore[arg-type]
    with pytest.raises(FormatError, match=words):
        make_root(**{**good, **change})  # type: ignore[arg-type]


def test_a_card_that_nobody_would_accept_is_not_drafted() -> None:
    """Seats out of order, and a root key in a seat."""
    rest = {
        "root": ONE.root,
        "sequence": 2,
        "server_signing": ONE.server_signing.public,
        "server_transfer": ONE.server_transfer.recipient,
    }
    with pytest.raises(FormatError, match="ascending"):
        make_card(seats=ONE.card.seats[::-1], **rest)  # type: ignore[arg-type]
    rooted = dataclasses.replace(ONE.card.seats[0], signing=KEYS[0].public)
    with pytest.raises(FormatError, match="root key"):
        make_card(seats=[rooted], **rest)  # type: ignore[arg-type]


def test_one_of_one_is_allowed() -> None:
    """A small organisation, with one key on paper."""
    key = SigningKey(seed("alone"))
    draft = make_root(number=1, threshold=1, keys=[key.public], generations=[GENERATION], first_day=FIRST_DAY)
    assert Root.decode(add_signature(draft, key).encode()).threshold == 1
