# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Connections, the gate, and transactions that join.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path

import pytest
from sqlalchemy import text, update

from store import connections
from store.connections import PRAGMAS
from store.engine import Store, open_store
from store.errors import DamagedError, NotInstalledError, OverloadedError, StoreError
from store.items import deposit
from store.models import OrganisationRow
from store.schema import migrate
from store.threads import find
from tests.store.factories import DAY, make_item, make_locator

RAISE_VERSION = update(OrganisationRow).values(version=OrganisationRow.version + 1)


def read_version(store: Store) -> int:
    with store.read() as connection:
        return connection.execute(text("SELECT version FROM organisation")).scalar_one()


def require_pragmas(connection) -> None:
    for name, (_, expected) in PRAGMAS.items():
        assert connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() == expected, name


def test_every_connection_has_the_pragmas_also_pooled_ones_used_again(store: Store):
    """
    More connections than the pool keeps, all at once, twice over, and a writer's: each reads back every pragma.
    """
    for _ in range(2):
        with ExitStack() as open_at_once:
            for _ in range(connections.CONNECTIONS + 4):
                require_pragmas(open_at_once.enter_context(store.read()))
    with store.write() as connection:
        require_pragmas(connection)
    store.empty_log()
    with store.read() as connection:
        require_pragmas(connection)


def test_a_pragma_that_does_not_read_back_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """
    A SQLite that would not take secure_delete cannot be used.
    """
    migrate(tmp_path / "store")
    monkeypatch.setitem(PRAGMAS, "secure_delete", ("OFF", 1))
    with pytest.raises(StoreError, match="secure_delete"):
        open_store(tmp_path / "store")


def test_a_folder_without_a_store_is_refused(tmp_path: Path):
    """
    Opening never creates.
    """
    with pytest.raises(NotInstalledError):
        open_store(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_named_damaged(tmp_path: Path):
    """
    Bytes that are not SQLite's give DamagedError.
    """
    (tmp_path / "dengwen.db").write_bytes(b"not a database " * 1000)
    with pytest.raises(DamagedError):
        open_store(tmp_path)


def test_everything_in_the_folder_is_its_owners_alone(store: Store):
    """
    No file or folder of the store is readable by group or others, the write-ahead log included.
    """
    deposit(store, locator=make_locator(), generation=1, items=[make_item()], day=DAY)
    for path in [store.folder, *store.folder.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_block_that_raises_leaves_nothing(store: Store):
    """
    A write block that raises is undone, and what was to follow its commit does not happen.
    """
    happened: list[str] = []
    with pytest.raises(ZeroDivisionError), store.write() as connection:  # noqa: PT012  (the whole block is undone)
        connection.execute(RAISE_VERSION)
        store.after_commit(lambda: happened.append("after"))
        _ = 1 / 0
    assert read_version(store) == 0
    assert happened == []


def test_an_inner_block_joins_and_can_be_undone_alone(store: Store):
    """
    An inner block that raises is undone with its own after-acts; the outer one goes on.
    """
    happened: list[str] = []
    with store.write() as outer:
        outer.execute(RAISE_VERSION)
        with pytest.raises(ZeroDivisionError), store.write() as inner:  # noqa: PT012  (the whole block is undone)
            inner.execute(RAISE_VERSION)
            store.after_commit(lambda: happened.append("inner"))
            _ = 1 / 0
        with store.write() as inner:
            inner.execute(RAISE_VERSION)
            store.after_commit(lambda: happened.append("second inner"))
        assert read_version(store) == 2
        assert happened == []
    assert read_version(store) == 2
    assert happened == ["second inner"]


def test_after_commit_outside_a_block_is_refused(store: Store):
    """
    There is nothing to wait for, so it is an error.
    """
    with pytest.raises(StoreError):
        store.after_commit(list)


def test_the_log_is_not_emptied_inside_a_transaction(store: Store):
    """
    It would wait for itself.
    """
    with store.write(), pytest.raises(StoreError):
        store.empty_log()


def test_threads_of_one_process_write_one_after_another(store: Store):
    """
    Eight threads adding to one number lose none of their additions.
    """

    def work() -> None:
        for _ in range(20):
            with store.write() as connection:
                connection.execute(RAISE_VERSION)

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert read_version(store) == 160


def _add(folder: Path, times: int) -> None:
    store = open_store(folder)
    for _ in range(times):
        with store.write() as connection:
            connection.execute(RAISE_VERSION)


def test_processes_write_one_after_another_through_the_gate(store: Store):
    """
    Two processes adding to one number lose none of their additions and meet no busy database.
    """
    context = get_context("spawn")
    workers = [context.Process(target=_add, args=(store.folder, 50)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert read_version(store) == 100


def test_a_gate_held_by_a_killed_process_opens(store: Store):
    """
    The kernel lets go of the lock of a process that was killed while it wrote.
    """
    child = os.fork()
    if child == 0:
        with store.write() as connection:
            connection.execute(RAISE_VERSION)
            os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    with store.write() as connection:
        connection.execute(RAISE_VERSION)
    assert read_version(store) == 1


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_store_used_before_a_fork_works_in_parent_and_child(store: Store):
    """
    The child makes its own connections and gate, and the parent's stay whole.
    """
    locator = make_locator()
    deposit(store, locator=locator, generation=1, items=[make_item()], day=DAY)
    child = os.fork()
    if child == 0:
        try:
            deposit(store, locator=locator, generation=1, items=[make_item()], day=DAY)
        finally:
            found = find(store, locator)
            os._exit(0 if found is not None and found.items == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
    deposit(store, locator=locator, generation=1, items=[make_item()], day=DAY)
    found = find(store, locator)
    assert found is not None
    assert found.items == 3


def test_opening_leaves_no_file_open(store: Store):
    """
    What gunicorn forks after preloading is a store without a connection or a lock.
    """
    fresh = open_store(store.folder)
    here = {os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")}  # noqa: PTH208  (names of numbers)
    assert fresh._here is None
    assert not any(path.startswith(str(store.folder)) for path in here)


def test_readers_read_while_forty_writers_wait_at_the_gate(store: Store):
    """
    Whoever waits for the gate holds no connection, so a held gate delays no page.
    """
    waiting = threading.Semaphore(0)

    def write() -> None:
        waiting.release()
        with store.write() as connection:
            connection.execute(RAISE_VERSION)

    writers = [threading.Thread(target=write) for _ in range(40)]
    with store.write():
        for writer in writers:
            writer.start()
        for _ in writers:
            waiting.acquire()
        time.sleep(0.2)
        seen: list[int] = []
        reader = threading.Thread(target=lambda: seen.append(read_version(store)), daemon=True)
        reader.start()
        reader.join(5)
        assert seen == [0]
    for writer in writers:
        writer.join()
    assert read_version(store) == 40


def test_too_many_readers_are_said_to_be_too_many(store: Store, monkeypatch: pytest.MonkeyPatch):
    """
    A reader who gets no connection in time has an error of the store, not of a library.
    """
    monkeypatch.setattr(store._process().readers.pool, "_timeout", 0.05)
    with ExitStack() as open_at_once:
        for _ in range(connections.CONNECTIONS + connections.MORE_CONNECTIONS):
            open_at_once.enter_context(store.read())
        with pytest.raises(OverloadedError), store.read():
            pass


def test_rows_of_one_query_leave_nothing_open_and_see_their_own_thread_s_transaction(store: Store):
    """
    Other threads see what is durable; the thread that writes sees what it wrote; no reader is left that would keep the log from being emptied.
    """
    asked = "SELECT version FROM organisation WHERE version >= :least"
    seen: list[list[tuple[int]]] = []
    with store.write() as connection:
        connection.execute(RAISE_VERSION)
        other = threading.Thread(target=lambda: seen.append(store.rows(asked, {"least": 0})))
        other.start()
        other.join()
        assert (seen, store.rows(asked, {"least": 1})) == ([[(0,)]], [(1,)])
    assert store.rows(asked, {"least": 1}) == [(1,)]
    assert store.rows(asked, {"least": 2}) == []
    assert store.empty_log()


def test_rows_fail_as_every_read_does(store: Store, monkeypatch: pytest.MonkeyPatch):
    """
    Too many readers are an error of the store, and a connection whose query failed is given back.
    """
    for _ in range(connections.CONNECTIONS + connections.MORE_CONNECTIONS + 1):
        with pytest.raises(sqlite3.OperationalError):
            store.rows("SELECT one FROM nowhere", {})
    monkeypatch.setattr(store._process().readers.pool, "_timeout", 0.05)
    with ExitStack() as open_at_once:
        for _ in range(connections.CONNECTIONS + connections.MORE_CONNECTIONS):
            open_at_once.enter_context(store.read())
        with pytest.raises(OverloadedError):
            store.rows("SELECT version FROM organisation", {})
    assert store.rows("SELECT version FROM organisation", {}) == [(0,)]
