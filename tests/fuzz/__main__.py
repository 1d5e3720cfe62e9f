# SPDX-License-Identifier: AGPL-3.0-or-later
"""
`python -m tests.fuzz`: every parser that a source can reach, and how often it was tried.

Writes a record of each parser with its executions and findings, and ends with 1 if there is a finding.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from pathlib import Path

from tests.fuzz.campaign import PARSERS, Outcome, campaign


def main(arguments: list[str] | None = None) -> int:
    """
    The command line.

    Returns:
        1 if something was found.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz every parser a source can reach.")
    parser.add_argument("only", nargs="*", choices=[[], *PARSERS], help="these parsers alone")
    parser.add_argument("--executions", type=int, default=1_000_000, help="in all")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 31) + 1)
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--out", type=Path, default=Path("build/fuzz.json"))
    chosen = parser.parse_args(arguments)
    print(f"seed {chosen.seed}", flush=True)
    outcomes = []
    for one in campaign(chosen.executions, seed=chosen.seed, names=chosen.only or PARSERS, at_once=chosen.at_once):
        outcomes.append(one)
        _say(one)
    found = sum(bool(one.finding) for one in outcomes)
    total = sum(one.executions for one in outcomes)
    record = {
        "seed": chosen.seed,
        "executions": total,
        "findings": found,
        "parsers": [_record(one) for one in outcomes],
    }
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    print(f"{total} executions, {found} findings; {chosen.out}")
    return 1 if found else 0


def _say(one: Outcome) -> None:
    print(f"{one.parser}: {one.hypothesis} + {one.atheris} executions in {one.seconds:.0f} s", flush=True)
    if one.finding:
        print(f"FOUND {one.finding}\n  input {one.raw!r}", flush=True)


def _record(one: Outcome) -> dict[str, object]:
    return {
        "parser": one.parser,
        "hypothesis": one.hypothesis,
        "atheris": one.atheris,
        "seconds": round(one.seconds, 1),
        "finding": one.finding,
        "input": one.raw.hex(),
    }


if __name__ == "__main__":
    sys.exit(main())
