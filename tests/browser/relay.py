# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A slow relay between a browser and a server, as a circuit of Tor is one: it forwards a few MiB a second, and when one side has
said its last, it closes both.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Self

PIECE = 64 << 10


class Relay:
    """
    A relay on a loopback port of its own, until it is closed.

    Args:
        origin: `http://host:port` to forward to.
        speed: bytes a second towards the server; answers are not slowed.
    """

    def __init__(self, origin: str, *, speed: int) -> None:
        host, _, port = origin.removeprefix("http://").partition(":")
        self._target = (host, int(port))
        self._speed = speed
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self.origin = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._run(self._accept)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close every connection and wait for the threads that served them."""
        _hang_up(self._listener)
        with self._lock:
            ends, threads = list(self._open), list(self._threads)
        for end in ends:
            _hang_up(end)
        for thread in threads:
            thread.join(10)

    def _accept(self) -> None:
        """Take connections until the listener is closed."""
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
            except OSError:
                return
            with self._lock:
                self._open |= {near, far}
            self._run(self._forward, near, far, self._speed)
            self._run(self._forward, far, near, 0)

    def _run(self, act: Callable[..., None], *arguments: object) -> None:
        """Do something in a thread of its own."""
        thread = threading.Thread(target=act, args=arguments, daemon=True)
        with self._lock:
            self._threads.append(thread)
        thread.start()

    def _forward(self, come: socket.socket, go: socket.socket, speed: int) -> None:
        """Pass one direction on; when it ends, both end."""
        began, sent = time.monotonic(), 0
        with contextlib.suppress(OSError):
            while piece := come.recv(PIECE):
                go.sendall(piece)
                sent += len(piece)
                if speed:
                    time.sleep(max(0.0, began + sent / speed - time.monotonic()))
        for end in (come, go):
            _hang_up(end)
            with self._lock:
                self._open.discard(end)


def _hang_up(end: socket.socket) -> None:
    """Close an end, also under the hands of a thread that reads from it."""
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
