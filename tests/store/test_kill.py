# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Pulling the plug: a writing process is killed at random moments.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from store import batches, erase
from store.engine import Store
from store.sweep import missing, sweep
from store.threads import find

ROUNDS = 32

# Deposits a message and a file under one locator and says the locator only once deposit has returned; every third
# thread is forgotten again: said with a question mark before, with a minus once that has returned.
WRITER = """
import sys
from pathlib import Path
from store.engine import open_store
from store.erase import forget
from tests.store.factories import DAY, make_file, make_item, make_locator, make_thread

store = open_store(Path(sys.argv[1]))
number = 0
while True:
    locator = make_locator()
    made = make_thread(store, locator=locator, items=[make_item(), make_file(store)])
    print("+" + locator.hex(), flush=True)
    number += 1
    if number % 3 == 0:
        print("?" + locator.hex(), flush=True)
        forget(store, made.thread, day=DAY)
        print("-" + locator.hex(), flush=True)
"""


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_when_a_writer_is_killed(store: Store):
    """
    After each of 32 kills every acknowledged thread is whole, every forgotten one gone, no row lacks its blob; and
    after a sweep no file is left over.
    """
    moments = random.Random(2026)  # repeatable moments; what happens at them is the machine's
    project = Path(__file__).parents[2]
    kept: set[str] = set()
    gone: set[str] = set()
    open_question: set[str] = set()
    for _ in range(ROUNDS):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(store.folder)], stdout=subprocess.PIPE, text=True, cwd=project
        ) as writer:
            assert writer.stdout is not None
            first = writer.stdout.readline()
            time.sleep(moments.uniform(0.0, 0.08))
            writer.kill()
            said = [line for line in [first, *writer.stdout] if line.endswith("\n")]
        kept |= {line[1:-1] for line in said if line[0] == "+"}
        gone |= {line[1:-1] for line in said if line[0] == "-"}
        open_question |= {line[1:-1] for line in said if line[0] == "?"}
        assert missing(store) == 0
    # Killed between question and answer, a thread may be there or gone; it may not be half there.
    for locator in open_question - gone:
        thread = find(store, bytes.fromhex(locator))
        assert thread is None or thread.items == 2
    for locator in kept - open_question:
        thread = find(store, bytes.fromhex(locator))
        assert thread is not None
        assert thread.items == 2
    assert all(find(store, bytes.fromhex(locator)) is None for locator in gone)
    for item in batches.pending(store, budget=1 << 40):
        assert sum(map(len, batches.read(store, item.id))) == item.length
    with store.read() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
    swept = sweep(store, now=time.time() + 200_000)
    assert swept.erased
    files = {path.name for part in ("blobs", "incoming") for path in (store.folder / part).rglob("*") if path.is_file()}
    with store.read() as connection:
        rows = set(connection.exec_driver_sql("SELECT blob FROM envelopes WHERE blob IS NOT NULL").scalars())
    assert files == rows
    assert len(kept) > ROUNDS
    assert erase.withdrawn(store)
