# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What it costs a stranger to fill the room that others need: bytes to send, CPU on their side, CPU on ours, for each GiB that is gone.

A real server whose disk has little room left, as its settings say, and an attacker in a process of its own: new threads, and files until
none is taken any more. Then it is tried who is shut out: a new sentence and an accepted thread must not be. Of the ways to fill a lane
the cheapest we know is measured beside the plain one: files of one byte, each of which takes a bucket of 64 KiB, until no short one finds
room, then long ones.
"""

from __future__ import annotations

import datetime
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from crypto.derive import PRODUCTION
from source_app.limits import MIB, RESERVE_SHARE, free_for_files
from store import lanes, threads
from store.engine import Store
from tests.bench.figure import Figure
from tests.bench.processes import cpu_seconds
from tests.source_app.multipart_forms import body, text
from tests.source_app.multipart_forms import file as part
from tests.source_app.throwaway import Throwaway, new_store
from tests.source_app.visitor import Page, Running, Upload, Visitor, write_settings

GIB = 1 << 30
#: Files of one form.
LARGE, TINY = 4, 500
#: Words in one form, and forms of words that are sent to learn what one costs.
FORMS = 200


@dataclass(frozen=True, slots=True)
class Price:
    """
    What one way of filling cost.

    Args:
        denied: bytes of disk that were taken.
        sent: bytes that the attacker sent.
        mine: CPU seconds of the attacker.
        ours: CPU seconds of the server.
        spoken: whether a new sentence, and a file of an accepted thread, got through afterwards.
    """

    denied: int
    sent: int
    mine: float
    ours: float
    spoken: bool


def figures(*, quick: bool) -> Iterator[Figure]:
    """Every figure of this file."""
    room = 96 * MIB if quick else GIB
    plain = (LARGE, 2 * MIB if quick else 16 * MIB)
    yield from _figures("a lane filled by long files", _fill(room, (plain,)))
    yield from _figures("half a lane filled by files of one byte", _fill(room, ((TINY, 1),)))
    yield from _figures("a lane filled the cheapest way", _fill(room, ((TINY, 1), plain)))
    yield from _figures("words' part filled by short words", _speak(FORMS // 4 if quick else FORMS * 5))


def _figures(name: str, price: Price) -> Iterator[Figure]:
    gone = price.denied / GIB
    goal = "measured; words and an accepted thread get through"
    for what, value, unit in (
        ("sent", price.sent / MIB / gone, "MiB/GiB"),
        ("attacker's CPU", price.mine / gone, "s/GiB"),
        ("server's CPU", price.ours / gone, "s/GiB"),
    ):
        yield Figure(name=f"{name}: {what}", value=value, unit=unit, limit=None, ratio=None, goal=goal, ok=price.spoken)


def _fill(room: int, waves: tuple[tuple[int, int], ...]) -> Price:
    with _server(room) as (running, store):
        known = Visitor(running.origin)
        _accept(store, known.write("I have much, and somebody waits for it"), room // 8)
        spent = _cpu(running)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            paid = [pool.apply(attack, (running.origin, *wave)) for wave in waves]
        spent = _cpu(running) - spent
        sent, mine = sum(bytes_ for bytes_, _ in paid), sum(seconds for _, seconds in paid)
        denied = sum(one.files for one in threads.page(store, limit=200).threads)
        if denied < room // 8:
            raise RuntimeError("the attacker was turned away before the lane was full")
        spoken = Visitor(running.origin).write("a new sentence").status == 200
        page = known.get("/en/thread")
        kept = known.attach(page, Upload.of("wanted", bytes(room // 16))).status == 200
        return Price(denied, sent, mine, spent, spoken and kept)


def _speak(count: int) -> Price:
    with _server(GIB) as (running, store):
        before, spent = _database(store), _cpu(running)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            sent, mine = pool.apply(speak, (running.origin, count))
        spent = _cpu(running) - spent
        spoken = Visitor(running.origin).write("a new sentence").status == 200
        return Price(_database(store) - before, sent, mine, spent, spoken)


def attack(origin: str, files: int, size: int) -> tuple[int, float]:
    """
    New threads, each with one form of files, until one is refused.

    Returns:
        bytes sent, and CPU seconds of this process.
    """
    content = bytes(size)
    began, sent = time.process_time(), 0
    while True:
        visitor = Visitor(origin, timeout=600)
        page = visitor.get("/en/write")
        form = page.form("message")
        uploads = [Upload("x", size, (content,)) for _ in range(files)]
        done = visitor.send(page, form, {"message": "x"}, uploads)
        sent += len(body(*(text(name, value) for name, value in form.hidden.items()), text("message", "x")))
        sent += files * (len(part("x", b"")) + size + 60) + 3 * 400
        if done.status != 200:
            return sent, time.process_time() - began


def speak(origin: str, count: int) -> tuple[int, float]:
    """
    Short words again and again under one codename, which costs one derivation.

    Returns:
        bytes sent, and CPU seconds of this process.
    """
    visitor = Visitor(origin)
    visitor.write("the first")
    page = visitor.get("/en/thread")
    form = page.form("message", "files")
    began, sent = time.process_time(), 0
    for number in range(count):
        words = f"word {number}"
        if visitor.send(page, form, {"message": words}).status != 200:
            raise RuntimeError("words did not get through")
        sent += len(body(*(text(name, value) for name, value in form.hidden.items()), text("message", words))) + 2 * 700
    return sent, time.process_time() - began


@contextmanager
def _server(room: int) -> Iterator[tuple[Running, Store]]:
    with tempfile.TemporaryDirectory(prefix="dengwen-flood-") as name:
        folder = Path(name)
        store = new_store(folder / "store")
        Throwaway(costs=PRODUCTION).install(store)
        reserve = free_for_files(folder, 0) - room
        if reserve < free_for_files(folder, 0) // RESERVE_SHARE:
            raise RuntimeError("this disk is too full to measure on")
        settings = write_settings(folder / "settings.toml", store.folder, reserve_bytes=reserve, threads=64)
        with Running(settings) as running:
            yield running, store
        store.close()


def _accept(store: Store, page: Page, length: int) -> None:
    if page.status != 200:
        raise RuntimeError("the first words did not get through")
    (thread,) = threads.page(store, limit=1).threads
    today = datetime.datetime.now(datetime.UTC).date()
    lanes.accept(store, thread.id, length=length, until=today + datetime.timedelta(days=1))


def _database(store: Store) -> int:
    # What lies in the log will lie in the database.
    store.empty_log()
    return sum(path.stat().st_size for path in store.folder.glob("dengwen.db*"))


def _cpu(running: Running) -> float:
    return cpu_seconds([running.master, *running.workers()])
