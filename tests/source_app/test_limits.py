# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What a disk that fills up does to files, and what strangers learn of it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_app import limits
from source_app.limits import SPACE_LEAST, SPACE_STEP, Limits, space_step


@pytest.mark.parametrize(
    ("room", "shown"),
    [(0, 0), (1, 1), (1023, 512), (1024, 1024), ((5 << 30) + 12_345, 4 << 30), ((20 << 30) - 1, 16 << 30)],
)
def test_the_limit_of_a_scarce_disk_is_a_power_of_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int, shown: int
) -> None:
    """Neither the page nor the length that is just refused tells how much is free."""
    monkeypatch.setattr(limits, "room_for_files", lambda *_: room)
    scarce = Limits().on(tmp_path)
    assert scarce.file == shown
    assert scarce.scarce
    assert scarce.request == shown + limits.FORM_BYTES


def test_a_disk_with_room_changes_no_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the organisation set stands as it is."""
    monkeypatch.setattr(limits, "room_for_files", lambda *_: 20 << 30)
    assert Limits().on(tmp_path) == Limits()


@given(st.integers(0, 1 << 45), st.integers(1, 300_000))
def test_all_writers_together_stay_within_the_free_room(free: int, writers: int) -> None:
    """But for the least step of each."""
    step = space_step(free, writers)
    assert SPACE_LEAST <= step <= SPACE_STEP
    assert step * writers <= max(free, SPACE_LEAST * writers)
