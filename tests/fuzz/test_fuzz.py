# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A short run over every parser that a source can reach; the long one is `python -m tests.fuzz`. And proof that a run would find something.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fuzz.__main__ import main
from tests.fuzz.campaign import PARSERS, run, shares

pytestmark = pytest.mark.slow

#: The dear one gets fewer.
EXECUTIONS = {"whole": 400, "codenames": 600}


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
