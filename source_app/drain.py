# SPDX-License-Identifier: AGPL-3.0-or-later
"""
After the answer: read what the source still sends, throw it away, up to a named bound.

Firefox shows the answer to a POST only when every byte of the body was taken; a server that answers and closes gives it
"Problem loading page". So the page goes out first and the rest is read behind it. Not before: whoever has to push
twenty gigabytes into a refusal should have the reason as soon as their browser will show it. Past the bound the
connection ends; the outcome then waits in RAM under the form's token.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from source_app.body import Body, pieces_of
from source_app.errors import DisconnectedError
from source_app.limits import DRAIN_BYTES, DRAIN_SECONDS

if TYPE_CHECKING:
    from flask import Response


def drain(stream: Body, left: int, *, bound: int = DRAIN_BYTES, seconds: float = DRAIN_SECONDS) -> int:
    """
    Read and forget the rest of a body.

    Args:
        stream: the body.
        left: bytes of it that are still to come.
        bound: bytes after which to give up.
        seconds: time after which to give up, however few bytes came.

    Returns:
        bytes thrown away; less than `left` when the source left, or a bound was reached.

    """
    taken = 0
    deadline = time.monotonic() + seconds
    try:
        for piece in pieces_of(stream, min(left, bound)):
            taken += len(piece)
            if time.monotonic() > deadline:
                break
    except DisconnectedError:
        return taken
    return taken


def answer_first(response: Response, stream: Body, left: int, *, bound: int = DRAIN_BYTES) -> Response:
    """
    Have a response drain the request's body once it has been sent.

    Args:
        response: the page; it must be complete (no streamed response).
        stream: the body, read no further than `left` from its end.
        left: bytes still to come.
        bound: as in `drain`.

    Returns:
        the same response.

    """
    response.call_on_close(lambda: drain(stream, left, bound=bound))
    return response
