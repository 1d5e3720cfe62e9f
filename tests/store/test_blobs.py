# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Blobs: the order of their becoming durable, and what is left when it fails.
"""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest
from sqlalchemy import event

from store.disk import Disk
from store.engine import Store
from store.errors import DamagedError, FullError
from store.items import deposit
from store.sweep import missing, sweep
from tests.store.factories import DAY, make_file, make_item, make_locator, make_store


class RecordingDisk(Disk):
    """
    The real disk, with a list of what was asked of it.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []

    def sync(self, descriptor: int) -> None:
        self.calls.append("fsync")
        super().sync(descriptor)

    def rename(self, old: Path, new: Path) -> None:
        self.calls.append("rename")
        super().rename(old, new)

    def sync_folder(self, path: Path) -> None:
        self.calls.append("folder fsync")
        super().sync_folder(path)


class FailingDisk(Disk):
    """
    A disk that fails at one kind of call, after some bytes.
    """

    def __init__(self, call: str, number: int = errno.ENOSPC, room: int = 0) -> None:
        self.call = call
        self.number = number
        self.room = room
        self.failing = True

    def _fail(self, call: str) -> None:
        if self.failing and call == self.call:
            raise OSError(self.number, os.strerror(self.number))

    def create(self, path: Path) -> int:
        self._fail("create")
        return super().create(path)

    def write(self, descriptor: int, buffer) -> int:
        if self.failing and self.call == "write":
            if self.room == 0:
                self._fail("write")
            # A short write first, as a real disk does.
            buffer = memoryview(buffer)[: self.room]
            self.room -= len(buffer)
        return super().write(descriptor, buffer)

    def sync(self, descriptor: int) -> None:
        self._fail("sync")
        super().sync(descriptor)

    def rename(self, old: Path, new: Path) -> None:
        self._fail("rename")
        super().rename(old, new)

    def sync_folder(self, path: Path) -> None:
        self._fail("sync_folder")
        super().sync_folder(path)


def files(store: Store) -> list[Path]:
    return [path for part in ("blobs", "incoming") for path in (store.folder / part).rglob("*") if path.is_file()]


def test_a_blob_is_durable_before_its_row_is_committed(tmp_path: Path):
    """
    The order is: fsync, rename, fsync of the folder, commit; only then does deposit return.
    """
    disk = RecordingDisk()
    store = make_store(tmp_path / "store", disk=disk)
    event.listen(store._process().writers, "commit", lambda _: disk.calls.append("commit"))
    deposit(store, locator=make_locator(), generation=1, items=[make_file(store)], day=DAY)
    disk.calls.append("returned")
    assert disk.calls == ["fsync", "rename", "folder fsync", "commit", "returned"]
    store.close()


def test_a_committed_blob_reads_as_it_was_written(store: Store):
    """
    Bytes given in pieces of any buffer type come back whole.
    """
    with store.blobs.create() as writer:
        writer.write(b"one ")
        writer.write(bytearray(b"two "))
        writer.write(memoryview(b"three"))
        assert writer.length == 13
        name = writer.commit()
    with store.blobs.open(name) as blob:
        assert blob.read() == b"one two three"


def test_an_aborted_blob_leaves_nothing(store: Store):
    """
    Neither abort nor an exception in the block leaves a file.
    """
    with store.blobs.create() as writer:
        writer.write(b"cut")
    writer.abort()
    assert files(store) == []
    with pytest.raises(ValueError, match="aborted"):
        writer.write(b"more")


@pytest.mark.parametrize("call", ["create", "write", "sync", "rename", "sync_folder"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_at_any_call_is_full_and_leaves_nothing(tmp_path: Path, call: str, number: int):
    """
    Whichever call finds no room, the error is FullError, no file stays, and the next blob succeeds.
    """
    disk = FailingDisk(call, number, room=1000)
    store = make_store(tmp_path / "store", disk=disk)
    with pytest.raises(FullError):
        make_file(store, size=5000)
    assert files(store) == []
    disk.failing = False
    deposit(store, locator=make_locator(), generation=1, items=[make_file(store)], day=DAY)
    assert missing(store) == 0


def test_another_failure_of_the_disk_is_not_called_full(tmp_path: Path):
    """
    An input/output error comes through as itself; the blob is gone all the same.
    """
    store = make_store(tmp_path / "store", disk=FailingDisk("sync", errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        make_file(store)
    assert files(store) == []


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 32, "0" * 31, "0" * 33, "0" * 32 + "\n"])
def test_a_name_that_is_no_blobs_is_refused(store: Store, name: str):
    """
    No string from a damaged row reaches the filesystem.
    """
    with pytest.raises(DamagedError):
        store.blobs.open(name)


def test_a_missing_blob_is_damage(store: Store):
    """
    A well-formed name without a file is DamagedError.
    """
    with pytest.raises(DamagedError):
        store.blobs.open("0" * 32)


def test_the_sweeper_removes_blobs_without_rows_and_keeps_the_others(store: Store):
    """
    Of two old blobs the one without a row goes.
    """
    kept, orphan = make_file(store), make_file(store)
    deposit(store, locator=make_locator(), generation=1, items=[kept], day=DAY)
    swept = sweep(store, now=time.time() + 200_000)
    assert swept.blobs == 1
    assert list(store.blobs.names()) == [kept.blob]
    assert not store.blobs.has(orphan.blob or "")


def test_the_sweeper_leaves_young_blobs_alone(store: Store):
    """
    A blob whose row is still to come is younger than a day.
    """
    coming = make_file(store)
    assert sweep(store, now=time.time()).blobs == 0
    deposit(store, locator=make_locator(), generation=1, items=[coming], day=DAY)
    assert missing(store) == 0


def test_a_blob_that_was_swept_is_never_acknowledged(store: Store):
    """
    A deposit that comes a day after its blob finds it gone and is refused whole.
    """
    late = make_file(store)
    sweep(store, now=time.time() + 200_000)
    with pytest.raises(DamagedError):
        deposit(store, locator=make_locator(), generation=1, items=[make_item(), late], day=DAY)
    assert missing(store) == 0


def test_the_sweeper_removes_dead_incoming_files_and_spares_living_ones(store: Store):
    """
    An old file goes when nobody holds it; one whose writer lives stays however old it is.
    """
    living = store.blobs.create()
    living.write(b"slow")
    dead = store.folder / "incoming" / ("d" * 32)
    dead.write_bytes(b"left by a killed worker")
    assert sweep(store, now=time.time()).incoming == 0
    assert sweep(store, now=time.time() + 200_000).incoming == 1
    assert not dead.exists()
    living.write(b"ly")
    with store.blobs.open(living.commit()) as blob:
        assert blob.read() == b"slowly"
