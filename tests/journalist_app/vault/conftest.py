# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Organisations of one and of three seats, a browser inside a vault and a source who sends to it, made anew for each test.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journalist_app.vault.browsing import Browser
from tests.journalist_app.vault.fakes import Organisation
from tests.journalist_app.vault.pieces import Sender


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


@pytest.fixture
def browser(one: Organisation) -> Iterator[Browser]:
    """
    A browser inside seat 1's vault, which may save.
    """
    made = Browser(one.folder / "v1", one.stick, one.clock, one.folder / "saved")
    made.enter()
    yield made
    made.close()


@pytest.fixture
def sender(one: Organisation) -> Sender:
    """
    A source of the organisation with one seat.
    """
    return Sender(one)
