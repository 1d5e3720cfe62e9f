# SPDX-License-Identifier: AGPL-3.0-or-later
"""
An app with one seat and an English window on it; an empty store, an organisation for it, and the way in.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from source_app.intake import Intake
from store.engine import Store
from tests.source_app.throwaway import Throwaway, new_store
from tests.source_app.window import House, Window


@pytest.fixture
def house(tmp_path: Path) -> House:
    """An app with one seat."""
    return House.open(tmp_path)


@pytest.fixture
def window(house: House) -> Window:
    """An English window on it."""
    return Window(house)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store in which nothing is installed."""
    opened = new_store(tmp_path / "store")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def organisation() -> Throwaway:
    """Three seats; nothing in it changes."""
    return Throwaway()


@pytest.fixture
def intake(store: Store, organisation: Throwaway) -> Intake:
    """The way into that store, once it is installed there."""
    organisation.install(store)
    return Intake(store, reserve=0)
