# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Bytes to a server on loopback that no browser would send.
"""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Said:
    """What came back: the status, 0 if the connection just ended; the headers and the body."""

    status: int
    headers: bytes
    body: bytes


def connected(origin: str, timeout: float = 20.0) -> socket.socket:
    """A connection to a server."""
    place = urlsplit(origin)
    return socket.create_connection((place.hostname or "", place.port or 0), timeout)


def ask(origin: str, raw: bytes, timeout: float = 20.0) -> Said:
    """Send these bytes and read what comes back, until the server ends the connection or has answered whole."""
    answer = b""
    with connected(origin, timeout) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            # A server that refuses early may stop reading.
            connection.sendall(raw)
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(65_536):
                answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    return Said(int(status[0]) if status else 0, head, body)


def request(method: str, address: str, *headers: str, host: str = "127.0.0.1", body: bytes = b"") -> bytes:
    """A request's bytes; the connection is to be closed after it."""
    lines = [f"{method} {address} HTTP/1.1", f"Host: {host}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
