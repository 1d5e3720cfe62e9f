# SPDX-License-Identifier: AGPL-3.0-or-later
"""
How a body is read: in pieces as large as its speed allows.

A read of `wsgi.input` returns only when all it asked for is there. So reads double while they come back fast, and halve when they do not:
a slow circuit is waited on for a KiB, and is seen to move; a fast one costs one call a megabyte.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from source_app.errors import DisconnectedError
from source_app.limits import READ_FAST_SECONDS, READ_LEAST, READ_MOST, READ_SLOW_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator


class Body(Protocol):
    """
    What a WSGI server gives as `wsgi.input`.
    """

    def read(self, size: int, /) -> bytes:
        """
        Returns:
            up to `size` bytes; fewer only at the end.
        """
        ...


def pieces_of(stream: Body, length: int) -> Iterator[bytes]:
    """
    Read a body.

    Args:
        stream: the body.
        length: its bytes.

    Raises:
        DisconnectedError: the circuit broke or fell silent before `length` bytes came.
    """
    size = READ_LEAST
    left = length
    while left:
        began = time.monotonic()
        try:
            piece = stream.read(min(size, left))
        except OSError:
            # A reset and a silence are the same to us: the rest will not come.
            raise DisconnectedError("the connection failed") from None
        if not piece:
            raise DisconnectedError("the body ended early")
        took = time.monotonic() - began
        left -= len(piece)
        yield piece
        if took < READ_FAST_SECONDS:
            size = min(size * 2, READ_MOST)
        elif took > READ_SLOW_SECONDS:
            size = max(size // 2, READ_LEAST)
