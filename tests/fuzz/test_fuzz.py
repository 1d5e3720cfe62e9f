# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A short run over every parser that a source can reach; the long one is `python -m tests.fuzz`. And proof that a run would find something.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import campaign
from tests.fuzz.__main__ import main
from tests.fuzz.campaign import PARSERS, run, shares

pytestmark = pytest.mark.slow

#: The dear one gets fewer.
EXECUTIONS = {"whole": 400, "codenames": 600}

_HOARDER = """
import subprocess, sys
from tests.fuzz.campaign import in_its_own_memory
hoard = bytearray(b"x") * (256 << 20)
del hoard
most = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
for before in ((), in_its_own_memory(60)):
    subprocess.run([*before, sys.executable, "-c", most], check=True)
"""


@pytest.mark.parametrize("name", PARSERS)
def test_no_input_crashes_hangs_or_spools(name: str) -> None:
    """Both engines: every refusal is one of ours, every promise about what was taken holds, and no file is opened."""
    executions = EXECUTIONS.get(name, 2_000)
    outcome = run(f"tests.fuzz.parsers.{name}", executions, seed=1)
    assert outcome.finding == "", outcome.raw
    assert outcome.hypothesis >= 1
    assert outcome.executions >= executions


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("crash", "ZeroDivisionError"),
        ("swallowed", "SpooledError: open "),
        ("spool", "SpooledError"),
        ("connect", "SpooledError: socket."),
        ("start", "SpooledError"),
        ("hang", "HungError"),
        ("promise", "BrokenError: it took what it should not have"),
        ("exit", "ended with 7"),
        ("memory", "ended with"),
    ],
)
def test_a_parser_with_a_fault_is_found(fault: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A parser that does the forbidden thing once its input has grown to hold two words, which no seed does: found, with that input."""
    monkeypatch.setenv("FAULT", fault)
    outcome = run("tests.fuzz.faulty", 60_000, seed=1)
    assert said in outcome.finding
    assert b"magic" in outcome.raw
    assert b"word" in outcome.raw


def test_a_parser_that_waits_for_something_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes no CPU, so no guard inside wakes: it is ended from outside."""
    monkeypatch.setenv("FAULT", "sleep")
    monkeypatch.setattr(campaign, "PATIENCE", 4.0)
    monkeypatch.setattr(campaign, "SECONDS_EACH", 0.0)
    outcome = run("tests.fuzz.faulty", 1_000_000, seed=1)
    assert outcome.finding == "it did not end"


def test_what_a_parser_hoards_is_counted_from_nothing() -> None:
    """Whoever starts the fuzzing may have had more memory than the limit. What it starts by itself is said to have had as much; a run is not."""
    outcome = subprocess.run(
        [sys.executable, "-c", _HOARDER], cwd=campaign.ROOT, capture_output=True, text=True, check=True
    )
    alone, counted_anew = (int(kib) >> 10 for kib in outcome.stdout.split())
    assert alone >= 256
    assert counted_anew < 64


def test_every_execution_that_is_asked_for_is_made() -> None:
    """Shares round up."""
    for executions in (1, 10, 999, 1_000_000):
        assert sum(shares(executions, PARSERS).values()) >= executions


def test_the_command_writes_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Counts for each parser and in all, the seed, and no findings."""
    out = tmp_path / "fuzz.json"
    assert main(["lines", "kinds", "--executions", "500", "--seed", "7", "--out", str(out)]) == 0
    record = json.loads(out.read_text())
    assert record["seed"] == 7
    assert record["findings"] == 0
    assert record["executions"] == sum(one["hypothesis"] + one["atheris"] for one in record["parsers"]) >= 500
    assert [one["parser"] for one in record["parsers"]] == ["lines", "kinds"]
    assert f"{record['executions']} executions, 0 findings" in capsys.readouterr().out
