# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Peers that are slow, many or rude: what each may hold, and what they are told.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import InvalidHeader, InvalidResponseHeader, LimitRequestHeaders, LimitRequestLine

from source_app import limits
from source_app.bare import bare, status_of
from source_app.headers import HEADERS
from source_app.pace import Pace
from source_app.serve import options
from source_app.settings import SourceSettings
from source_app.worker import QuietLog, worker
from tests.attacks.loopback import ask, connected, request
from tests.source_app.multipart_forms import CONTENT_TYPE
from tests.source_app.throwaway import Throwaway, new_store
from tests.source_app.visitor import Running, Visitor, write_settings


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a connection; ours waits ten seconds at most."""
    ours, theirs = socket.socketpair()
    ours.settimeout(10)
    with ours, theirs:
        yield ours, theirs


class Clock:
    """Seconds that pass when a peer is waited for."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


class Slow(socket.socket):
    """A connection whose peer sends some bytes each time, after some seconds."""

    def __init__(self, clock: Clock, *, seconds: float, sends: int) -> None:
        super().__init__()
        self._clock = clock
        self._seconds = seconds
        self._sends = sends

    def recv(self, size: int, _flags: int = 0) -> bytes:
        allowed = self.gettimeout()
        if allowed is not None and allowed < self._seconds:
            self._clock.now += allowed
            raise TimeoutError
        self._clock.now += self._seconds
        return bytes(min(size, self._sends))


def waited(pace: Pace, clock: Clock, most: float) -> float:
    """How long a peer was waited for before it was given up, if it was within `most` seconds."""
    with contextlib.suppress(TimeoutError):
        while clock.now < most:
            pace.chunk()
    return clock.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that `pace` goes by."""
    clock = Clock()
    monkeypatch.setattr("source_app.pace.time", clock)
    return clock


def test_headers_have_a_deadline_however_they_trickle(clock: Clock) -> None:
    """A byte every two seconds is waited for 45 seconds, not as long as bytes come."""
    with Slow(clock, seconds=2, sends=1) as peer:
        peer.settimeout(120)
        pace = Pace(peer)
        pace.expect_headers()
        assert waited(pace, clock, 1_000) == limits.HEADERS_SECONDS


@pytest.mark.parametrize(("seconds", "sends"), [(2, 1), (2, 256), (100, 8_000)])
def test_a_body_that_trickles_is_given_up(clock: Clock, seconds: float, sends: int) -> None:
    """Slower than the least speed, it ends when patience is used up, and the socket has its own timeout back."""
    with Slow(clock, seconds=seconds, sends=sends) as peer:
        peer.settimeout(120)
        pace = Pace(peer)
        pace.expect_body()
        given_up = waited(pace, clock, 100_000)
        assert limits.BODY_PATIENCE_SECONDS <= given_up <= 10 * limits.BODY_PATIENCE_SECONDS
        assert peer.gettimeout() == 120


def test_a_fast_beginning_buys_no_trickle_afterwards(clock: Clock) -> None:
    """A gigabyte in a second earns no more than the patience one begins with."""
    with Slow(clock, seconds=0.001, sends=1 << 20) as peer:
        peer.settimeout(120)
        pace = Pace(peer)
        pace.expect_body()
        for _ in range(1_000):
            pace.chunk(1 << 20)
        peer._seconds, peer._sends = 10, 1
        began = clock.now
        assert waited(pace, clock, 100_000) - began <= limits.BODY_PATIENCE_SECONDS + 1


@pytest.mark.parametrize(("seconds", "sends"), [(20, 16_384), (110, 60_000)], ids=["0.8 KB/s", "stalls of two minutes"])
def test_a_bad_circuit_is_waited_for(clock: Clock, seconds: float, sends: int) -> None:
    """A slow or stalling source that makes headway is never given up."""
    with Slow(clock, seconds=seconds, sends=sends) as peer:
        peer.settimeout(120)
        pace = Pace(peer)
        pace.expect_body()
        for _ in range(1_000):
            assert pace.chunk(sends)


def test_our_own_time_is_not_the_peers(clock: Clock, pair: tuple[socket.socket, socket.socket]) -> None:
    """An hour on a slow disk between two reads costs a source nothing."""
    ours, theirs = pair
    pace = Pace(ours)
    pace.expect_body()
    for _ in range(5):
        theirs.send(b"x")
        assert pace.chunk() == b"x"
        clock.now += 3_600


class FullListener:
    """A listener of a process that can open no more files."""

    def __init__(self, listener: socket.socket, number: int) -> None:
        self._listener = listener
        self._number = number

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listener, name)

    def accept(self) -> Any:
        raise OSError(self._number, os.strerror(self._number))


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_a_worker_without_files_lives_and_looks_away_for_a_second(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection is accepted for a moment, nothing is raised into the main loop, and then it looks again."""
    clock = Clock()
    with socket.create_server(("127.0.0.1", 0)) as listener, selectors.DefaultSelector() as poller:
        full = FullListener(listener, number)
        cfg = Config()
        one = worker(1.0)(0, os.getpid(), [full], None, 30, cfg, QuietLog(cfg))
        one.tmp.close()
        one.poller = poller
        one.set_accept_enabled(True)
        assert len(poller.get_map()) == 1
        monkeypatch.setattr("source_app.worker.time", clock)
        clock.now = 10.0
        one.accept(full)
        one.set_accept_enabled(True)
        assert len(poller.get_map()) == 0
        clock.now = 11.1
        one.set_accept_enabled(True)
        assert len(poller.get_map()) == 1


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (LimitRequestLine(1, 2), 414),
        (LimitRequestHeaders("x"), 431),
        (InvalidHeader("X-Secret"), 400),
        (InvalidResponseHeader("X-Ours"), 500),
        (RuntimeError("secret"), 500),
    ],
)
def test_a_bare_answer_says_nothing_of_the_request(error: Exception, status: int) -> None:
    """A status, two sentences, the headers of every other answer."""
    assert status_of(error) == status
    head, _, body = bare(status).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert f"Content-Length: {len(body)}".encode() in head
    for name, value in HEADERS.items():
        assert f"\r\n{name}: {value}".encode() in head
    assert b"ecret" not in body


def test_nothing_a_peer_says_about_proxies_is_believed(tmp_path: Path) -> None:
    """Gunicorn trusts every peer of a unix socket; there is nothing to trust it for."""
    cfg = Config()
    for key, value in options(SourceSettings(store=tmp_path, organisation="O")).items():
        cfg.set(key, value)
    assert cfg.forwarder_headers == []
    assert cfg.secure_scheme_headers == {}
    assert cfg.limit_request_fields <= 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with one seat."""
    store = new_store(tmp_path / "store")
    Throwaway(1).install(store)
    store.close()
    return tmp_path


@pytest.mark.slow
def test_peers_that_stay_after_their_answer_stop_nobody(folder: Path) -> None:
    """Twelve connections ask for a style sheet, say that they will close, and do not: the next page comes at once."""
    with (
        Running(write_settings(folder / "s.toml", folder / "store", workers=1)) as running,
        ExitStack() as open_at_once,
    ):
        for _ in range(12):
            peer = open_at_once.enter_context(connected(running.origin))
            peer.sendall(request("GET", "/static/style.css"))
        began = time.monotonic()
        assert Visitor(running.origin).get("/en/").status == 200
        assert time.monotonic() - began < 1.5


@pytest.mark.slow
def test_large_bodies_leave_threads_for_pages_and_words(folder: Path) -> None:
    """Five of six threads held by large forms: the next large one is told to come later, a page and a message are taken."""
    head = ("Content-Type: " + CONTENT_TYPE, "Content-Length: 5000000")
    settings = write_settings(folder / "s.toml", folder / "store", workers=1, threads=6)
    with Running(settings) as running, ExitStack() as open_at_once:
        for _ in range(5):
            peer = open_at_once.enter_context(connected(running.origin))
            peer.sendall(request("POST", "/en/write", *head, body=b"--"))
        time.sleep(0.5)
        with connected(running.origin) as refused:
            refused.sendall(request("POST", "/en/write", *head, body=b"--"))
            answer = refused.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"</html>" in answer
        assert Visitor(running.origin, timeout=20).write("words").status == 200


@pytest.mark.slow
def test_a_large_form_that_is_turned_away_is_taken_so_that_its_page_shows(folder: Path) -> None:
    """The whole of it is read after the answer: a browser shows the answer only then."""
    length = 3_000_000
    head = ("Content-Type: " + CONTENT_TYPE, f"Content-Length: {length}")
    settings = write_settings(folder / "s.toml", folder / "store", workers=1, threads=3)
    with Running(settings) as running, ExitStack() as open_at_once:
        for _ in range(2):
            peer = open_at_once.enter_context(connected(running.origin))
            peer.sendall(request("POST", "/en/write", *head, body=b"--"))
        time.sleep(0.5)
        said = ask(running.origin, request("POST", "/en/write", *head, body=bytes(length)))
        assert said.status == 503
        assert b"\xe5\x8f\x91\xe9\x80\x81\xe6\x96\x87\xe4\xbb\xb6" in said.body


@pytest.mark.slow
@pytest.mark.parametrize(
    "raw",
    [
        b"GET /secret HTTP/9.9\r\n\r\n",
        b"GET /" + b"secret" * 400 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X-Secret: secret\r\n" * 40 + b"\r\n",
        b"GET / HTTP/1.1\r\nX-Secret: " + b"s" * 5_000 + b"\r\n\r\n",
    ],
    ids=["version", "address", "many headers", "long header"],
)
def test_a_request_that_is_none_gets_our_page(folder: Path, raw: bytes) -> None:
    """With our headers, and nothing of what was sent."""
    with Running(write_settings(folder / "s.toml", folder / "store", workers=1)) as running:
        said = ask(running.origin, raw)
    assert said.status in {400, 414, 431}
    assert b"Content-Security-Policy: default-src 'none'" in said.headers
    assert b"ecret" not in said.body


@pytest.mark.slow
def test_on_a_unix_socket_no_peer_moves_the_pages(folder: Path) -> None:
    """With SCRIPT_NAME it is no request of a browser; with X-Forwarded-Proto it is a gateway; either is turned away."""
    path = folder / "socket"

    def page(*headers: str) -> bytes:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect(str(path))
            connection.sendall(request("GET", "/en/", *headers))
            answer = b""
            while piece := connection.recv(65_536):
                answer += piece
        return answer

    with Running(write_settings(folder / "s.toml", folder / "store", workers=1, bind=f"unix:{path}")):
        plain = page()
        assert plain.startswith(b"HTTP/1.1 200 ")
        assert page("SCRIPT_NAME: /en").startswith(b"HTTP/1.1 400 ")
        assert page("X-Forwarded-Proto: https").startswith(b"HTTP/1.1 403 ")
