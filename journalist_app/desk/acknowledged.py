# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What seats have acknowledged, verified again each time it is read from the store, as everything on the desk is.

An acknowledgement is for its batch and all before it (bundle T34), so the newest of each seat says everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crypto.card import Card
from crypto.errors import CryptoError
from journalist_app.bundle.errors import BundleError
from journalist_app.bundle.outbox_manifest import read_acknowledgement
from store import returns
from store.engine import Store
from store.errors import DamagedError


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """
    The newest acknowledgement of one seat.

    Args:
        batch: The batch's number.
        signed: The signed document, as text.
    """

    batch: int
    signed: str


def acknowledged(store: Store, card: Card) -> Mapping[int, Acknowledged]:
    """
    The newest acknowledgement of each seat of the card, in seat order.

    Raises:
        DamagedError: A row says what its seat did not sign.
    """
    keys = {seat.number: seat.signing for seat in card.seats}
    found: dict[int, Acknowledged] = {}
    for row in returns.acknowledgements(store):
        if row.seat not in keys:
            continue
        try:
            signed = row.signed.decode()
            said = read_acknowledgement(signed, seat=row.seat, key=keys[row.seat])
        except (CryptoError, BundleError, UnicodeDecodeError):
            raise DamagedError(f"the stored acknowledgement of seat {row.seat} is not signed by it") from None
        if (said.batch, said.digest) != (row.batch, row.digest):
            raise DamagedError(f"the stored acknowledgement of seat {row.seat} is of another batch")
        found[row.seat] = Acknowledged(said.batch, signed)
    return found
