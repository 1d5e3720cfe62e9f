# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Somebody guesses codenames as fast as the server answers.

Each guess costs the server a whole derivation and tells the guesser nothing: a codename that was never used opens a page as one that was
does. What is refused without a derivation is refused by a rule that is public. The rate is measured here, and in `make bench` for longer.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from crypto.codename import Codename
from crypto.derive import Generation, Subkeys, derive
from crypto.hidden import Hidden
from source_app.parts import KEY
from tests.bench.guessing import guess, well_formed
from tests.source_app.window import House, Window


@pytest.mark.slow
def test_at_full_speed_it_takes_longer_than_there_have_been_people(tmp_path: Path) -> None:
    """Twelve at once for three seconds: no faster than the machine derives, none found, and a billion years to go."""
    guessed = guess(tmp_path, 3)
    assert guessed.guesses >= 5
    assert guessed.found == 0
    # Half of room for what else runs on this machine; a shortcut would be a factor of hundreds.
    assert guessed.rate <= 1.5 * (os.cpu_count() or 1) / guessed.bare
    assert guessed.cpu / guessed.guesses >= 0.5 * guessed.bare
    assert guessed.years >= 1e9


def test_one_in_a_hundred_and_twenty_eight_gets_as_far_as_a_derivation() -> None:
    """The check costs a guesser nothing, and spares them nothing: it is seven bits of a hash of the other ninety-two."""
    assert 1 / 256 <= well_formed(20_000) <= 1 / 64


@pytest.fixture
def derived(tmp_path: Path) -> tuple[House, list[bytes]]:
    """An app, and the secrets it derived."""
    house, asked = House.open(tmp_path), []

    def noting(secret: Hidden, generation: Generation) -> Subkeys:
        asked.append(bytes(secret))
        return derive(secret, generation)

    house.app.extensions[KEY].derivations._run = noting
    return house, asked


@pytest.mark.parametrize(
    "typed",
    ["", "abandon", "abandon " * 9, "abandon " * 300, "1 2 3 4 5 6 7 8 2049", "zzzz " * 9, "\u4e00" * 9],
    ids=["nothing", "one", "no check", "too many", "off the list", "no words", "characters"],
)
def test_what_is_no_codename_costs_no_derivation(derived: tuple[House, list[bytes]], typed: str) -> None:
    """Nor does it say more than that."""
    house, asked = derived
    window = Window(house)
    window.come_back(typed)
    assert window.page.status_code == 400
    assert window.cookie() is None
    assert asked == []


def test_a_wrong_guess_and_a_right_one_derive_alike(derived: tuple[House, list[bytes]]) -> None:
    """Once each for every live generation; and a guess that is repeated is derived again: nothing is remembered that a guesser could ask for."""
    house, asked = derived
    words = Window(house).write("words")
    wrong = " ".join(Codename.generate().words())
    counts = []
    for typed in (words, wrong, wrong):
        asked.clear()
        window = Window(house)
        window.come_back(typed)
        assert window.page.status_code == 200
        counts.append(len(asked))
    assert counts == [len(house.organisation.root.generations)] * 3
