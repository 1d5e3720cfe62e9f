# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A worker that has turned a large form away leaves who comes to the others, and for a moment only.
"""

from __future__ import annotations

import io
import os
import select
import selectors
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config

from source_app.courtesy import Courtesy
from source_app.limits import LEFT_SECONDS
from source_app.worker import QuietLog, worker
from tests.attacks.loopback import connected, request
from tests.source_app.multipart_forms import CONTENT_TYPE
from tests.source_app.throwaway import Throwaway, new_store
from tests.source_app.visitor import Running, Visitor, write_settings

LARGE = request("POST", "/en/write", "Content-Type: " + CONTENT_TYPE, "Content-Length: 5000000", body=b"--")
THREADS, PLACES = 24, 20


class Loop:
    """A worker's main thread, one turn at a time, before a listener at which six wait."""

    def __init__(self, one: Any, listener: socket.socket) -> None:
        self._worker = one
        self._listener = listener
        self._taken = 0
        one.enqueue_req = self._take
        one.set_accept_enabled(True)

    def turn(self) -> int:
        """What the loop does as somebody waits: how many are taken by now."""
        self._worker.set_accept_enabled(True)
        if self._worker.poller.get_map():
            self._worker.accept(self._listener)
        return self._taken

    def turn_away(self) -> bytes:
        """A large form more than there are places for: what it is told."""
        while self._worker._large.acquire(blocking=False):
            pass
        ours, theirs = socket.socketpair()
        with ours, theirs:
            self._worker._take_large(SimpleNamespace(body=io.BytesIO(b"x")), SimpleNamespace(sock=ours), 1)
            return theirs.recv(65_536)

    def _take(self, connection: Any) -> None:
        self._taken += 1
        connection.sock.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What the worker takes for time."""
    clock = SimpleNamespace(now=10.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr("source_app.worker.time", clock)
    return clock


@pytest.fixture
def loop(clock: SimpleNamespace) -> Iterator[Loop]:
    """A worker alone, before six who wait."""
    cfg = Config()
    with (
        ExitStack() as peers,
        socket.create_server(("127.0.0.1", 0)) as listener,
        selectors.DefaultSelector() as poller,
    ):
        for _ in range(6):
            peers.enter_context(socket.create_connection(listener.getsockname()))
        one = worker(1.0)(0, os.getpid(), [listener], None, 30, cfg, QuietLog(cfg))
        one.tmp.close()
        one.poller = poller
        one._courtesy = Courtesy(clock=clock.monotonic)
        yield Loop(one, listener)


def test_who_comes_is_left_to_the_others_for_a_moment_and_then_taken(loop: Loop, clock: SimpleNamespace) -> None:
    """Whoever comes with them too; then the next are left, and who still waits is taken however late the worker comes back."""
    assert loop.turn() == 1
    assert loop.turn_away().startswith(b"HTTP/1.1 503 ")
    seen = []
    for clock.now in (10.0, 10.04, 10.051, 10.06, 10.07, 10.11, 60.0):
        seen.append(loop.turn())
    assert seen == [1, 1, 2, 3, 3, 3, 4]


def test_everybody_is_taken_at_once_when_a_place_is_free_again(loop: Loop, clock: SimpleNamespace) -> None:
    """Who waited since before, at the end of the moment."""
    loop.turn_away()
    assert loop.turn() == 0
    loop._worker._courtesy.freed()
    assert loop.turn() == 0
    clock.now += LEFT_SECONDS + 0.001
    assert loop.turn() == 1
    clock.now += 20
    assert loop.turn() == 2
    loop.turn_away()
    assert loop.turn() == 2


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """The real server, two workers with twenty places each."""
    store = new_store(tmp_path / "store")
    Throwaway(1).install(store)
    store.close()
    settings = write_settings(tmp_path / "settings.toml", tmp_path / "store", workers=2, threads=THREADS)
    with Running(settings) as running:
        yield running


def answered(peers: list[socket.socket]) -> list[socket.socket]:
    """Those that were told something. Late in a run of all tests a descriptor has a number too high for `select`."""
    poll = select.poll()
    for one in peers:
        poll.register(one, select.POLLIN)
    numbers = {number for number, _ in poll.poll(0)}
    return [one for one in peers if one.fileno() in numbers]


@pytest.mark.slow
def test_large_forms_find_the_places_of_all_workers_and_words_come_through_when_all_are_taken(running: Running) -> None:
    """Who is turned away and comes again is taken while any worker has room. Beyond that, pages are there within a second, and words too."""
    held: list[socket.socket] = []
    with ExitStack() as closing:
        end = time.monotonic() + 60
        while len(held) < 2 * PLACES:
            assert time.monotonic() < end
            while len(held) < 2 * PLACES:
                held.append(closing.enter_context(connected(running.origin)))
                held[-1].sendall(LARGE)
            time.sleep(0.5)
            for one in answered(held):
                held.remove(one)
                one.close()
        for _ in range(4):
            with connected(running.origin) as one_more:
                one_more.sendall(LARGE)
                assert one_more.recv(65_536).startswith(b"HTTP/1.1 503 ")
            began = time.monotonic()
            assert Visitor(running.origin).get("/en/").status == 200
            assert time.monotonic() - began < 1
        assert Visitor(running.origin, timeout=20).write("words").status == 200
