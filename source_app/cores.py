# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A share of the machine's cores for each worker.

Python lets one thread of a process run at a time. Left to the kernel, the threads of a worker wander over all cores, and hand on that one turn
from core to core: waking each other there, with cold caches, costs as much as what they do. On its own share a worker loses nothing, for its threads take turns anyway.
Derivations take none: they run without Python, and wherever there is room.

Nothing depends on it but speed: where the system does not allow it, workers run anywhere.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection


class Shares:
    """
    One share for each worker. Make it before forking, and share the object.

    Args:
        workers: how many there are. Where they are more than the cores, some have the same.
    """

    def __init__(self, workers: int) -> None:
        cores = sorted(everywhere())
        firsts = [number * len(cores) // workers for number in range(workers + 1)]
        self._shares = [cores[first : max(following, first + 1)] for first, following in pairwise(firsts)]
        # A byte for each, locked by the worker that has it: a killed worker's share is free the moment it is gone.
        self._taken = os.memfd_create("cores", os.MFD_CLOEXEC)

    def take(self) -> None:
        """
        Keep this worker, and the threads it will start, to a share that no other has. Who comes while all are taken runs anywhere.
        """
        for number, share in enumerate(self._shares):
            with contextlib.suppress(BlockingIOError):
                fcntl.lockf(self._taken, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
                keep_to(share)
                return


def everywhere() -> Collection[int]:
    """
    Returns:
        the numbers of the cores that this thread may run on.
    """
    return os.sched_getaffinity(0)


def keep_to(cores: Collection[int]) -> None:
    """
    Run this thread, and those it starts, on these cores alone.
    """
    with contextlib.suppress(PermissionError):
        os.sched_setaffinity(0, cores)
