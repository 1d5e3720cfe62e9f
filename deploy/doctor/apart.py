# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A server's folder looked over by a process of its own, which may do no more than the night's care.

An app that was taken over chooses what SQLite reads. Whoever looks at the machine may read every key on it and change the firewall, so the two do
not meet in one memory: this starts `dengwen doctor --no-host`, as the account of care and without a capability, and takes a report from it, strictly.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from deploy import host
from deploy.doctor.finding import Finding, Report, unknown
from deploy.errors import CannotLookError, ReportError

#: A run's time, and what a second program takes to start.
SECONDS: Final = 60.0
WHY: Final = "Everything sources sent lies in the store, and nobody looked at it."
FIX: Final = "See what it says by itself: runuser -u dengwen-care -- dengwen doctor --no-host --dir /var/lib/dengwen"

_CAP_SETGID: Final = 6
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_CLEAR_ALL: Final = 4
_C: Final = ctypes.CDLL(None)


class Apart:
    """
    A verb that looks. Made by `begun`.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def findings(self) -> tuple[Finding, ...]:
        """
        What `doctor` found; that nobody looked, if there is no report.
        """
        try:
            return Report.decode(self._said()).findings
        except (CannotLookError, ReportError):
            return (nobody_looked(f"the look at it gave no report and ended with {self._process.returncode}"),)

    def people(self) -> int:
        """
        How many may log in, by `person-list`.

        Raises:
            CannotLookError: It does not say.
        """
        said = self._said()
        if self._process.returncode != 0:
            raise CannotLookError("the people of the desk cannot be counted")
        return sum(line.endswith(b" open") for line in said.splitlines())

    def _said(self) -> bytes:
        try:
            said, _ = self._process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise CannotLookError("the look at the server's folder did not end in time") from None
        return said


def nobody_looked(reason: str) -> Finding:
    """
    The finding in place of all those that were not made.
    """
    return unknown("server", reason, why=WHY, fix=FIX, urgent=True)


@contextmanager
def begun(*arguments: str | Path) -> Iterator[Apart]:
    """
    Begin to look, by a verb. What still looks at the end is ended.

    Raises:
        CannotLookError: It cannot be started, or there is no such account.
    """
    # Of root's groups none is kept, and not tor's, which doctor's unit has. Anybody else has no groups to give up, and no way to another account.
    root = os.geteuid() == 0
    try:
        process = subprocess.Popen(
            [host.PROGRAM, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            user=host.CARE_ACCOUNT if root else None,
            group=host.GROUP if root else None,
            extra_groups=[] if root or _may_give_up_groups() else None,
            umask=0o077,
            preexec_fn=_shed,  # noqa: PLW1509 (one call into the C library, and no lock)
        )
    except (OSError, LookupError, subprocess.SubprocessError, ValueError) as error:
        raise CannotLookError(f"{host.PROGRAM} does not start as {host.CARE_ACCOUNT}: {error}") from None
    try:
        yield Apart(process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _may_give_up_groups() -> bool:
    status = dict(
        line.split(":", 1)
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    )
    return bool(int(status["CapEff"], 16) >> _CAP_SETGID & 1)


def _shed() -> None:
    # What a unit was lent passes to the programs it starts, unless it is taken off first.
    _C.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
