# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The way to an onion through a tor, for programs that know nothing of tor: a port on loopback that leads to one onion.

All connections of one tunnel share a circuit, as those of one browser do; another tunnel has another one.
"""

from __future__ import annotations

import secrets
import socket

from deploy.errors import SocksError
from deploy.socks import connect
from tests.relays import Relay


class Tunnel(Relay):
    """
    A port that leads to an onion, until it is closed.

    Args:
        socks: where a tor takes visitors.
        onion: the address, with `.onion`.
        port: of the onion.
        circuit: a tunnel to share a circuit with.
    """

    def __init__(self, socks: tuple[str, int], onion: str, *, port: int = 80, circuit: Tunnel | None = None) -> None:
        self._identity: str = circuit._identity if circuit else secrets.token_hex(8)
        self._port = port
        self._socks, self._onion = socks, onion
        super().__init__()
        self.url = f"http://127.0.0.1:{self.place[1]}"

    def way(self, near: socket.socket) -> socket.socket | None:
        """Through tor."""
        try:
            far = connect(self._socks, self._onion, self._port, isolation=self._identity)
        except SocksError:
            return None
        # Streams may be silent as long as they like: the apps say when it is too long.
        far.settimeout(None)
        return far
