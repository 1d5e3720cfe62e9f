# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A source app that answers at its onion, for browsers to look at: the app, the keys to what it stores, and the circuit that leads to it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from crypto.derive import CHEAPEST, Costs
from tests.browser.circuit import ONION, Circuit
from tests.source_app.visitor import Running, write_settings
from tests.source_app.window import House

#: Of one file, so that one too large is soon made.
LIMIT = 1 << 20


@dataclass(frozen=True)
class Here:
    """The source app, the keys to what it stores, and the way there."""

    house: House
    app: Running
    settings: Path
    circuit: Circuit

    @contextlib.contextmanager
    def started_anew(self) -> Iterator[None]:
        """The same service after a restart: what it kept in memory is gone, and every connection with it."""
        with Running(self.settings) as app:
            self._lead_to(app)
            yield
        self._lead_to(self.app)

    def _lead_to(self, app: Running) -> None:
        self.circuit.target = target(app)
        self.circuit.cut()


def target(app: Running) -> tuple[str, int]:
    """Where an app listens."""
    host, _, port = app.origin.removeprefix("http://").partition(":")
    return host, int(port)


@contextlib.contextmanager
def opened(
    folder: Path, *, costs: Costs = CHEAPEST, sheets: bool = True, told: bool = True, **settings: object
) -> Iterator[Here]:
    """A source app behind its onion; or one that knows neither its name nor circuits."""
    with contextlib.ExitStack() as stack:
        house = House.open(folder, costs=costs, sheets=sheets)
        stack.enter_context(contextlib.closing(house.store))
        chosen = {"circuits": told, "onion": ONION if told else "", "file_bytes": LIMIT, **settings}
        written = write_settings(folder / "settings.toml", folder / "store", **chosen)
        app = stack.enter_context(Running(written))
        yield Here(house, app, written, stack.enter_context(Circuit(target(app), told=told)))
