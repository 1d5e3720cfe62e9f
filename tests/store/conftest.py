# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A fresh store for each test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.store.factories import make_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from store.engine import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """
    An empty store in a folder of its own.
    """
    made = make_store(tmp_path / "store")
    yield made
    made.close()
