# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Somebody hides a request in another one, over a connection that stays open.

tor brings each stream as a connection of its own, so there is nobody whose request could be next on it. All the same: what can be read
in two ways is refused and ends the connection, what can be read in one way is read in that one, and no answer takes another's visit.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from store.engine import Store
from tests.attacks.loopback import connected
from tests.source_app.multipart_forms import CONTENT_TYPE, body, text
from tests.source_app.throwaway import Throwaway, new_store
from tests.source_app.visitor import Running, Visitor, write_settings

pytestmark = pytest.mark.slow

FORM = f"Content-Type: {CONTENT_TYPE}"
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")


@dataclass(frozen=True)
class Server:
    """A server, its store and who can open it."""

    origin: str
    store: Store
    organisation: Throwaway

    def texts(self) -> list[str]:
        """Every message stored."""
        return sorted(one.body.decode() for one in self.organisation.opened(self.store) if one.header.kind == "message")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all; its log is empty in the end."""
    folder = tmp_path_factory.mktemp("smuggled")
    store, organisation = new_store(folder / "store"), Throwaway(1)
    organisation.install(store)
    log = folder / "log"
    with (
        log.open("wb") as errors,
        Running(write_settings(folder / "settings.toml", store.folder, silence_seconds=3), errors=errors) as running,
    ):
        yield Server(running.origin, store, organisation)
    assert log.read_text() == ""
    store.close()


@pytest.fixture
def cookie(server: Server) -> str:
    """The header with the cookie of a source who wrote."""
    visitor = Visitor(server.origin)
    visitor.write("the visit of somebody else")
    return "Cookie: " + "; ".join(f"{name}={value}" for name, value in visitor.cookies.items() if value)


def kept_open(method: str, address: str, *headers: str, raw: bytes = b"") -> bytes:
    """A request after which the connection stays open."""
    return "\r\n".join([f"{method} {address} HTTP/1.1", "Host: 127.0.0.1", *headers, "", ""]).encode() + raw


def answers(origin: str, raw: bytes) -> list[tuple[int, bytes]]:
    """Send everything at once; every answer that comes, one by one, by its own length, with its headers."""
    stream = b""
    with connected(origin) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(raw)
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(65_536):
                stream += piece
    found = []
    while stream:
        head, _, rest = stream.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 "), head[:200]
        length = _LENGTH.search(head)
        # A page without a length goes to the end of the connection.
        size = int(length[1]) if length else len(rest)
        found.append((int(head[9:12]), head + b"\r\n\r\n" + rest[:size]))
        stream = rest[size:]
    return found


LAST = kept_open("GET", "/en/return", "Connection: close")
AMBIGUOUS: dict[str, tuple[tuple[str, ...], bytes]] = {
    "length and chunks": (("Content-Length: 5", "Transfer-Encoding: chunked"), b"0\r\n\r\n"),
    "chunks and length": (("Transfer-Encoding: chunked", "Content-Length: 0"), b"0\r\n\r\n"),
    "two lengths": (("Content-Length: 0", "Content-Length: 40"), b""),
    "two lengths in one": (("Content-Length: 0, 40",), b""),
    "a signed length": (("Content-Length: +0",), b""),
    "a length with a blank inside": (("Content-Length: 0 0",), b""),
    "a length in hexadecimal": (("Content-Length: 0x0",), b""),
    "a blank before the colon": (("Content-Length : 0", "Transfer-Encoding : chunked"), b"0\r\n\r\n"),
    "a tab before chunked": (("Transfer-Encoding: \x0bchunked",), b"0\r\n\r\n"),
    "chunked twice": (("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), b"0\r\n\r\n"),
    "chunked and not last": (("Transfer-Encoding: chunked, identity",), b"0\r\n\r\n"),
    "another coding": (("Transfer-Encoding: xchunked",), b"0\r\n\r\n"),
    "a folded coding": (("Transfer-Encoding:\r\n chunked",), b"0\r\n\r\n"),
    "an underscore for a dash": (("Content-Length: 0", "Content_Length: 40"), b""),
    "a bare line feed": (("Content-Length: 0\nX: y",), b""),
    "a header without a name": ((": chunked",), b""),
    "no header but a line": (("chunked",), b""),
}


@pytest.mark.parametrize(("headers", "raw"), AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_what_can_be_read_in_two_ways_is_refused_and_ends_the_connection(
    server: Server, headers: tuple[str, ...], raw: bytes
) -> None:
    """One answer, of the four hundreds; what follows is nobody's request."""
    said = answers(server.origin, kept_open("POST", "/en/write", FORM, *headers, raw=raw) + LAST)
    assert len(said) <= 1, said
    assert all(400 <= status < 500 or status == 501 for status, _ in said), said


def test_requests_in_one_go_are_answered_each_by_itself(server: Server, cookie: str) -> None:
    """Three requests in one packet, the second in a visit: three answers in order, and only the second one knows the visit."""
    said = answers(
        server.origin,
        kept_open("GET", "/en/thread")
        + kept_open("GET", "/en/thread", cookie)
        + kept_open("GET", "/en/thread", "Connection: close"),
    )
    assert [status for status, _ in said] == [said[0][0], 200, said[0][0]]
    assert said[0][0] != 200
    assert [b"Set-Cookie: s=" in answer and b"Max-Age=0" not in answer for _, answer in said] == [False, True, False]


def test_a_request_inside_a_form_is_words(server: Server, cookie: str) -> None:
    """A message that is a request from its first byte to its last is stored as it is, and answered once."""
    hidden = kept_open("POST", "/en/forget", cookie, "Content-Length: 0").decode()
    page = Visitor(server.origin).get("/en/write")
    raw = body(text("token", page.form("message").hidden["token"]), text("message", hidden))
    before = len(server.texts())
    said = answers(
        server.origin, kept_open("POST", "/en/write", FORM, f"Content-Length: {len(raw)}", "Connection: close", raw=raw)
    )
    assert [status for status, _ in said] == [303]
    assert hidden.replace("\r\n", "\n") in server.texts()
    assert len(server.texts()) == before + 1


def test_a_form_in_chunks_is_refused_and_none_of_it_is_a_request(server: Server, cookie: str) -> None:
    """A form without a length stores nothing; its chunks are taken for nothing else."""
    page = Visitor(server.origin).get("/en/write")
    raw = body(text("token", page.form("message").hidden["token"]), text("message", "in chunks"))
    hidden = kept_open("GET", "/en/thread", cookie)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (raw, hidden)) + b"0\r\n\r\n"
    before = server.texts()
    said = answers(server.origin, kept_open("POST", "/en/write", FORM, "Transfer-Encoding: chunked", raw=chunks) + LAST)
    assert said[0][0] in {400, 411}
    assert len(said) <= 2
    assert not any(b"Set-Cookie: s=" in answer for _, answer in said)
    assert server.texts() == before


@pytest.mark.parametrize(
    "raw",
    [
        b"5\r\nabcdeX\r\n0\r\n\r\n",
        b"FFFFFFFFFFFFFFFFFF\r\n",
        b"-1\r\n\r\n",
        b"5\nabcde\n0\n\n",
        b"0x5\r\nabcde\r\n0\r\n\r\n",
        b"5;\n\r\nabcde\r\n0\r\n\r\n",
    ],
    ids=["no end", "too large", "negative", "line feeds", "hexadecimal", "a line feed in an extension"],
)
def test_after_broken_chunks_nothing_is_a_request(server: Server, cookie: str, raw: bytes) -> None:
    """Where a chunk does not end as it says, the connection does: two refusals at most, the form's and the connection's."""
    hidden = kept_open("GET", "/en/thread", cookie, "Connection: close")
    said = answers(server.origin, kept_open("POST", "/en/write", FORM, "Transfer-Encoding: chunked", raw=raw) + hidden)
    assert len(said) <= 2, said
    assert all(400 <= status < 500 for status, _ in said), said
    assert not any(b"Set-Cookie: s=" in answer for _, answer in said)


def test_a_refused_form_does_not_leave_its_rest_to_the_next_request(server: Server, cookie: str) -> None:
    """A form that is refused early is read to its end or its connection ends: its rest, a request in itself, is never answered."""
    hidden = kept_open("GET", "/en/thread", cookie)
    raw = body(text("message", "no token first")) + hidden * 40
    said = answers(server.origin, kept_open("POST", "/en/write", FORM, f"Content-Length: {len(raw)}", raw=raw) + LAST)
    assert 400 <= said[0][0] < 500
    assert len(said) <= 2
    assert not any(b"Set-Cookie: s=" in answer for _, answer in said)


def test_a_body_under_a_get_is_no_request(server: Server, cookie: str) -> None:
    """Its length is kept to, though no page reads it."""
    hidden = kept_open("GET", "/en/thread", cookie)
    said = answers(server.origin, kept_open("GET", "/en/return", f"Content-Length: {len(hidden)}", raw=hidden) + LAST)
    assert [status for status, _ in said] in ([200], [200, 200])
    assert not any(b"Set-Cookie: s=" in answer for _, answer in said)


def test_no_upgrade_and_no_expectation_changes_what_is_read(server: Server) -> None:
    """HTTP/2 in plain text, websockets, and "Expect": refused or passed over; what is stored is stored once."""
    for headers in (
        ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"),
        (
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
            "Sec-WebSocket-Version: 13",
        ),
        ("Expect: 100-continue",),
        ("Expect: something",),
    ):
        said = answers(server.origin, kept_open("GET", "/en/return", *headers) + LAST)
        assert all(status in {100, 200, 400, 405, 417} for status, _ in said), (headers, said)
        assert not any(status == 101 for status, _ in said)
