# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Judging whether units, torrc, firewall and profiles on the disk are those that the settings give.

Other checks ask what is loaded, and whether it does the most of what it should. This one finds a line that somebody changed by hand, and settings that
were changed and not carried out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from deploy.doctor.finding import Finding, unknown
from deploy.doctor.machine import Check, Machine, Seen, Unseen, look
from deploy.errors import CannotLookError
from deploy.settings import load

WHAT: Final = "system files"
WHY: Final = "What confines the programs, what tor does and what the firewall lets through stands in these files; each line has its reason there."
FIX: Final = "See the difference: dengwen setup --dry-run. If nothing there is to stay as it is, type: dengwen setup"
MOST_SAID: Final = 6


def checks(folder: Path, machine: Machine) -> Iterator[Check]:
    """
    The one check of an installed server's system files.
    """
    yield WHAT, lambda: system_files(look(lambda: altered(folder, machine)))


def altered(folder: Path, machine: Machine) -> tuple[str, ...]:
    """
    The files that are not as `dengwen setup` would write them now, or not there.

    Raises:
        DeployError: The settings fit no server, or there was no time.
    """
    # gunicorn comes with it, which a demo's doctor does without.
    from deploy.render import render  # noqa: PLC0415

    found = []
    for path, file in render(load(folder)).items():
        machine.deadline.left(1)
        try:
            same = machine.text(str(path)) == file.text
        except CannotLookError:
            same = False
        if not same:
            found.append(str(path))
    return tuple(found)


def system_files(found: Seen[tuple[str, ...]]) -> Finding:
    """
    Whether every file is as it was written.
    """
    if isinstance(found, Unseen):
        return unknown(WHAT, found.reason, why=WHY, fix=FIX)
    if not found:
        return Finding(what=WHAT, ok=True, seen="Every one is as the settings give it.", why=WHY)
    more = f" and {len(found) - MOST_SAID} more" if len(found) > MOST_SAID else ""
    seen = f"Not as the settings give them, or not there: {', '.join(found[:MOST_SAID])}{more}."
    return Finding(what=WHAT, ok=False, seen=seen, why=WHY, fix=FIX)
