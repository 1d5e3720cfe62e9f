# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The root: its fingerprint, its own threshold, and the step to the next one.
"""

from __future__ import annotations

import dataclasses
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.derive import Generation
from crypto.errors import FormatError, SignatureError, StaleError
from crypto.issue import make_root
from crypto.root import Root
from crypto.signing import SigningKey
from tests.crypto.organisations import FIRST_DAY, GENERATION, Organisation, seed, sign_all

OLD = Organisation.make(threshold=2, keys=3, epochs=1)
NEW_KEYS = tuple(SigningKey(seed("new root", n)) for n in range(3))


def following(number: int = 2, generations: tuple[Generation, ...] = (GENERATION,)) -> bytes:
    """A next root under all old and new keys."""
    draft = make_root(
        number=number,
        threshold=2,
        keys=[key.public for key in NEW_KEYS],
        generations=generations,
        first_day=FIRST_DAY,
    )
    return sign_all(draft, (*OLD.root_keys, *NEW_KEYS))


def test_a_root_reads_back_as_it_was_made() -> None:
    """Every field, and the exact bytes."""
    raw = OLD.root.signed.encode()
    root = Root.decode(raw)
    assert root == OLD.root
    assert (root.number, root.threshold, root.first_day) == (1, 2, FIRST_DAY)
    assert root.keys == tuple(key.public for key in OLD.root_keys)
    assert root.generations == (GENERATION,)
    assert root.signed.encode() == raw


@given(st.binary(max_size=64))
def test_a_fingerprint_is_forty_digits_in_eight_groups(text: bytes) -> None:
    """And is the digest modulo ten to the fortieth, zeros kept in front."""
    root = dataclasses.replace(OLD.root, signed=dataclasses.replace(OLD.root.signed, document=text))
    groups = root.fingerprint.split(" ")
    assert [len(group) for group in groups] == [5] * 8
    assert int("".join(groups)) == int.from_bytes(hashlib.sha256(text).digest()) % 10**40


def test_fingerprints_of_two_organisations_differ() -> None:
    """They follow from the keys."""
    assert OLD.root.fingerprint != Organisation.make(threshold=2, keys=3, epochs=1, name="two").root.fingerprint


@pytest.mark.parametrize("count", range(4))
def test_a_root_needs_its_threshold(count: int) -> None:
    """Two of three: none and one are refused, two and three accepted."""
    draft = dataclasses.replace(OLD.root.signed, signatures=OLD.root.signed.signatures[:count])
    if count >= 2:
        assert Root.decode(draft.encode()).digest == OLD.root.digest
    else:
        with pytest.raises(SignatureError, match=f"{count} of the 2"):
            Root.decode(draft.encode())


def test_a_draft_can_be_read_before_anyone_signed() -> None:
    """Those who are asked to sign see what it says."""
    draft = dataclasses.replace(OLD.root.signed, signatures=())
    assert Root.draft(draft).fingerprint == OLD.root.fingerprint


def test_the_next_root_is_accepted_with_both_thresholds() -> None:
    """And may bring new keys and a second generation, or retire the first one."""
    second = dataclasses.replace(GENERATION, number=2, salt=bytes(16))
    both = OLD.root.accept_next(following(generations=(GENERATION, second)))
    assert both.number == 2
    assert both.keys == tuple(key.public for key in NEW_KEYS)
    assert both.generations == (GENERATION, second)
    assert OLD.root.accept_next(following(generations=(second,))).generations == (second,)


@pytest.mark.parametrize("change", [{"salt": bytes(16)}, {"passes": 2}, {"memory_kib": 16}])
def test_a_generation_is_never_altered(change: dict[str, int]) -> None:
    """Salt, passes and memory each: a source's codename would open another thread."""
    other = dataclasses.replace(GENERATION, **change)  # type: ignore[arg-type]
    with pytest.raises(FormatError, match="generation 1 is not as the old root has it"):
        OLD.root.accept_next(following(generations=(other,)))


def test_a_retired_generation_does_not_come_back_with_other_costs() -> None:
    """A number below those of the old root might be a retired one, so it is refused."""
    third = dataclasses.replace(GENERATION, number=3, salt=bytes(16))
    second = dataclasses.replace(GENERATION, number=2, salt=bytes(16))
    root = OLD.root.accept_next(following(generations=(third,)))
    draft = make_root(number=3, threshold=2, keys=root.keys, generations=[second, third], first_day=root.first_day)
    with pytest.raises(FormatError, match="generation 2"):
        root.accept_next(sign_all(draft, NEW_KEYS))


@pytest.mark.parametrize("number", [1, 3, 4])
def test_only_the_very_next_number_follows(number: int) -> None:
    """The same again is stale, a later one has a gap before it."""
    with pytest.raises((StaleError, FormatError), match=f"root {number}"):
        OLD.root.accept_next(following(number))
