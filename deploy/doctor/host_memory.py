# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Judging whether memory of this host can end on its disk: swap, core dumps, and how the disk itself lies there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from deploy.doctor.finding import Finding, plain, unknown
from deploy.doctor.machine import Seen, Unseen

#: Patterns under which no core ever reaches a file or a program that keeps it.
NO_CORES: Final = ("", "|/bin/false", "|/bin/true", "|/usr/bin/false", "|/usr/bin/true")

WHY_SWAP = "While a report without JavaScript is sealed its words stand in memory; swap would write them to the disk."
WHY_CORES = "A program that crashes is written out with its memory, words of a source and keys among it, unless that is forbidden."
WHY_DISK = "It says what somebody who takes this machine away reads without a passphrase. What sources sent is sealed either way."


def swap(table: Seen[str]) -> Finding:
    """
    Whether anything is swapped to.

    Args:
        table: /proc/swaps.
    """
    what = "swap"
    fix = "Type: swapoff -a. Then take every line with swap out of /etc/fstab, and type: systemctl mask swap.target"
    if isinstance(table, Unseen):
        return unknown(
            what, table.reason, why=WHY_SWAP, fix="Type: cat /proc/swaps; below its first line nothing may stand."
        )
    count = len([line for line in table.splitlines()[1:] if line.strip()])
    if count == 0:
        return Finding(what=what, ok=True, seen="There is none.", why=WHY_SWAP)
    return Finding(
        what=what,
        ok=False,
        urgent=True,
        seen=f"{count} swap {'area is' if count == 1 else 'areas are'} in use.",
        why=WHY_SWAP,
        fix=fix,
    )


def cores(pattern: Seen[str], dumpable: Seen[str], limits: Seen[Mapping[str, str]]) -> Finding:
    """
    Whether a crash could write memory to a file.

    Args:
        pattern: /proc/sys/kernel/core_pattern.
        dumpable: /proc/sys/fs/suid_dumpable.
        limits: LimitCORE of each of our services, as systemd says it.
    """
    what = "core dumps"
    fix = "Type: sysctl --system. If that changes nothing, /etc/sysctl.d/60-dengwen.conf is missing or altered: dengwen setup writes it again."
    if isinstance(pattern, Unseen) or isinstance(dumpable, Unseen):
        reason = next(fact.reason for fact in (pattern, dumpable) if isinstance(fact, Unseen))
        return unknown(what, reason, why=WHY_CORES, fix=fix)
    wrong = ""
    if dumpable.strip() != "0":
        wrong = f"Programs that changed their account may be dumped (fs.suid_dumpable is {plain(dumpable, 20)})."
    elif pattern.startswith("|") and pattern.strip() not in NO_CORES:
        # A limit of 0 does not stop a core that goes to a program (core(5)).
        wrong = "The kernel hands cores to a program that may keep them."
    elif pattern.strip() not in NO_CORES:
        wrong = _limited(limits)
    if wrong:
        return Finding(what=what, ok=False, seen=wrong, why=WHY_CORES, fix=fix)
    return Finding(what=what, ok=True, seen="No core of our programs is kept.", why=WHY_CORES)


def _limited(limits: Seen[Mapping[str, str]]) -> str:
    if isinstance(limits, Unseen):
        return f"The kernel writes cores to files, and what our services may leave could not be checked: {plain(limits.reason)}."
    wide = sorted(name for name, limit in limits.items() if limit != "0")
    if limits and not wide:
        return ""
    return f"The kernel writes cores to files, and nothing forbids one of {' and '.join(wide) or 'our services'}."


def disk_encryption(volumes: Seen[tuple[str, ...]]) -> Finding:
    """
    Tells whether this machine has an encrypted volume; that is the operator's choice and never wrong.

    Args:
        volumes: The kernel's names for the kinds of mapped volumes (/sys/block/*/dm/uuid).
    """
    what = "disk encryption"
    if isinstance(volumes, Unseen):
        return unknown(
            what,
            volumes.reason,
            why=WHY_DISK,
            fix="Type: lsblk -o NAME,TYPE,MOUNTPOINTS; a line with crypt is an encrypted volume.",
        )
    there = any(volume.startswith("CRYPT-") for volume in volumes)
    seen = (
        "This machine has an encrypted volume."
        if there
        else "This machine has none: who takes it reads its settings, onion keys and day records."
    )
    return Finding(what=what, ok=True, seen=seen, why=WHY_DISK)
