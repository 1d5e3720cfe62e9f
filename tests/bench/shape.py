# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What somebody learns from the time of an answer about a codename: never used, empty, one answer, or full.

One source at a time, the four states in turn, over one connection to the real server on this machine: no network is so quiet, so an observer
sees less. Two times are taken of each return: from the codename to the redirect (with the KDF), and the thread's page after it. The figure is the
largest effect size of the six pairs, as its distance from 0.5 (`tests.source_app.telling`); beside it stands how far apart the medians are.

Power: with 2,000 times of a state, two equal states lie within 0.027 of 0.5 in 997 of 1,000 pairs, and a true distance of 0.05 is found in 999 of
1,000 runs. With 200 the bounds are 0.087 and 0.15. An observer who has one codename and sees a distance of 0.05 has to open its page about 340 times
for a guess that is right in 19 of 20 cases, if nothing lies between them and the server.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from crypto.derive import CHEAPEST, PRODUCTION, Costs
from source_app.render import SHAPE
from tests.bench.figure import Figure
from tests.bench.requests import Source, figure, token
from tests.source_app.multipart_forms import text
from tests.source_app.telling import four_threads, largest_effect
from tests.source_app.visitor import Running, write_settings
from tests.source_app.window import House

WARM = 10

Times = Mapping[str, list[float]]


def figures(*, quick: bool) -> Iterator[Figure]:
    """Sizes first, then times under both profiles."""
    yield from _measured("test KDF", CHEAPEST, 60 if quick else 2_000, bound=0.3 if quick else 0.05, sizes=True)
    yield from _measured("real KDF", PRODUCTION, 20 if quick else 200, bound=0.4 if quick else 0.15)


def _measured(name: str, costs: Costs, count: int, *, bound: float, sizes: bool = False) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        house = House.open(Path(folder), costs=costs)
        words = four_threads(house)
        house.store.close()
        settings = write_settings(Path(folder) / "settings.toml", Path(folder) / "store", bind="127.0.0.1:0")
        with Running(settings) as running:
            logins, pages, seen = _times(running.origin, words, count)
    if sizes:
        yield figure("sizes of a thread's page, four states", len(seen), "sizes", goal="1", ok=seen == {SHAPE})
    for what, times in (("opening a codename", logins), ("a thread's page", pages)):
        yield _figure(f"{what}, {count} times each, {name}", times, bound)


def _figure(name: str, times: Times, bound: float) -> Figure:
    middle = {state: statistics.median(found) * 1000 for state, found in times.items()}
    print("   " + ", ".join(f"{state} {value:.3f} ms" for state, value in middle.items()), flush=True)
    found = largest_effect(times)
    return figure(name, found, "distance of A from 0.5", goal=f"<= {bound}", ok=found <= bound)


def _times(origin: str, words: Mapping[str, str], count: int) -> tuple[Times, Times, set[int]]:
    logins: dict[str, list[float]] = {state: [] for state in words}
    pages: dict[str, list[float]] = {state: [] for state in words}
    seen = set()
    source = Source(origin)
    form = token(source.get("/en/return"))
    for number in range(WARM + count):
        # In turn, and each time beginning with another: no state follows the same one always.
        order = list(words)[number % len(words) :] + list(words)[: number % len(words)]
        for state in order:
            source.cookie = b""
            began = time.perf_counter()
            source.post("/en/return", text("token", form), text("codename", words[state]))
            redirected = time.perf_counter()
            page = source.get("/en/thread")
            shown = time.perf_counter()
            if number >= WARM:
                logins[state].append(redirected - began)
                pages[state].append(shown - redirected)
                seen.add(len(page.encode()))
    source.close()
    return logins, pages, seen
