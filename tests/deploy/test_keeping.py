# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Small files in a folder where another account may write too: whoever writes or reads them follows nothing that it laid there.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from deploy.keeping import read_small, write_whole
from tests.store.accounts import ROOT, SOURCE


def test_links_in_a_files_way_are_replaced_and_not_followed(tmp_path: Path) -> None:
    """Neither one under its name nor one under the name it is first written to: what they point at stays as it was."""
    precious = tmp_path / "precious"
    precious.write_bytes(b"keys")
    for name in ("care", f".care.{os.getpid()}"):
        (tmp_path / name).symlink_to(precious)
    write_whole(tmp_path / "care", b"2026-11-21\n")
    assert (precious.read_bytes(), (tmp_path / "care").read_bytes()) == (b"keys", b"2026-11-21\n")
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_symlink()) == []


def test_a_folder_that_became_a_link_is_not_written_to(tmp_path: Path) -> None:
    """Else whoever owns the folder chooses where root writes."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "doctor").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        write_whole(tmp_path / "doctor" / "space.json", b"[]\n")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_what_root_writes_belongs_to_whom_its_folder_belongs_to(tmp_path: Path) -> None:
    """Else the account whose file it is could never write it again."""
    folder = tmp_path / "doctor"
    folder.mkdir()
    if ROOT:
        os.chown(folder, SOURCE.user, SOURCE.group)
    write_whole(folder / "integrity", b"x", mode=0o600)
    found, above = (folder / "integrity").stat(), folder.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (above.st_uid, above.st_gid, 0o600)


def test_a_write_that_fails_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    """A folder has taken the name."""
    (tmp_path / "care").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "care", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["care"]


def test_reading_waits_for_nothing_and_follows_no_link(tmp_path: Path) -> None:
    """A pipe that nobody writes to reads as empty; a file without end is read so far and no further."""
    os.mkfifo(tmp_path / "pipe")
    assert read_small(tmp_path / "pipe", 64) == b""
    (tmp_path / "long").write_bytes(bytes(100))
    assert read_small(tmp_path / "long", 64) == bytes(64)
    (tmp_path / "link").symlink_to("/dev/zero")
    with pytest.raises(OSError, match="Too many levels"):
        read_small(tmp_path / "link", 64)
