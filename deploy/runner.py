# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What `setup` asks of a machine, and who answers: the host it runs on, or nobody.

`Host` acts. `Listed` is for another root and for a dry run: it runs nothing, owns nothing, and takes the machine for ready.
"""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from deploy.errors import SetupError

COMMAND_SECONDS = 300


class Runner(Protocol):
    """
    A machine that is set up.
    """

    def is_root(self) -> bool:
        """Whether this process may do it."""

    def swaps(self) -> tuple[str, ...]:
        """What the machine swaps to."""

    def has_package(self, name: str) -> bool:
        """Whether a Debian package is installed."""

    def has_apparmor(self) -> bool:
        """Whether the kernel enforces profiles."""

    def over_ssh(self) -> bool:
        """Whether whoever asks sits at the other end of an SSH session."""

    def owner(self, seen: os.stat_result) -> tuple[str, str] | None:
        """The account and group that something belongs to; None where nobody can tell."""

    def own(self, descriptor: int, owner: str, group: str) -> None:
        """
        Give something open to an account and group.

        Raises:
            SetupError: There is no such account or group.
        """

    def run(self, command: Sequence[str]) -> None:
        """
        Run a command.

        Raises:
            SetupError: It failed.
        """


class Host:
    """
    The machine this process runs on.
    """

    def is_root(self) -> bool:
        """Whether this process may do it."""
        return os.geteuid() == 0

    def swaps(self) -> tuple[str, ...]:
        """What the machine swaps to."""
        return tuple(line.split()[0] for line in Path("/proc/swaps").read_text().splitlines()[1:])

    def has_package(self, name: str) -> bool:
        """Whether a Debian package is installed."""
        asked = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", name]
        return subprocess.run(asked, capture_output=True, text=True, check=False).stdout == "installed"

    def has_apparmor(self) -> bool:
        """Whether the kernel enforces profiles."""
        switch = Path("/sys/module/apparmor/parameters/enabled")
        return switch.exists() and switch.read_text().strip() == "Y"

    def over_ssh(self) -> bool:
        """Whether an sshd is among this process's ancestors: sudo takes the variables away, but not those."""
        process = os.getpid()
        while process > 1:
            # "pid (name) state parent …": the name may hold anything, so the last parenthesis counts.
            name, rest = Path(f"/proc/{process}/stat").read_text().split("(", 1)[1].rsplit(")", 1)
            if name.startswith("sshd"):
                return True
            process = int(rest.split()[1])
        return False

    def owner(self, seen: os.stat_result) -> tuple[str, str] | None:
        """The account and group that something belongs to; a number where there is no name."""
        try:
            owner = pwd.getpwuid(seen.st_uid).pw_name
        except KeyError:
            owner = str(seen.st_uid)
        try:
            group = grp.getgrgid(seen.st_gid).gr_name
        except KeyError:
            group = str(seen.st_gid)
        return owner, group

    def own(self, descriptor: int, owner: str, group: str) -> None:
        """
        Give something open to an account and group.

        Raises:
            SetupError: There is no such account or group.
        """
        try:
            os.fchown(descriptor, pwd.getpwnam(owner).pw_uid, grp.getgrnam(group).gr_gid)
        except KeyError as error:
            raise SetupError(str(error.args[0])) from None

    def run(self, command: Sequence[str]) -> None:
        """
        Run a command; what it writes on standard error is what a failure says.

        Raises:
            SetupError: It failed, did not end, or there is no such program.
        """
        try:
            done = subprocess.run(
                list(command),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=COMMAND_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SetupError(f"{command[0]}: {error}") from None
        if done.returncode != 0:
            raise SetupError(f"`{' '.join(command)}` ended with {done.returncode}: {done.stderr.strip()[-1_000:]}")


class Listed:
    """
    No machine: what would be run is listed by whoever asks, and files belong to whoever writes them.
    """

    def is_root(self) -> bool:
        """Nobody has to be."""
        return True

    def swaps(self) -> tuple[str, ...]:
        """None."""
        return ()

    def has_package(self, name: str) -> bool:  # noqa: ARG002 (the protocol's)
        """All."""
        return True

    def has_apparmor(self) -> bool:
        """As on Debian's kernel."""
        return True

    def over_ssh(self) -> bool:
        """Nobody is."""
        return False

    def owner(self, seen: os.stat_result) -> tuple[str, str] | None:  # noqa: ARG002
        """Not known here, so never wrong."""
        return None

    def own(self, descriptor: int, owner: str, group: str) -> None:
        """Leave it as it is."""

    def run(self, command: Sequence[str]) -> None:
        """Run nothing."""
