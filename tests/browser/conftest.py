# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Browsers and pictures for the tests of this folder.

`DENGWEN_SCREENSHOTS=folder` takes pictures of every page; otherwise pages are judged and not pictured.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.firefox import Firefox
from tests.browser.looking import Looker
from tests.browser.service import Here, opened


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


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    """One service for the tests of a file, with a limit of 1 MiB for a file that is sent."""
    with opened(tmp_path_factory.mktemp("source")) as here:
        yield here


@pytest.fixture(scope="module")
def page(here: Here, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    """A browser that reaches it, at Tor Browser's safest level."""
    with Firefox(tmp_path_factory.mktemp("firefox"), proxy=here.circuit.place) as page:
        yield page


@pytest.fixture
def looker() -> Looker:
    """Judges pages, and keeps pictures of them where that was asked for."""
    chosen = os.environ.get("DENGWEN_SCREENSHOTS")
    if chosen is None:
        return Looker(None)
    folder = Path(chosen)
    folder.mkdir(parents=True, exist_ok=True)
    return Looker(folder)
