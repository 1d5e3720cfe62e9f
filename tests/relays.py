# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A port on loopback whose visitors are led elsewhere, byte for byte: what a slow line, a cut circuit and a tunnel have in common.

When one side has said its last, or is hung up, both directions of that visitor end. Closing waits for the threads that served.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self

PIECE = 16 << 10


class Relay(ABC):
    """
    It serves from the end of its making until it is closed; whoever inherits from it makes what is its own first.

    Args:
        speed: bytes a second of each visitor; 0 is as fast as it goes. What comes back is not slowed.
        listener: a listening socket to take visitors from; one of its own if none is given.
    """

    def __init__(self, *, speed: int = 0, listener: socket.socket | None = None) -> None:
        self.speed = speed
        self._listener = listener or socket.create_server(("127.0.0.1", 0), backlog=128)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        #: Host and port.
        self.place: tuple[str, int] = self._listener.getsockname()[:2]
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

    @abstractmethod
    def way(self, near: socket.socket) -> socket.socket | None:
        """
        A connection to where this visitor is led, or None if there is no way.

        Raises:
            OSError, EOFError: there is none.
        """

    def goes_on(self, length: int) -> bool:
        """Whether a piece that leaves a visitor is passed on; with one that is not, everything of that visitor ends."""
        return True

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self._run(self._lead, near)

    def _lead(self, near: socket.socket) -> None:
        with self._lock:
            self._open.add(near)
        with contextlib.suppress(OSError, EOFError):
            far = self.way(near)
            if far is not None:
                with self._lock:
                    self._open.add(far)
                self._run(self._forward, far, near)
                self._forward_up(near, far)
        self._close(near)

    def _forward(self, come: socket.socket, go: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := come.recv(PIECE):
                go.sendall(piece)
        self._close(come)
        self._close(go)

    def _forward_up(self, near: socket.socket, far: socket.socket) -> None:
        began, sent = time.monotonic(), 0
        with contextlib.suppress(OSError):
            while (piece := near.recv(PIECE)) and self.goes_on(len(piece)):
                far.sendall(piece)
                sent += len(piece)
                if self.speed:
                    time.sleep(max(0.0, began + sent / self.speed - time.monotonic()))
        self._close(far)

    def _close(self, end: socket.socket) -> None:
        _hang_up(end)
        with self._lock:
            self._open.discard(end)

    def _run(self, act: Callable[..., None], *given: socket.socket) -> None:
        thread = threading.Thread(target=act, args=given, daemon=True)
        with self._lock:
            self._threads.append(thread)
        thread.start()


def _hang_up(end: socket.socket) -> None:
    """Close an end, also under the hands of a thread that reads from it."""
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
