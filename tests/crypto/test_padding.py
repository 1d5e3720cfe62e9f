# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Buckets.
"""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import padding
from crypto.errors import FormatError

LENGTHS = st.integers(2, 2**45)


def padme_as_written(length: int) -> int:
    """B1 in floating point and division, for lengths where that is exact."""
    exponent = math.floor(math.log2(length))
    step = 2 ** (exponent - (math.floor(math.log2(exponent)) + 1))
    return math.ceil(length / step) * step


@pytest.mark.parametrize(
    ("length", "bucket"),
    [
        (2, 2),
        (3, 3),
        (8, 8),
        (9, 10),
        (100, 104),
        (1_000, 1_024),
        (16_385, 17_408),
        (65_537, 67_584),
        (2**30, 2**30),
        (2**30 + 1, 2**30 + 2**25),
    ],
)
def test_padme_gives_the_numbers_worked_out_by_hand(length, bucket):
    """Known answers of B1."""
    assert padding.padme(length) == bucket


@given(st.integers(2, 2**40))
def test_padme_is_the_formula(length):
    """Shifts and masks give what B1 says in words."""
    assert padding.padme(length) == padme_as_written(length)


@given(LENGTHS, st.sampled_from([padding.padme, padding.small, padding.large]))
def test_a_bucket_holds_its_content_and_is_its_own_bucket(length, bucket):
    """Buckets never cut, never cost more than 12 % beyond their floor, and are fixed points."""
    size = bucket(length)
    assert length <= size
    assert bucket(size) == size
    assert size <= max(65_536, length * 1.12)


@given(LENGTHS, st.integers(0, 2**20), st.sampled_from([padding.padme, padding.small, padding.large]))
def test_more_never_takes_a_smaller_bucket(length, more, bucket):
    """Buckets grow with their content."""
    assert bucket(length) <= bucket(length + more)


def test_small_things_share_one_bucket():
    """Every message up to 16 KiB and every file up to 64 KiB has one size."""
    assert {padding.small(length) for length in range(0, 16_385, 64)} == {16_384}
    assert {padding.large(length) for length in range(0, 65_537, 64)} == {65_536}
    assert padding.small(16_385) > 16_384
    assert padding.large(65_537) > 65_536


@pytest.mark.parametrize("length", [1, 0, -1])
def test_padme_is_not_defined_below_two(length):
    """B1 begins at two."""
    with pytest.raises(FormatError):
        padding.padme(length)


@given(st.binary(max_size=300) | st.integers(65_530, 65_540).map(lambda n: b"x" * n), st.sampled_from([16, 65_536]))
def test_a_padded_document_comes_back(document, step):
    """LF and zeros go on and come off, whatever the document ends in."""
    padded = padding.to_step(document, step)
    assert len(padded) % step == 0
    assert len(document) < len(padded) <= len(document) + step
    assert padding.from_step(padded, step) == document


@pytest.mark.parametrize(
    "padded",
    [
        b"",
        bytes(16),
        b"x" * 16,
        b"doc\n" + bytes(11),
        b"doc\n" + bytes(13),
        b"doc\n" + bytes(28),
        b"doc" + bytes(13),
        b"doc\n\0\0\0.\0\0\0\0\0\0\0\0",
        b"x" * 15 + b"\n" + bytes(16),
        bytes(12) + b"doc.",
    ],
    ids=["empty", "zeros", "full", "short", "long", "step-more", "no-lf", "dirty", "full-and-step", "before"],
)
def test_other_padding_is_refused(padded):
    """No other padding of a document is read."""
    with pytest.raises(FormatError):
        padding.from_step(padded, 16)
