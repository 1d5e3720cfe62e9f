# SPDX-License-Identifier: AGPL-3.0-or-later
"""
How often each parser that a source can reach was tried, and what is open.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from tests.bench.figure import Figure
from tests.fuzz.campaign import campaign

EXECUTIONS = 1_000_000


def figures(*, quick: bool) -> Iterator[Figure]:
    """Executions and findings."""
    wanted = EXECUTIONS // 50 if quick else EXECUTIONS
    outcomes = list(campaign(wanted, seed=secrets.randbelow(1 << 31) + 1))
    made, found = sum(one.executions for one in outcomes), sum(bool(one.finding) for one in outcomes)
    yield Figure(
        name="fuzzing: executions",
        value=float(made),
        unit="executions",
        limit=None,
        ratio=None,
        goal=f">= {wanted:,}",
        ok=made >= wanted,
    )
    yield Figure(
        name="fuzzing: findings", value=float(found), unit="findings", limit=None, ratio=None, goal="0", ok=not found
    )
