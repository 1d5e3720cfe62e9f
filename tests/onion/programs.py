# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Programs that end with the tests, however these end.

Stopped in order: SIGTERM to all, then SIGKILL to those that are still there. Should this process be killed outright, the kernel kills
its programs, and a caretaker, which outlives it for that moment, removes the folder.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.source_app.visitor import ROOT

STOP_SECONDS = 3.0
#: Becomes the program: told to die with its parent, its listener where systemd would put it.
BECOME = """
import ctypes, os, signal, sys
parent, listener, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != parent:
    sys.exit(1)
if listener >= 0:
    os.dup2(listener, 3)
    os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execvp(program[0], program)
"""
CARETAKER = """
import pathlib, shutil, sys, time
sys.stdin.read()
end = time.monotonic() + 30
while pathlib.Path(sys.argv[1]).exists() and time.monotonic() < end:
    shutil.rmtree(sys.argv[1], ignore_errors=True)
    time.sleep(0.05)
"""


def start(
    command: Sequence[str],
    *,
    said: Path,
    heard: bool = False,
    listener: int = -1,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[str]:
    """
    Start a program.

    Args:
        command: the program and its arguments.
        said: takes what it writes to standard error, and to standard output unless that is heard.
        heard: whether somebody here reads its standard output.
        listener: a listening socket to hand over as systemd does; none if negative.
        environment: what it has besides ours.
    """
    with said.open("ab") as errors:
        return subprocess.Popen(
            [sys.executable, "-c", BECOME, str(os.getpid()), str(listener), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if heard else errors,
            stderr=errors,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
            pass_fds=(listener,) if listener >= 0 else (),
            start_new_session=True,
        )


def stop(programs: Iterable[subprocess.Popen[str]], seconds: float = STOP_SECONDS) -> None:
    """End programs: politely all at once, then not."""
    alive = [one for one in programs if one.poll() is None]
    for one in alive:
        one.terminate()
    end = time.monotonic() + seconds
    for one in alive:
        try:
            one.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            # Tor was seen to sleep through any number of SIGTERMs.
            one.kill()
            one.wait()
    for one in programs:
        if one.stdout is not None:
            one.stdout.close()


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """
    A folder of a short name, as unix sockets need it, that is gone afterwards, also after a SIGKILL.
    """
    path = Path(tempfile.mkdtemp(prefix="dengwen-onion-"))
    caretaker = subprocess.Popen(
        [sys.executable, "-c", CARETAKER, str(path)], stdin=subprocess.PIPE, start_new_session=True
    )
    try:
        yield path
    finally:
        caretaker.communicate()
