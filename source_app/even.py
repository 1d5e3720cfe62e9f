# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Work whose length says little: it ends at a whole number of steps after it began.

The pages of a thread do the same work whether or not there is one. What is left, a longer answer to open or a row to read, takes a
millisecond more or less, and is slept over here. Under a load that makes the work itself longer than a step, the difference shows through as
often as the work ends near the edge of one.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Making a thread's page; and deleting everything, which writes and unlinks.
PAGE_SECONDS: Final = 0.05
FORGET_SECONDS: Final = 0.5


@contextmanager
def steps(seconds: float) -> Iterator[None]:
    """
    Hold the block's end, also when it fails, until a whole number of steps has gone by. Hold no lock of the store around it.

    Args:
        seconds: one step.
    """
    began = time.monotonic()
    try:
        yield
    finally:
        time.sleep(-(time.monotonic() - began) % seconds)
