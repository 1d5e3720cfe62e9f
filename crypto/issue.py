# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Making roots, cards and sheets. The vault's alone: nothing on a server imports this.

A root or a card starts as a draft without signatures, travels as a file to each person who holds a root key, and
gathers signatures one by one, so that nobody need be in one room. What would be refused by a reader is refused here
before anyone is asked to sign it. Where root keys lie, and under which passphrases, is the vault's matter (spec R5).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from crypto.age import HybridRecipient
from crypto.canonical import JSON, Fields
from crypto.card import Card, Seat
from crypto.derive import Generation
from crypto.epochs import span
from crypto.errors import SignatureError
from crypto.root import SUITE, Root, write_generation
from crypto.sheet import Sheet
from crypto.signing import Label, SignedDocument, SigningKey, sign_document, verify, write_document


def make_root(
    *,
    number: int,
    threshold: int,
    keys: Sequence[bytes],
    generations: Sequence[Generation],
    first_day: date,
) -> SignedDocument:
    """
    Draft a root (spec R1), without signatures.

    Raises:
        FormatError: no reader would accept it.
    """
    contents: dict[str, JSON] = {
        "number": number,
        "threshold": threshold,
        "keys": [key.hex() for key in keys],
        "generations": [write_generation(generation) for generation in generations],
        "first_day": first_day.isoformat(),
        "suite": SUITE,
    }
    draft = SignedDocument(write_document("root", contents), ())
    Root.draft(draft)
    return draft


def make_card(
    *,
    root: Root,
    sequence: int,
    seats: Sequence[Seat],
    server_signing: bytes,
    server_transfer: HybridRecipient,
) -> SignedDocument:
    """
    Draft a card (spec R3), without signatures.

    Raises:
        FormatError: no reader would accept it.
    """
    contents: dict[str, JSON] = {
        "sequence": sequence,
        "root": root.digest.hex(),
        "seats": [
            {"number": seat.number, "signing": seat.signing.hex(), "recipient": str(seat.recipient)} for seat in seats
        ],
        "server": {"signing": server_signing.hex(), "transfer": str(server_transfer)},
    }
    draft = SignedDocument(write_document("card", contents), ())
    Card.draft(draft, root)
    return draft


def add_signature(signed: SignedDocument, key: SigningKey) -> SignedDocument:
    """
    Sign a root or a card with one root key, after those who signed before (spec R5).

    Raises:
        SignatureError: this key has signed already, or a signature that is there does not verify.
        FormatError: it is neither a root nor a card.
    """
    label = _signable(signed)
    for public, signature in signed.signatures:
        verify(public, label, signed.document, signature)
        if public == key.public:
            raise SignatureError(f"this key has signed this {label} already; each key counts once")
    return SignedDocument(signed.document, (*signed.signatures, (key.public, key.sign(label, signed.document))))


def _signable(signed: SignedDocument) -> Label:
    fields = Fields.decode(signed.document, "draft", limit=len(signed.document))
    label: Label = "root" if fields.choice("kind", ("root", "card")) == "root" else "card"
    signed.contents(label)
    return label


def make_sheet(
    *,
    root: Root,
    card: Card,
    seat: int,
    sequence: int,
    recipients: Mapping[int, HybridRecipient],
    key: SigningKey,
) -> SignedDocument:
    """
    Make and sign a seat's sheet (spec R4).

    Begin it with the oldest epoch whose seed the seat still holds: a server whose clock is behind then finds the key
    of the epoch it names, and the fall-back to the sheet's first key (spec E4) stays a matter of damaged clocks.

    Args:
        root: whose first day gives the dates.
        card: that lists the seat.
        seat: its number.
        sequence: above every earlier sheet of the seat.
        recipients: by epoch, 1 to 64 consecutive ones.
        key: the seat's signing key.

    Raises:
        FormatError: no reader would accept it.
        SignatureError: the key is not that of the card's seat.
        EpochError: an epoch has no days.
    """
    epochs: list[JSON] = []
    for number in sorted(recipients):
        first, last = span(number, root.first_day)
        epochs.append(
            {
                "number": number,
                "first": first.isoformat(),
                "last": last.isoformat(),
                "recipient": str(recipients[number]),
            }
        )
    contents: dict[str, JSON] = {"seat": seat, "sequence": sequence, "root": root.digest.hex(), "epochs": epochs}
    signed = sign_document("sheet", write_document("sheet", contents), [key])
    Sheet.decode(signed.encode(), root, card)
    return signed
