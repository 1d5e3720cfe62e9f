# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Too large: the page first, then the rest of the body is taken and forgotten, up to a bound.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from source_app.drain import drain
from tests.source_app.multipart_forms import CONTENT_TYPE, Stream, body, file, text
from tests.source_app.throwaway import Throwaway, new_store
from tests.source_app.visitor import Running, Upload, Visitor, write_settings

LIMIT = 1 << 20
BOUND = 4 << 20
FIRST = 16 << 10


def test_the_rest_is_read_and_forgotten() -> None:
    """Everything that is still to come is taken."""
    assert drain(Stream(bytes(300_000)), 300_000) == 300_000


def test_no_more_than_the_bound_is_read() -> None:
    """A body larger than the bound is left where the bound is."""
    stream = Stream(bytes(300_000))
    assert drain(stream, 300_000, bound=100_000) == 100_000
    assert stream.position == 100_000


def test_a_source_who_leaves_ends_it() -> None:
    """A cut during the drain is not an error: the answer was sent."""
    assert drain(Stream(bytes(300_000), cut=50_000, reset=True), 300_000) == 50_000


def test_it_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trickle does not hold a thread for ever, however few bytes it sends."""
    clock = itertools.count(0, 10)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    assert drain(Stream(bytes(300_000), runs=(1,)), 300_000, seconds=500) < 100


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("drain")
    store = new_store(folder / "store")
    Throwaway().install(store)
    store.close()
    settings = write_settings(folder / "settings.toml", store.folder, file_bytes=LIMIT, drain_bytes=BOUND, workers=1)
    with Running(settings) as running:
        yield running


@contextlib.contextmanager
def begun(server: Running, length: int) -> Iterator[tuple[socket.socket, bytes]]:
    """Send the head of a form of a stated length and its first 16 KiB; give what is answered."""
    visitor = Visitor(server.origin)
    page = visitor.get("/en/write")
    parts = [text("token", page.form("message").hidden["token"]), file("big.bin", bytes(FIRST))]
    first = body(*parts, end=False)[:FIRST]
    host, _, port = urlsplit(server.origin).netloc.partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        yield connection, _answer_to(connection, f"{host}:{port}", length, first)


def _answer_to(connection: socket.socket, host: str, length: int, first: bytes) -> bytes:
    head = (
        f"POST /en/write HTTP/1.1\r\nHost: {host}\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {length}\r\n\r\n"
    )
    connection.sendall(head.encode() + first)
    answer = b""
    while b"</html>" not in answer:
        piece = connection.recv(65536)
        assert piece, answer
        answer += piece
    return answer


def sent_until_refused(connection: socket.socket, most: int) -> int:
    """Send zeros until the other side has closed; how many bytes it let go."""
    sent = 0
    try:
        while sent < most:
            sent += connection.send(bytes(65536))
    except ConnectionError:
        return sent
    return sent


@pytest.mark.slow
def test_the_page_comes_before_the_body(server: Running) -> None:
    """A form that says it is too large is answered whole while nearly all of it is still to come; then it is taken."""
    with begun(server, BOUND) as (connection, answer):
        assert answer.startswith(b"HTTP/1.1 413 ")
        connection.sendall(bytes(BOUND - FIRST))


@pytest.mark.slow
def test_past_the_bound_the_connection_ends(server: Running) -> None:
    """A body far over the bound is not taken for ever: the server closes."""
    with begun(server, 1 << 30) as (connection, answer):
        assert answer.startswith(b"HTTP/1.1 413 ")
        sent = sent_until_refused(connection, 1 << 30)
    # What the two kernels buffer and gunicorn's own lingering close come on top of the bound.
    assert BOUND <= sent < BOUND + (32 << 20)


@pytest.mark.slow
def test_too_large_in_the_middle_keeps_the_files_before_it(server: Running) -> None:
    """A file that grows over its limit is refused by name on a page, and the one before it has arrived."""
    visitor = Visitor(server.origin)
    page = visitor.write("first")
    small = LIMIT // 4
    page = visitor.attach(page, Upload.of("a.txt", bytes(small)), Upload.of("big.bin", bytes(LIMIT + 1)))
    assert page.status == 413
    assert "a.txt" in page.html
    assert "big.bin" in page.html
    again = visitor.attach(page, Upload.of("fits.bin", bytes(LIMIT)))
    assert again.status == 200
    assert "fits.bin" in again.html


@pytest.mark.slow
def test_no_version_is_named(server: Running) -> None:
    """No header of an answer tells a version."""
    page = Visitor(server.origin).get("/en/")
    assert page.status == 200
    assert not any(character.isdigit() for character in page.headers.get("server", ""))


@pytest.mark.slow
def test_others_are_served_while_a_body_is_drained(server: Running) -> None:
    """A held body holds its thread and nobody else's."""
    with begun(server, BOUND):
        assert Visitor(server.origin).get("/en/").status == 200
