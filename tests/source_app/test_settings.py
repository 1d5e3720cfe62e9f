# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What an installation may decide, and what it may not.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from source_app.settings import SettingsError, SourceSettings

GOOD = SourceSettings(store=Path("store"), organisation="人权观察 · Drum & Co")


@pytest.mark.parametrize(
    "wrong",
    [
        {"organisation": ""},
        {"organisation": "  "},
        {"organisation": "a\nb"},
        {"organisation": "x" * 121},
        {"organisation": "a\u202eb"},
        {"organisation": "a" + "\u0301" * 119},
        {"reads": "english"},
        {"reads": ", ".join(["en"] * 17)},
        {"message_bytes": 0},
        {"file_bytes": 1},
        {"drain_bytes": -1},
        {"kdf_slots": 65},
        {"workers": 0},
        {"threads": 0},
        {"silence_seconds": 0},
    ],
    ids=str,
)
def test_a_value_outside_its_bounds_is_refused_by_name(wrong: dict[str, object]) -> None:
    """When the record is made, not when a source meets it."""
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        dataclasses.replace(GOOD, **wrong)


def test_settings_do_not_change() -> None:
    """All workers go by the same ones."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        GOOD.workers = 3  # type: ignore[misc]


def test_the_limits_are_those_that_were_set() -> None:
    """Each under its own name."""
    limits = dataclasses.replace(GOOD, message_bytes=100_000, file_bytes=1 << 20, drain_bytes=5, reserve_bytes=7).limits
    assert (limits.message, limits.file, limits.drain, limits.reserve) == (100_000, 1 << 20, 5, 7)
    assert GOOD.slots >= 1
