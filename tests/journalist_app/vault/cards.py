# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Cards that come after the one an organisation of one seat has.
"""

from __future__ import annotations

from crypto.card import Card
from crypto.issue import make_card
from journalist_app.vault import rootkeys
from tests.journalist_app.vault.fakes import Organisation


def later_cards(one: Organisation) -> tuple[Card, Card]:
    """
    Cards 2 and 3 with the seats of card 1.
    """
    made = []
    for sequence in (2, 3):
        draft = make_card(
            root=one.server.root,
            sequence=sequence,
            seats=one.server.card.seats,
            server_signing=one.server.signing.public,
            server_transfer=one.server.transfer.recipient,
        )
        signed = rootkeys.sign_card(draft, one.root_keys[0], one.server.root)
        made.append(Card.decode(signed.encode(), one.server.root))
    return made[0], made[1]
