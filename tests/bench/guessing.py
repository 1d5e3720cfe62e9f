# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What guessing codenames costs, at full speed, and what it yields.

The guesser here is the luckiest there could be: on the same machine, on as many circuits as it likes, knowing the public lists and the
public check, so that each guess is a well-formed codename and none is wasted before the KDF. The server answers nobody else meanwhile.
"""

from __future__ import annotations

import math
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from crypto.codename import COUNT, Codename
from crypto.derive import PRODUCTION, Generation, derive
from crypto.errors import CodenameError
from crypto.hidden import Hidden
from tests.bench.figure import Figure
from tests.bench.processes import cpu_seconds
from tests.source_app.throwaway import Throwaway, new_store
from tests.source_app.visitor import Running, Visitor, write_settings

#: Random bits of a codename (spec K1).
BITS = 92
#: Codenames in use at an organisation larger than any we know of.
IN_USE = 1_000_000
GUESSERS = 12
_YEAR = 365.25 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Guessed:
    """
    Args:
        guesses: that were answered.
        seconds: in which they were.
        cpu: seconds of CPU that the server spent on them.
        bare: seconds of CPU that one derivation costs by itself.
        found: guesses that got another page than a codename that was never used.
    """

    guesses: int
    seconds: float
    cpu: float
    bare: float
    found: int

    @property
    def rate(self) -> float:
        """Guesses a second."""
        return self.guesses / self.seconds

    @property
    def years(self) -> float:
        """Years of such guessing until one of `IN_USE` codenames is hit with an even chance."""
        return math.log(2) * 2.0**BITS / IN_USE / self.rate / _YEAR


def guess(folder: Path, seconds: float) -> Guessed:
    """
    Guess as fast as the server answers.

    Args:
        folder: an empty one.
        seconds: how long.
    """
    store = new_store(folder / "store")
    organisation = Throwaway(1, costs=PRODUCTION)
    organisation.install(store)
    done, found, over = [0] * GUESSERS, [0] * GUESSERS, threading.Event()
    with Running(write_settings(folder / "settings.toml", store.folder)) as running:
        Visitor(running.origin).write("somebody is here")
        forms = [(one, one.get("/en/return")) for one in (Visitor(running.origin) for _ in range(GUESSERS))]

        def keep_guessing(number: int) -> None:
            visitor, page = forms[number]
            form = page.form("codename")
            while not over.is_set():
                answer = visitor.send(page, form, {"codename": " ".join(Codename.generate().words())})
                while answer.address.endswith("/waiting") and answer.status == 200:
                    # In line: no answer yet, for any guess.
                    time.sleep(0.2)
                    answer = visitor.get("/en/waiting")
                done[number] += 1
                found[number] += answer.status != 200 or not answer.address.endswith("/thread")

        crowd = [threading.Thread(target=keep_guessing, args=(number,)) for number in range(GUESSERS)]
        pids = [running.master, *running.workers()]
        spent, began = cpu_seconds(pids), time.monotonic()
        for one in crowd:
            one.start()
        time.sleep(seconds)
        over.set()
        for one in crowd:
            one.join()
        took, spent = time.monotonic() - began, cpu_seconds(pids) - spent
    store.close()
    return Guessed(
        guesses=sum(done), seconds=took, cpu=spent, bare=bare(organisation.root.generations[0]), found=sum(found)
    )


def bare(generation: Generation) -> float:
    """Seconds of CPU of one derivation."""
    secret = Codename.generate().secret
    derive(secret, generation)
    began = time.process_time()
    for _ in range(5):
        derive(secret, generation)
    return (time.process_time() - began) / 5


def well_formed(tries: int) -> float:
    """The share of nine symbols at random that pass the public check, and so reach the KDF."""
    passed = 0
    for _ in range(tries):
        raw = os.urandom(2 * COUNT)
        indices = [int.from_bytes(raw[at : at + 2], "big") % 2_048 for at in range(0, 2 * COUNT, 2)]
        try:
            Codename(Hidden(b"".join(index.to_bytes(2, "big") for index in indices)))
        except CodenameError:
            continue
        passed += 1
    return passed / tries


def figures(*, quick: bool) -> Iterator[Figure]:
    """Rate, cost and yield."""
    with tempfile.TemporaryDirectory(prefix="dengwen-guess-") as folder:
        guessed = guess(Path(folder), 4 if quick else 30)
    each = guessed.cpu / guessed.guesses
    yield Figure(
        name="guessing: codenames tried a second, by all",
        value=guessed.rate,
        unit="guesses/s",
        limit=(os.cpu_count() or 1) / guessed.bare,
        ratio=guessed.rate * guessed.bare / (os.cpu_count() or 1),
        goal="ratio <= 1.05: no guess without a whole derivation",
        ok=guessed.rate * guessed.bare / (os.cpu_count() or 1) <= 1.05,
    )
    yield Figure(
        name="guessing: server's CPU for one guess, beside a bare derivation",
        value=each * 1000,
        unit="CPU ms",
        limit=guessed.bare * 1000,
        ratio=each / guessed.bare,
        goal="ratio >= 0.95",
        ok=each / guessed.bare >= 0.95,
    )
    yield Figure(
        name=f"guessing: years until one of {IN_USE:,} codenames is hit with an even chance",
        value=guessed.years,
        unit="years",
        limit=None,
        ratio=None,
        goal=">= 1e9",
        ok=guessed.years >= 1e9,
    )
