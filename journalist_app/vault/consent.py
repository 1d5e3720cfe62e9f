# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What may be done with a thread: the strictest of what its messages say, and never more.

From strict to wide: `read`, `unanswered`, `confidential`, `publish`. "Only you may read it" is a wish and stands below everything; an
unanswered question allows no more than reading, but stays visible as what it is, since a person may still ask. Nothing
here widens: a later, wider answer does not undo an earlier one, and where nobody said anything it is unanswered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from journalist_app.vault.errors import InputError

UNANSWERED: Final = "unanswered"
ORDER: Final = ("read", UNANSWERED, "confidential", "publish")


@dataclass(frozen=True, slots=True)
class Consent:
    """
    What a whole thread allows.

    Args:
        allows: The strictest answer.
        said: How many messages say what, from strict to wide; only answers that were given.
    """

    allows: str
    said: tuple[tuple[str, int], ...]

    @property
    def unanswered(self) -> int:
        """
        How many messages leave it open.
        """
        return dict(self.said).get(UNANSWERED, 0)


def strictest(answers: Iterable[str]) -> str:
    """
    The strictest of some answers; unanswered if there are none.

    Raises:
        InputError: One of them is no answer.
    """
    return min(answers, key=_rank, default=UNANSWERED)


def of_thread(counts: Mapping[str, int]) -> Consent:
    """
    What a thread allows.

    Args:
        counts: How many of its messages say what.

    Raises:
        InputError: One of them is no answer.
    """
    said = tuple(sorted(((answer, count) for answer, count in counts.items() if count), key=lambda one: _rank(one[0])))
    return Consent(strictest(answer for answer, _ in said), said)


def _rank(answer: str) -> int:
    if answer not in ORDER:
        raise InputError("that is no answer about consent")
    return ORDER.index(answer)
