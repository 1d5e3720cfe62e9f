# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A SOCKS 5 server on this machine that stands for an operator's tor: it joins every connection to one place, or refuses as tor would.

It speaks RFC 1928 and RFC 1929 as tor does, knows nothing of circuits, and keeps what it was asked for.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Self

BLOCK = 65_536


class FalseTor:
    """
    One such server, for as long as the block lasts.

    Args:
        target: Where connections are joined to; None if none is.
        code: What is answered instead, if it is not 0.
        says: What is said instead of joining, and then nothing more.
    """

    def __init__(self, target: tuple[str, int] | None = None, *, code: int = 0, says: bytes | None = None) -> None:
        self.target, self.code, self.says = target, code, says
        self.asked: list[tuple[str, int]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []

    @property
    def address(self) -> str:
        """`127.0.0.1:PORT`, as `--socks` takes it."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)
        for one in self._open:
            one.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                self._open.append(peer)
                peer.settimeout(20)
                with suppress(OSError, IndexError):
                    self._answer(peer)

    def _answer(self, peer: socket.socket) -> None:
        # One at a time, and one exchange each: a watcher asks no more.
        methods = _exactly(peer, _exactly(peer, 2)[1])
        peer.sendall(b"\x05\x02" if 2 in methods else b"\x05\x00")
        if 2 in methods:
            _exactly(peer, _exactly(peer, 2)[1])
            _exactly(peer, _exactly(peer, 1)[0])
            peer.sendall(b"\x01\x00")
        name = _exactly(peer, _exactly(peer, 5)[4]).decode()
        self.asked.append((name, int.from_bytes(_exactly(peer, 2), "big")))
        peer.sendall(bytes([5, self.code, 0, 1]) + bytes(6))
        if self.code or (self.target is None and self.says is None):
            peer.close()
            return
        if self.says is not None:
            peer.recv(BLOCK)
            peer.sendall(self.says)
            return
        assert self.target is not None
        with socket.create_connection(self.target, timeout=20) as desk:
            desk.sendall(peer.recv(BLOCK))
            while piece := desk.recv(BLOCK):
                peer.sendall(piece)
        peer.close()


def _exactly(peer: socket.socket, count: int) -> bytes:
    taken = b""
    while len(taken) < count:
        piece = peer.recv(count - len(taken))
        if not piece:
            raise OSError
        taken += piece
    return taken
