# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A machine that is set up in a test: it remembers what was asked of it, and nothing is done to the one that the test runs on.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy import setup
from deploy.errors import SetupError
from deploy.setup import set_up


@dataclass
class Machine:
    """A machine that remembers what was asked of it."""

    root: bool = True
    swap: tuple[str, ...] = ()
    packages: frozenset[str] = frozenset((*setup.PACKAGES, setup.SSH_PACKAGE))
    apparmor: bool = True
    ssh: bool = False
    fails: str = ""
    ran: list[tuple[str, ...]] = field(default_factory=list)
    owners: dict[int, tuple[str, str]] = field(default_factory=dict)

    def is_root(self) -> bool:
        return self.root

    def swaps(self) -> tuple[str, ...]:
        return self.swap

    def has_package(self, name: str) -> bool:
        return name in self.packages

    def has_apparmor(self) -> bool:
        return self.apparmor

    def over_ssh(self) -> bool:
        return self.ssh

    def owner(self, seen: os.stat_result) -> tuple[str, str] | None:
        return self.owners.get(seen.st_ino, ("root", "root"))

    def own(self, descriptor: int, owner: str, group: str) -> None:
        self.owners[os.fstat(descriptor).st_ino] = (owner, group)

    def run(self, command: Sequence[str]) -> None:
        if self.fails and self.fails in " ".join(command):
            raise SetupError(f"{self.fails} failed")
        self.ran.append(tuple(command))


def do(folder: Path, root: Path, machine: Machine, *, dry: bool = False) -> str:
    """Set up; what was said."""
    said: list[str] = []
    set_up(folder, machine, say=said.append, root=root, dry=dry)
    return "\n".join(said)
