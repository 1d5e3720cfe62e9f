# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What the guest and this machine say to each other: one JSON object a line.

    {"step"}                        what is being done now
    {"what", "ok", "seen"}          something that was looked at: a finding
    {"what", "value", "unit"}       something that was measured
    {"ask", "with": {name: text}}   the guest waits for one line {name: text} in return
    {"end"}                         it came to its end, whatever it found

Standard library only: the guest says its first words before anything is installed.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


class Teller:
    """
    The guest's side.

    Args:
        say: Where lines go.
        hear: Where answers come from.
    """

    def __init__(self, say: TextIO, hear: TextIO) -> None:
        self._say, self._hear = say, hear

    def found(self, what: str, seen: object, *, ok: bool) -> None:
        """Tell of something that was looked at."""
        self._tell(what=what, ok=bool(ok), seen=str(seen))

    def measured(self, what: str, value: float, unit: str) -> None:
        """Tell of something that was measured."""
        self._tell(what=what, value=round(value, 2), unit=unit)

    def step(self, said: str) -> None:
        """Tell what is being done."""
        self._tell(step=said)

    def ask(self, what: str, **given: str) -> dict[str, str]:
        """Ask this machine for something, and wait."""
        self._tell(ask=what, **{"with": given})
        answer: dict[str, str] = json.loads(self._hear.readline())
        return answer

    def end(self) -> None:
        """Tell that there is no more."""
        self._tell(end=True)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """A part of the whole; what breaks it is a finding, and the next part is looked at all the same."""
        self.step(name)
        try:
            yield
        except Exception as error:  # noqa: BLE001 (whatever it is, it must be told)
            where = traceback.extract_tb(error.__traceback__)[-1]
            self.found(name, f"broke off: {type(error).__name__}: {error} ({where.filename}:{where.lineno})", ok=False)

    def _tell(self, **fields: object) -> None:
        self._say.write(json.dumps(fields, ensure_ascii=False) + "\n")
        self._say.flush()
