# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Waiting for what takes tor some seconds: a bound on each wait, and what was seen last when it is over.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

#: What a visit may end with while tor, or the program behind it, is away.
BROKEN = (OSError, http.client.HTTPException)


def patiently(act: Callable[[], Found], seconds: float = 60.0, *, before_again: Callable[[], object] = bool) -> Found:
    """What an act gives, tried again as long as connections break; before each new try something else may be done."""
    end = time.monotonic() + seconds
    while True:
        try:
            return act()
        except BROKEN:
            if time.monotonic() > end:
                raise
        before_again()
        time.sleep(0.2)


def until(condition: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    """Wait for something to be so."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.05)
