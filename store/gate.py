# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The write gate: one writer at a time, in this process by a lock, between processes by flock.

SQLite lets a second writer sleep and try again, and the unlucky one waits for seconds. Here writers queue in the
kernel instead, and the kernel opens the gate when a writer is killed. A gate belongs to the process that made it: a
flock survives a fork in both processes, so a child must open its own.
"""

from __future__ import annotations

import fcntl
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from store.modes import make_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class WriteGate:
    """
    The gate of one store folder, in one process.

    Args:
        path: The file that is locked. It is made if missing and stays empty.

    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        make_file(path)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)

    @contextmanager
    def held(self) -> Iterator[None]:
        """
        Hold the gate: as short as can be, and never while waiting for anything but the disk.
        """
        # The lock first: flock belongs to the open file, so two threads of one process would both pass.
        with self._lock:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """
        Close the file.
        """
        os.close(self._descriptor)
