# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Browsers and pictures for the tests of this folder.

`DENGWEN_SCREENSHOTS=folder` keeps the pictures of every page; otherwise they go with pytest's temporary folder.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.firefox import Firefox
from tests.browser.looking import Looker


@pytest.fixture(scope="session")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    """One Firefox for the tests that do not need one of their own."""
    with Firefox(tmp_path_factory.mktemp("firefox")) as firefox:
        yield firefox


@pytest.fixture
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Firefox]]:
    """Starts a Firefox with a profile of its own, as often as asked; all end with the test."""
    started: list[Firefox] = []

    def start(downloads: Path | None = None) -> Firefox:
        started.append(Firefox(tmp_path_factory.mktemp("firefox"), downloads=downloads))
        return started[-1]

    yield start
    for firefox in started:
        firefox.close()


@pytest.fixture
def looker(tmp_path_factory: pytest.TempPathFactory) -> Looker:
    """Judges pages and keeps pictures of them."""
    chosen = os.environ.get("DENGWEN_SCREENSHOTS")
    folder = Path(chosen) if chosen else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return Looker(folder)
