# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Two workers and a master, for real: what one gave out the other understands, and a death costs nobody a form.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.engine import Store
from tests.source_app.throwaway import Throwaway, new_store
from tests.source_app.visitor import Page, Running, Visitor, write_settings


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with one seat installed."""
    store = new_store(tmp_path / "store")
    Throwaway(1).install(store)
    return store


@pytest.fixture
def running(tmp_path: Path, store: Store) -> Iterator[Running]:
    """The real server over it."""
    settings = write_settings(tmp_path / "settings.toml", tmp_path / "store", bind="127.0.0.1:0")
    with Running(settings) as running:
        yield running


def codename(page: Page) -> list[str]:
    """The codename a page shows first."""
    found = re.search(r'<ol class="codename words"(.*?)</ol>', page.html, re.DOTALL)
    assert found is not None, page.html
    return re.findall(r"<bdi>(\w+)</bdi>", found[1])


def items(store: Store) -> int:
    """How many items are stored."""
    with store.read() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM items").scalar_one())


def kill_workers(running: Running) -> None:
    """Kill both workers at once, and wait for the master to have started two new ones."""
    old = set(running.workers())
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 30
    while len(set(running.workers()) - old) < len(old):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_form_outlives_the_workers_that_gave_it_out(running: Running, store: Store) -> None:
    """Its token, and the codename in it, are understood by workers that were not there."""
    visitor = Visitor(running.origin)
    page = visitor.get("/en/write")
    kill_workers(running)
    received = visitor.send(page, page.form("message"), {"message": "after the death"})
    assert received.status == 200
    assert len(codename(received)) == 9
    assert items(store) == 1


def test_a_repeat_after_the_workers_death_is_known_as_one(running: Running, store: Store) -> None:
    """The same codename, no second item."""
    visitor = Visitor(running.origin)
    page = visitor.get("/en/write")
    first = codename(visitor.send(page, page.form("message"), {"message": "once"}))
    kill_workers(running)
    assert codename(visitor.send(page, page.form("message"), {"message": "once"})) == first
    assert items(store) == 1


def test_a_visit_and_its_list_outlive_the_workers(running: Running) -> None:
    """The session, what was sent in it, and "log out" are known to all workers, dead and new."""
    visitor = Visitor(running.origin)
    visitor.write("remembered")
    kill_workers(running)
    page = visitor.get("/en/received")
    assert "Sent in this visit" in page.html
    copy = dict(visitor.cookies)
    visitor.send(page, page.form())
    kill_workers(running)
    thief = Visitor(running.origin, cookies=copy)
    assert thief.get("/en/thread").status == 403


def test_the_real_server_names_no_version(running: Running) -> None:
    """Neither its own nor Python's, and the pages' headers stand on what it sends."""
    page = Visitor(running.origin).get("/en/")
    assert not re.search(r"\d|python", page.headers.get("server", "").lower())
    assert page.headers["cache-control"] == "no-store"
