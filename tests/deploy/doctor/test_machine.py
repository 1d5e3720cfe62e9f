# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Reaching the machine: bounded, by a deadline, and honest about what could not be looked at; and the host read from a folder that plays it.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.doctor import read_host
from deploy.doctor.checkup import made
from deploy.doctor.finding import Finding
from deploy.doctor.host_confinement import ACTIVE, NOT_FAILED, Journal, Unit
from deploy.doctor.machine import MAX_TEXT, Deadline, Machine, Ran, Unseen, look, run_program
from deploy.errors import CannotLookError
from store.errors import DamagedError


def test_a_program_that_does_not_end_is_ended() -> None:
    """Its deadline is kept."""
    with pytest.raises(TimeoutError, match="did not end within"):
        run_program(["sleep", "30"], 0.2)


def test_a_program_runs_without_our_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of whoever started doctor reaches it."""
    monkeypatch.setenv("DENGWEN_SECRET", "x")
    ran = run_program(["env"], 10)
    assert ran.status == 0
    assert "DENGWEN_SECRET" not in ran.out
    assert "LC_ALL=C.UTF-8" in ran.out


def test_what_a_program_says_comes_whole_or_not_at_all(tmp_path: Path) -> None:
    """Missing, failing and late ones are told apart."""
    machine = Machine(root=tmp_path)
    assert machine.said("echo", "well") == "well\n"
    with pytest.raises(CannotLookError, match=r"^no-such-program: No such file or directory$"):
        machine.said("no-such-program")
    with pytest.raises(CannotLookError, match=r"^sh: broken$"):
        machine.said("sh", "-c", "echo broken >&2; exit 3")
    with pytest.raises(CannotLookError, match=r"^false: ended with 1$"):
        machine.said("false")
    with pytest.raises(CannotLookError, match="did not end within"):
        machine.said("sleep", "30", seconds=0.2)


def test_a_run_without_time_left_looks_at_nothing_more(tmp_path: Path) -> None:
    """What was not looked at is said, not guessed."""
    clock = iter([0.0, 54.0, 56.0]).__next__
    deadline = Deadline(55.0, clock)
    assert deadline.left(10) == 1.0
    with pytest.raises(CannotLookError, match="no time left"):
        deadline.left(10)
    (tmp_path / "f").write_text("x")
    with pytest.raises(CannotLookError):
        Machine(root=tmp_path, deadline=Deadline(0.0)).text("/f")


def test_files_are_read_to_a_bound(tmp_path: Path) -> None:
    """Missing and endless ones are refused by name."""
    machine = Machine(root=tmp_path)
    (tmp_path / "f").write_bytes(b"caf\xc3\xa9 \xff")
    assert machine.text("/f") == "café \ufffd"
    assert machine.has("/f")
    assert not machine.has("/g")
    assert not machine.has("/f/g")
    with pytest.raises(CannotLookError, match=r"^/g: No such file or directory$"):
        machine.text("/g")
    (tmp_path / "f").write_bytes(b"x" * (MAX_TEXT + 1))
    with pytest.raises(CannotLookError, match="longer than 4 MiB"):
        machine.text("/f")


def test_the_kernels_own_settings_can_be_read() -> None:
    """/proc/sys refuses one large read."""
    assert Machine().text("/proc/sys/fs/suid_dumpable").strip().isdigit()


def raising(error: Exception) -> int:
    raise error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (CannotLookError("no key"), "no key"),
        (DamagedError("the database file is damaged"), "the database file is damaged"),
        (DamagedError(), "What is stored is not what was written: a file is missing or a record was altered."),
        (PermissionError(13, "Permission denied", "/secret"), "Permission denied"),
        (ValueError("/secret"), "an unexpected ValueError"),
    ],
)
def test_what_cannot_be_looked_at_is_unseen_with_a_reason(error: Exception, reason: str) -> None:
    """A path or a value in an error's text goes nowhere."""
    assert look(lambda: raising(error)) == Unseen(reason)


def test_a_check_that_breaks_stops_no_other() -> None:
    """It becomes a finding under its own name; a fault of listing them, one under the group's."""
    fine = Finding(what="fine", ok=True, seen="s", why="w")

    def checks() -> object:
        yield "broken", lambda: raising(RuntimeError("/secret"))
        yield "denied", lambda: raising(CannotLookError("no key"))
        yield "fine", lambda: fine
        raise KeyError("/secret")

    found = list(made("group", checks()))  # type: ignore[arg-type]
    assert [(one.what, one.ok) for one in found] == [
        ("broken", False),
        ("denied", False),
        ("fine", True),
        ("group", False),
    ]
    assert found[0].seen == "Could not be checked: an unexpected RuntimeError."
    assert found[1].seen == "Could not be checked: no key."
    assert not any("/secret" in one.seen for one in found)


# The host, played by a folder and by programs that say what they are told to

NFT = Path(__file__).with_name("nft.json")
UNITS = "\n\n".join(
    [f"Id={name}\nLoadState=loaded\nActiveState=active" for name in ACTIVE]
    + [f"Id={name}\nLoadState=loaded\nActiveState=inactive" for name in NOT_FAILED]
)


class Host:
    """
    A healthy host. Tests break it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.said = {
            "systemctl show --property=Id,LoadState,ActiveState,SubState": UNITS + "\n",
            "systemctl show --property=Id,LimitCORE": "LimitCORE=0\nId=dengwen-source.service\n\nLimitCORE=0\nId=dengwen-desk.service\n",
            "nft -j list ruleset": NFT.read_text(encoding="utf-8"),
            "timedatectl show": "NTPSynchronized=yes\n",
            "apt-get -s": "Reading package lists...\n",
        }
        self.put("/proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n")
        self.put("/proc/sys/kernel/core_pattern", "|/bin/false\n")
        self.put("/proc/sys/fs/suid_dumpable", "0\n")
        for table in ("tcp", "tcp6", "udp", "udp6"):
            self.put(f"/proc/net/{table}", "  sl  local_address\n")
        profiles = "".join(f"dengwen-{name} (enforce)\n" for name in ("source", "desk", "care"))
        self.put("/sys/kernel/security/apparmor/profiles", profiles)
        self.put("/etc/systemd/journald.conf", "[Journal]\n#Storage=auto\n")
        self.put("/etc/systemd/journald.conf.d/dengwen.conf", "[Journal]\nStorage=volatile\n")
        self.put(
            "/var/lib/apt/lists/deb.debian.org_debian-security_InRelease",
            "Valid-Until: Fri, 27 Nov 2026 00:12:41 UTC\n",
        )
        for name in read_host.STAMPS:
            os.utime(self.put(f"/var/lib/apt/periodic/{name}", ""), (1_795_219_200, 1_795_219_200))

    def put(self, path: str, text: str) -> Path:
        """Write a file of the host."""
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    def run(self, command: Sequence[str], seconds: float) -> Ran:
        """Run a program of the host."""
        for begins, says in self.said.items():
            if " ".join(command).startswith(begins):
                return Ran(0, says, "")
        return Ran(1, "", f"{command[0]}: not here")

    def findings(self) -> dict[str, Finding]:
        """What doctor finds."""
        machine = Machine(root=self.root, run=self.run)
        checks = read_host.checks(machine, datetime.date(2026, 11, 21))
        return {one.what: one for one in made("host", checks)}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A healthy one."""
    return Host(tmp_path)


def test_a_healthy_host_is_well(host: Host) -> None:
    """Every check, and their names are those of the findings."""
    found = host.findings()
    assert {name: one.seen for name, one in found.items() if not one.ok} == {}
    assert list(found) == [
        name for name, _ in read_host.checks(Machine(root=host.root, run=host.run), datetime.date(2026, 11, 21))
    ]
    assert len(found) == 13


@pytest.mark.parametrize(
    ("program", "says", "check", "seen"),
    [
        (
            "systemctl show --property=Id,LoadState",
            UNITS.replace(
                "Id=tor@default.service\nLoadState=loaded\nActiveState=active",
                "Id=tor@default.service\nLoadState=loaded\nActiveState=failed",
            ),
            "units",
            "tor@default.service is failed.",
        ),
        ("systemctl show --property=Id,LoadState", "", "units", "Could not be checked: systemctl says nothing."),
        ("nft", '{"nftables": []}', "firewall", "No firewall is loaded."),
        ("timedatectl", "NTPSynchronized=no\n", "time synchronised", "The time daemon has not got the time."),
        (
            "apt-get",
            "Inst tor [1] (2 Debian-Security:12 [amd64])\n",
            "updates pending",
            "1 package waits, 1 of them for security.",
        ),
    ],
)
def test_what_a_program_tells_is_told(host: Host, program: str, says: str, check: str, seen: str) -> None:
    """Through its real command line."""
    name = next(begins for begins in host.said if begins.startswith(program))
    host.said[name] = says
    assert host.findings()[check].seen == seen


@pytest.mark.parametrize(
    ("path", "text", "check", "seen"),
    [
        ("/proc/swaps", "Filename\n/dev/sda2 partition\n", "swap", "1 swap area is in use."),
        (
            "/proc/sys/kernel/core_pattern",
            "|/usr/lib/systemd/systemd-coredump\n",
            "core dumps",
            "The kernel hands cores to a program that may keep them.",
        ),
        (
            "/proc/net/tcp",
            "  sl\n   0: 00000000:0016 00000000:0000 0A 0\n",
            "listening sockets",
            "Something listens to the network: tcp port 22.",
        ),
        (
            "/sys/kernel/security/apparmor/profiles",
            "",
            "AppArmor",
            "dengwen-source is not loaded; dengwen-desk is not loaded; dengwen-care is not loaded.",
        ),
        (
            "/etc/systemd/journald.conf.d/zz.conf",
            "[Journal]\nStorage=persistent\n",
            "journal in memory",
            "journald keeps its journal as “persistent”, not in memory alone.",
        ),
        ("/var/log/journal/0/system.journal", "x", "journal in memory", "A journal lies on the disk."),
        (
            "/usr/sbin/rsyslogd",
            "x",
            "journal in memory",
            "A syslog daemon is installed, which writes a journal of its own to the disk.",
        ),
        ("/run/reboot-required", "x", "reboot", "An update needs one."),
        (
            "/var/lib/apt/lists/deb.debian.org_debian-security_InRelease",
            "Valid-Until: Fri, 20 Nov 2026 00:12:41 UTC\n",
            "security list",
            "It was valid until 2026-11-20 only: nobody knows here what has been corrected since.",
        ),
        (
            "/var/lib/apt/lists/deb.debian.org_debian-security_InRelease",
            "Valid-Until: soon\n",
            "security list",
            "Could not be checked: an unexpected ValueError.",
        ),
        ("/sys/block/dm-0/dm/uuid", "CRYPT-LUKS2-x\n", "disk encryption", "This machine has an encrypted volume."),
    ],
)
def test_what_lies_on_the_disk_is_told(host: Host, path: str, text: str, check: str, seen: str) -> None:
    """Each by the file it is read from."""
    host.put(path, text)
    assert host.findings()[check].seen == seen


@pytest.mark.parametrize("name", read_host.STAMPS)
def test_stamps_that_are_old_or_missing_are_told(host: Host, name: str) -> None:
    """Lists that were not fetched and packages that were not installed alike."""
    stamp = host.root / "var/lib/apt/periodic" / name
    os.utime(stamp, (1_794_600_000, 1_794_600_000))
    assert host.findings()["last successful update"].seen == "It was on 2026-11-13, 8 days ago."
    stamp.unlink()
    assert host.findings()["last successful update"].seen == "Updating by itself has never succeeded here."


def test_a_journald_setting_is_found_where_journald_finds_it(host: Host) -> None:
    """/etc wins over /usr/lib for one file name; the last name wins; a comment is no setting."""
    machine = Machine(root=host.root)
    host.put("/usr/lib/systemd/journald.conf.d/dengwen.conf", "[Journal]\nStorage=persistent\n")
    assert read_host.journal(machine) == Journal(storage="volatile", on_disk=False, syslog=False)
    host.put("/usr/lib/systemd/journald.conf.d/a.conf", "[Journal]\nStorage=persistent\n")
    assert read_host.journal(machine).storage == "volatile"
    (host.root / "etc/systemd/journald.conf.d/dengwen.conf").unlink()
    (host.root / "usr/lib/systemd/journald.conf.d/dengwen.conf").unlink()
    assert read_host.journal(machine).storage == "persistent"
    (host.root / "usr/lib/systemd/journald.conf.d/a.conf").unlink()
    assert read_host.journal(machine).storage == "auto"


def test_profiles_are_gathered_where_the_list_is_for_root_alone(host: Host) -> None:
    """The kernel's folder of them says the same."""
    (host.root / "sys/kernel/security/apparmor/profiles").unlink()
    assert host.findings()["AppArmor"].seen.startswith("Could not be checked: /sys/kernel/security/apparmor/profiles")
    for name in ("source", "desk", "care"):
        folder = f"/sys/kernel/security/apparmor/policy/profiles/dengwen-{name}.1"
        host.put(f"{folder}/name", f"dengwen-{name}\n")
        host.put(f"{folder}/mode", "enforce\n")
    assert host.findings()["AppArmor"].ok


def test_a_host_where_nothing_can_be_asked_is_nowhere_well(tmp_path: Path) -> None:
    """An empty folder, programs that are missing: no check passes but those that see that something is not there."""

    def nothing(command: Sequence[str], seconds: float) -> Ran:
        raise FileNotFoundError(2, "No such file or directory")

    checks = read_host.checks(Machine(root=tmp_path, run=nothing), datetime.date(2026, 11, 21))
    well = {one.what for one in made("host", checks) if one.ok}
    assert well == {"reboot", "disk encryption"}


def test_units_and_limits_are_read_as_systemd_writes_them(host: Host) -> None:
    """Blocks apart, facts in any order."""
    machine = Machine(root=host.root, run=host.run)
    assert read_host.units(machine)["tor@default.service"] == Unit("loaded", "active")
    assert read_host.limits(machine) == {"dengwen-source.service": "0", "dengwen-desk.service": "0"}
