# SPDX-License-Identifier: AGPL-3.0-or-later
"""
DESIGN §2: somebody floods, and it is the disk that they fill.

Words outlive files; those whom somebody waits for outlive those who come; what was cut leaves nothing.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from source_app import space
from source_app.limits import MIB, SPACE_LEAST
from store import lanes, threads
from store.disk import Buffer, Disk
from tests.source_app.window import House, Window

MANY = 10
#: A file of one MiB, padded and sealed.
SEALED = 1_100_000


@dataclass
class SmallDisk:
    """A disk of which so much is for files; what blobs take is gone from it."""

    house: House
    size: int

    def taken(self) -> int:
        folder = self.house.store.folder
        found = [path for part in ("blobs", "incoming") for path in (folder / part).rglob("*") if path.is_file()]
        return sum(_length(path) for path in found)

    def free(self, *_: object) -> int:
        return max(0, self.size - self.taken())


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Source pages over a store of their own."""
    opened = House.open(tmp_path, workers=1, threads=MANY)
    yield opened
    opened.store.close()


def _disk(house: House, monkeypatch: pytest.MonkeyPatch, size: int) -> SmallDisk:
    disk = SmallDisk(house, size)
    monkeypatch.setattr(space, "free_for_files", disk.free)
    return disk


def _files(house: House) -> list[str]:
    """The names of every file stored."""
    return [one.header.fields["name"] for one in house.organisation.opened(house.store) if one.header.kind == "file"]


def _send(window: Window, name: str, length: int) -> bool:
    """Whether a file arrived, by an open visit; if not, the page says what the way on is."""
    window.go("thread")
    window.send("answer", (name, bytes(length)))
    if window.page.status_code == 200:
        return True
    assert window.page.status_code == 503
    assert "no more room" in window.html
    return False


def test_ten_uploads_that_fill_the_disk_leave_room_for_words(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten at once, each alone fitting: those that fit arrive whole, the others leave nothing, half stays free, and all can go on writing."""
    disk = _disk(house, monkeypatch, 12 * MIB)
    windows = [Window(house) for _ in range(MANY)]
    for number, window in enumerate(windows):
        window.write(f"words {number}")
    arrived: dict[int, bool] = {}

    def upload(number: int) -> None:
        arrived[number] = _send(windows[number], f"file {number}", MIB)

    crowd = [threading.Thread(target=upload, args=(number,)) for number in range(MANY)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    kept = sorted(f"file {number}" for number, whole in arrived.items() if whole)
    assert len(arrived) == MANY
    assert 1 <= len(kept) <= disk.size // 2 // MIB
    assert sorted(_files(house)) == kept
    assert disk.taken() <= disk.size // 2 + MANY * SPACE_LEAST
    assert list((house.store.folder / "incoming").iterdir()) == []
    for number, window in enumerate(windows):
        window.go("thread")
        window.send("answer", message=f"more words {number}")
        assert window.page.status_code == 200
    assert len(house.texts()) == 2 * MANY


def test_a_disk_that_is_full_before_anybody_knew_cuts_files_and_nothing_else(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten uploads run into ENOSPC in the middle: every one is told, none is acknowledged, nothing is left; with room they arrive."""
    windows = [Window(house) for _ in range(MANY)]
    for number, window in enumerate(windows):
        window.write(f"words {number}")
    left = [3 * MIB]
    write = Disk.write

    def short(self: Disk, descriptor: int, buffer: Buffer) -> int:
        left[0] -= memoryview(buffer).nbytes
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "no space")
        return write(self, descriptor, buffer)

    monkeypatch.setattr(Disk, "write", short)
    statuses: dict[int, Any] = {}

    def upload(number: int) -> None:
        windows[number].go("thread")
        windows[number].send("answer", (f"file {number}", bytes(MIB)))
        statuses[number] = windows[number].page.status_code

    crowd = [threading.Thread(target=upload, args=(number,)) for number in range(MANY)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    kept = sorted(f"file {number}" for number, status in statuses.items() if status == 200)
    assert set(statuses.values()) <= {200, 503}
    assert sorted(_files(house)) == kept
    assert len(kept) < 3
    assert list((house.store.folder / "incoming").iterdir()) == []
    left[0] = 1 << 40
    assert all(_send(window, "again", MIB) for window in windows)
    assert len(house.texts()) == MANY


def test_a_flood_of_new_threads_silences_neither_a_known_one_nor_a_new_sentence(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Strangers send files until none finds room: the thread that was accepted sends all it was accepted for, and who comes says a sentence."""
    disk = _disk(house, monkeypatch, 12 * MIB)
    known = Window(house)
    words = known.write("I have three photographs, four megabytes")
    thread = threads.find(house.store, house.subkeys(words).locator)
    assert thread is not None
    lanes.accept(house.store, thread.id, length=4 * MIB, until=house.parts.intake.clock())
    flood = 0
    while True:
        stranger = Window(house)
        stranger.go("write")
        stranger.send("write", ("flood", bytes(MIB)), message=f"flood {flood}")
        if stranger.page.status_code != 200:
            break
        flood += 1
    assert flood == disk.size // 2 // SEALED
    assert stranger.page.status_code == 503
    assert "Send words first" in stranger.html
    # Its words got in all the same, and gave a codename.
    assert stranger.shows_codename()
    assert not _send(stranger, "flood again", MIB)
    for number in range(3):
        assert _send(known, f"photograph {number}", MIB)
    assert not _send(known, "more than was agreed", MIB)
    new = Window(house)
    new.write("one new sentence")
    assert {"one new sentence", f"flood {flood}"} <= set(house.texts())
    assert sorted(_files(house)) == sorted(["flood"] * flood + [f"photograph {number}" for number in range(3)])


def test_a_page_says_before_anybody_chooses_a_file_that_there_is_no_room(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the field stands what to do instead, the same for everybody; and the field stays, for those who were accepted."""
    _disk(house, monkeypatch, 0)
    window = Window(house)
    window.write("words")
    for name in ("write", "thread"):
        stranger = Window(house) if name == "write" else window
        stranger.go(name)
        assert "There is no room for files at the moment. Send words first" in stranger.html
        assert 'name="files"' in stranger.html
        assert "0 bytes" not in stranger.html
