# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Files on a disk that fills: refused by name, nothing of them left, and words arrive after them.
"""

from __future__ import annotations

import errno

import pytest

from source_app import limits, space
from source_app.errors import LeftError, NoRoomError, NoSpaceError
from source_app.intake import Intake
from source_app.sealed_file import HEAD
from store.disk import Disk
from store.engine import Store
from tests.source_app.commits import FORM, files, write_all
from tests.source_app.throwaway import Throwaway, new_store, sender


class FullDisk(Disk):
    """A disk that is full from some write on."""

    def __init__(self) -> None:
        self.left = 1 << 60

    def write(self, descriptor: int, buffer: object) -> int:
        self.left -= len(buffer)  # type: ignore[arg-type]
        if self.left < 0:
            raise OSError(errno.ENOSPC, "no space")
        return super().write(descriptor, buffer)  # type: ignore[arg-type]


def test_a_disk_that_fills_during_a_file_is_said_and_leaves_nothing(store: Store, organisation: Throwaway) -> None:
    """The file is refused as "full", what was written of it is removed, and when there is room again it arrives."""
    disk = FullDisk()
    store.close()
    full = new_store(store.folder, disk=disk)
    organisation.install(full)
    intake = Intake(full, reserve=0)
    disk.left = 5 * HEAD
    sink = intake.submission(sender(), FORM).file("a")
    with pytest.raises(NoSpaceError):
        write_all(sink, 20, HEAD)
    sink.abort()
    assert files(full) == []
    disk.left = 1 << 60
    again = intake.submission(sender(), FORM).file("a")
    again.write(bytes(20 * HEAD))
    assert again.finish().length == 20 * HEAD
    full.close()


def test_words_outlive_files(store: Store, organisation: Throwaway) -> None:
    """When only the reserve is left, a file is refused before a byte is taken and a message still arrives."""
    organisation.install(store)
    form = Intake(store, reserve=1 << 60).submission(sender(), FORM)
    with pytest.raises(NoRoomError):
        form.file("a")
    form.message("m")


def test_a_file_stops_at_the_reserve(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The free space is looked at again while a file grows; what others took meanwhile counts."""
    rooms = iter([1 << 30, 1 << 30, 0])
    monkeypatch.setattr(space, "free_for_files", lambda folder, reserve: next(rooms))
    monkeypatch.setattr(limits, "SPACE_STEP", 1 << 20)
    sink = intake.submission(sender(), FORM).file("a")
    with pytest.raises(NoRoomError):
        write_all(sink, 10, 1 << 19)
    sink.abort()
    assert files(intake.store) == []


def test_a_file_that_is_not_wanted_any_more_ends_on_its_way(store: Store, organisation: Throwaway) -> None:
    """Not after hours, at its commit: at the next look at the room. Nothing of it stays."""
    organisation.install(store)
    left: list[str] = []

    def wanted() -> None:
        if left:
            raise LeftError(*left)

    sink = Intake(store, reserve=0, writers=1 << 40).submission(sender(), FORM, wanted).file("a")
    write_all(sink, 3, HEAD)
    left.append("the visit was left")
    with pytest.raises(LeftError):
        write_all(sink, 2, HEAD)
    sink.abort()
    assert files(store) == []


def test_padding_is_looked_for_before_it_is_written(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file whose bytes found room, but whose padding does not, is refused at its end and leaves nothing."""
    monkeypatch.setattr(limits, "SPACE_STEP", 1 << 16)
    rooms = [1 << 30]
    monkeypatch.setattr(space, "free_for_files", lambda folder, reserve: rooms[0])
    sink = intake.submission(sender(), FORM).file("a")
    write_all(sink, 33, 60_000)
    rooms[0] = 0
    with pytest.raises(NoRoomError):
        sink.finish()
    sink.abort()
    assert files(intake.store) == []


def test_many_files_at_once_look_at_the_disk_more_often(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each may write its share of the free room before it looks again, for the others write meanwhile."""
    looks: list[int] = []

    def free(*_: object) -> int:
        looks.append(1)
        return 8 << 20

    monkeypatch.setattr(space, "free_for_files", free)
    sink = Intake(intake.store, reserve=0, writers=8).submission(sender(), FORM).file("a")
    write_all(sink, 10, 1 << 18)
    sink.abort()
    assert len(looks) >= 5
