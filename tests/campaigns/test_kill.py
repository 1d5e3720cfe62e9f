# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A short kill -9 campaign; the long one is `python -m tests.campaigns.kill`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaigns.kill import campaign


@pytest.mark.slow
def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    """Workers and masters are killed under load; every acknowledged codename, message and file is there, once."""
    outcome = campaign(tmp_path, kills=12, seed=1)
    assert outcome.lost == ()
    assert outcome.workers > 0
    assert outcome.masters > 0
    assert outcome.messages + outcome.files >= 12
