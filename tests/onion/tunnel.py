# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The way to an onion through a tor, for programs that know nothing of tor: a port on loopback that leads to one onion.

All connections of one tunnel share a circuit, as those of one browser do; another tunnel has another one.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
from collections.abc import Callable
from typing import Self

from deploy.errors import SocksError
from deploy.socks import connect

PIECE = 64 << 10


class Tunnel:
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
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._run(self._accept)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection and wait for the threads that served them."""
        _hang_up(self._listener)
        self.hang_up()
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(10)

    def hang_up(self) -> None:
        """Close every connection that is open, as a person does who presses "stop"."""
        with self._lock:
            ends = list(self._open)
        for end in ends:
            _hang_up(end)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self._run(self._lead, near)

    def _lead(self, near: socket.socket) -> None:
        """Connect one visitor; both directions end together."""
        try:
            far = connect(self._socks, self._onion, self._port, isolation=self._identity)
        except SocksError:
            near.close()
            return
        # Streams may be silent as long as they like: the apps say when it is too long.
        far.settimeout(None)
        with self._lock:
            self._open |= {near, far}
        self._run(self._forward, far, near)
        self._forward(near, far)

    def _run(self, act: Callable[..., None], *given: object) -> None:
        thread = threading.Thread(target=act, args=given, daemon=True)
        with self._lock:
            self._threads.append(thread)
        thread.start()

    def _forward(self, come: socket.socket, go: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := come.recv(PIECE):
                go.sendall(piece)
        for end in (come, go):
            _hang_up(end)
        with self._lock:
            self._open -= {come, go}


def _hang_up(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
