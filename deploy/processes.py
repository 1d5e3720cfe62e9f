# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Programs of ours, started for a demo and ended with it.

Each prints one line, `listening on ADDRESS`, when it answers. Whatever ends the demo, its programs end too: it stops them, and should
it be killed outright, the kernel tells them.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.errors import DemoError

START_SECONDS = 60
STOP_SECONDS = 15
PR_SET_PDEATHSIG = 1

_LISTENING = re.compile(r"listening on \S*?((?:127\.0\.0\.1|localhost):\d+)")
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(slots=True)
class Running:
    """
    A program that answers.

    Args:
        name: What it is, for messages.
        process: Its process; gunicorn's workers are its children.
        address: `127.0.0.1:PORT`.
    """

    name: str
    process: subprocess.Popen[str]
    address: str

    @property
    def url(self) -> str:
        """
        Where a browser finds it.
        """
        return f"http://{self.address}"

    def family(self) -> tuple[int, ...]:
        """
        The process ids of the program and all that descend from it.
        """
        found, waiting = [], [self.process.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                waiting.extend(int(child) for child in _read(children).split())
        return tuple(found)

    def stop(self) -> None:
        """
        End it: politely, then not.
        """
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def start(name: str, module: str, arguments: Sequence[str], *, log: Path, temporary: Path) -> Running:
    """
    Start `python -m MODULE ARGUMENTS` and wait until it says where it listens.

    Args:
        name: For messages.
        module: What to run.
        arguments: With what.
        log: Takes its standard error.
        temporary: Its TMPDIR, so that a check can look there.

    Raises:
        DemoError: It ended, or said nothing in time.
    """
    temporary.mkdir(mode=0o700, parents=True, exist_ok=True)
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "TMPDIR": str(temporary)},
            # The demo answers Ctrl-C itself, and ends its programs in order.
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 (nothing but a system call; there are no threads yet)
        )
    running = Running(name, process, "")
    watch = threading.Timer(START_SECONDS, process.kill)
    watch.start()
    try:
        for line in process.stdout or ():
            found = _LISTENING.search(line)
            if found:
                running.address = found[1]
                return running
    finally:
        watch.cancel()
    running.stop()
    raise DemoError(f"{name} did not start: {_tail(log)}")


def _die_with_parent() -> None:
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _read(path: Path) -> str:
    # A process that ended meanwhile has no children to tell of.
    try:
        return path.read_text()
    except OSError:
        return ""


def _tail(log: Path) -> str:
    return " / ".join(log.read_text(errors="replace").strip().splitlines()[-3:]) or "it said nothing"
