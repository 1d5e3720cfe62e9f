# SPDX-License-Identifier: AGPL-3.0-or-later
"""
How far a file has come, without JavaScript: a frame that loads itself anew while another takes the form, in both browsers.

What a person sees is looked at many times a second; the figure is the longest time between two changes of it, from the press of the button
to the end. The way is slow, as a circuit is.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.browser.circuit import ONION, Circuit
from tests.browser.evidence import nothing
from tests.browser.firefox import Firefox
from tests.onion.chromium import Chromium
from tests.source_app.throwaway import Throwaway, new_store
from tests.source_app.visitor import Running, write_settings

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SPEED: Final = 1 << 20
LENGTH: Final = 14 << 20
MOST_SECONDS: Final = 2.0
SECONDS: Final = 120
FRAMED: Final = "document.querySelector('iframe.progress')?.contentDocument?.body?.innerText ?? ''"
ON_THE_WAY: Final = re.compile(r"(\d+) % – ")


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """The source app as it is installed, behind an onion."""
    folder = tmp_path_factory.mktemp("source")
    with contextlib.closing(new_store(folder / "store")) as store:
        Throwaway(1).install(store)
    with Running(write_settings(folder / "settings.toml", folder / "store", circuits=True, onion=ONION)) as app:
        host, _, port = app.origin.removeprefix("http://").partition(":")
        yield host, int(port)


def in_firefox(folder: Path, proxy: tuple[str, int]) -> tuple[Firefox, Callable[[], str]]:
    """Firefox, and what its frame has to read."""
    browser = Firefox(folder, proxy=proxy)
    return browser, lambda: str(browser.asked(f"return {FRAMED}"))


def in_chromium(folder: Path, proxy: tuple[str, int]) -> tuple[Chromium, Callable[[], str]]:
    """Chromium, and what its frame has to read."""
    browser = Chromium(folder, proxy=proxy)
    return browser, lambda: str(browser.asked(FRAMED))


@pytest.mark.parametrize("browser", [in_firefox, in_chromium], ids=["Firefox", "Chromium"])
def test_a_person_sees_every_two_seconds_how_far_a_file_has_come(
    browser: Callable[..., Any], target: tuple[str, int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Bytes and hundredths that only grow, on the page from which it is sent; at its end that one file has arrived."""
    # Short: Chromium's own socket lies below it.
    folder = tmp_path_factory.mktemp("window")
    with Circuit(target, speed=SPEED, told=True) as circuit:
        opened, frame = browser(folder, circuit.place)
        with opened as window:
            window.open(f"{circuit.origin}/en/write")
            window.type("Your message", "The film of the whole night follows.")
            window.press("Send")
            window.attach("Files", nothing(folder / "film.mp4", LENGTH))
            window.touch("Send files")
            seen = watched(frame)
    shares = [int(found[1]) for _, text in seen if (found := ON_THE_WAY.search(text))]
    assert shares == sorted(shares)
    assert len(set(shares)) >= LENGTH / SPEED / MOST_SECONDS
    assert "Files that arrived in this visit: 1, together 14 MB." in seen[-1][1]
    moments = [moment for moment, _ in seen]
    longest = max(later - earlier for earlier, later in itertools.pairwise(moments))
    print(f"longest time between two updates: {longest:.2f} s over {len(seen)} updates")
    assert longest <= MOST_SECONDS


def watched(frame: Callable[[], str]) -> list[tuple[float, str]]:
    """From now until something arrived: each text the frame had that differs from the one before, and when."""
    seen = [(time.monotonic(), frame())]
    end = time.monotonic() + SECONDS
    while "that arrived in this visit" not in seen[-1][1]:
        assert time.monotonic() < end, seen
        text = frame()
        # Between two pages there is none.
        if text and text != seen[-1][1]:
            seen.append((time.monotonic(), text))
        time.sleep(0.05)
    return seen
