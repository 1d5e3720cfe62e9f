# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Whom the attacks are made on: an organisation of three seats for each test, and one busy server whose folder many tests search.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.busy import Busy, busy_server
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


@pytest.fixture(scope="session")
def busy(founded: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Busy]:
    """A server after a busy day, stopped, as somebody finds it who takes the machine."""
    folder = tmp_path_factory.mktemp("busy")
    world = founded.copied(folder)
    yield busy_server(world)
    world.close()
