# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A card in words, for whoever is asked to sign it: who is on it, and what differs from the card held here.

Each seat, and the server, is known by the digest of both its keys, in 40 digits like the root's fingerprint. A seat's are
the digits that its laptop printed when it asked for the seat: whoever signs compares them with what was read out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from crypto.age import HybridRecipient
from crypto.card import Card, Seat
from crypto.root import Root
from journalist_app.vault.names import visible_name

DIGITS = 40
GROUP = 5


def digits(signing: bytes, recipient: HybridRecipient) -> str:
    """
    Both keys of a seat or server: 40 digits in eight groups.
    """
    digest = hashlib.sha256(signing + str(recipient).encode()).digest()
    text = f"{int.from_bytes(digest) % 10**DIGITS:0{DIGITS}d}"
    return " ".join(text[start : start + GROUP] for start in range(0, DIGITS, GROUP))


def describe(card: Card, root: Root, held: Card | None, persons: Mapping[bytes, str]) -> Sequence[str]:
    """
    What a signature on this card would say.

    Args:
        card: The card; its signatures do not matter here.
        root: Whose card it is.
        held: The newest card this vault holds, or None where there is no vault.
        persons: By signing key: who sits there, as far as is known here.

    Returns:
        Lines without control characters.
    """
    numbers = ", ".join(str(seat.number) for seat in card.seats)
    lines = [f"Card {card.sequence} of root {root.number}: seats {numbers}"]
    for seat in card.seats:
        person = persons.get(seat.signing)
        lines.append(f"  seat {seat.number}: {digits(seat.signing, seat.recipient)}{_named(person)}")
    lines.append(f"  server: {digits(card.server_signing, card.server_transfer)}")
    return [*lines, *_differences(card, held)]


def request_line(person: str, signing: bytes, recipient: HybridRecipient) -> str:
    """
    Who asks for a seat.
    """
    return f"Asks for a seat: {digits(signing, recipient)}{_named(person)}"


def _named(person: str | None) -> str:
    # After the digits: a name that looks like digits is not taken for them.
    return f', named "{visible_name(person)}"' if person else ""


def _differences(card: Card, held: Card | None) -> Sequence[str]:
    if held is None:
        return ["No card is held here to compare with."]
    if held.digest == card.digest:
        return [f"This is card {held.sequence}, which is held here."]
    before, after = _by_number(held), _by_number(card)
    lines = [f"  added: seat {number}" for number in sorted(after.keys() - before.keys())]
    lines += [f"  removed: seat {number}" for number in sorted(before.keys() - after.keys())]
    lines += [
        f"  changed: seat {number} has other keys"
        for number in sorted(before.keys() & after.keys())
        if before[number] != after[number]
    ]
    if (card.server_signing, card.server_transfer) != (held.server_signing, held.server_transfer):
        lines.append("  changed: the server has other keys")
    return [f"Against card {held.sequence}, which is held here:", *(lines or ["  no seat and no key differs"])]


def _by_number(card: Card) -> Mapping[int, Seat]:
    return {seat.number: seat for seat in card.seats}
