# SPDX-License-Identifier: AGPL-3.0-or-later
"""
One measured figure, in the shape bench.json has.
"""

from __future__ import annotations

from typing import TypedDict


class Figure(TypedDict):
    """
    Args:
        name: what was measured.
        value: the measurement, in `unit`.
        limit: the reference measured in the same run, in the same unit, or None where the goal is absolute.
        ratio: value / limit, or None.
        goal: the goal in words: "ratio <= 1.15", ">= 300".
        ok: whether the goal was met.
    """

    name: str
    value: float
    unit: str
    limit: float | None
    ratio: float | None
    goal: str
    ok: bool
