# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The store: opening, integrity, orphans, care, erasures, owners and modes; judged from facts, and looked up in a real one.
"""

from __future__ import annotations

import datetime
import os
import stat
import subprocess
from pathlib import Path

import pytest

from deploy.doctor import store_health
from deploy.doctor.integrity import look_through
from deploy.doctor.machine import Deadline, Unseen
from deploy.doctor.modes import BY_SETUP, NO_OTHERS, OWNER_ALONE, Node, Rule, inside_store, owners_and_modes
from deploy.doctor.read_orphans import any_left_over
from deploy.doctor.read_silence import signs
from deploy.doctor.silence import Sign
from deploy.doctor.store_health import Integrity
from deploy.errors import CannotLookError
from store import batches, returns
from store.engine import Store
from tests.store.factories import make_file, make_store

DAY = datetime.date(2026, 11, 21)
D = "/var/lib/dengwen"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty one."""
    return make_store(tmp_path / "store")


def test_a_store_that_does_not_open_is_urgent() -> None:
    """With the reason, and what to copy before anything else."""
    assert store_health.opens("", D).ok
    found = store_health.opens("the store is of version 3, this is 4", D)
    assert (found.urgent, found.seen) == (True, "The store does not open: the store is of version 3, this is 4.")
    assert f"cp -a {D}/store /var/backups/store-copy" in found.fix


def test_a_damaged_database_is_urgent_and_an_unfinished_look_is_not_well() -> None:
    """Each with the command."""
    whole = store_health.integrity(Integrity(fault="", finished=True, day=DAY), "/d/dengwen.db")
    damaged = store_health.integrity(Integrity(fault="row 3 missing", finished=True, day=DAY), "/d/dengwen.db")
    late = store_health.integrity(Integrity(fault="", finished=False, day=DAY), "/d/dengwen.db")
    assert (whole.ok, whole.seen) == (True, "SQLite looked its file through on 2026-11-21 and found it whole.")
    assert (damaged.urgent, damaged.seen) == (True, "The database is damaged: row 3 missing.")
    assert "cp -a /d/dengwen.db* /var/backups/" in damaged.fix
    assert (late.ok, late.urgent) == (False, False)
    assert late.seen.startswith("Could not be checked to the end")
    assert "PRAGMA quick_check" in late.fix
    unseen = store_health.integrity(Unseen("there was no time left"), "/d/dengwen.db")
    assert (unseen.ok, unseen.urgent, unseen.seen) == (False, False, "Could not be checked: there was no time left.")


def test_orphans_and_missing_files_are_told_apart() -> None:
    """One takes room, the other is a loss."""
    assert store_health.left_over(any_left=False, folder=D).ok
    left = store_health.left_over(any_left=True, folder=D)
    assert (left.ok, left.urgent, left.fix) == (False, False, f"Type: dengwen server care --dir {D}")
    assert store_health.missing_files(0, D).ok
    assert store_health.missing_files(1, D).seen == "A file that a row names is not there."
    two = store_health.missing_files(2, D)
    assert (two.urgent, two.seen) == (True, "2 files that a row names are not there.")
    assert f"{D}/store/blobs" in two.fix


@pytest.mark.parametrize(
    ("last", "ok", "seen", "fix"),
    [
        (DAY, True, "It was done on 2026-11-21.", ""),
        (DAY - datetime.timedelta(days=2), True, "It was done on 2026-11-19.", ""),
        (DAY - datetime.timedelta(days=3), False, "It was done last on 2026-11-18, 3 days ago.", "--day-is-right"),
        (DAY + datetime.timedelta(days=1), False, "It was done on 2026-11-22, which is after today", "timedatectl"),
        (None, False, "It was never done here.", "systemctl start dengwen-care.service"),
    ],
)
def test_care_may_miss_a_night_and_no_more(last: datetime.date | None, *, ok: bool, seen: str, fix: str) -> None:
    """Two nights, as care itself believes its clock."""
    found = store_health.care(last, DAY, D)
    assert found.ok is ok
    assert found.seen.startswith(seen)
    assert fix in found.fix


def test_an_unfinished_erasure_is_told() -> None:
    """Until the log was emptied."""
    assert store_health.erasures(unfinished=False, folder=D).ok
    found = store_health.erasures(unfinished=True, folder=D)
    assert (found.ok, found.urgent) == (False, False)
    assert f"dengwen server care --dir {D}" in found.fix


# Looking through a real database


def look(store: Store, tmp_path: Path, *, small: int = 1 << 30, seconds: float = 60.0) -> Integrity:
    return look_through(store, kept=tmp_path / "integrity", day=DAY, deadline=Deadline(seconds), small=small)


def test_a_whole_database_is_found_whole(store: Store, tmp_path: Path) -> None:
    """A small one in every run, and nothing is kept."""
    assert look(store, tmp_path) == Integrity(fault="", finished=True, day=DAY)
    assert not (tmp_path / "integrity").exists()


def test_a_large_database_is_looked_through_once_a_day(store: Store, tmp_path: Path) -> None:
    """Its day is kept, and believed for that day alone."""
    (tmp_path / "integrity").write_text("nonsense")
    assert look(store, tmp_path, small=0).finished
    assert (tmp_path / "integrity").read_text() == "2026-11-21\n"
    damage(store)
    assert look(store, tmp_path, small=0).fault == ""
    (tmp_path / "integrity").write_text("2026-11-20\n")
    assert look(store, tmp_path, small=0).fault != ""


def damage(store: Store) -> None:
    """An index that lacks what its table has."""
    with store.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a TEXT)")
        connection.exec_driver_sql("CREATE INDEX i ON t (a)")
        connection.exec_driver_sql("INSERT INTO t VALUES ('x')")
        page = connection.exec_driver_sql("SELECT rootpage FROM sqlite_schema WHERE name = 't'").scalar_one()
        size = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
    assert store.empty_log()
    store.close()
    with (store.folder / "dengwen.db").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * 16)


def test_a_damaged_database_is_found_damaged(store: Store, tmp_path: Path) -> None:
    """SQLite's own word for it."""
    damage(store)
    found = look(store, tmp_path)
    assert found.finished
    assert found.fault


def test_a_look_without_time_is_an_honest_one(store: Store, tmp_path: Path) -> None:
    """No time left in the run is no good news."""
    with pytest.raises(CannotLookError):
        look(store, tmp_path, seconds=0.0)


# Files without rows


def test_old_files_that_no_row_names_are_found_and_not_touched(store: Store) -> None:
    """Doctor looks; the night's care sweeps."""
    now = 2_000_000_000.0
    item = make_file(store)
    assert item.blob is not None
    assert any_left_over(store, now=now)
    assert store.blobs.has(item.blob)
    assert not any_left_over(store, now=store.blobs.committed_at(item.blob) or 0.0)


def test_an_old_unfinished_upload_is_found(store: Store) -> None:
    """A file in incoming/ that nobody writes to any more."""
    path = store.folder / "incoming" / ("0" * 32)
    path.write_bytes(b"x")
    assert not any_left_over(store, now=path.stat().st_mtime)
    os.utime(path, (1_000_000, 1_000_000))
    assert any_left_over(store, now=path.stat().st_ctime)


# Signs of seats


def test_signs_come_from_acknowledgements_and_from_outboxes_that_were_told(store: Store) -> None:
    """Seat 1 acknowledged one of two batches, seat 2 sent an outbox that a batch told of, seat 3 has just spoken, seat 4 never did."""
    first, second, came = (
        DAY - datetime.timedelta(days=60),
        DAY - datetime.timedelta(days=40),
        DAY - datetime.timedelta(days=50),
    )
    returns.record_outbox(store, seat=2, sequence=1, digest=b"2" * 32)
    batches.record(store, number=1, digest=b"a" * 32, manifest=b"m", items=[], day=first, withdrawn=[], outboxes=[])
    batches.record(
        store, number=2, digest=b"b" * 32, manifest=b"m", items=[], day=second, withdrawn=[], outboxes=[(2, 1)]
    )
    returns.record_acknowledgement(store, seat=1, batch=1, digest=b"a" * 32, signed=b"s", day=came)
    returns.record_outbox(store, seat=3, sequence=1, digest=b"3" * 32)
    assert signs(store, (1, 2, 3, 4)) == (
        Sign(seat=1, last=came, owed=second),
        Sign(seat=2, last=second, owed=first),
        Sign(seat=3, last=None, owed=None),
        Sign(seat=4, last=None, owed=first),
    )


# Owners and modes


def node(mode: int, *, path: str = "/d/store", owner: str = "dengwen-source", group: str = "dengwen") -> Node:
    return Node(path=path, mode=mode, owner=owner, group=group, folder=True)


def test_modes_as_they_should_be_are_well() -> None:
    """Nothing is said of them."""
    pairs = [(node(0o700), Rule(forbidden=OWNER_ALONE)), (node(0o2770), Rule(forbidden=NO_OTHERS, needed=0o2070))]
    assert owners_and_modes(pairs).ok


@pytest.mark.parametrize(
    ("found", "rule", "said", "fix"),
    [
        (
            node(0o2775),
            Rule(forbidden=NO_OTHERS),
            "has mode 2775, which lets in whom it must not",
            "chmod 2770 /d/store",
        ),
        (
            node(0o640, path="/d/store/dengwen.db"),
            Rule(forbidden=NO_OTHERS, needed=0o060),
            "which shuts out the group",
            "chmod 0660",
        ),
        (
            node(0o700),
            Rule(forbidden=OWNER_ALONE, owners=("root",)),
            "belongs to dengwen-source, not to root",
            "chown root /d/store",
        ),
        (
            node(0o770, group="root"),
            Rule(forbidden=NO_OTHERS, group="dengwen"),
            "is of group root, not of dengwen",
            "chown :dengwen /d/store",
        ),
    ],
)
def test_what_is_too_wide_too_narrow_or_anothers_is_mended_by_name(
    found: Node, rule: Rule, said: str, fix: str
) -> None:
    """The command stands there as it is typed."""
    finding = owners_and_modes([(found, rule)])
    assert (finding.ok, finding.urgent) == (False, False)
    assert finding.seen.startswith(f"{found.path} ")
    assert said in finding.seen
    assert fix in finding.fix


def test_keys_that_others_may_read_are_urgent() -> None:
    """They sign batches and open outbox manifests."""
    pair = (node(0o644, path="/d/keys/server.json", owner="root"), Rule(forbidden=OWNER_ALONE, owners=("root",)))
    finding = owners_and_modes([pair])
    assert finding.urgent
    assert finding.fix == "As root, type: chmod 0600 /d/keys/server.json"


@pytest.mark.parametrize("name", ["x;reboot", "$(reboot)", "`reboot`", "a b", "--reference=x", "'"])
def test_a_name_in_the_store_is_no_command_of_root(tmp_path: Path, name: str) -> None:
    """An app that was taken over names files; the shell that root types the fix into mends that file and does nothing else."""
    place = tmp_path / name
    place.write_bytes(b"")
    place.chmod(0o666)
    finding = owners_and_modes([(node(0o666, path=str(place)), Rule(forbidden=NO_OTHERS))])
    done = subprocess.run(["sh", "-ec", finding.fix.removeprefix("As root, type: ")], env={"PATH": "/bin"}, check=True)
    assert (done.returncode, stat.S_IMODE(place.stat().st_mode)) == (0, 0o660)


@pytest.mark.parametrize("name", ["\x1b[2Jx", "a\nb", "\u202ex", "\udc80", "x" * 255])
def test_a_name_that_cannot_be_typed_or_shown_leads_to_setup(name: str) -> None:
    """No finding breaks over it, and none shows what it does to a terminal."""
    wrong = [
        (node(0o666, path=f"/d/store/{name}{at}", owner="x"), Rule(forbidden=0o7, owners=("y",))) for at in range(9)
    ]
    finding = owners_and_modes(wrong)
    assert (finding.ok, finding.fix) == (False, BY_SETUP)


def test_many_wrong_modes_are_told_in_a_few_words() -> None:
    """The rest is counted."""
    finding = owners_and_modes([(node(0o777, path=f"/d/{at}"), Rule(forbidden=NO_OTHERS)) for at in range(9)])
    assert "; and 5 more." in finding.seen


def test_files_in_a_shared_store_let_the_group_in_and_in_a_private_one_shut_it_out() -> None:
    """A file takes after its folder."""
    shared, private = inside_store(node(0o2770)), inside_store(node(0o700))
    assert (shared.forbidden, shared.needed, shared.group) == (NO_OTHERS, stat.S_IRGRP | stat.S_IWGRP, "dengwen")
    assert (private.forbidden, private.needed, private.group) == (OWNER_ALONE, 0, "")
