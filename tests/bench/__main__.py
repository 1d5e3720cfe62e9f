# SPDX-License-Identifier: AGPL-3.0-or-later
"""
`make bench`: every figure against its limit, measured in one run, into bench.json.

Each module of this folder that measures has `figures(*, quick)`, which yields one record a figure; `returns` is measured between them. A figure that misses its goal
is written down as it is, and the command ends with 1: nothing is rounded in our favour.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Collection
from contextlib import nullcontext
from pathlib import Path

from tests.bench.figure import Figure
from tests.bench.returns import spread

RETURNS = "returns"
MEASURING = ("requests", "upload", "flood", "slow", "shape", "guessing", "fuzz", "vault", "onion", "parts", RETURNS)


def measure(names: Collection[str], *, quick: bool) -> list[Figure]:
    """
    Args:
        names: what is measured, in this order; returns in rounds after each figure of the others.
        quick: fewer and smaller rounds.
    """
    found: list[Figure] = []
    with spread(quick=quick) if RETURNS in names else nullcontext() as returns:
        for name in names:
            if name == RETURNS:
                continue
            print(f"-- {name}", flush=True)
            for figure in importlib.import_module(f"tests.bench.{name}").figures(quick=quick):
                found.append(_told(figure))
                if returns:
                    returns.measure()
        if returns:
            print(f"-- {RETURNS}", flush=True)
            found.append(_told(returns.figure()))
    return found


def _told(figure: Figure) -> Figure:
    mark = "ok  " if figure["ok"] else "MISS"
    ratio = "" if figure["ratio"] is None else f"  ratio {figure['ratio']:.3f}"
    print(
        f"{mark} {figure['name']}: {figure['value']:.4g} {figure['unit']}{ratio}  (goal {figure['goal']})", flush=True
    )
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description="Measure every figure against its limit."
    )
    parser.add_argument("only", nargs="*", choices=[[], *MEASURING], help="measure these alone")
    parser.add_argument(
        "--quick", action="store_true", help="fewer and smaller rounds: to see that the measuring works"
    )
    parser.add_argument("--out", type=Path, default=Path("bench.json"))
    chosen = parser.parse_args()
    figures = measure(chosen.only or MEASURING, quick=chosen.quick)
    chosen.out.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n")
    missed = [figure["name"] for figure in figures if not figure["ok"]]
    print(
        f"{len(figures)} figures in {chosen.out}; {len(missed)} missed their goal"
        + "".join(f"\n  {name}" for name in missed)
    )
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
