# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What the kernel is asked for: files, secrecy, locked memory. Each in a process of its own, because limits cannot be taken back.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.source_app.throwaway import new_store
from tests.source_app.visitor import Running, write_settings

ROOT = Path(__file__).parents[2]


def said(program: str) -> str:
    """What a program prints."""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_as_many_files_as_the_system_allows_are_claimed() -> None:
    """The soft limit is raised to the hard one; below three for each connection nothing starts, and the message has the numbers."""
    program = """
import resource
from source_app.process import claim_files
from source_app.settings import SettingsError
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 3000))
claim_files(1000)
print(resource.getrlimit(resource.RLIMIT_NOFILE))
try:
    claim_files(1001)
except SettingsError as error:
    print(error)
"""
    lines = said(program).splitlines()
    assert lines[0] == "(3000, 3000)"
    assert "1001 connections need 3003 open files and this system allows 3000" in lines[1]


def test_a_server_that_could_not_open_enough_files_does_not_start(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """It says why, in one line."""
    store = new_store(tmp_path / "store")
    settings = write_settings(tmp_path / "s.toml", store.folder, workers=1)
    with pytest.raises(RuntimeError):
        Running(settings, wrap=("prlimit", "--nofile=1000:1000"))
    complaint = capfd.readouterr().err
    assert "open files" in complaint
    assert "Traceback" not in complaint


@pytest.mark.parametrize(("watched", "dumpable"), [(False, 0), (True, 1)])
def test_no_other_process_of_the_account_reads_this_one(*, watched: bool, dumpable: int) -> None:
    """Unless a check has to; and there is no core either way."""
    program = f"""
import ctypes, resource
from source_app.process import seclude
seclude(watched={watched})
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE))
"""
    assert said(program) == f"{dumpable} (0, 0)"


LOCK = """
import os, resource
from source_app.memory import Memory
from source_app.settings import SettingsError
resource.setrlimit(resource.RLIMIT_MEMLOCK, ({limit}, {limit}))
if os.geteuid() == 0:
    os.setuid(65534)
try:
    memory = Memory()
except SettingsError as error:
    print(error)
else:
    locked = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmLck")]
    print(memory.locked, locked[0])
"""


@pytest.mark.parametrize(("limit", "expected"), [(1 << 16, "False 4"), (0, "locks no page")])
def test_the_page_with_the_keys_never_swaps(limit: int, expected: str) -> None:
    """Where the system does not let all of the shared memory be locked, that page is; where not even that, nothing starts."""
    assert expected in said(LOCK.format(limit=limit))
