# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Programs between two streams, and the folders in memory that they work in: both end, whatever happens.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from journalist_app.vault import memory, piped
from journalist_app.vault.errors import ItemRefusedError
from tests.journalist_app.vault.beforehand import left_in, own_memory


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where folders are made."""
    with own_memory(monkeypatch) as made:
        yield made


def test_a_program_that_stands_still_is_ended(monkeypatch):
    """Silence has an end."""
    monkeypatch.setattr(piped, "MAX_SILENCE", 0.2)
    run = piped.Piped(["/bin/sleep", "60"], {}, 60)
    with pytest.raises(ItemRefusedError, match="stood still"):
        list(run.through(iter([bytes(1 << 20)])))


def test_a_program_that_works_without_end_is_ended():
    """Packed in layers, a megabyte is work for days: neither silent nor ever done."""
    run = piped.Piped(["/bin/sh", "-c", "while :; do echo; done"], {}, 1)
    with pytest.raises(ItemRefusedError, match="more work"):
        for _ in run.through(iter([b"x"])):
            pass
    assert run.ended == -signal.SIGXCPU


def test_what_others_put_there_is_not_touched(place, tmp_path, monkeypatch):
    """Another account's folder, and a link: no program of theirs is asked to end, and nothing is removed."""
    linked, other, asked = tmp_path / "linked", place / "dengwen-other", list[Path]()
    for folder in (linked, other):
        folder.mkdir()
        (folder / memory.LOCK).touch()
    (place / "dengwen-link").symlink_to(linked)
    with monkeypatch.context() as as_another:
        as_another.setattr(os, "getuid", lambda: 12_345)
        memory.sweep(asked.append)
    assert asked == []
    memory.sweep(asked.append)
    assert asked == [other]
    assert (linked / memory.LOCK).exists()
    (place / "dengwen-link").unlink()


def test_a_program_that_cannot_be_ended_keeps_no_folder(place):
    """The key goes first of all."""

    def fails(_: Path) -> None:
        raise subprocess.TimeoutExpired("gpgconf", 1)

    with pytest.raises(subprocess.TimeoutExpired), memory.folder_in_memory(fails):
        assert len(left_in(place)) == 1
    assert left_in(place) == set()


def test_what_a_killed_vault_left_goes_when_the_next_one_starts(one, place):
    """Not only when somebody opens something: the seat's key lies there in the clear."""
    left = place / "dengwen-0011223344556677"
    left.mkdir()
    (left / memory.LOCK).touch()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    arguments = [sys.executable, "-m", "journalist_app.vault", "serve", "--dir", str(one.folder / "v1")]
    with subprocess.Popen([*arguments, "--stick", str(one.stick), "--port", port], stdout=subprocess.PIPE) as vault:
        assert vault.stdout is not None
        assert vault.stdout.readline().startswith(b"listening on")
        assert not left.exists()
        vault.terminate()
