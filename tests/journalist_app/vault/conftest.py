# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Organisations of one and of three seats, made anew for each test.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journalist_app.vault.fakes import Organisation


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Organisation]:
    """
    An organisation with one seat.
    """
    made = Organisation(tmp_path)
    yield made
    made.close()


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Organisation]:
    """
    An organisation with three seats, all active.
    """
    made = Organisation(tmp_path, seats=3)
    yield made
    made.close()
