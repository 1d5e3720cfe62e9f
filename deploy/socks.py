# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A connection through tor, and one page fetched over it: what doctor and `dengwen watch` need of the network, and no more.

Promises: every step ends by one deadline; each purpose has a circuit of its own (stream isolation by SOCKS name); what tor refuses is said
in words and carries tor's code. Tor tells an onion's troubles apart only on a SocksPort with `ExtendedErrors`.
Refuses: answers that are not SOCKS 5, byte by byte, and pages longer than their bound. Names are resolved by tor, never here.
"""

from __future__ import annotations

import re
import secrets
import socket
import time
from dataclasses import dataclass
from typing import Final

from deploy.errors import SocksError
from deploy.host import TOR_SOCKS

Proxy = tuple[str, int]

#: The first visit to an onion fetches its descriptor and builds three circuits; under load tor takes up to two minutes over it.
SECONDS: Final = 120.0
MAX_PAGE: Final = 1 << 20
MAX_HEAD: Final = 16_384
MAX_NAME: Final = 255

MISSING_CLIENT_KEY: Final = 0xF4
WRONG_CLIENT_KEY: Final = 0xF5

REPLIES: Final = {
    0x01: "tor could not connect, and does not say why",
    0x02: "tor's rules forbid the connection",
    0x03: "the network cannot be reached",
    0x04: "the onion cannot be reached",
    0x05: "the connection was refused",
    0x06: "the circuit broke or took too long",
    0x07: "tor does not know the command",
    0x08: "tor does not know this kind of address",
    0xF0: "no directory has the onion's descriptor: it is not published, or the address is wrong",
    0xF1: "the onion's descriptor is damaged",
    0xF2: "none of the onion's introduction points could be reached",
    0xF3: "the rendezvous with the onion failed",
    0xF4: "the onion demands a client key, and this tor has none for it",
    0xF5: "the onion does not accept the client key of this tor",
    0xF6: "this is not an onion address",
    0xF7: "the onion's introduction points did not answer in time",
}

_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\r\n")
_PATH: Final = re.compile(r"/[\x21-\x7e]*")


@dataclass(frozen=True, slots=True)
class Page:
    """
    What an onion answered.

    Args:
        status: of HTTP.
        body: whole.
    """

    status: int
    body: bytes


def connect(proxy: Proxy, host: str, port: int, *, timeout: float = SECONDS, isolation: str = "") -> socket.socket:
    """
    Connect through tor.

    Args:
        proxy: Tor's SocksPort.
        host: A name, as tor resolves it.
        port: Its port.
        timeout: Seconds until the connection must stand; the socket keeps it for each later read.
        isolation: Connections that give the same word may share a circuit; by default none does.

    Raises:
        SocksError: No connection; `code` says what tor answered.
    """
    name = host.encode("ascii", "replace")
    if not 1 <= len(name) <= MAX_NAME or not host.isascii() or not 1 <= port <= 0xFFFF:
        raise SocksError("a name has 1 to 255 ASCII characters, a port is 1 to 65535")
    end = time.monotonic() + timeout
    try:
        found = socket.create_connection(proxy, timeout=timeout)
    except OSError as error:
        raise SocksError(f"tor does not listen on {proxy[0]}:{proxy[1]}: {error.strerror or error}") from None
    try:
        _introduce(found, isolation or secrets.token_hex(16), end)
        _request(found, name, port, end)
        found.settimeout(timeout)
    except BaseException:
        found.close()
        raise
    return found


def reachable(onion: str, proxy: Proxy = TOR_SOCKS, *, timeout: float = SECONDS) -> int:
    """
    Visit an onion's first page, as a source's browser would: on a circuit of its own.

    Returns:
        The HTTP status. Whether it is the right one is the caller's to say.

    Raises:
        SocksError: There was no answer, or none of HTTP.
    """
    return fetch(onion, "/", proxy, timeout=timeout).status


def fetch(onion: str, path: str, proxy: Proxy = TOR_SOCKS, *, timeout: float = SECONDS, limit: int = MAX_PAGE) -> Page:
    """
    GET one page of an onion.

    Args:
        onion: Its address, `.onion` included.
        path: Printable ASCII, from the slash on.
        proxy: Tor's SocksPort.
        timeout: Seconds for all of it.
        limit: The longest body.

    Raises:
        SocksError: There was no answer, or none of HTTP, or it was longer.
    """
    if _PATH.fullmatch(path) is None:
        raise SocksError("a path begins with a slash and is printable ASCII without spaces")
    end = time.monotonic() + timeout
    with connect(proxy, onion, 80, timeout=timeout) as found:
        # HTTP/1.0: the answer ends with the connection, so nothing has to be parsed to know its length.
        _send(found, f"GET {path} HTTP/1.0\r\nHost: {onion}\r\n\r\n".encode(), end)
        raw = _rest(found, MAX_HEAD + limit, end)
    head, gap, body = raw.partition(b"\r\n\r\n")
    status = _STATUS.match(head + gap)
    if status is None or not gap or len(head) > MAX_HEAD:
        raise SocksError("what answers there is not a web server")
    if len(body) > limit:
        raise SocksError(f"the page is longer than {limit} bytes")
    return Page(int(status[1]), body)


def _introduce(found: socket.socket, word: str, end: float) -> None:
    # RFC 1928 §3: version 5, one method, name and password. Tor refuses nobody; the name is what keeps circuits apart.
    _send(found, b"\x05\x01\x02", end)
    if _exactly(found, 2, end) != b"\x05\x02":
        raise SocksError("what listens there is not tor's SOCKS port")
    name = word.encode()
    if not 1 <= len(name) <= MAX_NAME:
        raise SocksError("an isolation word has 1 to 255 bytes")
    # RFC 1929 §2: neither field may be empty.
    _send(found, bytes([1, len(name)]) + name + b"\x01-", end)
    if _exactly(found, 2, end) != b"\x01\x00":
        raise SocksError("tor's SOCKS port refused a name")


def _request(found: socket.socket, name: bytes, port: int, end: float) -> None:
    # RFC 1928 §4: CONNECT, address type 3 (a name).
    _send(found, b"\x05\x01\x00\x03" + bytes([len(name)]) + name + port.to_bytes(2, "big"), end)
    version, code, reserved, kind = _exactly(found, 4, end)
    if version != 5 or reserved != 0:
        raise SocksError("what listens there is not tor's SOCKS port")
    if code != 0:
        raise SocksError(REPLIES.get(code, f"tor answered with a code nobody knows, {code:#04x}"), code=code)
    # §6: the bound address follows and says nothing here, but must be taken off the connection.
    length = {1: 4, 4: 16}.get(kind)
    if length is None:
        raise SocksError("what listens there is not tor's SOCKS port")
    _exactly(found, length + 2, end)


def _send(found: socket.socket, raw: bytes, end: float) -> None:
    found.settimeout(_left(end))
    try:
        found.sendall(raw)
    except TimeoutError:
        raise SocksError("there was no answer in time") from None
    except OSError as error:
        raise SocksError(f"the connection broke: {error.strerror or error}") from None


def _exactly(found: socket.socket, count: int, end: float) -> bytes:
    taken = b""
    while len(taken) < count:
        part = _some(found, count - len(taken), end)
        if not part:
            raise SocksError("tor hung up in the middle of its answer")
        taken += part
    return taken


def _rest(found: socket.socket, limit: int, end: float) -> bytes:
    taken = bytearray()
    while len(taken) <= limit:
        part = _some(found, 65_536, end)
        if not part:
            return bytes(taken)
        taken += part
    raise SocksError(f"the answer is longer than {limit} bytes")


def _some(found: socket.socket, most: int, end: float) -> bytes:
    found.settimeout(_left(end))
    try:
        return found.recv(most)
    except TimeoutError:
        raise SocksError("there was no answer in time") from None
    except OSError as error:
        raise SocksError(f"the connection broke: {error.strerror or error}") from None


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise SocksError("there was no answer in time")
    return left
