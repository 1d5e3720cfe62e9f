# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The whole of it on a real organisation: a server that is well, and the same one broken in one way after the other.
"""

from __future__ import annotations

import datetime
import json
import re
import shutil
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy import host, server
from deploy.care import care
from deploy.doctor.checkup import examine
from deploy.doctor.finding import Finding, Report
from deploy.doctor.machine import Deadline, Machine, Ran
from deploy.doctor.modes import owners_and_modes
from deploy.doctor.read_modes import nodes
from deploy.settings import load
from deploy.verbs.doctor import doctor_verb
from store import erase
from store.engine import Store, open_store
from tests.journeys.world import World
from tests.store.factories import make_file, make_thread

NAMES = [
    "settings",
    "store",
    "card and sheets",
    "root keys",
    "seats with a sheet",
    "epochs ahead",
    "sealing to every seat",
    "silent seats",
    "database integrity",
    "missing files",
    "left-over files",
    "night's care",
    "erasures",
    "room for files",
    "room for words",
    "days until full",
    "inodes",
    "texts for sources",
    "owners and modes",
]


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The server of an organisation of three seats that was cared for tonight."""
    world = World(tmp_path_factory.mktemp("world"))
    world.close()
    care(world.server)
    return world.server


@pytest.fixture
def folder(founded: Path, tmp_path: Path) -> Path:
    """A copy of it that may be broken."""
    copied = shutil.copytree(founded, tmp_path / "d")
    # What a test machine's disk holds is not what is tested here.
    set_in(copied, "file_bytes", 1 << 20)
    set_in(copied, "reserve_bytes", 1 << 20)
    return copied


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    """Its store."""
    found = open_store(folder / server.STORE)
    yield found
    found.close()


def set_in(folder: Path, key: str, value: int) -> None:
    path = folder / "dengwen.toml"
    text, count = re.subn(rf"^{key} = \d+$", f"{key} = {value}", path.read_text(), flags=re.MULTILINE)
    assert count == 1
    path.write_text(text)


def checked(folder: Path, *, days: int = 0) -> dict[str, Finding]:
    at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    report = examine(folder, at=at, host=False)
    assert Report.decode(report.encode()).findings == report.findings
    return {one.what: one for one in report.findings}


def broken(folder: Path, *, days: int = 0) -> dict[str, str]:
    return {name: one.seen for name, one in checked(folder, days=days).items() if not one.ok}


def test_a_server_that_is_well_is_found_well(folder: Path) -> None:
    """Every check is made, in its order, and none complains."""
    found = checked(folder)
    assert {name: one.seen for name, one in found.items() if not one.ok} == {}
    assert list(found) == NAMES


def test_doctor_changes_nothing_but_its_own_folder(folder: Path, store: Store) -> None:
    """Every other file is what it was, byte for byte."""
    make_file(store)

    def contents() -> dict[Path, bytes]:
        files = (path for path in folder.rglob("*") if path.is_file() and "doctor" not in path.parts[-2:])
        return {path: path.read_bytes() for path in files if not path.name.endswith(("-wal", "-shm"))}

    before = contents()
    checked(folder)
    assert contents() == before
    assert [path.name for path in (folder / "doctor").iterdir()] == ["space.json"]


def test_a_blob_that_was_deleted_is_missed(folder: Path, store: Store) -> None:
    """Somebody removed a file that a row names."""
    item = make_file(store)
    make_thread(store, items=[item])
    assert item.blob is not None
    assert broken(folder) == {}
    store.blobs.delete(item.blob)
    assert broken(folder) == {"missing files": "A file that a row names is not there."}


def test_a_blob_without_a_row_is_told_after_two_days(folder: Path, store: Store) -> None:
    """Until then it may be an upload's."""
    make_file(store)
    assert broken(folder, days=1) == {}
    assert broken(folder, days=3)["left-over files"] == "There are files older than two days that no row names."


def test_a_text_that_sources_will_not_see_is_named_with_its_line(folder: Path) -> None:
    """An operator who wrote a warning must not believe that it is shown; nor one who wrote it since the pages last started."""
    assert "when dengwen-source last started" in checked(folder)["texts for sources"].seen
    (folder / "texts/tor.ug.txt").write_text("2026-11-22\n\n# T\n\nTwo lines\nof one paragraph.\n")
    (folder / "texts/\x1b[2J.txt").touch()
    found = checked(folder)["texts for sources"]
    assert not found.ok
    assert "tor.ug.txt: line 6: a blank line belongs before it" in found.seen
    assert "\\x1b[2J.txt" in found.seen
    assert "restart dengwen-source" in found.fix


@pytest.mark.parametrize(
    ("path", "mode", "urgent"),
    [("keys/server.json", 0o640, True), ("store", 0o705, False), ("store/dengwen.db", 0o644, False)],
)
def test_a_mode_too_wide_is_told_with_its_path(folder: Path, path: str, mode: int, *, urgent: bool) -> None:
    """And with the command that mends it, which does."""
    place = folder / path
    before = stat.S_IMODE(place.stat().st_mode)
    place.chmod(mode)
    found = checked(folder)["owners and modes"]
    assert (found.ok, found.urgent) == (False, urgent)
    assert found.seen == f"{place} has mode {mode:04o}, which lets in whom it must not."
    assert found.fix == f"As root, type: chmod {before:04o} {place}"
    place.chmod(before)
    assert broken(folder) == {}


def test_more_is_asked_of_an_installed_host(folder: Path) -> None:
    """Owners and groups, the shared store, and the sockets that tor alone may open."""
    machine = Machine(root=folder / "root")
    socket = machine.path(host.SOURCE_SOCKET)
    socket.parent.mkdir(parents=True)
    socket.touch(mode=0o666)
    socket.chmod(0o666)
    (folder / "keys").chmod(0o755)
    pairs = list(nodes(folder, load(folder), machine, installed=True))
    rules = {Path(node.path): rule for node, rule in pairs}
    assert rules[folder / "store"].needed & 0o2070 == 0o2070
    assert rules[folder / "store" / "dengwen.db"].needed == 0o060
    assert rules[folder / "store" / "blobs" / "00"].group == host.GROUP
    assert rules[folder / "keys" / "server.json"].forbidden == 0o177
    assert rules[socket].owners == ("root",)
    found = owners_and_modes(pairs)
    assert found.urgent
    told = {Path(node.path) for node, rule in pairs if not owners_and_modes([(node, rule)]).ok}
    assert {folder / "keys", folder / "store", folder / "store" / "dengwen.db", socket} <= told
    assert folder / "keys" / "server.json" not in told


def altered(folder: Path, kind: str) -> None:
    with sqlite3.connect(folder / "store" / "dengwen.db") as database:
        (raw,) = database.execute(
            "SELECT raw FROM documents WHERE kind = ? ORDER BY seat, sequence DESC LIMIT 1", (kind,)
        ).fetchone()
        database.execute(
            "UPDATE documents SET raw = ? WHERE raw = ?", (raw[:-8] + bytes([raw[-8] ^ 1]) + raw[-7:], raw)
        )
    database.close()


def test_a_sheet_that_was_altered_is_named_and_its_seat_not_sealed_to(folder: Path) -> None:
    """One bit in one row."""
    altered(folder, "sheet")
    found = broken(folder)
    assert set(found) == {"card and sheets", "seats with a sheet"}
    assert found["card and sheets"].startswith("What is installed does not hold: the sheet of seat 1: ")
    assert found["seats with a sheet"] == "Of 3 seats on the card, 1 has no sheet that holds: seat 1."
    assert checked(folder)["sealing to every seat"].seen == "A message was sealed to each of 2 active seats."


@pytest.mark.parametrize(("kind", "checks"), [("card", {"card and sheets"}), ("root", {"card and sheets"})])
def test_a_root_or_a_card_that_was_altered_is_named(folder: Path, kind: str, checks: set[str]) -> None:
    """What hangs on it is not told again."""
    altered(folder, kind)
    found = broken(folder)
    assert set(found) == checks
    assert f"the {kind}: " in found["card and sheets"]
    assert checked(folder)["card and sheets"].urgent


def test_a_lane_that_is_full_by_its_settings_is_told(folder: Path) -> None:
    """A reserve larger than the disk leaves no room for files."""
    set_in(folder, "reserve_bytes", 1 << 50)
    found = broken(folder)
    assert found["room for files"] == "No room is left for files: sources can only write."
    assert found["room for words"] == "The part of the disk that is kept for words is being used."
    assert set(found) == {"room for files", "room for words"}


def test_sheets_that_run_out_are_told_as_the_days_pass(folder: Path) -> None:
    """First half a year without an outbox, then the last epoch, then none."""
    assert "epochs ahead" not in broken(folder)
    for days, said in (
        (200, "fewer than 13 epochs ahead"),
        (26 * 14, "is in use; it ends on"),
        (27 * 14, "has run out"),
    ):
        finding = checked(folder, days=days)["epochs ahead"]
        assert not finding.ok
        assert said in finding.seen
        assert finding.urgent is (days > 200)


def test_a_night_without_care_is_told_and_a_day_that_is_none_is_not_well(folder: Path) -> None:
    """Two may be missed."""
    assert broken(folder, days=2) == {}
    assert list(broken(folder, days=3)) == ["night's care"]
    (folder / "care").write_text("yesterday")
    assert broken(folder) == {"night's care": f"Could not be checked: {folder}/care holds no day."}
    (folder / "care").unlink()
    assert broken(folder) == {"night's care": "It was never done here."}


def test_an_erasure_that_a_reader_held_up_is_told(folder: Path, store: Store) -> None:
    """Until the log was emptied."""
    thread = make_thread(store).thread
    assert thread is not None
    with store.read() as reading:
        reading.exec_driver_sql("SELECT count(*) FROM threads").scalar_one()
        erase.forget(store, thread, day=datetime.date(2026, 11, 21))
    assert broken(folder) == {"erasures": "An erasure is not finished: somebody was reading when it was made."}
    care(folder)
    assert broken(folder) == {}


def test_a_database_that_was_damaged_is_told(folder: Path) -> None:
    """Whether SQLite still opens it or not."""
    path = folder / "store" / "dengwen.db"
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 8_000)
    found = checked(folder)
    assert found["store"].urgent
    assert found["store"].seen == "The store does not open: the database file is damaged."
    assert "card and sheets" not in found


def test_a_store_of_another_version_or_none_is_told(folder: Path) -> None:
    """With what SQLite says of it."""
    with sqlite3.connect(folder / "store" / "dengwen.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'old'")
    database.close()
    assert "is of version old" in checked(folder)["store"].seen
    shutil.rmtree(folder / "store")
    found = checked(folder)
    assert found["store"].seen == "The store does not open: there is no store here."
    assert found["room for files"].seen == "Could not be checked: No such file or directory."


def test_settings_that_do_not_hold_are_told_alone(folder: Path) -> None:
    """Nothing else can be looked at without them."""
    (folder / "dengwen.toml").write_text("organisation = 'x'\n")
    found = checked(folder)
    assert list(found) == ["settings"]
    assert found["settings"].urgent
    assert "missing:" in found["settings"].seen


def test_readings_that_cannot_be_kept_are_told(folder: Path) -> None:
    """A file lies where doctor's folder should be."""
    (folder / "doctor").write_text("")
    assert broken(folder) == {"days until full": "Could not be checked: Not a directory."}


def test_readings_are_kept_day_by_day_and_begin_anew_when_they_cannot_be_read(folder: Path) -> None:
    """One reading a day, and the pace from three days on."""
    for days in (0, 0, 1, 2):
        assert checked(folder, days=days)["days until full"].seen == "There are too few daily readings yet to tell."
    assert "too few" not in checked(folder, days=3)["days until full"].seen
    assert len(json.loads((folder / "doctor" / "space.json").read_text())) == 4
    (folder / "doctor" / "space.json").write_text("[")
    assert checked(folder)["days until full"].ok
    assert len(json.loads((folder / "doctor" / "space.json").read_text())) == 1


def test_a_run_without_time_says_so(folder: Path) -> None:
    """What costs time is not taken for well."""
    machine = Machine(deadline=Deadline(0.0))
    report = examine(folder, at=datetime.datetime.now(datetime.UTC), machine=machine, host=False)
    found = {one.what: one.seen for one in report.findings if not one.ok}
    assert found == {"database integrity": "Could not be checked: there was no time left for it in this run."}


def test_nothing_about_sources_stands_in_a_report(folder: Path, store: Store) -> None:
    """With a thread in the store and without one the report is the same."""
    at = datetime.datetime.now(datetime.UTC)
    before = examine(folder, at=at, host=False).encode()
    for _ in range(3):
        make_thread(store, items=[make_file(store)])
    assert examine(folder, at=at, host=False).encode() == before


# The command


def typed(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(doctor_verb, arguments)
    return done.exit_code, done.output


def test_the_command_prints_text_or_the_report_and_ends_with_what_it_found(folder: Path) -> None:
    """0 when all is well, 1 when something is not, 2 when it is urgent."""
    code, text = typed("--dir", str(folder), "--no-host")
    assert code == 0
    assert text.endswith(f": all {len(NAMES)} checks are well.\n")
    (folder / "care").unlink()
    code, text = typed("--dir", str(folder), "--no-host")
    assert code == 1
    assert text.startswith("wrong   night's care\n")
    (folder / "keys" / "server.json").chmod(0o644)
    code, text = typed("--dir", str(folder), "--no-host", "--json")
    assert code == 2
    assert {one.what for one in Report.decode(text.encode()).findings if not one.ok} == {
        "night's care",
        "owners and modes",
    }


def test_the_report_is_written_whole_for_the_desk_to_read(folder: Path, tmp_path: Path) -> None:
    """Readable by everybody whatever the umask, over an older one, with nothing left beside it."""
    out = tmp_path / "run" / "doctor.json"
    out.parent.mkdir()
    out.write_text("old")
    out.chmod(0o600)
    assert typed("--dir", str(folder), "--no-host", "--out", str(out))[0] == 0
    assert Report.decode(out.read_bytes()).status == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o644
    assert list(out.parent.iterdir()) == [out]


def test_a_report_that_cannot_be_written_is_an_error(folder: Path, tmp_path: Path) -> None:
    """Not a silent success: the desk would show an old one."""
    code, said = typed("--dir", str(folder), "--no-host", "--out", str(tmp_path / "none" / "doctor.json"))
    assert code == 1
    assert said == "" or "checks are well" not in said


def nothing(command: Sequence[str], seconds: float) -> Ran:
    raise FileNotFoundError(2, "No such file or directory")


def test_a_whole_run_on_a_machine_that_is_no_host_is_honest(folder: Path) -> None:
    """The host is looked at too, tor first, and what is not there is not taken for well."""
    at = datetime.datetime.now(datetime.UTC)
    report = examine(folder, at=at, machine=Machine(run=nothing, root=folder / "none"))
    found = {one.what: one for one in report.findings}
    assert report.status == 2
    assert next(iter(found)) == "tor"
    assert set(NAMES) < set(found)
    assert not any(found[name].ok for name in ("source onion reachable", "desk keys", "firewall", "units"))
    assert len(found) == len(report.findings) == len(NAMES) + 9 + 13
