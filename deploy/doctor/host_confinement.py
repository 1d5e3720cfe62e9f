# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Judging what holds our programs in: AppArmor's profiles, the units that run, the journal in memory, the clock's daemon.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from deploy.doctor.finding import Finding, unknown
from deploy.doctor.machine import Seen, Unseen

PROFILES: Final = ("dengwen-source", "dengwen-desk", "dengwen-care")
#: What has to be active at every moment, and what is started when somebody comes or by a timer, and must only not have failed.
ACTIVE: Final = (
    "dengwen-source.socket",
    "dengwen-desk.socket",
    "dengwen-care.timer",
    "dengwen-doctor.timer",
    "tor@default.service",
    "nftables.service",
)
NOT_FAILED: Final = ("dengwen-source.service", "dengwen-desk.service", "dengwen-care.service")
#: Without these nobody is heard.
URGENT: Final = ("dengwen-source.socket", "dengwen-source.service", "tor@default.service")
#: Between a service's failure and its next start.
AGAIN: Final = "auto-restart"
SAID_AGAIN: Final = "fails each time it is started"
IN_MEMORY: Final = ("volatile", "none")

WHY_APPARMOR = "If an app is broken into, its profile is what keeps the intruder from the rest of this machine."
WHY_UNITS = "Each unit is a part of the way from a source to a reviewer, or of the care for what lies here."
WHY_JOURNAL = "Programs log nothing about sources, but their times of work are a record all the same; on the disk it would outlive a seizure."
WHY_TIME = "Epochs, expiry and deletions go by the day; tor needs the minute."

_PROFILE: Final = re.compile(r"^(\S+) \((\w+)\)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Unit:
    """
    A unit as systemd says it is.
    """

    load: str
    active: str
    sub: str = ""


def apparmor(profiles: Seen[str], wanted: Sequence[str] = PROFILES) -> Finding:
    """
    Whether our profiles are loaded and enforced.

    Args:
        profiles: /sys/kernel/security/apparmor/profiles.
        wanted: The names of ours.
    """
    what = "AppArmor"
    fix = "Type: systemctl enable --now apparmor && apparmor_parser -r " + " ".join(
        f"/etc/apparmor.d/{name}" for name in wanted
    )
    if isinstance(profiles, Unseen):
        return unknown(what, profiles.reason, why=WHY_APPARMOR, fix=f"As root, type: aa-status. {fix}")
    modes = dict(_PROFILE.findall(profiles))
    wrong = [
        f"{name} is {'not loaded' if name not in modes else f'in {modes[name]} mode'}"
        for name in wanted
        if modes.get(name) != "enforce"
    ]
    if wrong:
        return Finding(what=what, ok=False, seen=f"{'; '.join(wrong)}.", why=WHY_APPARMOR, fix=fix)
    return Finding(what=what, ok=True, seen=f"{len(wanted)} profiles are enforced.", why=WHY_APPARMOR)


def units(
    found: Seen[Mapping[str, Unit]], active: Sequence[str] = ACTIVE, not_failed: Sequence[str] = NOT_FAILED
) -> Finding:
    """
    Whether every unit that has to be active is, and none of the others has failed.
    """
    what = "units"
    if isinstance(found, Unseen):
        return unknown(
            what, found.reason, why=WHY_UNITS, fix="Type: systemctl list-units 'dengwen*' 'tor*' nftables.service --all"
        )
    wrong = {}
    for name in active:
        unit = found.get(name, Unit("not-found", "inactive"))
        if unit.load != "loaded":
            wrong[name] = "is not installed"
        elif unit.active not in {"active", "activating", "reloading"}:
            wrong[name] = f"is {unit.active}"
        elif unit.sub == AGAIN:
            wrong[name] = SAID_AGAIN
    wrong |= {name: "has failed" for name in not_failed if name in found and found[name].active == "failed"}
    # It never counts as failed: systemd starts it every two seconds for ever.
    wrong |= {name: SAID_AGAIN for name in not_failed if name in found and found[name].sub == AGAIN}
    if not wrong:
        return Finding(what=what, ok=True, seen=f"{len(active)} units are active and none has failed.", why=WHY_UNITS)
    names = " ".join(sorted(wrong))
    missing = any(said == "is not installed" for said in wrong.values())
    return Finding(
        what=what,
        ok=False,
        urgent=any(name in URGENT for name in wrong),
        seen="; ".join(f"{name} {said}" for name, said in sorted(wrong.items())) + ".",
        why=WHY_UNITS,
        fix=f"See why: systemctl status {names}. Then type: {'dengwen setup' if missing else f'systemctl restart {names}'}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """
    Where this machine's journal goes.

    Args:
        storage: journald's Storage=, "auto" where it is not set.
        on_disk: Whether a journal lies in /var/log/journal.
        syslog: Whether a syslog daemon is installed, which would write a second one.
    """

    storage: str
    on_disk: bool
    syslog: bool


def journal(found: Seen[Journal]) -> Finding:
    """
    Whether the journal stays in memory.
    """
    what = "journal in memory"
    if isinstance(found, Unseen):
        return unknown(
            what,
            found.reason,
            why=WHY_JOURNAL,
            fix="Type: systemd-analyze cat-config systemd/journald.conf; its last Storage= must be volatile.",
        )
    steps = []
    said = []
    if found.storage not in IN_MEMORY:
        said.append(f"journald keeps its journal as “{found.storage}”, not in memory alone.")
        steps.append(
            "dengwen setup (it writes /etc/systemd/journald.conf.d/dengwen.conf); then systemctl restart systemd-journald"
        )
    if found.on_disk:
        said.append("A journal lies on the disk.")
        steps.append("rm -r /var/log/journal")
    if found.syslog:
        said.append("A syslog daemon is installed, which writes a journal of its own to the disk.")
        steps.append("apt-get purge rsyslog")
    if said:
        return Finding(what=what, ok=False, seen=" ".join(said), why=WHY_JOURNAL, fix=f"Type: {'; '.join(steps)}")
    return Finding(what=what, ok=True, seen="The journal is kept in memory alone.", why=WHY_JOURNAL)


def time_synchronised(shown: Seen[str]) -> Finding:
    """
    Whether the time daemon has the time.

    Args:
        shown: What `timedatectl show` writes.
    """
    what = "time synchronised"
    fix = "Type: timedatectl set-ntp true && systemctl restart systemd-timesyncd, wait a minute, then: timedatectl timesync-status"
    if isinstance(shown, Unseen):
        return unknown(what, shown.reason, why=WHY_TIME, fix=fix)
    if "NTPSynchronized=yes" in shown.splitlines():
        return Finding(what=what, ok=True, seen="The time daemon has the time.", why=WHY_TIME)
    return Finding(what=what, ok=False, seen="The time daemon has not got the time.", why=WHY_TIME, fix=fix)
