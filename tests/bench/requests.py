# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What requests cost: first contact beside the KDF, eight sources at once, follow-ups under load.

Everything goes through the real server (gunicorn, two workers, real store). Sources are sockets that send bytes made beforehand: they
run on the server's own cores, and what they spend is not there for it. CPU is that of the server's processes, from /proc.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from argon2.low_level import ARGON2_VERSION, Type, hash_secret_raw

from crypto.argon import KEY_SIZE
from crypto.codename import Codename
from crypto.derive import CHEAPEST, PRODUCTION, Costs, Generation, derive
from crypto.hidden import Hidden
from tests.bench.figure import Figure
from tests.bench.processes import cpu_seconds, huge_pages
from tests.source_app.multipart_forms import CONTENT_TYPE, body, text
from tests.source_app.throwaway import Throwaway, new_store
from tests.source_app.visitor import Running, write_settings

SOURCES = 8
_TOKEN = re.compile(r'name="token" value="([^"]+)"')
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")
_COOKIE = re.compile(rb"(?i)\r\nset-cookie: *(s=[^;\r]+)")
_NUMBER = 8


def figures(*, quick: bool) -> Iterator[Figure]:
    """Every figure of this file."""
    for part in (first_contact, at_once, follow_ups):
        yield from part(quick=quick)


def first_contact(*, quick: bool = False) -> list[Figure]:
    """CPU of form, message and receipt, without the KDF (the cheapest generation's is subtracted too)."""
    count = 40 if quick else 400
    with server() as running:
        for number in range(20):
            contact(running.origin, f"warm {number}").close()
        spent = cpu(running)
        for number in range(count):
            contact(running.origin, f"what I saw {number}").close()
        each = (cpu(running) - spent) / count - bare_cpu(running.generation)
    return [figure("first contact beside the KDF", each * 1000, "CPU ms", goal="<= 15", ok=each <= 0.015)]


def at_once(*, quick: bool = False) -> list[Figure]:
    """
    Eight sources press "Send" at the same moment, again and again, against eight KDFs of argon2-cffi alone by as many processes as cores.

    Both in volleys that end when the last is done. Alternated triples; the ratio is that of the sums. What our own derivation makes of
    the same cores, without a server, is told beside it: it is faster than the reference, and has no goal.
    """
    pairs, rounds = (2, 2) if quick else (12, 4)
    taken = bare = own = 0.0
    failures = 0
    ratios = []
    with huge_pages() as huge, server(PRODUCTION) as running:
        for pair in range(pairs + 1):
            wall, failed = _volleys(running.origin, rounds)
            limit, derived = (_bare_wall(kdf, running.generation, rounds) for kdf in (_argon2_cffi, derive))
            failures += failed
            if pair:
                taken, bare, own = taken + wall, bare + limit, own + derived
                ratios.append(limit / wall)
    each = pairs * rounds * SOURCES
    share = bare / taken
    print(
        f"   pairs from {min(ratios):.3f} to {max(ratios):.3f}, {failures} errors; our own derivation alone: {each / own:.1f}"
        f" a second, {own / taken:.3f} of that; huge pages {'as Debian has them' if huge else 'as this machine has them'}",
        flush=True,
    )
    return [
        figure(
            "eight sources at once",
            each / taken,
            "sources/s",
            limit=each / bare,
            goal="ratio >= 0.9, no error",
            ok=share >= 0.9 and not failures,
        )
    ]


def follow_ups(*, quick: bool = False) -> list[Figure]:
    """Eight processes that write and write, on the server's own cores."""
    seconds = 3.0 if quick else 15.0
    with server() as running, multiprocessing.get_context("fork").Pool(SOURCES) as pool:
        pool.starmap(_keep_writing, [(running.origin, 1.0)] * SOURCES)
        spent = cpu(running)
        began = time.monotonic()
        runs = pool.starmap(_keep_writing, [(running.origin, seconds)] * SOURCES)
        wall = time.monotonic() - began
        spent = cpu(running) - spent
    waits = sorted(wait for run in runs for wait in run)
    rate, p99, worst = len(waits) / wall, waits[int(len(waits) * 0.99)], waits[-1]
    return [
        figure("follow-ups, eight at once", rate, "messages/s", goal=">= 300", ok=rate >= 300),
        figure("follow-ups, p99", p99 * 1000, "ms", goal="<= 150", ok=p99 <= 0.15),
        figure("follow-ups, slowest", worst * 1000, "ms", goal="<= 1000", ok=worst <= 1),
        figure("a follow-up", spent / len(waits) * 1000, "CPU ms", goal="<= 5", ok=spent / len(waits) <= 0.005),
    ]


def figure(name: str, value: float, unit: str, *, goal: str, ok: bool, limit: float | None = None) -> Figure:
    """One line of bench.json."""
    ratio = None if limit is None else value / limit
    return {"name": name, "value": value, "unit": unit, "limit": limit, "ratio": ratio, "goal": goal, "ok": ok}


@dataclass(frozen=True, slots=True)
class Measured:
    """A running server and the generation its codenames are derived under."""

    running: Running
    generation: Generation

    @property
    def origin(self) -> str:
        return self.running.origin


@contextmanager
def server(costs: Costs = CHEAPEST) -> Iterator[Measured]:
    """The real server over a fresh store of three seats."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        organisation = Throwaway(costs=costs)
        store = new_store(folder / "store")
        organisation.install(store)
        store.close()
        with Running(write_settings(folder / "settings.toml", folder / "store", bind="127.0.0.1:0")) as running:
            yield Measured(running, organisation.root.generations[0])


class Source:
    """One kept-alive connection with a cookie."""

    def __init__(self, origin: str) -> None:
        place = urlsplit(origin)
        self._host = place.netloc.encode()
        self._socket = socket.create_connection((place.hostname, place.port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.cookie = b""

    def get(self, address: str) -> str:
        """A page."""
        self._socket.sendall(self._head("GET", address) + b"\r\n")
        return self.answer(200).decode()

    def post(self, address: str, *parts: bytes) -> None:
        """A form that is taken."""
        self.send(self.form(address, *parts))
        self.answer(303)

    def form(self, address: str, *parts: bytes) -> bytes:
        """A form as it goes over the wire."""
        form = body(*parts)
        head = f"Content-Type: {CONTENT_TYPE}\r\nContent-Length: {len(form)}\r\n\r\n"
        return self._head("POST", address) + head.encode() + form

    def send(self, request: bytes) -> None:
        """Whole requests, made before."""
        self._socket.sendall(request)

    def answer(self, status: int) -> bytes:
        """The body of an answer that has this status."""
        head, end, page = self._socket.recv(65_536), b"\r\n\r\n", b""
        while end not in head:
            head += self._more()
        head, _, page = head.partition(end)
        if int(head[9:12]) != status:
            raise RuntimeError(f"{head[9:12].decode()} where {status} was expected")
        cookie, length = _COOKIE.search(head), _LENGTH.search(head)
        self.cookie = cookie[1] if cookie else self.cookie
        while len(page) < int(length[1] if length else 0):
            page += self._more()
        return page

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _more(self) -> bytes:
        piece = self._socket.recv(65_536)
        if not piece:
            raise ConnectionResetError
        return piece

    def _head(self, method: str, address: str) -> bytes:
        head = b"%s %s HTTP/1.1\r\nHost: %s\r\n" % (method.encode(), address.encode(), self._host)
        return head + (b"Cookie: %s\r\n" % self.cookie if self.cookie else b"")


def contact(origin: str, words: str) -> Source:
    """A first contact: form, message, receipt."""
    source = Source(origin)
    source.post("/en/write", text("token", token(source.get("/en/write"))), text("message", words))
    source.get("/en/received")
    return source


def login(source: Source, form: str, words: str) -> None:
    """A return: the codename, then the page it leads to."""
    source.post("/en/return", text("token", form), text("codename", words))
    source.get("/en/thread")


def token(page: str) -> str:
    """The token of a page's forms."""
    found = _TOKEN.search(page)
    if found is None:
        raise RuntimeError("no token on the page")
    return found[1]


def cpu(measured: Measured) -> float:
    """CPU seconds the server's processes have used."""
    return cpu_seconds([measured.running.master, *measured.running.workers()])


def bare_cpu(generation: Generation) -> float:
    """CPU seconds of one derivation."""
    secret = Codename.generate().secret
    derive(secret, generation)
    began = time.process_time()
    for _ in range(20):
        derive(secret, generation)
    return (time.process_time() - began) / 20


def _argon2_cffi(secret: Hidden, generation: Generation) -> bytes:
    costs = generation.costs
    return hash_secret_raw(
        secret, generation.salt, costs.passes, costs.memory_kib, costs.lanes, KEY_SIZE, Type.ID, ARGON2_VERSION
    )


def _bare_wall(kdf: Callable[[Hidden, Generation], object], generation: Generation, rounds: int) -> float:
    cores = os.cpu_count() or 1
    fork = multiprocessing.get_context("fork")
    barrier = fork.Barrier(cores + 1)
    each = [SOURCES // cores + (number < SOURCES % cores) for number in range(cores)]
    processes = [fork.Process(target=_derive_some, args=(barrier, kdf, generation, count, rounds)) for count in each]
    for process in processes:
        process.start()
    wall = 0.0
    for _ in range(rounds):
        barrier.wait()
        began = time.monotonic()
        barrier.wait()
        wall += time.monotonic() - began
    for process in processes:
        process.join()
    return wall


def _derive_some(
    barrier: Any, kdf: Callable[[Hidden, Generation], object], generation: Generation, count: int, rounds: int
) -> None:
    secret = Codename.generate().secret
    kdf(secret, generation)
    for _ in range(rounds):
        barrier.wait()
        for _ in range(count):
            kdf(secret, generation)
        barrier.wait()


def _volleys(origin: str, rounds: int) -> tuple[float, int]:
    wall, failed = 0.0, 0
    for number in range(rounds):
        sources = [Source(origin) for _ in range(SOURCES)]
        requests = [_first_words(source, number) for source in sources]
        # What the forms left to do is done, as before the bare KDF.
        time.sleep(0.1)
        began = time.monotonic()
        for source, request in zip(sources, requests, strict=True):
            source.send(request)
        failed += sum(not _is_taken(source) for source in sources)
        wall += time.monotonic() - began
    return wall, failed


def _first_words(source: Source, number: int) -> bytes:
    form = token(source.get("/en/write"))
    return source.form("/en/write", text("token", form), text("message", f"what I saw, in a few words, {number}"))


def _is_taken(source: Source) -> bool:
    try:
        source.answer(303)
    except (OSError, RuntimeError):
        return False
    finally:
        source.close()
    return True


def _keep_writing(origin: str, seconds: float) -> list[float]:
    source = contact(origin, "the first of many")
    form = token(source.get("/en/received"))
    place = "#" * _NUMBER
    before, after = source.form("/en/answer", text("token", form), text("message", f"and then, {place}")).split(
        place.encode()
    )
    waits = []
    until = time.monotonic() + seconds
    number = 0
    while time.monotonic() < until:
        number += 1
        began = time.monotonic()
        source.send(before + b"%0*d" % (_NUMBER, number) + after)
        source.answer(303)
        waits.append(time.monotonic() - began)
    source.close()
    return waits
