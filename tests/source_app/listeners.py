# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Programs of ours on unix sockets: as they make one themselves, and as systemd hands one over (LISTEN_PID, LISTEN_FDS).
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
# What systemd does between fork and exec: the socket becomes descriptor 3, and the environment says for which process.
_HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


class Program:
    """
    `python ARGUMENTS`, started and waited for until it says where it listens.
    """

    def __init__(
        self, arguments: Sequence[str], *, handed: socket.socket | None = None, wrap: Sequence[str] = ()
    ) -> None:
        over = [] if handed is None else ["-c", _HAND_OVER, str(handed.fileno())]
        self.process = subprocess.Popen(
            [*wrap, sys.executable, *over, *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=() if handed is None else (handed.fileno(),),
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline().strip()

    def kill(self) -> None:
        """End master and workers as a power cut would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def stop(self) -> str:
        """End it in order; what it wrote to standard error."""
        self.process.terminate()
        try:
            return self.process.communicate(timeout=60)[1]
        finally:
            self.kill()


@contextmanager
def running(
    arguments: Sequence[str], *, handed: socket.socket | None = None, wrap: Sequence[str] = ()
) -> Iterator[Program]:
    """A program for as long as the block."""
    program = Program(arguments, handed=handed, wrap=wrap)
    try:
        yield program
    finally:
        program.kill()


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """What systemd holds for an app."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(64)
        yield listener


def ask(path: Path, address: str) -> socket.socket:
    """A request on its way, its answer not yet read."""
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(60)
    made.connect(str(path))
    made.sendall(f"GET {address} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    return made


def status(peer: socket.socket) -> bytes:
    """The status of the answer; the connection is closed."""
    said = b""
    with peer:
        while piece := peer.recv(65_536):
            said += piece
    return said[9:12]
