# SPDX-License-Identifier: AGPL-3.0-or-later
"""
gunicorn's master without the gap in which a worker is deaf.

A worker hears its own signals some milliseconds after it was forked. Until then it has its master's handlers, which lay a signal into a queue that
only the master's loop reads: told to end in that moment, it would go on with its visitors until the grace is over, and be killed in the midst of
their answers. So what ends a process waits from before the fork until the worker hears it.
"""

from __future__ import annotations

import signal
from typing import Any, Final

from gunicorn.arbiter import Arbiter

_ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


class Master(Arbiter):  # type: ignore[misc]
    """
    Forks workers that hear what ends them.
    """

    def spawn_worker(self) -> Any:
        """
        Fork one. The child lives in this call, and ends with it.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        try:
            return super().spawn_worker()
        finally:
            hear()


def hear() -> None:
    """
    Take what came meanwhile, and all that comes from now on.
    """
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
