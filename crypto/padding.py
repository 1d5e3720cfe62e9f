# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Buckets (spec B): the few sizes that sealed things may have, so that a size says little.

Promises: a bucket is never smaller than what goes in, grows with it, and is its own bucket.
Leaves to others: writing the padding of frames, which may be gigabytes and is streamed (`frame`).
"""

from __future__ import annotations

from crypto.errors import FormatError

SMALL = 16_384
LARGE = 65_536
STEP = 65_536


def padme(length: int) -> int:
    """
    Round up to a length that shows only O(log log length) bits, at a cost of at most 12 % (spec B1).

    Raises:
        FormatError: the length is below 2, where Padmé is not defined.
    """
    if length < 2:
        raise FormatError("no bucket is defined below 2 bytes")
    exponent = length.bit_length() - 1
    low_bits = exponent - exponent.bit_length()
    mask = (1 << low_bits) - 1
    return (length + mask) & ~mask


def small(length: int) -> int:
    """
    The bucket of messages, lists of files, replies, statuses and entries (spec B2).
    """
    return SMALL if length <= SMALL else padme(length)


def large(length: int) -> int:
    """
    The bucket of files (spec B3).
    """
    return LARGE if length <= LARGE else padme(length)


def to_step(document: bytes, step: int = STEP) -> bytes:
    """
    Pad a document that travels sealed by itself: LF, then zeros to the next multiple of `step` (spec B4).
    """
    return document + b"\n" + bytes(-(len(document) + 1) % step)


def from_step(padded: bytes, step: int = STEP) -> bytes:
    """
    Take the padding of `to_step` off again.

    Raises:
        FormatError: the length is not the step it should be, or the padding is not LF and zeros.
    """
    kept = padded.rstrip(b"\0")
    if not kept.endswith(b"\n") or len(padded) != len(kept) + -len(kept) % step:
        raise FormatError("the padding after the document is not as it must be")
    return kept[:-1]
