# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Which connections hold the threads of one worker, and which of them give way when hardly a thread is left.

A worker whose threads are all held accepts nobody: whoever comes waits in the kernel's line, where another worker takes it. Before it comes to that,
short requests that have taken long already are ended: first those of the circuit that holds most, of these the oldest. Long forms are not touched; they
have a bound of their own, and never hold the last threads.

Pure: it ends nothing itself, and asks no clock that it was not given. Only the worker's main thread changes it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from source_app.limits import HELD_SECONDS, HELD_TWELFTHS


class Peer(Protocol):
    """
    A connection.

    Attributes:
        circuit: it came by, if tor tells.
        large: whether it sends a form that has a place among the large ones.
    """

    circuit: int | None
    large: bool

    def cut(self) -> None:
        """Wait for it no more."""


class Held:
    """
    The connections.

    Args:
        threads: of the worker.
        clock: monotonic seconds.
    """

    def __init__(self, threads: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._threads = threads
        self._most = max(1, threads * HELD_TWELFTHS // 12)
        self._clock = clock
        self._since: dict[Peer, float] = {}
        self._ended: set[Peer] = set()

    @property
    def full(self) -> bool:
        """Whether every thread is held."""
        return len(self._since) >= self._threads

    @property
    def crowded(self) -> bool:
        """Whether hardly a thread is left. Any thread may ask."""
        return len(self._since) > self._most

    def add(self, peer: Peer) -> None:
        """It was given to a thread."""
        self._since[peer] = self._clock()

    def drop(self, peer: Peer) -> None:
        """The thread is done with it."""
        self._since.pop(peer, None)
        self._ended.discard(peer)

    def ending(self) -> list[Peer]:
        """
        Those that have to give way now; each is named once.
        """
        over = len(self._since) - len(self._ended) - self._most
        if over <= 0:
            return []
        now = self._clock()
        slow = [
            peer
            for peer, since in self._since.items()
            if now - since >= HELD_SECONDS and not peer.large and peer not in self._ended
        ]
        # Where tor tells no circuits, all count as one, and the oldest gives way.
        counts = Counter(peer.circuit for peer in self._since)
        chosen: list[Peer] = []
        while slow and len(chosen) < over:
            worst = max(slow, key=lambda peer: (counts[peer.circuit], now - self._since[peer]))
            slow.remove(worst)
            chosen.append(worst)
            counts[worst.circuit] -= 1
        self._ended.update(chosen)
        return chosen
