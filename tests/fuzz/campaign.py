# SPDX-License-Identifier: AGPL-3.0-or-later
"""
All parsers, each in a process of its own, so many executions in all; and what was found.

A finding is a process that did not do all it was asked: an exception that is no refusal, a broken promise, a file written, too long, a
crash of the interpreter, too much memory. Each carries the input, so that it can be written down as a seed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.fuzz.run import FOUND, HEAD, SHARED, SIZE

ROOT: Final = Path(__file__).parents[2]
#: What a stranger's bytes meet, and each one's share of the executions. The dear ones get fewer: `whole` answers whole pages.
PARSERS: Final[Mapping[str, int]] = {
    "requests": 100,
    "lines": 160,
    "kinds": 160,
    "forms": 110,
    "names": 110,
    "codenames": 20,
    "boxes": 180,
    "slips": 155,
    "sealed": 60,
    "whole": 5,
}
#: Of a parser's executions, the share that hypothesis makes. It is slower, and nearer to what makes sense.
BY_HYPOTHESIS: Final = 0.02
#: Seconds that a run may take, and as many more for each execution.
PATIENCE: Final = 120.0
SECONDS_EACH: Final = 0.1
_TOO_LATE: Final = 124


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """
    What one parser's process did.

    Args:
        parser: its name.
        hypothesis: executions by hypothesis.
        atheris: executions by atheris.
        seconds: how long it took.
        finding: what was found, empty if nothing was.
        raw: the input that showed it.
    """

    parser: str
    hypothesis: int
    atheris: int
    seconds: float
    finding: str = ""
    raw: bytes = b""

    @property
    def executions(self) -> int:
        """Of both."""
        return self.hypothesis + self.atheris


def shares(executions: int, names: Iterable[str]) -> dict[str, int]:
    """How many executions each parser gets; together at least as many as were asked for."""
    chosen = {name: PARSERS[name] for name in names}
    whole = sum(chosen.values())
    return {name: -(-executions * share // whole) for name, share in chosen.items()}


def campaign(executions: int, *, seed: int, names: Iterable[str] = PARSERS, at_once: int = 2) -> Iterator[Outcome]:
    """
    Fuzz.

    Args:
        executions: in all.
        seed: of both engines.
        names: the parsers.
        at_once: processes at the same time.

    Returns:
        an outcome for each parser, in their order.
    """
    with ThreadPoolExecutor(at_once) as pool:
        waited = [
            pool.submit(run, f"tests.fuzz.parsers.{name}", count, seed)
            for name, count in shares(executions, names).items()
        ]
        for one in waited:
            yield one.result()


def run(module: str, executions: int, seed: int) -> Outcome:
    """
    One parser.

    Args:
        module: that has its `make`.
        executions: by both engines together.
        seed: of both.
    """
    drawn = max(1, round(executions * BY_HYPOTHESIS))
    with tempfile.TemporaryDirectory(prefix="dengwen-fuzz-") as name:
        folder = Path(name)
        shared = folder / SHARED
        shared.write_bytes(bytes(SIZE))
        given = (module, str(folder), str(drawn), str(max(1, executions - drawn)), str(seed))
        began = time.monotonic()
        process = subprocess.run(
            [*in_its_own_memory(PATIENCE + executions * SECONDS_EACH), sys.executable, "-m", "tests.fuzz.run", *given],
            cwd=ROOT,
            capture_output=True,
            check=False,
        )
        said = "" if process.returncode == 0 else _said(folder, process)
        seconds = time.monotonic() - began
        raw = shared.read_bytes()
        by_hypothesis, by_atheris, length = HEAD.unpack_from(raw)
        if not said and by_atheris < executions - drawn:
            said = f"only {by_atheris} executions"
        return Outcome(
            parser=module.rpartition(".")[2],
            hypothesis=by_hypothesis,
            atheris=by_atheris,
            seconds=seconds,
            finding=said,
            raw=raw[HEAD.size : HEAD.size + length] if said else b"",
        )


def in_its_own_memory(seconds: float) -> tuple[str, ...]:
    """
    What to write before a command that has so long to end (124 if it did not), and whose memory is counted from nothing.

    The kernel hands on to a program the most memory that whoever started it ever had, and libFuzzer's limit is above that: under a pytest
    that has had gigabytes, a hoarding parser would not be found. `timeout` has had two MiB.
    """
    return ("timeout", "--foreground", "--kill-after=10", str(seconds))


def _said(folder: Path, process: subprocess.CompletedProcess[bytes]) -> str:
    found = folder / FOUND
    if found.exists():
        return found.read_text()
    if process.returncode == _TOO_LATE:
        return "it did not end"
    return f"ended with {process.returncode}: {process.stderr[-2_000:].decode(errors='replace')}"
