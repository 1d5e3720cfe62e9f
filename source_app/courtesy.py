# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Whether a worker takes who comes, or leaves them to the other workers first.

All workers look at one line of the kernel, and the one beside an idle core is the fastest each time. Once it has turned a large form away, it would
turn away the next ones too, while another has room. So as long as its places are all taken it looks away for a moment before it takes who still waits.
So nobody is left for good where no other worker has room: each moment is followed by a time in which all who wait are taken.

Pure: it looks at no socket, and asks no clock that it was not given.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from source_app.limits import TAKING_SECONDS


class Courtesy:
    """
    Of one worker.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._refuses = False
        self._left = False
        self._takes_until = 0.0

    def refused(self) -> None:
        """A large form was turned away. Any thread may say so."""
        self._refuses = True

    def freed(self) -> None:
        """A place for one is free again. Any thread may say so."""
        self._refuses = False

    def leaves(self) -> bool:
        """
        Somebody is there. Only the worker's main thread asks, and looks away for LEFT_SECONDS if so.

        Returns:
            whether they are left to the others. Who is still there afterwards is taken, however late the thread comes back to it, and so
            is everybody for TAKING_SECONDS.
        """
        now = self._clock()
        if not self._refuses or now < self._takes_until:
            self._left = False
            return False
        self._left = not self._left
        if not self._left:
            self._takes_until = now + TAKING_SECONDS
        return self._left
