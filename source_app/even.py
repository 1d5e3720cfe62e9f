# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Work whose length says little: its answer leaves at a whole number of steps after it began.

The pages of a thread do the same work whether or not there is one. What is left, a longer answer to open or a row to read, takes some
milliseconds more. It is slept over when the answer stands, with its headers: nothing follows but its bytes. Under a load that makes the
work itself longer than a step, the difference shows through as often as the work ends near the edge of one.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from flask import request

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

    from flask import Flask

#: Making a thread's page; and deleting everything, which writes and unlinks.
PAGE_SECONDS: Final = 0.05
FORGET_SECONDS: Final = 0.5

_HELD: Final = "dengwen.held"


def hold(seconds: float) -> None:
    """
    From now on, let the present request take whole steps, also when it fails. If it is told so twice, it was told once.

    Args:
        seconds: one step.
    """
    request.environ.setdefault(_HELD, (time.monotonic(), seconds))


def keep_steps(app: Flask) -> None:
    """Hold the answers of an app that are to be held."""
    answer = app.wsgi_app

    def held(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        try:
            return answer(environ, start)
        finally:
            if _HELD in environ:
                began, seconds = environ[_HELD]
                time.sleep(-(time.monotonic() - began) % seconds)

    app.wsgi_app = held  # type: ignore[method-assign, assignment]
