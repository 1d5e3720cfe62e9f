# SPDX-License-Identifier: AGPL-3.0-or-later
"""
How long a peer may let us wait, over a whole request and not only between two bytes.

A connection has some patience. Every second we wait for its bytes uses it up; while a body comes, bytes earn it back, up to what it was
in the beginning. So headers have a deadline, and a body a least speed that no fast beginning buys off. Time that we spend ourselves
(sealing, a slow disk, a line before the KDF) is not the peer's and does not count.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gunicorn.http.unreader import SocketUnreader

from source_app.limits import BODY_LEAST_SPEED, BODY_PATIENCE_SECONDS, HEADERS_SECONDS

if TYPE_CHECKING:
    import socket


class Pace(SocketUnreader):  # type: ignore[misc]
    """
    What gunicorn reads a connection through.

    Args:
        sock: the connection; its own timeout stays the longest single wait.
        headers: seconds for all headers of a request.
        body: seconds a body may be waited for beyond its speed.
        speed: bytes that earn back one second.
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        headers: float = HEADERS_SECONDS,
        body: float = BODY_PATIENCE_SECONDS,
        speed: int = BODY_LEAST_SPEED,
    ) -> None:
        super().__init__(sock)
        self._headers = headers
        self._body = body
        self._speed = speed
        self._most = self._left = headers
        self._earned = 0.0

    def expect_headers(self) -> None:
        """
        A request begins: its headers have to come in their time, however many bytes they are.
        """
        self._most = self._left = self._headers
        self._earned = 0.0

    def expect_body(self) -> None:
        """
        The headers are there: from here on bytes earn time.
        """
        self._most = self._left = self._body
        self._earned = 1 / self._speed

    def chunk(self, size_hint: int | None = None) -> bytes:
        """
        Wait for the next bytes, as gunicorn asks.

        Raises:
            TimeoutError: the peer was waited for long enough.
        """
        if self._left <= 0:
            raise TimeoutError("the peer is too slow")
        usual = self.sock.gettimeout()
        # A fast upload never comes here: what is left is more than any single wait.
        bounded = usual is None or usual > self._left
        if bounded:
            self.sock.settimeout(self._left)
        began = time.monotonic()
        try:
            piece: bytes = super().chunk(size_hint)
        finally:
            self._left -= time.monotonic() - began
            if bounded:
                self.sock.settimeout(usual)
        self._left = min(self._most, self._left + len(piece) * self._earned)
        return piece
