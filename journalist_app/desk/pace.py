# SPDX-License-Identifier: AGPL-3.0-or-later
"""
How long a peer may let us wait for the headers of a request and a short form, over all of it and not only between two bytes.

A longer body has no such bound: between two of its bytes the connection's own silence counts, and whoever is let send one has logged in.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from gunicorn.http.unreader import SocketUnreader

if TYPE_CHECKING:
    import socket

#: A bad circuit brings both in a few seconds.
HEADERS_SECONDS: Final = 45.0


class Pace(SocketUnreader):  # type: ignore[misc]
    """
    What gunicorn reads a connection through.

    Args:
        sock: The connection; its own timeout stays the longest single wait.
        headers: Seconds for all headers of a request, and for its short form.
    """

    def __init__(self, sock: socket.socket, *, headers: float = HEADERS_SECONDS) -> None:
        super().__init__(sock)
        self._headers = headers
        self._until: float | None = None

    def expect_headers(self) -> None:
        """
        A request begins: its headers have to come in their time, however many bytes they are.
        """
        self._until = time.monotonic() + self._headers

    def expect_body(self) -> None:
        """
        The headers are there, and announce what may take its time.
        """
        self._until = None

    def chunk(self, size_hint: int | None = None) -> bytes:
        """
        Wait for the next bytes, as gunicorn asks.

        Raises:
            TimeoutError: The peer was waited for long enough.
        """
        if self._until is None:
            piece: bytes = super().chunk(size_hint)
            return piece
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the peer is too slow")
        usual = self.sock.gettimeout()
        self.sock.settimeout(left if usual is None else min(left, usual))
        try:
            piece = super().chunk(size_hint)
        finally:
            self.sock.settimeout(usual)
        return piece
