# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What a return costs: from the codename to the thread page (a POST and the page it leads to), without the KDF.

A goal in CPU milliseconds is judged by a machine whose CPU time drifts by two within minutes: half a minute of it says what the minute
is. So one server stands while everything else is measured, and after each figure comes a round of returns, or rounds alone with pauses if
nothing else is asked for. The figure is the mean of all rounds; none is left out. The app alone, measured in turns in one thread, says
how much of it is the server's, and drifts with it.

A thread's page ends on a whole step of time (`source_app/even.py`), mostly asleep. Sources enough to keep the cores awake meanwhile: one
alone would measure how long a core takes to wake.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from crypto.codename import Codename
from tests.bench.figure import Figure
from tests.bench.inside import Returns, inside
from tests.bench.requests import SOURCES, Measured, Source, bare_cpu, cpu, figure, login, server, token

ROUNDS, QUICK_ROUNDS = 18, 2
#: Seconds between two rounds that nothing else lies between.
PAUSE, QUICK_PAUSE = 10.0, 0.0
MOST = 0.005


@dataclass(frozen=True, slots=True)
class Round:
    """CPU seconds of one return in one minute, without the derivation: through the server, and in the app alone."""

    served: float
    alone: float


@dataclass(slots=True)
class Spread:
    """
    Rounds over the time of a bench.

    Args:
        returns: of the app alone.
        quick: few and short ones.
    """

    running: Measured
    returns: Returns
    pool: ThreadPoolExecutor
    quick: bool
    rounds: list[Round] = field(default_factory=list)

    def measure(self) -> None:
        """One round, after a warm-up: what ran before has had the caches."""
        logins, alone = (40, 10) if self.quick else (200, 50)
        self._through_the_server(logins // 5)
        self.returns(alone // 5)
        derived = bare_cpu(self.running.generation)
        bare = self.returns(alone)
        before = cpu(self.running)
        made = self._through_the_server(logins)
        spent = cpu(self.running) - before
        self.rounds.append(Round(spent / made - derived, bare - derived))

    def figure(self) -> Figure:
        """The mean of all rounds; those that are missing are made now."""
        least, pause = (QUICK_ROUNDS, QUICK_PAUSE) if self.quick else (ROUNDS, PAUSE)
        while len(self.rounds) < least:
            self.measure()
            time.sleep(pause)
        served = sorted(one.served for one in self.rounds)
        each = sum(served) / len(served)
        limit = sum(one.alone for one in self.rounds) / len(self.rounds)
        over = sum(one > MOST for one in served)
        print(
            f"   {len(served)} rounds from {served[0] * 1000:.2f} to {served[-1] * 1000:.2f}, half of them under"
            f" {served[len(served) // 2] * 1000:.2f}; {over} above {MOST * 1000:.0f}",
            flush=True,
        )
        return figure(
            "return login beside the KDF", each * 1000, "CPU ms", limit=limit * 1000, goal="<= 5", ok=each <= MOST
        )

    def _through_the_server(self, logins: int) -> int:
        return sum(self.pool.map(_keep_returning, [self.running.origin] * SOURCES, [-(-logins // SOURCES)] * SOURCES))


@contextmanager
def spread(*, quick: bool) -> Iterator[Spread]:
    """A server that stands until all is measured."""
    with server() as running, inside() as returns, ThreadPoolExecutor(SOURCES) as pool:
        yield Spread(running, returns, pool, quick)


def _keep_returning(origin: str, times: int) -> int:
    words = " ".join(Codename.generate().words())
    source = Source(origin)
    form = token(source.get("/en/return"))
    for _ in range(times):
        login(source, form, words)
    source.close()
    return times
