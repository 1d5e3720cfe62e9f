# SPDX-License-Identifier: AGPL-3.0-or-later
"""
How much of a disk is for files, and how much one of them may take at a time.
"""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from crypto.padding import LARGE, large
from source_app.limits import RESERVE_SHARE, SPACE_LEAST, SPACE_STEP, content_of, free_for_files, space_step


@given(st.integers(0, 1 << 45))
def test_what_fits_fits_with_its_padding(payload: int) -> None:
    """A file of so many bytes, padded to its bucket, takes no more than there was; one that fills a bucket is not far below."""
    content = content_of(payload)
    assert payload - payload // 8 <= content <= payload
    if content > LARGE:
        assert large(content) <= payload


def test_the_reserve_is_the_larger_of_the_two(tmp_path: Path) -> None:
    """A twentieth of the disk, or what is set if that is more; with 0 files may fill it."""
    disk = os.statvfs(tmp_path)
    whole = disk.f_blocks * disk.f_frsize
    everything = free_for_files(tmp_path, 0)
    assert free_for_files(tmp_path, 1) <= max(0, everything - whole // RESERVE_SHARE) + (1 << 30)
    assert free_for_files(tmp_path, 1 << 60) == 0


@given(st.integers(0, 1 << 45), st.integers(1, 300_000))
def test_all_writers_together_stay_within_the_free_room(free: int, writers: int) -> None:
    """But for the least step of each."""
    step = space_step(free, writers)
    assert SPACE_LEAST <= step <= SPACE_STEP
    assert step * writers <= max(free, SPACE_LEAST * writers)
