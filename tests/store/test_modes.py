# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Who may open what in a store: the folder's bits, whatever the umask, and nobody beside its accounts.
"""

from __future__ import annotations

import datetime
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from store import batches, checkpoint, erase, items, modes, sweep, threads
from store.engine import Store, open_store
from store.errors import ExposedError
from store.schema import GATE, migrate
from tests.store.accounts import DESK, GROUP, OUTSIDER, ROOT, SOURCE, Account
from tests.store.factories import DAY, make_file, make_item

LOCATOR = bytes(range(32))


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every account may look into, and none but its owner change."""
    made = Path(tempfile.mkdtemp(prefix="store-modes-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def shared(place: Path, bits: int = 0o2770) -> Path:
    """A store folder as `dengwen setup` makes it, still empty."""
    folder = place / "store"
    folder.mkdir()
    if ROOT:
        os.chown(folder, SOURCE.user, GROUP)
    folder.chmod(bits)
    return folder


def bits_in(folder: Path) -> dict[str, set[int]]:
    """The bits of everything in a store."""
    found: dict[str, set[int]] = {"files": set(), "folders": set()}
    for path in folder.rglob("*"):
        found["folders" if path.is_dir() else "files"].add(stat.S_IMODE(path.lstat().st_mode))
    return found


def deposit(folder: Path) -> Store:
    """What the source app does: a message and a file. Whoever drops the store it returns lets the log and its index go at any time."""
    store = open_store(folder)
    row = [make_item(), make_file(store)]
    items.deposit(store, locator=LOCATOR, generation=1, items=row, day=DAY)
    return store


def upload_that_breaks_off(folder: Path) -> None:
    """What a killed source app leaves."""
    open_store(folder).blobs.create().write(b"half")


def take_out(folder: Path) -> None:
    """What the desk does when it takes a batch out: it reads every byte."""
    store = open_store(folder)
    for item in batches.pending(store, budget=1 << 40):
        assert sum(len(piece) for piece in batches.read(store, item.id)) > 0


def forget(folder: Path) -> None:
    """What either does: erase a thread, its blobs, and the log."""
    store = open_store(folder)
    thread = threads.find(store, LOCATOR)
    assert thread is not None
    erase.forget(store, thread.id, day=DAY)
    assert not checkpoint.unfinished(store)


def clear_up(folder: Path) -> None:
    """What the night's care does."""
    store = open_store(folder)
    swept = sweep.sweep(store, now=time.time() + 10, age=datetime.timedelta(0))
    assert (swept.incoming, swept.erased) == (1, True)
    store.rebuild()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o177])
@pytest.mark.parametrize(
    ("bits", "file", "below"), [(0o700, 0o600, 0o700), (0o2770, 0o660, 0o2770), (0o770, 0o660, 0o770)], ids=oct
)
def test_all_that_is_made_takes_after_the_folder(place: Path, umask: int, bits: int, file: int, below: int) -> None:
    """Database, log and its index, gate, blobs and half-written ones, folders: whatever the umask of the process is."""
    folder = shared(place, bits)

    def work() -> None:
        migrate(folder)
        store = open_store(folder)
        items.deposit(store, locator=LOCATOR, generation=1, items=[make_item(), make_file(store)], day=DAY)
        half = store.blobs.create()
        names = {path.name for path in folder.iterdir()}
        assert names == {"dengwen.db", "dengwen.db-wal", "dengwen.db-shm", GATE, "blobs", "incoming"}
        assert bits_in(folder) == {"files": {file}, "folders": {below}}
        half.abort()

    assert SOURCE.does(work, umask=umask) == ""
    assert bits_in(folder) == {"files": {file}, "folders": {below}}


def test_a_folder_made_here_is_for_its_owner_alone(place: Path) -> None:
    """Also below one that a group shares."""
    place.chmod(0o2775)
    migrate(place / "store")
    assert stat.S_IMODE((place / "store").stat().st_mode) == 0o700
    assert bits_in(place / "store") == {"files": {0o600}, "folders": {0o700}}


def test_two_accounts_share_a_store(place: Path) -> None:
    """One writes, the other reads all of it, erases it and clears up after the first; and the other way round."""
    folder = shared(place)
    assert SOURCE.does(lambda: migrate(folder)) == ""
    for first, second in ((SOURCE, DESK), (DESK, SOURCE)):
        assert first.does(lambda: deposit(folder)) == ""
        assert second.does(lambda: take_out(folder)) == ""
        assert second.does(lambda: deposit(folder)) == ""
        assert first.does(lambda: take_out(folder)) == ""
        assert first.does(lambda: upload_that_breaks_off(folder)) == ""
        assert second.does(lambda: forget(folder)) == ""
        assert second.does(lambda: clear_up(folder)) == ""
    assert bits_in(folder) == {"files": {0o660}, "folders": {0o2770}}
    if ROOT:
        assert {path.stat().st_gid for path in folder.rglob("*")} == {GROUP}


def test_both_write_while_both_have_it_open(place: Path) -> None:
    """The second finds log, index and gate that the first made and holds, and neither is in the other's way."""
    folder = shared(place)

    def one_within_the_other() -> None:
        migrate(folder)
        store = open_store(folder)
        items.deposit(store, locator=LOCATOR, generation=1, items=[make_item()], day=DAY)
        os.write(told, b"x")
        os.read(wait, 1)
        assert len(list(batches.pending(store, budget=1 << 40))) == 3

    (wait, done), (ready, told) = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os._exit(0 if SOURCE.does(one_within_the_other) == "" else 1)
    os.read(ready, 1)
    assert DESK.does(lambda: deposit(folder)) == ""
    os.write(done, b"x")
    assert os.waitpid(child, 0)[1] == 0
    for descriptor in (wait, done, ready, told):
        os.close(descriptor)


@pytest.mark.parametrize("bits", [0o700, 0o2770], ids=oct)
def test_an_outsider_can_do_nothing(place: Path, bits: int) -> None:
    """Neither enter nor list nor open, though every bit but the folder's were wrong."""
    folder = shared(place, bits)
    assert SOURCE.does(lambda: (migrate(folder), deposit(folder))) == ""
    assert stat.S_IMODE(folder.stat().st_mode) & 0o007 == 0
    if ROOT:
        for path in folder.rglob("*"):
            path.chmod(0o777)
    acts: tuple[Callable[[], object], ...] = (
        lambda: list(folder.iterdir()),
        (folder / "dengwen.db").read_bytes,
        lambda: (folder / GATE).open("ab"),
        lambda: (folder / "blobs/made").write_bytes(b""),
    )
    for act in acts if ROOT else ():
        assert OUTSIDER.does(act) == "PermissionError"


@pytest.mark.parametrize("bits", [0o701, 0o702, 0o704, 0o750 | 0o005, 0o2775, 0o777, 0o1777], ids=oct)
def test_a_folder_that_is_open_to_others_is_no_store(place: Path, bits: int) -> None:
    """Neither made nor opened; the error says the mode and what to make of it, and nothing lies in the folder."""
    folder = shared(place, bits)
    with pytest.raises(ExposedError, match=f"mode {bits:04o}; make it 0700, or 2770"):
        migrate(folder)
    assert list(folder.iterdir()) == []
    folder.chmod(0o700)
    migrate(folder)
    folder.chmod(bits)
    with pytest.raises(ExposedError):
        open_store(folder)


def test_a_store_is_given_to_a_group(place: Path) -> None:
    """After its folder was opened to the group, what lies astray is found and mended; a second time there is nothing."""
    folder = shared(place, 0o700)
    migrate(folder)
    with closing(deposit(folder)):
        assert list(modes.astray(folder)) == [] or ROOT
        folder.chmod(0o2770)
        astray = set(modes.astray(folder))
        assert astray == set(folder.rglob("*"))
        assert modes.mend(folder) == len(astray)
        assert list(modes.astray(folder)) == []
        assert bits_in(folder) == {"files": {0o660}, "folders": {0o2770}}
    for account in (SOURCE, DESK):
        assert account.does(lambda: (deposit(folder), take_out(folder))) == ""
    assert modes.mend(folder) == 0


def test_one_wrong_file_is_named(place: Path) -> None:
    """A blob that others may read, and nothing beside it."""
    folder = place / "store"
    migrate(folder)
    deposit(folder)
    (blob,) = (path for path in (folder / "blobs").rglob("*") if path.is_file())
    blob.chmod(0o604)
    assert list(modes.astray(folder)) == [blob]


@pytest.mark.parametrize(("bits", "umask"), [(0o700, 0o077), (0o2770, 0o007), (0o750, 0o027)])
def test_a_process_has_the_folders_umask(place: Path, bits: int, umask: int) -> None:
    """What is not the store's either gets no wider bits than it has."""
    assert modes.umask_of(shared(place, bits)) == umask


def test_accounts_are_others_where_they_can_be() -> None:
    """As root these tests run as three accounts; otherwise as one."""
    users: set[str] = set()
    for account in (SOURCE, DESK, OUTSIDER):
        users.add(account.does(_say_user))
    assert len(users) == (3 if ROOT else 1)
    assert isinstance(SOURCE, Account)


def _say_user() -> None:
    raise type(f"User{os.geteuid()}", (Exception,), {})
