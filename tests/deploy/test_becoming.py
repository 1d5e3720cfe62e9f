# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Root's commands in folders that others write to, done as the account whose work they are. For anybody but root nothing is given up.
"""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy import host, server
from deploy.becoming import become
from deploy.cli import main
from deploy.errors import DeployError
from tests.store.accounts import ROOT, Account

#: Every Debian has it.
ACCOUNT = "nobody"
OURS = Account(os.geteuid(), os.getegid())


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A server's folder where another account can come, taken for the one of an installed host, that account's for the night's care."""
    above = Path(tempfile.mkdtemp())
    above.chmod(0o755)
    found = above / "d"
    server.initialise(found, "Centre")
    monkeypatch.setattr(host, "FOLDER", found)
    monkeypatch.setattr(host, "CARE_ACCOUNT", ACCOUNT)
    if ROOT:
        person = pwd.getpwnam(ACCOUNT)
        for path in (found, *found.rglob("*")):
            os.chown(path, person.pw_uid, person.pw_gid)
    yield found
    shutil.rmtree(above)


def test_root_becomes_the_account_for_good() -> None:
    """No way back, and no group of root's is kept."""

    def act() -> None:
        become(ACCOUNT)
        person = pwd.getpwnam(ACCOUNT)
        wanted = (person.pw_uid,) * 3 if ROOT else (os.geteuid(),) * 3
        if os.getresuid() != wanted or (ROOT and 0 in {*os.getresgid(), *os.getgroups()}):
            raise AssertionError
        if ROOT:
            try:
                os.setuid(0)
            except PermissionError:
                return
            raise AssertionError

    assert OURS.does(act) == ""


def test_an_account_that_is_missing_is_said() -> None:
    """With what makes it."""
    said = OURS.does(lambda: become("no-such-account"))
    assert said == (DeployError.__name__ if ROOT else "")


def test_care_that_root_types_leaves_a_day_that_the_night_can_replace(folder: Path) -> None:
    """In a sticky folder nobody replaces root's file: one care by hand would have been the last."""
    folder.chmod(0o1770)
    said = OURS.does(lambda: _care(folder))
    assert said == ""
    assert (folder / "care").stat().st_uid == (pwd.getpwnam(ACCOUNT).pw_uid if ROOT else os.geteuid())


def test_care_that_root_types_removes_nothing_through_a_link(folder: Path, tmp_path: Path) -> None:
    """An app that was taken over laid a link where left-over files are removed by name: root's files stay."""
    old = tmp_path / ("0" * 32)
    old.write_bytes(b"x")
    os.utime(old, (1_000_000, 1_000_000))
    incoming = folder / "store" / "incoming"
    if ROOT:
        incoming.rmdir()
        incoming.symlink_to(tmp_path)
    OURS.does(lambda: _care(folder))
    assert old.exists()


def _care(folder: Path) -> None:
    done = CliRunner().invoke(main, ["server", "care", "--dir", str(folder)])
    if done.exit_code != 0:
        raise AssertionError(done.output)
