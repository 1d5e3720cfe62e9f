# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What all workers know together, in memory only: the RAM keys and some tables that forget.

One anonymous shared mapping, made by the master before it forks, so that a form opened at one worker is understood by
the other and survives a worker's death. A restart loses all of it: the pages say so. No file holds it, and the page with the keys is
locked against swap; the rest is too where the system's limit allows it (see the README on swap). It is overwritten when its maker ends
in order; when the maker is killed, the kernel takes the pages, and clears them before anybody else has them.

It promises that a process killed at any instruction wedges nobody (the lock is a POSIX record lock, which the kernel drops with
its holder) and tears nothing (a record's key is written last). It refuses nothing for lack of room: a full bucket forgets
its oldest record. What is kept here about a visit dies with the RAM keys that name it.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import secrets
import struct
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

from crypto.hidden import Hidden
from source_app.process import lock

ROTATION: Final = 2 * 60 * 60  # seconds a RAM key is the newest; it then lives as long again as the older one
KEY: Final = 32

_HEAD = struct.Struct(">Q32s32s")  # monotonic second of the last rotation, newest key, older key
_SLOT = struct.Struct(">16sQH")  # key (zeros: empty), monotonic second it dies, length of what follows


class Memory:
    """
    The mapping: keys at its head, tables behind. Make it before forking, and share the object.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        shapes = {
            "marks": (8192, 8, 1),
            "outcomes": (1024, 8, 1),
            "visits": (1024, 4, 4096),
            "shown": (1024, 8, 8),
            "forgotten": (256, 8, 8),
            "uploads": (512, 8, 160),
            "held": (512, 8, 192),
            "derived": (512, 8, 248),
        }
        size = mmap.PAGESIZE + sum(Table.span(*shape) for shape in shapes.values())
        self._map = mmap.mmap(-1, size)
        # A core file or a crash report must not carry what this object promises to forget.
        self._map.madvise(mmap.MADV_DONTDUMP)
        #: Whether all of it stays out of swap, and not only the page with the keys.
        self.locked: Final = lock(self._map, mmap.PAGESIZE)
        # At the maker's exit, or when nobody knows this object any more.
        weakref.finalize(self, _overwrite, self._map, os.getpid())
        self._lock = _Lock(self._map)
        self._write_head(self.now(), secrets.token_bytes(KEY), secrets.token_bytes(KEY))
        offset = mmap.PAGESIZE
        tables = {}
        for name, shape in shapes.items():
            tables[name] = Table(self, offset, *shape)
            offset += Table.span(*shape)
        #: Visits by id: left, or their codename known.
        self.marks: Final = tables["marks"]
        #: First forms by id: why one was refused, for a source whose browser could not show the page.
        self.outcomes: Final = tables["outcomes"]
        #: Visits by id: what was sent.
        self.visits: Final = tables["visits"]
        #: Visits of first contacts by id: until when their codename is shown.
        self.shown: Final = tables["shown"]
        #: Threads by a hash of their locator: the last time their source deleted everything.
        self.forgotten: Final = tables["forgotten"]
        #: Visits by id: how far what they are sending has come.
        self.uploads: Final = tables["uploads"]
        #: Cookies and tokens of running uploads, by a hash: the same, sealed under a newer key.
        self.held: Final = tables["held"]
        #: Codenames in line, by a name made of their ticket: who derives one, or, sealed, what it derived to.
        self.derived: Final = tables["derived"]

    def now(self) -> int:
        """Seconds of a clock that no administrator sets, the same in every process."""
        return int(self._clock())

    def ram_keys(self) -> tuple[Hidden, Hidden]:
        """
        The newest RAM key and the one before it, rotated if it is time.

        Returns:
            Two 32-byte keys; seal under the first, open under either.
        """
        with self._lock:
            turned, newest, older = _HEAD.unpack_from(self._map)
            age = self.now() - turned
            if age >= ROTATION:
                # Aligned to the last turn: a quiet server must not let a key live longer than a busy one.
                older = newest if age < 2 * ROTATION else secrets.token_bytes(KEY)
                newest = secrets.token_bytes(KEY)
                self._write_head(turned + age - age % ROTATION, newest, older)
        return Hidden(newest), Hidden(older)

    def _write_head(self, turned: int, newest: bytes, older: bytes) -> None:
        self._map[: _HEAD.size] = _HEAD.pack(turned, newest, older)

    def changing(self) -> AbstractContextManager[mmap.mmap]:
        """Hold the lock over all workers while the mapping is read or changed."""
        return self._lock


class Table:
    """
    A set-associative table: a key's first bytes name a bucket of a few ways; the record nearest its death gives way.

    Keys are 16 bytes that the server drew or hashed, so nobody outside chooses a bucket.
    """

    def __init__(self, memory: Memory, offset: int, buckets: int, ways: int, size: int) -> None:
        self._memory = memory
        self._offset = offset
        self._buckets = buckets
        self._ways = ways
        self.size: Final = size
        self._step = _SLOT.size + size

    @staticmethod
    def span(buckets: int, ways: int, size: int) -> int:
        """Bytes that a table of this shape takes."""
        return buckets * ways * (_SLOT.size + size)

    def put(self, key: bytes, record: bytes, seconds: int = 2 * ROTATION) -> None:
        """
        Remember a record for a time.

        Raises:
            ValueError: the key is not 16 bytes, or the record is larger than the table's records.
        """
        with self._memory.changing() as page:
            self._put(page, key, record, seconds)

    def get(self, key: bytes) -> bytes | None:
        """What is remembered under a key, or None."""
        with self._memory.changing() as page:
            return self._get(page, key)

    def change(self, key: bytes, step: Callable[[bytes], bytes], seconds: int = 2 * ROTATION) -> bytes:
        """
        Replace a record by what `step` makes of it (of nothing, if there was none), in one hold of the lock.

        Returns:
            What stands there now.
        """
        with self._memory.changing() as page:
            record = step(self._get(page, key) or b"")
            self._put(page, key, record, seconds)
        return record

    def touch(self, key: bytes, seconds: int = 2 * ROTATION) -> None:
        """Remember what is remembered under a key, if anything is, from now for a time: never for a shorter one than it had."""
        with self._memory.changing() as page:
            for at in self._places(key):
                name, dies, _ = _SLOT.unpack_from(page, at)
                now = self._memory.now()
                if name == key and now < dies < now + seconds:
                    page[at + 16 : at + 24] = (now + seconds).to_bytes(8, "big")

    def drop(self, key: bytes) -> None:
        """Forget a key, and overwrite what was there."""
        with self._memory.changing() as page:
            for at in self._places(key):
                if page[at : at + 16] == key:
                    page[at : at + self._step] = bytes(self._step)

    def _places(self, key: bytes) -> range:
        if len(key) != 16 or not any(key):
            raise ValueError("a key here has 16 bytes, not all zero")
        bucket = int.from_bytes(key[:4], "big") % self._buckets
        start = self._offset + bucket * self._ways * self._step
        return range(start, start + self._ways * self._step, self._step)

    def _get(self, page: mmap.mmap, key: bytes) -> bytes | None:
        for at in self._places(key):
            name, dies, length = _SLOT.unpack_from(page, at)
            if name == key and dies > self._memory.now():
                body = at + _SLOT.size
                return page[body : body + length]
        return None

    def _put(self, page: mmap.mmap, key: bytes, record: bytes, seconds: int) -> None:
        if len(record) > self.size:
            raise ValueError(f"a record here has at most {self.size} bytes")
        places = self._places(key)
        slots = {at: _SLOT.unpack_from(page, at) for at in places}
        same = [at for at, (name, _, _) in slots.items() if name == key]
        at = same[0] if same else min(places, key=lambda place: slots[place][1])
        slot = _SLOT.pack(key, self._memory.now() + seconds, len(record)) + record
        # The key goes last: a holder killed between these lines leaves an empty slot, not half a record.
        page[at : at + self._step] = bytes(self._step)
        page[at + 16 : at + len(slot)] = slot[16:]
        page[at : at + 16] = key


def _overwrite(memory: mmap.mmap, maker: int) -> None:
    # Those who were forked from the maker end before it, and must take nothing from those who stay.
    if os.getpid() == maker:
        nothing = bytes(mmap.PAGESIZE)
        for at in range(0, len(memory), mmap.PAGESIZE):
            memory[at : at + mmap.PAGESIZE] = nothing


def purpose(key: Hidden, name: bytes) -> Hidden:
    """
    A key for one purpose from a RAM key.

    Args:
        key: a RAM key.
        name: the purpose, at most 16 bytes.
    """
    return Hidden(hashlib.blake2b(key=bytes(key), person=name, digest_size=KEY).digest())


class _Lock:
    """
    Mutual exclusion over threads (a lock of the process) and processes (a record lock on an anonymous file). Whoever holds it has what it guards.

    A class and no generator: a page takes it nine times.
    """

    def __init__(self, guarded: mmap.mmap) -> None:
        self._guarded = guarded
        self._threads = threading.Lock()
        self._file = os.memfd_create("lock", os.MFD_CLOEXEC)
        weakref.finalize(self, os.close, self._file)

    def __enter__(self) -> mmap.mmap:
        self._threads.acquire()
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
        except BaseException:
            self._threads.release()
            raise
        return self._guarded

    def __exit__(self, *_: object) -> None:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_UN)
        finally:
            self._threads.release()
