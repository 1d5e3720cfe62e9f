# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Derivation: known answers, bounds, and what differs from what.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.argon import CHEAPEST, Costs
from crypto.codename import Codename
from crypto.derive import PRODUCTION, Generation, derive
from crypto.errors import CodenameError, FormatError
from crypto.hidden import Hidden

FOLDER = Path(__file__).parent.parent / "vectors" / "codename"
VECTORS = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("derivation-*.json"))}
SALT = bytes(range(16))


@pytest.mark.parametrize("name", VECTORS)
def test_a_codename_derives_to_what_it_always_did(name):
    """The known answers hold: a change here would lose every source her thread."""
    vector = VECTORS[name]
    numbers = {**vector["generation"], "salt": bytes.fromhex(vector["generation"]["salt"])}
    subkeys = derive(Hidden(bytes.fromhex(vector["secret"])), Generation(**numbers))
    for key in ("locator_token", "thread", "reply_seed", "locator"):
        assert getattr(subkeys, key).hex() == vector[key], key


def test_there_are_known_answers():
    """The three vectors were found."""
    assert len(VECTORS) == 3


@settings(max_examples=25)
@given(st.binary(min_size=18, max_size=18), st.integers(0, 143))
def test_another_secret_derives_to_nothing_of_the_first(secret, bit):
    """One bit of the secret changes every subkey, and no two subkeys are equal."""
    generation = Generation(1, SALT, *CHEAPEST)
    flipped = bytearray(secret)
    flipped[bit // 8] ^= 1 << bit % 8
    one, other = derive(Hidden(secret), generation), derive(Hidden(flipped), generation)
    keys = [
        bytes(key)
        for found in (one, other)
        for key in (found.locator_token, found.thread, found.reply_seed, found.locator)
    ]
    assert len(set(keys)) == 8


def test_salt_and_costs_both_count_and_the_number_does_not():
    """Generations that differ in salt or costs derive apart; the number is only a name."""
    secret = Codename.generate().secret
    threads = {
        bytes(derive(secret, generation).thread)
        for generation in (
            Generation(1, SALT, 8, 1, 1),
            Generation(2, SALT, 8, 1, 1),
            Generation(1, bytes(16), 8, 1, 1),
            Generation(1, SALT, 9, 1, 1),
            Generation(1, SALT, 8, 2, 1),
        )
    }
    assert len(threads) == 4


@pytest.mark.parametrize(
    ("numbers", "reason"),
    [
        ((0, SALT, 8, 1, 1), "number"),
        ((2**31, SALT, 8, 1, 1), "number"),
        ((1, SALT[:15], 8, 1, 1), "salt of 15"),
        ((1, SALT + b"x", 8, 1, 1), "salt of 17"),
        ((1, SALT, 7, 1, 1), "memory"),
        ((1, SALT, 15, 1, 2), "memory"),
        ((1, SALT, 262_145, 1, 1), "memory"),
        ((1, SALT, 8, 0, 1), "passes"),
        ((1, SALT, 8, 9, 1), "passes"),
        ((1, SALT, 8, 1, 0), "lanes"),
        ((1, SALT, 64, 1, 5), "lanes"),
    ],
)
def test_costs_outside_the_bounds_are_refused_before_they_are_spent(numbers, reason):
    """A generation that would cost too much, too little or cannot be is never made (D2)."""
    with pytest.raises(FormatError, match=reason):
        Generation(*numbers)


@pytest.mark.parametrize("numbers", [(1, SALT, 8, 1, 1), (2**31 - 1, SALT, 262_144, 8, 4)])
def test_costs_at_the_bounds_are_accepted(numbers):
    """Both ends of D2 are inside it."""
    assert Generation(*numbers).costs == Costs(*numbers[2:])


def test_production_refuses_the_test_profile():
    """What is legal in a test is not legal for people: a separate check says so."""
    Generation.fresh(1).require_production()
    assert Generation.fresh(1).costs == PRODUCTION
    for costs in (CHEAPEST, Costs(19_455, 2, 1), Costs(262_144, 1, 4)):
        with pytest.raises(FormatError, match="too cheap"):
            Generation.fresh(1, costs=costs).require_production()


def test_fresh_generations_have_fresh_salts():
    """No two generations share a salt."""
    assert len({Generation.fresh(1, costs=CHEAPEST).salt for _ in range(50)}) == 50


def test_subkeys_do_not_print():
    """The repr of what a codename derives to shows none of it."""
    subkeys = derive(Codename.generate().secret, Generation.fresh(1, costs=CHEAPEST))
    assert repr(subkeys) == "Subkeys(locator_token=<Hidden>, thread=<Hidden>, reply_seed=<Hidden>)"


@pytest.mark.parametrize("size", [0, 17, 19])
def test_a_secret_of_another_size_is_refused(size):
    """Only a codename's secret is derived from."""
    with pytest.raises(CodenameError):
        derive(Hidden(bytes(size)), Generation.fresh(1, costs=CHEAPEST))
