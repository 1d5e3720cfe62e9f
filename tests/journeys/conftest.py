# SPDX-License-Identifier: AGPL-3.0-or-later
"""
An organisation of three seats, each test its own: the ceremony is played once, then copied.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.world import World


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Three seats, all active; closed, to be copied."""
    made = World(tmp_path_factory.mktemp("founded"))
    made.close()
    return made


@pytest.fixture
def world(founded: World, tmp_path: Path) -> Iterator[World]:
    """Three seats, all active."""
    made = founded.copied(tmp_path)
    yield made
    made.close()
