# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Derivations as the tests of the KDF's slots, line and kept places ask for them.
"""

from __future__ import annotations

import secrets
import threading
import time
from multiprocessing import get_context

from crypto.codename import Codename
from crypto.derive import CHEAPEST, Generation, Subkeys, derive
from crypto.hidden import Hidden
from source_app.kdf import BusyError, Derivations

FORK = get_context("fork")
SOON = 30.0
GENERATION = Generation.fresh(1, costs=CHEAPEST)


def fresh_ticket() -> bytes:
    """One that no other form has."""
    return secrets.token_bytes(16)


def ask(slots: Derivations, times: int = 1) -> None:
    """Derive as many codenames, one after the other."""
    for _ in range(times):
        slots.derive(Codename.generate().secret, [GENERATION], ticket=fresh_ticket())


class Held:
    """Derivations that wait until they may."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.ran: list[Hidden] = []

    def __call__(self, secret: Hidden, generation: Generation) -> Subkeys:
        self.ran.append(secret)
        self.release.wait(SOON)
        return derive(secret, generation)


def fetched(slots: Derivations, ticket: bytes) -> dict[int, Subkeys]:
    """What was derived under a ticket, as soon as it is there."""
    until = time.monotonic() + SOON
    while time.monotonic() < until:
        try:
            return dict(slots.fetch(ticket))
        except BusyError:
            time.sleep(0.02)
    raise TimeoutError
