# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A slow line between a browser and a server, as a circuit of Tor is one: it forwards a few MiB a second, and when one side has
said its last, it closes both.
"""

from __future__ import annotations

import socket

from tests.relays import Relay


class SlowLine(Relay):
    """
    A line on a loopback port of its own, until it is closed.

    Args:
        origin: `http://host:port` to forward to.
        speed: bytes a second towards the server.
    """

    def __init__(self, origin: str, *, speed: int) -> None:
        host, _, port = origin.removeprefix("http://").partition(":")
        self._target = (host, int(port))
        super().__init__(speed=speed)
        self.origin = f"http://127.0.0.1:{self.place[1]}"

    def way(self, near: socket.socket) -> socket.socket:
        """To the server."""
        return socket.create_connection(self._target)
