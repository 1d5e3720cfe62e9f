# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What is overwritten: buffers of ours, and the workers' memory at the end.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_app.intake import Intake
from source_app.sealed_file import HEAD
from source_app.wipe import wipe
from tests.source_app.throwaway import Throwaway, new_store, sender

ROOT = Path(__file__).parents[2]
SECRET = b"the words of a source 9b1f"


@given(st.binary(max_size=5_000))
def test_a_buffer_is_overwritten_where_it_lies(content: bytes) -> None:
    """Every byte, and its length stays; a view of it sees the same."""
    buffer = bytearray(content)
    view = memoryview(buffer)
    wipe(buffer)
    assert bytes(view) == bytes(len(content))


def test_a_large_buffer_is_overwritten_piece_by_piece() -> None:
    """To its end, also when that is in the middle of a piece."""
    buffer = bytearray(b"x" * ((2 << 20) + 3))
    wipe(buffer)
    assert not any(buffer)


@pytest.mark.parametrize("length", [len(SECRET), HEAD + 1_000], ids=["short", "long"])
@pytest.mark.parametrize("ends", ["finish", "abort"])
def test_the_beginning_of_a_file_is_overwritten(tmp_path: Path, length: int, ends: str) -> None:
    """What was held back of it, once it is sealed or given up."""
    store = new_store(tmp_path / "store")
    Throwaway(1).install(store)
    sink = Intake(store, reserve=0).submission(sender(), bytes(16)).file("f")
    held = sink._head
    sink.write(SECRET.ljust(length, b"."))
    assert SECRET in held or length > HEAD
    getattr(sink, ends)()
    assert not any(held)
    assert not any(sink._head)


MEMORY = """
import os, sys
from source_app.memory import Memory
memory = Memory()
memory.visits.put(b"k" * 16, b"a list of what was sent")
ready, told = os.pipe()
shared = memory._map
worker = os.fork()
if worker == 0:
    # A worker that ends takes nothing from the others.
    sys.exit(0)
os.waitpid(worker, 0)
assert memory.visits.get(b"k" * 16) == b"a list of what was sent"
witness = os.fork()
if witness == 0:
    os.close(told)
    os.read(ready, 1)
    print("still there" if shared[:].strip(bytes(1)) else "overwritten", flush=True)
    os._exit(0)
os.close(ready)
{end}
"""


@pytest.mark.parametrize(("end", "left"), [("sys.exit(0)", "overwritten"), ("os._exit(1)", "still there")])
def test_the_workers_memory_is_overwritten_at_the_end(end: str, left: str) -> None:
    """By its maker, when it ends in order: keys, lists and marks are zeros to whoever still has the mapping. A killed maker cannot."""
    program = MEMORY.format(end=end)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == (left, "")
