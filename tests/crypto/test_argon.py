# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Argon2id: two implementations that must never differ, because a codename derived by one is looked up by the other's value.
"""

from __future__ import annotations

import pytest
from argon2.low_level import ARGON2_VERSION, Type, hash_secret_raw
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.argon import KEY_SIZE, LEAST_KIB_A_LANE, SALT_SIZE, Costs, argon2id

COSTS = st.builds(
    Costs, memory_kib=st.integers(LEAST_KIB_A_LANE * 4, 300), passes=st.integers(1, 4), lanes=st.integers(1, 4)
)


@settings(max_examples=150, deadline=None)
@given(secret=st.binary(max_size=200), salt=st.binary(min_size=SALT_SIZE, max_size=SALT_SIZE), costs=COSTS)
def test_either_implementation_derives_the_same(secret: bytes, salt: bytes, costs: Costs) -> None:
    """Any secret, salt, memory (multiples of the lanes' four or not), passes and lanes."""
    assert argon2id(secret, salt, costs) == reference(secret, salt, costs)


@pytest.mark.parametrize("costs", [Costs(19_456, 2, 1), Costs(65_536, 3, 1), Costs(65_536, 2, 4)], ids=str)
def test_the_costs_that_are_used_derive_the_same(costs: Costs) -> None:
    """A codename's, a login's, and more than one lane."""
    assert argon2id(b"a secret", bytes(range(16)), costs) == reference(b"a secret", bytes(range(16)), costs)


def test_what_is_derived_does_not_print() -> None:
    """A key in a traceback would be a key in a log."""
    key = argon2id(b"a secret", bytes(16), Costs(8, 1, 1))
    assert len(key) == KEY_SIZE
    assert bytes(key).hex() not in repr(key)


def reference(secret: bytes, salt: bytes, costs: Costs) -> bytes:
    return hash_secret_raw(secret, salt, costs.passes, costs.memory_kib, costs.lanes, KEY_SIZE, Type.ID, ARGON2_VERSION)
