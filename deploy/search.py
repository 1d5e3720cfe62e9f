# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Looking for plaintext where none may be: in every file the servers wrote, and in what they hold open while they run.

A file that is deleted while it is open has no name and still has bytes on a disk; so the open descriptors are read too, again and again: what
was added to a file, and a file of at most REREAD_BYTES whole when it was changed in place, as a write-ahead log is. What stood in a file for less
than the time between two looks can be missed. Memory is not searched: a request's plaintext is there while it is sealed, and the README says so.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

PIECE = 1 << 20
EVERY_SECONDS = 0.05
REREAD_BYTES = 64 << 20


@dataclass(slots=True)
class Search:
    """
    A search for some markers.

    Args:
        markers: What must not be found, by what it is; each as it might be written: bytes, hex, percent-encoded.
    """

    markers: Sequence[tuple[str, bytes]]
    found: list[str] = field(default_factory=list)
    looked: int = 0
    files: int = 0

    def folder(self, folder: Path) -> None:
        """
        Read every file below a folder, whole.
        """
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                with path.open("rb") as file:
                    self.read(file.fileno(), 0, str(path))
                self.files += 1

    def read(self, descriptor: int, start: int, name: str) -> int:
        """
        Read an open file from an offset to its end.

        Returns:
            Where it ended.
        """
        overlap = max(len(marker) for _, marker in self.markers) - 1
        at = max(0, start - overlap)
        tail = b""
        while piece := os.pread(descriptor, PIECE, at):
            window = tail + piece
            for what, marker in self.markers:
                if marker in window:
                    self.found.append(f"{what} stands in {name}")
            tail = window[-overlap:]
            at += len(piece)
            self.looked += len(piece)
        return at


class Watch:
    """
    Reads what some processes hold open on a disk, until it is stopped.

    Args:
        search: Gets the findings.
        processes: Gives the process ids to look at, each time anew: workers come and go.
    """

    def __init__(self, search: Search, processes: Callable[[], Iterable[int]]) -> None:
        self._search = search
        self._processes = processes
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        # By device and inode: where reading ended, and the time of the last change before it began.
        self._read_to: dict[tuple[int, int], tuple[int, int]] = {}
        self.seen: set[str] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(EVERY_SECONDS):
            for pid in self._processes():
                self._look(Path(f"/proc/{pid}/fd"))

    def _look(self, folder: Path) -> None:
        try:
            names = list(folder.iterdir())
        except OSError:
            return
        for name in names:
            # Any of it may be gone by now: closed, or its process ended.
            try:
                target = str(name.readlink())
                if not target.startswith(("/proc", "/sys", "/dev")) and target.startswith("/"):
                    self._descriptor(name, target)
            except OSError:
                continue

    def _descriptor(self, name: Path, target: str) -> None:
        descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            facts = os.fstat(descriptor)
            start = self._start(facts)
            if start is not None:
                self.seen.add(target)
                end = self._search.read(descriptor, start, f"an open file ({target})")
                self._read_to[facts.st_dev, facts.st_ino] = (end, facts.st_mtime_ns)
        finally:
            os.close(descriptor)

    def _start(self, facts: os.stat_result) -> int | None:
        if not stat.S_ISREG(facts.st_mode) or not facts.st_size:
            return None
        end, changed = self._read_to.get((facts.st_dev, facts.st_ino), (0, 0))
        if facts.st_size > end:
            return end
        rewritten = facts.st_mtime_ns != changed and facts.st_size <= REREAD_BYTES
        return 0 if rewritten else None
