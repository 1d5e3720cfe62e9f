# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A line that somebody changed by hand in what confines the programs is told, with what mends it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.doctor.finding import Finding
from deploy.doctor.machine import Deadline, Machine, Unseen
from deploy.doctor.system_files import WHAT, checks, system_files
from deploy.render import render, write_below
from deploy.settings import load
from tests.deploy.host_files import a_server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A server's folder, as on an installed host."""
    return a_server(tmp_path / "d")


@pytest.fixture
def root(folder: Path, tmp_path: Path) -> Path:
    """A machine with the files that it gives."""
    write_below(tmp_path / "root", render(load(folder)))
    return tmp_path / "root"


def told(folder: Path, root: Path) -> Finding:
    ((name, check),) = checks(folder, Machine(root=root))
    found = check()
    assert name == found.what == WHAT
    return found


def test_files_as_setup_wrote_them_are_well(folder: Path, root: Path) -> None:
    """Every byte is compared."""
    assert told(folder, root).ok


@pytest.mark.parametrize("path", ["etc/systemd/system/dengwen-source.service", "etc/nftables.conf", "etc/tor/torrc"])
def test_a_line_more_or_a_file_less_is_told(folder: Path, root: Path, path: str) -> None:
    """By the file's name, and setup mends it."""
    whole = (root / path).read_text()
    (root / path).write_text(whole + "PrivateNetwork=no\n")
    found = told(folder, root)
    assert (found.ok, found.urgent, f"/{path}" in found.seen, found.fix.endswith("dengwen setup")) == (
        *(False, False),
        *(True, True),
    )
    (root / path).unlink()
    assert f"/{path}" in told(folder, root).seen


def test_a_run_without_time_left_blames_no_file(folder: Path, root: Path) -> None:
    """What was not compared is not known."""
    ((_, check),) = checks(folder, Machine(root=root, deadline=Deadline(0)))
    assert check().seen.startswith("Could not be checked: there was no time left")


def test_settings_that_were_not_carried_out_are_told(folder: Path, root: Path) -> None:
    """Somebody changed dengwen.toml and went home."""
    path = folder / "dengwen.toml"
    path.write_text(path.read_text().replace("pow = true", "pow = false"))
    assert "/etc/tor/torrc" in told(folder, root).seen


def test_settings_that_fit_no_server_are_no_good_news(folder: Path, root: Path) -> None:
    """Nobody could compare; and where many files differ, some are named."""
    path = folder / "dengwen.toml"
    path.write_text(path.read_text().replace("circuits = true", "circuits = false"))
    assert told(folder, root).seen.startswith("Could not be checked: [source] circuits")
    assert not system_files(Unseen("x")).ok
    assert "f5 and 3 more." in system_files(tuple(f"f{at}" for at in range(9))).seen
