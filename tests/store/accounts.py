# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Other accounts, for tests of who may open what: a child process that has become one of them, and does one thing.

Only root can become others. For anybody else all of them are this account, so that a test then shows what the bits are and that the
store works under them, and not who is kept out.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass

ROOT = os.geteuid() == 0
#: No account of any system has these numbers.
GROUP = 61_000


@dataclass(frozen=True)
class Account:
    """An account by its numbers."""

    user: int
    group: int

    def does(self, act: Callable[[], object], *, umask: int = 0o077) -> str:
        """
        Do something as this account, in a process of its own.

        Returns:
            The name of the class of what it raised, or nothing.
        """
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(ours)
            said = ""
            try:
                os.umask(umask)
                if ROOT:
                    os.setgroups([])
                    os.setresgid(self.group, self.group, self.group)
                    os.setresuid(self.user, self.user, self.user)
                act()
            except BaseException as error:  # noqa: BLE001 (the parent hears of it)
                said = type(error).__name__ if isinstance(error, Exception) else traceback.format_exc()
            finally:
                os.write(theirs, said.encode())
                os._exit(0)
        os.close(theirs)
        with os.fdopen(ours, "rb") as answer:
            said = answer.read().decode()
        os.waitpid(child, 0)
        return said


SOURCE = Account(61_001, GROUP)
DESK = Account(61_002, GROUP)
OUTSIDER = Account(61_003, 61_003)
