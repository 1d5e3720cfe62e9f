# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Commands in the guest, as an operator types them.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

SECONDS = 1_800


class CommandError(RuntimeError):
    """A command failed, or took too long."""


def sh(
    command: str, *, seconds: float = SECONDS, check: bool = False, environment: dict[str, str] | None = None
) -> str:
    """
    Run a line in a shell.

    Returns:
        What it said on both its outputs.

    Raises:
        CommandError: With `check`, it ended with something else than 0.
    """
    done = subprocess.run(
        ["/bin/sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        check=False, timeout=seconds, stdin=subprocess.DEVNULL, cwd="/root",
        env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8", **(environment or {})},
    )  # fmt: skip
    if check and done.returncode:
        raise CommandError(f"`{command}` ended with {done.returncode}: {done.stdout[-1_500:]}")
    return done.stdout


def unit(name: str, fact: str) -> str:
    """
    What systemd says of a unit.
    """
    return sh(f"systemctl show --property={fact} --value {name}").strip()


def until(condition: Callable[[], bool], seconds: float) -> None:
    """
    Wait.

    Raises:
        CommandError: It did not come about.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise CommandError(f"waited {seconds:.0f} s in vain")
        time.sleep(0.2)
