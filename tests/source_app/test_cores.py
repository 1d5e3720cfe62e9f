# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Workers keep to their shares of the cores, derivations to none; where that is not allowed, everything runs as it would without.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from crypto.codename import Codename
from source_app import cores
from source_app.cores import Shares, everywhere, keep_to
from tests.bench.requests import Source, login, token
from tests.source_app.throwaway import Throwaway, new_store
from tests.source_app.visitor import Running, write_settings


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """The real server, two workers."""
    store = new_store(tmp_path / "store")
    Throwaway(1).install(store)
    store.close()
    with Running(write_settings(tmp_path / "settings.toml", tmp_path / "store", bind="127.0.0.1:0")) as running:
        yield running


@pytest.mark.parametrize(
    ("there", "workers", "shares"),
    [
        ({0, 1}, 2, [[0], [1]]),
        ({4, 5, 6, 7}, 2, [[4, 5], [6, 7]]),
        ({0, 1, 2}, 2, [[0], [1, 2]]),
        ({0, 3}, 4, [[0], [0], [3], [3]]),
        ({0, 1}, 3, [[0], [0], [1]]),
        ({2}, 2, [[2], [2]]),
        ({0, 1, 2, 3}, 1, [[0, 1, 2, 3]]),
    ],
)
def test_the_cores_are_shared_out(
    there: set[int], workers: int, shares: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is left over while there are enough, none is nobody's where there are too few; others' cores are not touched."""
    monkeypatch.setattr(cores, "everywhere", lambda: there)
    made = Shares(workers)
    children = [child(made) for _ in range(workers + 1)]
    try:
        found = [answer.recv() for answer, _ in children]
    finally:
        end(children)
    assert found == [*shares, None]


def test_the_share_of_a_killed_worker_is_free_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that takes its place gets it, and not the one of somebody who lives."""
    monkeypatch.setattr(cores, "everywhere", lambda: {0, 1, 2})
    made = Shares(3)
    children = [child(made) for _ in range(3)]
    try:
        first = [answer.recv() for answer, _ in children]
        killed = children[1][1]
        os.kill(killed.pid or 0, signal.SIGKILL)
        killed.join()
        children.append(child(made))
        assert (first, children[-1][0].recv()) == ([[0], [1], [2]], [1])
    finally:
        end(children)


def test_a_system_that_does_not_allow_it_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker starts all the same."""

    def refuse(_pid: int, _cores: object) -> None:
        raise PermissionError

    before = everywhere()
    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    Shares(2).take()
    keep_to({0})
    assert everywhere() == before


def test_workers_keep_to_their_shares_and_derivations_to_none(running: Running) -> None:
    """On the real server, also after a worker was killed; the threads that derive may run wherever the server may."""
    whole = everywhere()
    for _ in range(2):
        pids = workers(running)
        halves = [os.sched_getaffinity(pid) for pid in pids]
        assert set().union(*halves) == whole
        assert len(whole) == 1 or not set.intersection(*halves)
        comes_back(running)
        shown = {frozenset(os.sched_getaffinity(thread)) for pid in pids for thread in threads_of(pid)}
        assert shown == {frozenset(whole), *map(frozenset, halves)}
        os.kill(pids[0], signal.SIGKILL)
        until = time.monotonic() + 30
        while pids[0] in running.workers():
            assert time.monotonic() < until
            time.sleep(0.05)


def workers(running: Running) -> list[int]:
    """Both, once each has taken its share."""
    until = time.monotonic() + 30
    while len(pids := running.workers()) < 2 or not all(map(answers, pids)):
        assert time.monotonic() < until
        time.sleep(0.05)
    return pids


def answers(pid: int) -> bool:
    """Whether a worker has started the threads it has from the beginning."""
    return len(everywhere()) == 1 or os.sched_getaffinity(pid) != everywhere()


def threads_of(pid: int) -> list[int]:
    """The threads of a process."""
    return [int(entry.name) for entry in Path(f"/proc/{pid}/task").iterdir()]


def comes_back(running: Running) -> None:
    """Let a codename be derived."""
    source = Source(running.origin)
    login(source, token(source.get("/en/return")), " ".join(Codename.generate().words()))
    source.close()


def child(shares: Shares) -> tuple[Connection, multiprocessing.process.BaseProcess]:
    """A process that took a share, tells which, and lives on."""
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe()
    process = fork.Process(target=take, args=(shares, there))
    process.start()
    assert here.poll(10)
    return here, process


def take(shares: Shares, answer: Connection) -> None:
    """In the child: tell what would have been kept to."""
    kept: list[list[int]] = []
    cores.keep_to = lambda share: kept.append(list(share))
    shares.take()
    answer.send(kept[0] if kept else None)
    signal.pause()


def end(children: list[tuple[Connection, multiprocessing.process.BaseProcess]]) -> None:
    """Kill them all."""
    for _, process in children:
        process.kill()
        process.join()
