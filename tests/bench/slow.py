# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What a thousand slow uploads cost the next source: the time of a first contact while they are held open, against the idle server.

Each of them is a form of many megabytes that goes on at 1 KiB/s: too fast to be ended, too slow to end. They are sent by a process of
their own, on the server's own cores. A first contact is the form, the words with a codename's real KDF, and the receipt.

`python -m tests.bench.slow [--held N]` prints the figures.
"""

from __future__ import annotations

import argparse
import multiprocessing
import select
import socket
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from crypto.derive import PRODUCTION
from tests.bench.figure import Figure
from tests.bench.processes import open_files
from tests.bench.requests import Source, contact, figure, server, token
from tests.source_app.multipart_forms import BOUNDARY, body, file, text

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

HELD: Final = 1_000
EACH_SECOND: Final = 1 << 10
ANNOUNCED: Final = 64 << 20
GOAL: Final = 2.0
MOST_TRIES: Final = 10
QUIET_SECONDS: Final = 8
_HEAD: Final = (
    "POST /en/write HTTP/1.1\r\nHost: {host}\r\nContent-Type: multipart/form-data; boundary={boundary}\r\n"
    "Content-Length: {length}\r\n\r\n"
)


def figures(*, quick: bool) -> Iterator[Figure]:
    """Every figure of this file."""
    yield from beside_slow_uploads(held=100 if quick else HELD, contacts=15 if quick else 60)


def beside_slow_uploads(*, held: int, contacts: int) -> list[Figure]:
    """Medians of as many first contacts before, while the uploads are held, and after."""
    with server(PRODUCTION) as measured:
        warm(measured.origin, contacts)
        before = times(measured.origin, contacts)
        with slow_uploads(measured.origin, held) as uploads:
            during = times(measured.origin, contacts)
            left = uploads.left()
            files = sum(len(open_files(pid)) for pid in measured.running.workers())
        after = times(measured.origin, contacts)
    # The quieter of the two: afterwards the server still clears up after the uploads.
    idle, busy = min(statistics.median(before), statistics.median(after)), statistics.median(during)
    print(
        f"   idle {idle * 1000:.0f} ms, beside {left} of {held} uploads {busy * 1000:.0f} ms, slowest {max(during) * 1000:.0f} ms, "
        f"{files} files open in the workers",
        flush=True,
    )
    return [
        figure("slow uploads held open", left, "uploads", goal=f">= {held}", ok=left >= held),
        figure(
            "first contact beside slow uploads",
            busy * 1000,
            "ms",
            limit=idle * 1000,
            goal=f"ratio <= {GOAL:g}",
            ok=busy <= GOAL * idle,
        ),
    ]


def warm(origin: str, count: int) -> None:
    """Both workers have loaded what a page needs."""
    times(origin, count)


def times(origin: str, count: int) -> list[float]:
    """Seconds of first contacts, one after the other."""
    taken = []
    for number in range(count):
        began = time.monotonic()
        contact(origin, f"what I saw {number}").close()
        taken.append(time.monotonic() - began)
    return taken


class Uploads:
    """Uploads that another process keeps going."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def left(self) -> int:
        """How many are still being taken."""
        self._pipe.send("left")
        found: int = self._pipe.recv()
        return found


@contextmanager
def slow_uploads(origin: str, count: int) -> Iterator[Uploads]:
    """So many uploads at 1 KiB/s, all of them begun, for as long as the block."""
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe()
    sender = fork.Process(target=_send, args=(theirs, origin, count), daemon=True)
    sender.start()
    try:
        if ours.recv() != "begun":
            raise RuntimeError("the uploads did not begin")
        yield Uploads(ours)
    finally:
        sender.kill()
        sender.join()


def _send(pipe: Any, origin: str, count: int) -> None:
    # One form for all: whoever floods pays no more than it must.
    form = token(Source(origin).get("/en/write"))
    place = urlsplit(origin)
    start = body(text("token", form), file("slow.bin", b"x" * EACH_SECOND), end=False)
    head = _HEAD.format(host=place.netloc, boundary=BOUNDARY.decode(), length=ANNOUNCED).encode()
    held: list[socket.socket] = []
    # A worker takes as many as it has places for; who is turned away tries again, until both have all they can hold.
    for _ in range(MOST_TRIES):
        for number in range(count - len(held)):
            held.append(socket.create_connection((place.hostname, place.port), timeout=60))
            held[-1].sendall(head + start)
            if number % 50 == 49:
                # Those that have begun go on meanwhile, as they would.
                held = _drip(held)
        # Whoever is turned away hears of it when the server has come to him.
        for _ in range(QUIET_SECONDS):
            time.sleep(1)
            held = _drip(held)
        if len(held) == count:
            break
    pipe.send("begun")
    while True:
        began = time.monotonic()
        held = _drip(held)
        if pipe.poll(max(0.0, 1 - (time.monotonic() - began))):
            pipe.recv()
            pipe.send(len(held))


def _drip(held: Sequence[socket.socket]) -> list[socket.socket]:
    """One more KiB each; those that were answered are none any more."""
    poll = select.poll()
    for one in held:
        poll.register(one, select.POLLIN)
    answered = {descriptor for descriptor, _ in poll.poll(0)}
    left = []
    for one in held:
        try:
            if one.fileno() in answered:
                raise ConnectionAbortedError
            one.sendall(b"x" * EACH_SECOND)
        except OSError:
            one.close()
        else:
            left.append(one)
    return left


def main() -> None:
    """The figures, for as many uploads as are asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.slow", description="A first contact beside slow uploads."
    )
    parser.add_argument("--held", type=int, default=HELD)
    parser.add_argument("--contacts", type=int, default=60)
    chosen = parser.parse_args()
    for one in beside_slow_uploads(held=chosen.held, contacts=chosen.contacts):
        print(one)


if __name__ == "__main__":
    main()
