# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A conversation with a test tor on its control socket: a command, its answer, and events as they come.

Only what makes a network ready to be tested is asked here; what a server asks of its tor is asked by `deploy.onion`.
"""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Self

PAUSE_SECONDS = 0.05
#: Between two events that come.
EVENT_SECONDS = 90.0


class ControlError(RuntimeError):
    """Tor refused a command, or hung up."""


class Control:
    """
    One conversation.

    Args:
        folder: of the tor: `control.sock` and `cookie` lie in it, or come within `seconds`.
        seconds: how long anything here may take.
    """

    def __init__(self, folder: Path, seconds: float = 20.0) -> None:
        self._socket = _connected(folder / "control.sock", folder / "cookie", seconds)
        self._socket.settimeout(seconds)
        self._lines = self._socket.makefile("r", encoding="utf-8", newline="\r\n")
        try:
            self.ask(f"AUTHENTICATE {(folder / 'cookie').read_bytes().hex()}")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self._socket.close()

    def ask(self, command: str) -> list[str]:
        """Say one thing. Returns the answer's lines without their numbers."""
        self._socket.sendall(f"{command}\r\n".encode())
        found = []
        while True:
            line = self._line()
            if line.startswith("650"):
                continue
            if not line.startswith("250"):
                raise ControlError(f"{command.split(maxsplit=1)[0]}: {line}")
            found.append(line[4:])
            if line[3] == " ":
                return found

    def fact(self, name: str) -> str:
        """One value of GETINFO."""
        return self.ask(f"GETINFO {name}")[0].partition("=")[2]

    def event(self, seconds: float = EVENT_SECONDS) -> str:
        """The next event that was asked for; if none comes in time, the conversation is over."""
        self._socket.settimeout(seconds)
        while True:
            line = self._line()
            if line.startswith("650"):
                return line[4:]

    def _line(self) -> str:
        line = self._lines.readline()
        if not line.endswith("\n"):
            raise ControlError("tor hung up")
        return line.rstrip("\r\n")


def _connected(place: Path, cookie: Path, seconds: float) -> socket.socket:
    """A connection, as soon as tor listens and its cookie is written."""
    end = time.monotonic() + seconds
    while True:
        found = socket.socket(socket.AF_UNIX)
        try:
            found.connect(str(place))
            if len(cookie.read_bytes()) == 32:
                return found
        except OSError:
            if time.monotonic() > end:
                found.close()
                raise
        found.close()
        if time.monotonic() > end:
            raise ControlError(f"no cookie in {cookie}")
        time.sleep(PAUSE_SECONDS)
