# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What an app can write is not read by whoever may read every key: the server's folder is looked over as another account, without a capability.
"""

from __future__ import annotations

import datetime
import grp
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from deploy import host, server
from deploy.doctor.apart import begun
from deploy.doctor.checkup import examine
from deploy.doctor.machine import Machine, Ran
from deploy.errors import CannotLookError
from tests.store.accounts import ROOT

AT = datetime.datetime(2026, 11, 21, 14, 20, tzinfo=datetime.UTC)
TREE = Path(__file__).parents[3]
#: Every Debian has them.
ACCOUNT, GROUP = "nobody", "nogroup"
WHO = """
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
seen = " ".join(status[key].replace("\\t", " ").strip() for key in ("Uid", "Gid", "Groups", "CapPrm", "CapAmb"))
from deploy.doctor.finding import Finding, Report
import datetime, sys
found = Finding(what="who", ok=True, seen=seen, why="x")
sys.stdout.buffer.write(Report(at=datetime.datetime.now(), findings=(found,)).encode())
"""


@pytest.fixture
def above() -> Iterator[Path]:
    """A folder where another account can come."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(autouse=True)
def installed(above: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed host, of which the folder, the program and the account are elsewhere."""
    monkeypatch.setattr(host, "FOLDER", above / "d")
    monkeypatch.setattr(host, "PROGRAM", above / "dengwen")
    monkeypatch.setattr(host, "CARE_ACCOUNT", ACCOUNT)
    monkeypatch.setattr(host, "GROUP", GROUP)


def program(above: Path, text: str = "from deploy.cli import main\nmain()\n") -> Path:
    """The program: this checkout's, unless it is another."""
    path = above / "dengwen"
    path.write_text(f"#!{sys.executable} -B\nimport sys\nsys.path.insert(0, {str(TREE)!r})\n{text}")
    path.chmod(0o755)
    return path


def nothing(command: Sequence[str], seconds: float) -> Ran:
    """No program but ours."""
    raise FileNotFoundError(2, "No such file or directory")


def test_root_and_its_groups_are_left_behind(above: Path) -> None:
    """Four numbers of the account, four of its group, no group besides, no capability."""
    program(above, WHO)
    with begun("doctor") as apart:
        (found,) = apart.findings()
    uid = pwd.getpwnam(ACCOUNT).pw_uid if ROOT else os.getuid()
    gid = grp.getgrnam(GROUP).gr_gid if ROOT else os.getgid()
    assert found.seen.startswith(f"{uid} {uid} {uid} {uid} {gid} {gid} {gid} {gid} ")
    if ROOT:
        assert found.seen.split()[8:] == ["0" * 16, "0" * 16]


def test_what_a_unit_was_lent_is_not_passed_on(above: Path) -> None:
    """Doctor's unit may read every file and command tor; what it starts to read the store may not."""
    path = program(above, WHO)
    lent = f"--reuid=nobody --regid=nogroup --groups={grp.getgrnam('adm').gr_gid} --inh-caps=+dac_read_search,+setgid --ambient-caps=+dac_read_search,+setgid"
    ask = (
        f"import sys; sys.path.insert(0, {str(TREE)!r}); from pathlib import Path; from deploy import host; "
        f"host.PROGRAM = Path({str(path)!r}); from deploy.doctor.apart import begun\n"
        "with begun('doctor') as apart: print(apart.findings()[0].seen)\n"
        "print(open('/proc/self/status').read().split('CapAmb:')[1].split()[0])"
    )
    command = ["setpriv", *lent.split()] if ROOT else []
    done = subprocess.run(
        [*command, sys.executable, "-B", "-c", ask], capture_output=True, text=True, cwd="/", check=True
    )
    seen, ours = done.stdout.splitlines()
    assert seen.split()[-2:] == ["0" * 16, "0" * 16]
    assert not ROOT or len(seen.split()) == 10
    assert (int(ours, 16) != 0) == ROOT


def test_a_host_is_looked_over_by_both(above: Path) -> None:
    """Everything of the server's folder is told as before; what is kept of it belongs to the account that looked."""
    program(above)
    folder = above / "d"
    server.initialise(folder, "Centre")
    if ROOT:
        person = pwd.getpwnam(ACCOUNT)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, person.pw_uid, person.pw_gid)
    machine = Machine(root=above, run=nothing)
    found = {one.what: one for one in examine(folder, at=AT, machine=machine).findings}
    alone = {one.what for one in examine(folder, at=AT, host=False).findings}
    assert alone <= set(found)
    assert found["store"].ok
    assert (folder / "doctor/space.json").stat().st_uid == (pwd.getpwnam(ACCOUNT).pw_uid if ROOT else os.getuid())
    # Made by whoever sees into every folder.
    assert ("/keys" in found["owners and modes"].seen) == ROOT


@pytest.mark.parametrize("text", ["", "sys.exit(3)", "print('{}')", "import os\nos.kill(os.getpid(), 11)"])
def test_a_look_that_gives_no_report_is_urgent(above: Path, text: str) -> None:
    """Whatever stopped it may be what it looked at."""
    program(above, text)
    found = {one.what: one for one in examine(above / "d", at=AT, machine=Machine(root=above, run=nothing)).findings}
    assert found["server"].urgent
    assert "units" in found


def test_people_are_counted_and_a_count_that_failed_is_none(above: Path) -> None:
    """Those who may log in, and not those who are closed; nobody is not the same as not known."""
    program(above, "print('A  seat 1  open')\nprint('B  seat 2  closed')\nprint('C  operator  open')\n")
    with begun("person-list") as apart:
        assert apart.people() == 2
    program(above, "sys.exit(1)")
    with begun("person-list") as apart, pytest.raises(CannotLookError, match="cannot be counted"):
        apart.people()


def test_a_program_that_is_missing_is_urgent(above: Path) -> None:
    """Nobody looked."""
    found = {one.what: one for one in examine(above / "d", at=AT, machine=Machine(root=above, run=nothing)).findings}
    assert found["server"].urgent
    assert "does not start" in found["server"].seen
