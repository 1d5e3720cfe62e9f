# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The room of files: lanes as a form meets them, and what a page and a refusal tell of them.
"""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from source_app import space
from source_app.errors import NoRoomError, NoSpaceError
from source_app.intake import Intake
from source_app.limits import GIB, MIB, SPACE_LEAST, THREAD_BYTES, Limits, content_of
from source_app.space import Space
from source_app.submission import Submission
from store import erase, lanes, threads
from store.blobs import BlobWriter
from store.engine import Store
from store.items import NewItem
from tests.source_app.throwaway import Throwaway, new_store, sender
from tests.store.factories import make_file, make_item, make_locator, make_thread

DAY = datetime.date(2026, 11, 21)
NOBODY = bytes(32)
FORM = bytes(16)


class Disk:
    """A disk whose free room a test decides: blobs take from it, as they do from a real one."""

    def __init__(self, store: Store, size: int) -> None:
        self.size = size
        self._store = store

    def free(self, *_: object) -> int:
        folder = self._store.folder
        taken = sum(path.stat().st_size for part in ("blobs", "incoming") for path in (folder / part).rglob("*?" * 16))
        return max(0, self.size - taken)


def disk_of(store: Store, monkeypatch: pytest.MonkeyPatch, size: int) -> Disk:
    disk = Disk(store, size)
    monkeypatch.setattr(space, "free_for_files", disk.free)
    return disk


def space_of(store: Store, *, quota: int = THREAD_BYTES, writers: int = 1) -> Space:
    return Space(store, reserve=0, quota=quota, writers=writers, clock=lambda: DAY)


@pytest.mark.parametrize(
    ("free", "file"),
    [(0, 0), (100_000, 0), (200_000, 1 << 16), (10 * GIB, 4 * GIB), (20 * GIB, 8 * GIB), (44 * GIB, 16 * GIB)],
)
def test_what_the_lane_has_is_shown_as_a_power_of_two(
    store: Store, monkeypatch: pytest.MonkeyPatch, free: int, file: int
) -> None:
    """Neither the page nor the length that is just refused tells how much is free; and under what the shortest file takes it is none."""
    disk_of(store, monkeypatch, free)
    lowered = space_of(store).within(Limits(), None)
    assert (lowered.file, lowered.scarce) == (file, True)


def test_a_disk_with_room_changes_no_limit(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the organisation set stands as it is."""
    disk_of(store, monkeypatch, 46 * GIB)
    assert space_of(store).within(Limits(), NOBODY) == Limits()


def test_no_page_tells_how_much_a_thread_has_sent_or_that_it_was_accepted(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is shown is that of a codename never used, whatever form is judged by it."""
    disk_of(store, monkeypatch, 100 * GIB)
    locator = make_locator()
    made = make_thread(store, items=[make_file(store, size=200_000)], locator=locator)
    assert made.thread is not None
    tight = space_of(store, quota=1 << 18)
    before = tight.shown(Limits())
    assert before.file == content_of(1 << 18)
    assert tight.within(Limits(), locator).file == 0
    lanes.accept(store, made.thread, length=30 * GIB, until=DAY)
    assert tight.within(Limits(), locator) == Limits()
    assert space_of(store, quota=1 << 18).shown(Limits()) == before


def test_a_page_looks_at_the_room_now_and_then_and_a_form_each_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crowd of pages costs one look in two seconds; no form is refused by what was so before."""
    disk = disk_of(store, monkeypatch, 100 * GIB)
    room = space_of(store)
    assert room.shown(Limits()) == Limits()
    disk.size = 0
    assert room.shown(Limits()) == Limits()
    assert room.within(Limits(), None).file == 0
    monkeypatch.setattr(space, "SHOWN_SECONDS", 0.0)
    monkeypatch.setattr(room, "_again", 0.0)
    assert room.shown(Limits()).file == 0


def test_an_accepted_thread_goes_on_where_others_are_stopped(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lane of those nobody accepted is full; the one that was accepted has room up to its size, and no byte more."""
    disk_of(store, monkeypatch, 4 * MIB)
    organisation = Throwaway()
    organisation.install(store)
    intake = Intake(store, reserve=0, clock=lambda: DAY)
    form = intake.submission(sender(), FORM)
    form.message("I have two megabytes")
    while True:
        try:
            make_thread(store, items=[_filled(intake)])
        except NoRoomError:
            break
    with pytest.raises(NoRoomError):
        form.file("wanted")
    thread = threads.find(store, sender().locator)
    assert thread is not None
    lanes.accept(store, thread.id, length=MIB, until=DAY)
    _send(form, "wanted", 900_000)
    with pytest.raises(NoRoomError):
        _send(form, "too much", 200_000)
    lanes.take_back(store, thread.id)
    with pytest.raises(NoRoomError):
        form.file("not any more")


def _send(form: Submission, name: str, length: int) -> None:
    sink = form.file(name)
    try:
        for start in range(0, length, 100_000):
            sink.write(bytes(min(100_000, length - start)))
        sink.finish()
    finally:
        sink.abort()


def _filled(intake: Intake) -> NewItem:
    intake.space.step(NOBODY, 256_000, writing=0)
    return make_file(intake.store, size=256_000)


def test_a_quota_ends_a_file_that_is_on_its_way(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one thread nobody accepted no more than its quota lies here; what was forgotten gives room again."""
    disk_of(store, monkeypatch, 100 * MIB)
    Throwaway().install(store)
    intake = Intake(store, reserve=0, quota=MIB, clock=lambda: DAY)
    form = intake.submission(sender(), FORM)
    _send(form, "first", 600_000)
    with pytest.raises(NoRoomError):
        _send(form, "second", 600_000)
    _send(intake.submission(sender(2), FORM), "of somebody else", 600_000)
    thread = threads.find(store, sender().locator)
    assert thread is not None
    assert thread.files < MIB
    erase.forget(store, thread.id, day=DAY)
    assert intake.space.within(Limits(), sender().locator).file == content_of(MIB)


def test_short_files_have_the_first_half_of_a_lane(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte takes a bucket: a flood of them ends at half of the lane, longer files go on, and so do short ones of an accepted thread."""
    disk_of(store, monkeypatch, 8 * MIB)
    Throwaway().install(store)
    intake = Intake(store, reserve=0, clock=lambda: DAY)
    flood = intake.submission(sender(), FORM)
    count = 0
    while True:
        try:
            _send(flood, str(count), 1)
        except NoRoomError:
            break
        count += 1
    assert count * 66_000 == pytest.approx(2 * MIB, rel=0.1)
    other = intake.submission(sender(2), FORM)
    other.message("words")
    with pytest.raises(NoRoomError):
        _send(other, "a short one", 60_000)
    _send(other, "a longer one", MIB)
    thread = threads.find(store, sender(2).locator)
    assert thread is not None
    lanes.accept(store, thread.id, length=3 * MIB, until=DAY)
    _send(other, "a short one", 60_000)


def test_no_room_is_a_kind_of_no_space() -> None:
    """Whoever answers the one answers the other."""
    assert issubclass(NoRoomError, NoSpaceError)


writes = st.lists(
    st.tuples(st.integers(0, 5), st.integers(1, 500_000), st.sampled_from(["begin", "write", "commit", "abort"])),
    min_size=10,
    max_size=60,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(writes=writes, size=st.integers(1 * MIB, 6 * MIB))
def test_however_files_come_the_lane_is_never_more_than_half(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[int, int, str]], size: int
) -> None:
    """Six at once, each asking as a file does: together they never have more than half of the disk's room, and a write's share of each."""
    store = new_store(tmp_path_factory.mktemp("space") / "store")
    disk = Disk(store, size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(space, "free_for_files", disk.free)
        room = space_of(store, writers=6)
        going: dict[int, tuple[BlobWriter, int]] = {}
        for which, length, act in writes:
            writer, left = going.pop(which) if which in going else (store.blobs.create(), 0)
            if act == "commit" and writer.length:
                item = replace(make_item(), length=writer.length, blob=writer.commit(), payload=None)
                make_thread(store, items=[item])
            elif act == "abort":
                writer.abort()
            else:
                left -= length
                try:
                    if left < 0:
                        left = room.step(NOBODY, length, writing=writer.length) - length
                except NoRoomError:
                    writer.abort()
                else:
                    writer.write(bytes(length))
                    going[which] = (writer, left)
            assert size - disk.free() <= size // 2 + 6 * SPACE_LEAST
        for writer, _ in going.values():
            writer.abort()
    store.close()
