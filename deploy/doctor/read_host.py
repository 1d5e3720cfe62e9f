# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Looking at the host around the programs: the kernel's tables, systemd, nft, apt's traces. Every program has a deadline, and none changes anything.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Final

from deploy.doctor import host_confinement, host_firewall, host_listening, host_memory, host_updates
from deploy.doctor.host_confinement import ACTIVE, NOT_FAILED, Journal, Unit
from deploy.doctor.host_listening import TABLES, Listening
from deploy.doctor.machine import Check, Machine, look
from deploy.errors import CannotLookError

APPARMOR: Final = "/sys/kernel/security/apparmor"
#: Where journald looks for its settings; later folders stand behind earlier ones of the same file name.
JOURNALD: Final = "systemd/journald.conf"
SETTINGS: Final = ("etc", "run", "usr/local/lib", "usr/lib")
#: Touched by apt's daily jobs when they succeed: lists were fetched, packages were installed.
STAMPS: Final = ("update-stamp", "upgrade-stamp")
APT_SECONDS: Final = 20.0
SERVICES: Final = ("dengwen-source.service", "dengwen-desk.service")

_STORAGE: Final = re.compile(r"^\s*Storage\s*=\s*(\S*)\s*$", re.MULTILINE)
_VALID: Final = re.compile(r"^Valid-Until: (.+)$", re.MULTILINE)


def checks(machine: Machine, day: datetime.date) -> Iterator[Check]:
    """
    Every check of the host, in the order they are told.
    """
    yield "units", lambda: host_confinement.units(look(lambda: units(machine)))
    yield (
        "firewall",
        lambda: host_firewall.firewall(
            look(lambda: host_firewall.read_ruleset(machine.said("nft", "-j", "list", "ruleset")))
        ),
    )
    yield "listening sockets", lambda: host_listening.listening(look(lambda: sockets(machine)))
    yield "AppArmor", lambda: host_confinement.apparmor(look(lambda: profiles(machine)))
    yield "swap", lambda: host_memory.swap(look(lambda: machine.text("/proc/swaps")))
    yield (
        "core dumps",
        lambda: host_memory.cores(
            look(lambda: machine.text("/proc/sys/kernel/core_pattern")),
            look(lambda: machine.text("/proc/sys/fs/suid_dumpable")),
            look(lambda: limits(machine)),
        ),
    )
    yield "journal in memory", lambda: host_confinement.journal(look(lambda: journal(machine)))
    yield (
        "time synchronised",
        lambda: host_confinement.time_synchronised(look(lambda: machine.said("timedatectl", "show"))),
    )
    yield "updates pending", lambda: host_updates.waiting(look(lambda: simulated(machine)))
    yield "last successful update", lambda: host_updates.last_update(look(lambda: stamps(machine)), day)
    yield "security list", lambda: host_updates.lists_valid(look(lambda: valid_until(machine)), day)
    yield "reboot", lambda: host_updates.reboot(look(lambda: machine.has("/run/reboot-required")))
    yield "disk encryption", lambda: host_memory.disk_encryption(look(lambda: volumes(machine)))


def units(machine: Machine) -> dict[str, Unit]:
    """
    What systemd says of every unit that matters.
    """
    text = machine.said("systemctl", "show", "--property=Id,LoadState,ActiveState,SubState", *ACTIVE, *NOT_FAILED)
    found = {}
    for block in text.split("\n\n"):
        facts = _facts(block)
        if "Id" in facts:
            found[facts["Id"]] = Unit(
                facts.get("LoadState", ""), facts.get("ActiveState", ""), facts.get("SubState", "")
            )
    if not found:
        raise CannotLookError("systemctl says nothing")
    return found


def limits(machine: Machine) -> dict[str, str]:
    """
    LimitCORE of our services.
    """
    text = machine.said("systemctl", "show", "--property=Id,LimitCORE", *SERVICES)
    found = [_facts(block) for block in text.split("\n\n")]
    return {facts["Id"]: facts.get("LimitCORE", "") for facts in found if "Id" in facts}


def sockets(machine: Machine) -> list[Listening]:
    """
    Every socket that takes what comes. A kernel without IPv6 has no table of it.
    """
    found: list[Listening] = []
    for table in TABLES:
        path = f"/proc/net/{table}"
        if not table.endswith("6") or machine.has(path):
            found += host_listening.read_table(table.removesuffix("6"), machine.text(path))
    return found


def profiles(machine: Machine) -> str:
    """
    The profiles that are loaded, as the kernel lists them for root, or gathered from its folder of them, which anybody may read.
    """
    listed = look(lambda: machine.text(f"{APPARMOR}/profiles"))
    if isinstance(listed, str):
        return listed
    folders = machine.listed(f"{APPARMOR}/policy/profiles/*/name")
    if not folders:
        raise CannotLookError(listed.reason)
    lines = []
    for path in folders:
        below = "/" / path.parent.relative_to(machine.root)
        lines.append(f"{machine.text(below / 'name').strip()} ({machine.text(below / 'mode').strip()})")
    return "\n".join(lines)


def journal(machine: Machine) -> Journal:
    """
    Where the journal goes: journald's settings as it would read them, and what lies on the disk.
    """
    texts = [machine.text(f"/etc/{JOURNALD}")] if machine.has(f"/etc/{JOURNALD}") else []
    added = {
        path.name: path for folder in reversed(SETTINGS) for path in machine.listed(f"/{folder}/{JOURNALD}.d/*.conf")
    }
    texts += [machine.text("/" / path.relative_to(machine.root)) for _, path in sorted(added.items())]
    # Drop-ins come after the main file, sorted by name; the last word counts, and an empty one takes it back.
    said = [word for text in texts for word in _STORAGE.findall(text)]
    return Journal(
        storage=(said[-1] if said else "") or "auto",
        on_disk=bool(machine.listed("/var/log/journal/*/*.journal")),
        syslog=machine.has("/usr/sbin/rsyslogd") or machine.has("/usr/sbin/syslog-ng"),
    )


def simulated(machine: Machine) -> str:
    """
    What apt would install. It changes nothing, locks nothing and asks nobody.
    """
    return machine.said("apt-get", "-s", "-o", "Debug::NoLocking=true", "dist-upgrade", seconds=APT_SECONDS)


def stamps(machine: Machine) -> tuple[datetime.date, ...]:
    """
    The days on which apt last fetched lists and last installed from them; none if one of the two never succeeded.
    """
    days = []
    for name in STAMPS:
        try:
            seconds = machine.path(f"/var/lib/apt/periodic/{name}").stat().st_mtime
        except FileNotFoundError:
            return ()
        days.append(datetime.datetime.fromtimestamp(seconds, datetime.UTC).date())
    return tuple(days)


def valid_until(machine: Machine) -> list[datetime.date]:
    """
    Until when the lists of Debian's security archive are valid, by what it signed.
    """
    days = []
    for path in machine.listed("/var/lib/apt/lists/*security*_InRelease"):
        for written in _VALID.findall(machine.text("/" / path.relative_to(machine.root))):
            day = datetime.datetime.strptime(written.strip(), "%a, %d %b %Y %H:%M:%S %Z").replace(tzinfo=datetime.UTC)
            days.append(day.date())
    return days


def volumes(machine: Machine) -> tuple[str, ...]:
    """
    The kernel's names for mapped volumes.
    """
    return tuple(
        machine.text("/" / path.relative_to(machine.root)).strip() for path in machine.listed("/sys/block/*/dm/uuid")
    )


def _facts(block: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
