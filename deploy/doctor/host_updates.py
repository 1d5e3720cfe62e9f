# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Judging whether this host gets Debian's corrections: what waits, when lists were fetched, whether they are still valid, and the reboot.

All of it is read from what apt left on the disk. Nothing asks the network.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from typing import Final

from deploy.doctor.finding import Finding, unknown
from deploy.doctor.machine import Seen, Unseen

#: The timer runs once a day; a day may be missed when tor is slow.
UPDATE_DAYS: Final = 3

WHY = "Debian's corrections close holes that others already know. They come through tor, so they can stay away without anybody noticing."
WHY_REBOOT = "A corrected kernel or library protects only once it runs."
FIX = "Type: apt-get update && apt-get dist-upgrade. If that fails, look whether tor is connected: journalctl -u tor@default -n 50"

_WAITING: Final = re.compile(r"^Inst \S+ .*$", re.MULTILINE)


def waiting(simulated: Seen[str]) -> Finding:
    """
    Packages whose newer version is known here and not installed.

    Args:
        simulated: What `apt-get -s dist-upgrade` writes.
    """
    what = "updates pending"
    if isinstance(simulated, Unseen):
        return unknown(what, simulated.reason, why=WHY, fix=FIX)
    lines = _WAITING.findall(simulated)
    if not lines:
        return Finding(what=what, ok=True, seen="Every package is of the newest version known here.", why=WHY)
    security = sum("security" in line.lower() for line in lines)
    seen = f"{len(lines)} {'package waits' if len(lines) == 1 else 'packages wait'}, {security or 'none'} of them for security."
    return Finding(what=what, ok=False, seen=seen, why=WHY, fix=FIX)


def last_update(stamps: Seen[Sequence[datetime.date]], day: datetime.date) -> Finding:
    """
    The last day on which updating succeeded.

    Args:
        stamps: The days on which apt last fetched its lists and last installed from them, by its own stamps of success; none if one
            of the two never succeeded. Installing from old lists succeeds too, so the older of the two counts.
        day: Today.
    """
    what = "last successful update"
    fix = "See why: systemctl status apt-daily.timer apt-daily-upgrade.timer; journalctl -u apt-daily -n 50. Then by hand: apt-get update && apt-get dist-upgrade"
    if isinstance(stamps, Unseen):
        return unknown(what, stamps.reason, why=WHY, fix=fix)
    if not stamps:
        fix = "Type: apt-get install unattended-upgrades && dpkg-reconfigure -plow unattended-upgrades. Then: apt-get update && apt-get dist-upgrade"
        return Finding(what=what, ok=False, seen="Updating by itself has never succeeded here.", why=WHY, fix=fix)
    last = min(stamps)
    days = (day - last).days
    if 0 <= days <= UPDATE_DAYS:
        return Finding(what=what, ok=True, seen=f"It was on {last}.", why=WHY)
    seen = (
        f"It was on {last}, {days} days ago."
        if days > 0
        else f"It was on {last}, which is after today: the clock was or is wrong."
    )
    return Finding(what=what, ok=False, seen=seen, why=WHY, fix=fix)


def lists_valid(until: Seen[Sequence[datetime.date]], day: datetime.date) -> Finding:
    """
    Whether the newest list of Debian's security archive is still valid: stamps can lie, what the archive signed cannot.

    Args:
        until: The last valid days of the lists that have one.
        day: Today.
    """
    what = "security list"
    if isinstance(until, Unseen):
        return unknown(what, until.reason, why=WHY, fix=FIX)
    if not until:
        fix = "Add this line to /etc/apt/sources.list: deb http://security.debian.org/debian-security bookworm-security main. Then type: apt-get update"
        return Finding(what=what, ok=False, seen="No list of Debian's security archive is here.", why=WHY, fix=fix)
    last = max(until)
    if day <= last:
        return Finding(what=what, ok=True, seen=f"It is valid until {last}.", why=WHY)
    return Finding(
        what=what,
        ok=False,
        seen=f"It was valid until {last} only: nobody knows here what has been corrected since.",
        why=WHY,
        fix=FIX,
    )


def reboot(needed: Seen[bool]) -> Finding:
    """
    Whether an update waits for a reboot.
    """
    what = "reboot"
    fix = "At a quiet hour, type: systemctl reboot. Sources whose page is open are logged out and told so; nothing that was received is lost."
    if isinstance(needed, Unseen):
        return unknown(what, needed.reason, why=WHY_REBOOT, fix="Type: ls /run/reboot-required")
    if not needed:
        return Finding(what=what, ok=True, seen="None is needed.", why=WHY_REBOOT)
    return Finding(what=what, ok=False, seen="An update needs one.", why=WHY_REBOOT, fix=fix)
