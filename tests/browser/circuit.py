# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The tor of the tests of this folder: a SOCKS port that knows one onion, through a circuit that is as slow as is said and is cut when it is said.

What this file promises
- Whoever comes by this port asks for the onion by name, as Tor Browser and `curl --socks5-hostname` do; for any other name it has no way,
  and remembers that it was asked.
- A cut takes every connection at once, in both directions, in the middle of whatever they carry: that is what a circuit's end looks like
  from both sides. What comes afterwards is on a new circuit; where the server is told circuits, by a new number.
- Bytes are counted on the way up, where they leave the browser.

What it leaves to others: latency, cells, and the real tor (`tests/onion`).
"""

from __future__ import annotations

import itertools
import socket
import struct
from typing import Final

from tests.relays import Relay

ONION: Final = f"{'dengwen' * 8}.onion"
#: RFC 1928: no authentication, user name and password (by which Tor Browser isolates circuits), CONNECT, a name.
NONE, PASSWORD, CONNECT, NAME = 0, 2, 1, 3
GRANTED: Final = b"\x05\x00\x00\x01" + bytes(6)
NO_WAY: Final = b"\x05\x04\x00\x01" + bytes(6)
#: As tor writes it for a hidden service with `HiddenServiceExportCircuitID haproxy`.
LINE: Final = "PROXY TCP6 fc00:dead:beef:4dad::{:x}:{:x} ::1 {} 80\r\n"


class Circuit(Relay):
    """
    A SOCKS port on loopback that leads to one server, until it is closed.

    Args:
        target: host and port of the server.
        speed: bytes a second of one connection towards the server; 0 is as fast as it goes. Answers are not slowed.
        told: whether the server is told circuits.
        listener: a listening socket to take visitors from; one of its own if none is given.
    """

    def __init__(
        self, target: tuple[str, int], *, speed: int = 0, told: bool = False, listener: socket.socket | None = None
    ) -> None:
        self.target = target
        self.cuts = 0
        self.sent = 0
        self.refused: list[str] = []
        self._told = told
        self._cuts_at: list[int] = []
        self._every = 0
        self._number = 0x1_0001
        self.origin = f"http://{ONION}"
        super().__init__(speed=speed, listener=listener)

    def cut_after(self, *counts: int) -> None:
        """Cut the circuit when this many bytes more have left the browser; again when so many more have, and so on."""
        with self._lock:
            self._cuts_at = [self.sent + total for total in itertools.accumulate(counts)]

    def cut_every(self, count: int) -> None:
        """Cut each circuit when this many bytes have left the browser by it; none any more if it is 0."""
        with self._lock:
            self._every = count
            self._cuts_at = [self.sent + count] if count else []

    def cut(self) -> None:
        """Cut the circuit now."""
        with self._lock:
            self.cuts += 1
            self._number += 1
        self.hang_up()

    def way(self, near: socket.socket) -> socket.socket | None:
        """The handshake, then the server, if it was asked for."""
        if not self._asked(near):
            return None
        far = socket.create_connection(self.target)
        try:
            if self._told:
                with self._lock:
                    number = self._number
                far.sendall(LINE.format(number >> 16, number & 0xFFFF, near.getpeername()[1]).encode())
            near.sendall(GRANTED)
        except OSError:
            far.close()
            raise
        return far

    def goes_on(self, length: int) -> bool:
        """Count what leaves the browser; with the bytes that are due the circuit ends."""
        with self._lock:
            self.sent += length
            due = bool(self._cuts_at) and self.sent >= self._cuts_at[0]
            del self._cuts_at[:due]
            if due and self._every:
                self._cuts_at = [self.sent + self._every]
        if due:
            self.cut()
        return not due

    def _asked(self, near: socket.socket) -> bool:
        """The SOCKS handshake; whether the onion was asked for."""
        _, methods = _exactly(near, 2)
        offered = _exactly(near, methods)
        chosen = PASSWORD if PASSWORD in offered else NONE
        near.sendall(bytes((5, chosen)))
        if chosen == PASSWORD:
            # RFC 1929: a version and the name, then the password; whatever they are.
            _exactly(near, _exactly(near, 2)[1])
            _exactly(near, _exactly(near, 1)[0])
            near.sendall(b"\x01\x00")
        _, command, _, kind = _exactly(near, 4)
        if command != CONNECT or kind != NAME:
            self.refused.append(f"command {command}, address of kind {kind}")
            near.sendall(NO_WAY)
            return False
        host = _exactly(near, _exactly(near, 1)[0]).decode("ascii")
        (port,) = struct.unpack(">H", _exactly(near, 2))
        if (host, port) == (ONION, 80):
            return True
        self.refused.append(f"{host}:{port}")
        near.sendall(NO_WAY)
        return False


def _exactly(end: socket.socket, count: int) -> bytes:
    """So many bytes of a handshake."""
    held = b""
    while len(held) < count:
        piece = end.recv(count - len(held))
        if not piece:
            raise EOFError
        held += piece
    return held
