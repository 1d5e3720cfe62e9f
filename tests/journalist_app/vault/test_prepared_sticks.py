# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Sticks on which somebody laid out links and pipes before the vault came.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from journalist_app.vault import files, outbox, sticks
from journalist_app.vault.errors import NotFoundError
from journalist_app.vault.importer import import_batch
from journalist_app.vault.job import Job
from tests.journalist_app.vault.fakes import Organisation, Source


@pytest.mark.parametrize("name", ["outbox-1-00000001.tar.part", "outbox-1-00000001.tar"])
def test_a_link_on_the_stick_is_not_written_through(one: Organisation, name: str):
    """An outbox written where a link lies replaces the link; the vault it pointed to is unharmed."""
    vault = one.vaults[0]
    database = vault.folder / "vault.db"
    (one.stick / name).symlink_to(database)
    inode = database.stat().st_ino
    before = database.read_bytes()[:4096]
    frozen = outbox.freeze(vault)
    written = outbox.write_to(vault, frozen.sequence, one.stick)
    assert not written.is_symlink()
    assert written.stat().st_mode & 0o777 == 0o600
    assert (database.stat().st_ino, database.read_bytes()[:4096]) == (inode, before)
    assert one.server.take(written) == 1
    assert one.open(1).person == "Person 1"


def test_nothing_is_left_of_a_file_that_could_not_take_its_name(tmp_path: Path):
    """A folder in the target's place is an error, and the part is gone."""
    (tmp_path / "target").mkdir()
    with pytest.raises(OSError, match="target"):
        files.replace(tmp_path / "target", b"content")
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_a_link_or_a_pipe_is_never_read_as_a_batch(one: Organisation):
    """The list leaves them out, and a file exchanged for one between list and import is refused without waiting."""
    one.server.message(Source(), "hello")
    path = one.server.batch(one.folder)
    link, pipe = one.stick / "link.tar", one.stick / "pipe.tar"
    link.symlink_to(path)
    os.mkfifo(pipe)
    assert sticks.batches([one.stick]) == ()
    for prepared in (link, pipe, one.stick / "gone.tar"):
        with pytest.raises(NotFoundError):
            import_batch(one.vaults[0], prepared)


def test_an_import_that_breaks_says_how(one: Organisation, monkeypatch: pytest.MonkeyPatch):
    """No thread dies in silence: the page names the class and what it said."""

    def broken(*_: object, **__: object) -> None:
        raise OverflowError("date value out of range")

    monkeypatch.setattr("journalist_app.vault.job.import_batch", broken)
    job = Job(one.vaults[0], one.server.batch(one.stick))
    job.start()
    job.wait(10)
    assert "OverflowError: date value out of range" in job.error
