# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Whose the server's folder and its store are after setup, whatever an app that was taken over left there.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from deploy import host
from deploy.errors import SetupError
from deploy.setup import PENDING
from tests.deploy.machine import Machine, do


def test_what_is_pending_is_not_written_through_a_link(folder: Path, root: Path, tmp_path: Path) -> None:
    """Care's account writes in the server's folder too: a link it laid there must not choose which of root's files is overwritten."""
    precious = tmp_path / "server.json"
    precious.write_text("keys")
    for name in (f".{PENDING}.new", f".{PENDING}.{os.getpid()}"):
        (folder / name).symlink_to(precious)
    with pytest.raises(SetupError, match="daemon-reload"):
        do(folder, root, Machine(fails="daemon-reload"))
    assert precious.read_text() == "keys"
    assert not (folder / PENDING).is_symlink()


def test_a_name_in_the_store_does_nothing_to_the_terminal(folder: Path, root: Path) -> None:
    """An app that was taken over names files; what setup says of them is shown and not obeyed."""
    do(folder, root, Machine())
    trap = folder / "store" / "\x1b]0;x\x07"
    trap.write_bytes(b"")
    assert "\x1b" not in do(folder, root, Machine(), dry=True)
    trap.unlink()
    os.mkfifo(trap)
    with pytest.raises(SetupError, match=r"\\x1b.* is neither a file nor a folder"):
        do(folder, root, Machine())


def test_the_servers_folder_belongs_to_whom_it_should(folder: Path, root: Path) -> None:
    """Keys are root's alone, the store is the three accounts', and what was made as root comes to belong to an account."""
    machine = Machine()
    (folder / "store/blobs/ab/x").write_bytes(b"x")
    do(folder, root, machine)

    def belongs(name: str) -> tuple[int, tuple[str, str]]:
        seen = (folder / name).stat()
        return stat.S_IMODE(seen.st_mode), machine.owners.get(seen.st_ino, ("root", "root"))

    assert belongs("") == (0o1770, ("root", "dengwen"))
    assert belongs("dengwen.toml") == (0o640, ("root", "dengwen"))
    assert belongs("keys") == (0o700, ("root", "root"))
    assert belongs("keys/server.json") == (0o600, ("root", "root"))
    assert belongs("store") == (0o2770, (host.SOURCE_ACCOUNT, "dengwen"))
    assert belongs("store/blobs/ab") == (0o2770, (host.SOURCE_ACCOUNT, "dengwen"))
    assert belongs("store/blobs/ab/x") == (0o660, (host.SOURCE_ACCOUNT, "dengwen"))
    assert belongs("doctor") == (0o700, (host.CARE_ACCOUNT, "dengwen"))
    assert belongs("watch-keys") == (0o750, ("root", "dengwen"))
    assert belongs("texts") == (0o2755, ("root", "dengwen"))


def test_what_an_account_of_ours_made_stays_its_own(folder: Path, root: Path) -> None:
    """A file that the desk wrote into the store is not taken from it."""
    machine = Machine()
    path = folder / "store/gate"
    path.touch()
    machine.owners[path.stat().st_ino] = (host.DESK_ACCOUNT, "dengwen")
    do(folder, root, machine)
    assert machine.owners[path.stat().st_ino] == (host.DESK_ACCOUNT, "dengwen")


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_is_no_file_in_the_store_is_refused_and_not_followed(
    folder: Path, root: Path, tmp_path: Path, kind: str
) -> None:
    """An app that was taken over puts a link to a file of root's into the store: root does not give that file away."""
    (tmp_path / "shadow").write_text("x")
    (tmp_path / "shadow").chmod(0o600)
    trap = folder / "store/incoming/trap"
    trap.symlink_to(tmp_path / "shadow") if kind == "link" else os.mkfifo(trap)
    machine = Machine()
    with pytest.raises(SetupError, match="trap"):
        do(folder, root, machine)
    assert (tmp_path / "shadow").stat().st_ino not in machine.owners
    assert stat.S_IMODE((tmp_path / "shadow").stat().st_mode) == 0o600
