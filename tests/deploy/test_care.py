# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The night's care: it gives room back first, does what it can, names what it could not, and does not believe every clock.
"""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

import deploy.care
from deploy import server
from deploy.care import LAST, MOST_DAYS, Cared, care
from deploy.cli import main
from deploy.errors import DeployError
from store import checkpoint, lanes, replies, reviewers, slips, threads
from store.engine import Store
from tests.store.factories import locator_of, make_reply, make_thread

DAY = datetime.date(2025, 3, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A server's folder, in an ordinary night after ordinary nights."""
    server.initialise(tmp_path / "d", "Centre")
    night(tmp_path / "d", DAY)
    return tmp_path / "d"


def night(folder: Path, day: datetime.date, *, day_is_right: bool = False, rebuild: bool = False) -> Cared:
    """Care as of a day."""
    return care(folder, day=lambda: day, day_is_right=day_is_right, rebuild=rebuild)


def a_reply_that_runs_out(store: Store, expires: datetime.date) -> bytes:
    """A thread with one reply; the thread."""
    thread = make_thread(store).thread
    assert thread is not None
    replies.publish(store, thread, make_reply(expires=expires))
    return thread


def left_over(folder: Path) -> Path:
    """A file that an upload left when its worker died, two days ago."""
    path = server.opened(folder).folder / "incoming" / ("0" * 32)
    path.write_bytes(b"x")
    os.utime(path, (1_000_000, 1_000_000))
    return path


def test_a_clock_that_jumped_ahead_destroys_nothing(folder: Path) -> None:
    """A night a month ahead is refused before anything expires; somebody who looked at the clock can say that it is right."""
    store = server.opened(folder)
    thread = a_reply_that_runs_out(store, DAY + datetime.timedelta(days=14))
    later = DAY + datetime.timedelta(days=31)
    with pytest.raises(DeployError, match="--day-is-right"):
        night(folder, later)
    assert len(replies.slots(store, locator_of(store, thread), offset=0, count=9)) == 1
    assert night(folder, later, day_is_right=True).expired_replies == 1
    assert (folder / LAST).read_text() == f"{later}\n"
    assert night(folder, later + datetime.timedelta(days=MOST_DAYS)).failed == ()


def test_slips_and_acceptances_run_out(folder: Path) -> None:
    """On its day a slip goes; on the day after its last an acceptance leaves the row; younger ones stay."""
    store = server.opened(folder)
    thread = make_thread(store).thread
    assert thread is not None
    for number, days in ((1, 0), (2, 1)):
        slips.put(
            store,
            digest=bytes([number]) * 32,
            locator=bytes(32),
            generation=1,
            sealed=b"sealed",
            expires=DAY + datetime.timedelta(days=days),
        )
    lanes.accept(store, thread, length=1 << 30, until=DAY)
    assert night(folder, DAY).expired_slips == 1
    assert threads.get(store, thread).accepted_until == DAY
    assert night(folder, DAY + datetime.timedelta(days=1)).expired_slips == 1
    assert threads.get(store, thread).accepted_until is None


@pytest.mark.parametrize(("days", "believed"), [(-40, True), (0, True), (MOST_DAYS, True), (MOST_DAYS + 1, False)])
def test_a_day_is_believed_up_to_two_after_the_last(folder: Path, days: int, *, believed: bool) -> None:
    """A night or two may be missed; a clock that went back destroys nothing."""
    day = DAY + datetime.timedelta(days=days)
    if believed:
        assert night(folder, day).failed == ()
        assert (folder / LAST).read_text() == f"{day}\n"
    else:
        with pytest.raises(DeployError, match=f"on {DAY} and the clock says {day}"):
            night(folder, day)
        assert (folder / LAST).read_text() == f"{DAY}\n"


@pytest.mark.parametrize("text", ["", "yesterday", "2025-13-01", "2025-03-01\n" * 100, "٢٠٢٥-03-01"])
def test_a_last_day_that_is_none_is_refused(folder: Path, text: str) -> None:
    """Nothing is guessed; somebody has to say that the day is right."""
    (folder / LAST).write_text(text)
    with pytest.raises(DeployError, match="holds no day"):
        night(folder, DAY)
    assert night(folder, DAY, day_is_right=True).failed == ()


def test_a_step_that_fails_stops_no_other(folder: Path) -> None:
    """With the table of deletions gone, left-over files are swept, replies expire, the day is kept; what failed is named."""
    store = server.opened(folder)
    thread = a_reply_that_runs_out(store, DAY)
    path = left_over(folder)
    with store.write() as connection:
        connection.exec_driver_sql("ALTER TABLE deletions RENAME TO gone")
    done = night(folder, DAY)
    assert not path.exists()
    assert (done.swept_blobs, done.expired_replies) == (1, 1)
    assert replies.slots(store, locator_of(store, thread), offset=0, count=9) == ()
    assert [line.split(":")[0] for line in done.failed] == ["deletions that are due"]


def test_left_over_files_go_before_anything_is_written(folder: Path) -> None:
    """Where nothing can be written to the database, the room they took is given back all the same."""
    store = server.opened(folder)
    a_reply_that_runs_out(store, DAY)
    path = left_over(folder)
    with store.write() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE DELETE ON replies BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    done = night(folder, DAY)
    assert not path.exists()
    assert [line.split(":")[0] for line in done.failed] == ["replies that ran out"]


def test_what_failed_ends_the_command_with_one(folder: Path) -> None:
    """The counts are printed, what failed is one sentence, and a timer sees that something is wrong."""
    store = server.opened(folder)
    with store.write() as connection:
        connection.exec_driver_sql("ALTER TABLE deletions RENAME TO gone")
    done = CliRunner().invoke(main, ["server", "care", "--dir", str(folder), "--day-is-right"])
    assert done.exit_code == 1
    assert "replies expired: 0" in done.stdout
    assert "not done: deletions that are due" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_store_that_is_gone_is_one_sentence(folder: Path) -> None:
    """No traceback for an error of the store."""
    (folder / "store" / "dengwen.db").unlink()
    done = CliRunner().invoke(main, ["server", "care", "--dir", str(folder)])
    assert (done.exit_code, done.stderr) == (1, "Error: there is no store here\n")


def test_a_large_database_is_rebuilt_only_when_it_is_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writers would wait for minutes: the output says that it is due, and how; asked for, it is done."""
    store = server.opened(folder)
    with store.write() as connection:
        checkpoint.after_erasing(store, connection)
    monkeypatch.setattr(deploy.care, "REBUILD_BYTES", 1)
    assert night(folder, DAY).rebuild_due
    said = CliRunner().invoke(main, ["server", "care", "--dir", str(folder), "--day-is-right"]).stdout
    assert "--rebuild" in said
    assert not night(folder, DAY, rebuild=True).rebuild_due
    assert not checkpoint.rebuild_due(store)
    assert not night(folder, DAY).rebuild_due


def test_a_small_database_is_rebuilt_in_the_night(folder: Path) -> None:
    """After an erasure, once."""
    store = server.opened(folder)
    with store.write() as connection:
        checkpoint.after_erasing(store, connection)
    assert not night(folder, DAY).rebuild_due
    assert not checkpoint.rebuild_due(store)


def test_nobody_is_let_in_without_a_line_in_the_audit_log(folder: Path) -> None:
    """When the log cannot be written, the login does not exist."""
    store = server.opened(folder)
    with store.write() as connection:
        connection.exec_driver_sql("CREATE TRIGGER no_log BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END")
    with pytest.raises(Exception, match="no"):
        server.add_person(folder, "amber", role="operator", seat=None)
    assert reviewers.everyone(store) == ()
