# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The workers' common memory: shared, forgetting, and never wedged.
"""

from __future__ import annotations

import os
import signal
import time
from multiprocessing import get_context

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_app.memory import ROTATION, Memory

KEYS = st.binary(min_size=16, max_size=16).filter(any)
FORK = get_context("fork")


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.tuples(KEYS, st.binary(max_size=4096)), max_size=30))
def test_what_was_put_last_is_what_is_found(rows: list[tuple[bytes, bytes]]) -> None:
    """Under every key, whatever else was put, as long as its bucket has room."""
    memory = Memory()
    for key, record in rows:
        memory.visits.put(key, record)
    for key, record in dict(rows).items():
        assert memory.visits.get(key) in (record, None)
    if rows:
        assert memory.visits.get(rows[-1][0]) == rows[-1][1]


def test_a_record_dies_at_its_second() -> None:
    """Not one later."""
    clock = Clock()
    memory = Memory(clock=clock)
    memory.marks.put(b"k" * 16, b"x", seconds=10)
    clock.now += 9
    assert memory.marks.get(b"k" * 16) == b"x"
    clock.now += 1
    assert memory.marks.get(b"k" * 16) is None


def test_what_is_touched_is_remembered_longer_and_never_shorter() -> None:
    """A record that is dead, or was never there, stays so."""
    clock = Clock()
    memory = Memory(clock=clock)
    for key, seconds in ((b"a" * 16, 10), (b"b" * 16, 100), (b"d" * 16, 1)):
        memory.marks.put(key, b"x", seconds=seconds)
    clock.now += 5
    for key in (b"a" * 16, b"b" * 16, b"c" * 16, b"d" * 16):
        memory.marks.touch(key, seconds=20)
    clock.now += 19
    assert [memory.marks.get(key * 16) for key in (b"a", b"b", b"c", b"d")] == [b"x", b"x", None, None]
    clock.now += 1
    assert memory.marks.get(b"a" * 16) is None
    clock.now += 74
    assert memory.marks.get(b"b" * 16) == b"x"
    clock.now += 1
    assert memory.marks.get(b"b" * 16) is None


def test_a_full_bucket_forgets_the_record_nearest_its_death() -> None:
    """And keeps the others: nothing is refused for lack of room."""
    memory = Memory()
    keys = [bytes(4) + bytes([number]) * 12 for number in range(1, 6)]
    for number, key in enumerate(keys):
        memory.visits.put(key, b"r", seconds=100 + number)
    assert [memory.visits.get(key) is not None for key in keys] == [False, True, True, True, True]


def test_what_is_dropped_is_overwritten() -> None:
    """A dump of the memory afterwards does not hold it."""
    memory = Memory()
    memory.visits.put(b"k" * 16, b"a name of a file")
    memory.visits.drop(b"k" * 16)
    assert memory.visits.get(b"k" * 16) is None
    assert memory._map.find(b"a name of a file") == -1


@pytest.mark.parametrize("key", [b"", b"short", b"k" * 17, bytes(16)])
def test_a_key_is_sixteen_bytes_that_are_not_all_zero(key: bytes) -> None:
    """Zeros mean an empty slot."""
    with pytest.raises(ValueError, match="16 bytes"):
        Memory().marks.get(key)


def test_a_record_larger_than_its_table_is_refused() -> None:
    """It would run into the next slot."""
    with pytest.raises(ValueError, match="at most 1 byte"):
        Memory().marks.put(b"k" * 16, b"xx")


def test_keys_rotate_every_two_hours_and_two_are_live() -> None:
    """What was sealed lives two hours to four; a quiet server keeps a key no longer than a busy one."""
    clock = Clock()
    memory = Memory(clock=clock)
    first, _ = memory.ram_keys()
    clock.now += ROTATION - 1
    assert memory.ram_keys()[0] == first
    clock.now += 1
    second, older = memory.ram_keys()
    assert second != first
    assert older == first
    clock.now += ROTATION + ROTATION // 2
    third, older = memory.ram_keys()
    assert older == second
    assert first not in (third, older)
    clock.now += ROTATION // 2
    assert memory.ram_keys()[1] == third
    clock.now += 2 * ROTATION
    assert third not in memory.ram_keys()


def _put_in_child(memory: Memory) -> None:
    memory.visits.put(b"c" * 16, b"from the child")


def test_a_child_and_its_parent_see_the_same() -> None:
    """Made before the fork, shared after it."""
    memory = Memory()
    keys = memory.ram_keys()
    child = FORK.Process(target=_put_in_child, args=(memory,))
    child.start()
    child.join()
    assert memory.visits.get(b"c" * 16) == b"from the child"
    assert memory.ram_keys() == keys


def _hold_for_ever(memory: Memory, held: int) -> None:
    with memory.changing():
        os.write(held, b"x")
        time.sleep(60)


def test_a_killed_holder_wedges_nobody() -> None:
    """The kernel drops the lock with the process."""
    memory = Memory()
    reading, writing = os.pipe()
    child = FORK.Process(target=_hold_for_ever, args=(memory, writing))
    child.start()
    os.read(reading, 1)
    os.kill(child.pid or 0, signal.SIGKILL)
    child.join()
    began = time.monotonic()
    memory.marks.put(b"k" * 16, b"x")
    assert time.monotonic() - began < 5


def _count_up(memory: Memory, times: int) -> None:
    for _ in range(times):
        memory.visits.change(b"n" * 16, lambda record: str(int(record or b"0") + 1).encode())


def test_changes_of_several_processes_are_all_counted() -> None:
    """Reading and writing back happen in one hold of the lock."""
    memory = Memory()
    children = [FORK.Process(target=_count_up, args=(memory, 200)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert memory.visits.get(b"n" * 16) == b"600"
