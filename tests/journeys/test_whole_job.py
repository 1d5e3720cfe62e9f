# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The whole job, once through, for real: what `dengwen demo --check` does, with files small enough for a test.
"""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from deploy import check

pytestmark = pytest.mark.slow

SIZE = 3 << 20


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The folder in which it was done, and what it printed."""
    folder = tmp_path_factory.mktemp("whole") / "demo"
    said: list[str] = []
    check.run(folder, size=SIZE, say=said.append)
    return folder, said


def test_a_report_goes_in_at_one_end_and_the_answer_comes_back(done: tuple[Path, list[str]]) -> None:
    """Three seats, production costs, real programs: every step held, and the search of all files found nothing."""
    _, said = done
    assert said[-1] == "The whole job holds."
    steps = [line for line in said if line.startswith("ok")]
    assert len(steps) >= 20
    for step in (
        "source writes in Chinese, sees a codename",
        "source attaches 录音与录像.bin",
        "source returns with nine symbols and reads the answer",
        "seat 2 imports batch 2 and sees reply and note of seat 1",
        "seat 3 imports batch 2 and sees reply and note of seat 1",
        "nothing of it stands in any file",
    ):
        assert any(step in line for line in steps), step


def test_every_step_says_how_long_it_took_and_bytes_where_bytes_moved(done: tuple[Path, list[str]]) -> None:
    """So that a newcomer sees what is slow."""
    _, said = done
    for line in said:
        if line.startswith("ok"):
            assert re.match(r"ok +\d+\.\d\d s  \S", line), line
    assert any(f"{SIZE:,} bytes" in line for line in said)


def test_what_is_left_behind_is_described_for_a_script(done: tuple[Path, list[str]]) -> None:
    """demo.json has what drives it: addresses, vaults, people, fingerprint, store."""
    folder, _ = done
    described = json.loads((folder / "demo.json").read_text())
    assert {"source_url", "desk_url", "vaults", "people", "fingerprint", "store"} <= described.keys()
    assert [sorted(one) for one in described["people"]] == [["name", "passphrase", "totp"]] * 3
    assert all({"url", "token", "passphrase"} <= one.keys() for one in described["vaults"])
    assert len(described["vaults"]) == 3
    assert len(re.sub(r"\s", "", described["fingerprint"])) == 40
    assert Path(described["store"]).is_dir()


def test_everything_it_started_has_ended(done: tuple[Path, list[str]]) -> None:
    """No program of the demo is left, and none left a file open in its temporary folder."""
    folder, _ = done
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if _readable(path)]
    assert not [line for line in lines if str(folder).encode() in line]
    assert [path for path in (folder / "tmp").rglob("*") if path.is_file()] == []


def test_the_server_it_leaves_is_whole(done: tuple[Path, list[str]]) -> None:
    """The database holds together, every blob has its row, and the batch of the check is in it with its digest."""
    folder, _ = done
    with closing(sqlite3.connect(folder / "server" / "store" / "dengwen.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        blobs = {row[0] for row in database.execute("SELECT blob FROM envelopes WHERE blob IS NOT NULL")}
        assert [row[0] for row in database.execute("SELECT number FROM batches ORDER BY number")] == [1, 2]
    assert blobs == {path.name for path in (folder / "server" / "store" / "blobs").glob("*/*")}
    assert len(blobs) == 3


def _readable(path: Path) -> bool:
    """Whether a process is still there to be read."""
    # Processes come and go while they are listed.
    try:
        path.read_bytes()
    except OSError:
        return False
    return True
