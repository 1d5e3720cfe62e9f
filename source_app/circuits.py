# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The circuit a connection came by, and what one circuit may hold at once.

tor begins each connection with a line of its own (`HiddenServiceExportCircuitID haproxy`). Its number is known to this process and the
local tor alone, and to nobody who could name a person by it; still it is used for one thing, so that one circuit cannot take what all
need: it counts what the circuit holds, and deals out turns in the codenames' line. It is forgotten with the connection and the place in that line: never
logged, never stored, never given to a page. gunicorn's own reader of such lines would
do without one, and hand the number to every page as an address.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from gunicorn.http.errors import NoMoreData, ParseException

if TYPE_CHECKING:
    from gunicorn.http.unreader import Unreader

_HEX = rb"(0|[1-9a-f][0-9a-f]{0,3})"
_PORT = rb"(0|[1-9][0-9]{0,4})"
# As tor writes it: "PROXY TCP6 %s:%x:%x %s %d %d\r\n", its two parts of one number of 32 bits first.
_LINE: Final = re.compile(
    rb"PROXY TCP6 fc00:dead:beef:4dad::" + _HEX + rb":" + _HEX + rb" ::1 " + _PORT + rb" " + _PORT + rb"\r\n"
)
MOST_PORT: Final = 65_535
LONGEST: Final = len(b"PROXY TCP6 fc00:dead:beef:4dad::ffff:ffff ::1 65535 65535\r\n")


class LineError(ParseException):  # type: ignore[misc]
    """A connection did not begin with tor's line."""


class CrowdedError(ParseException):  # type: ignore[misc]
    """One circuit holds as much as one may."""


def number_of(line: bytes) -> int:
    """
    Args:
        line: with its end.

    Returns:
        the circuit's number.

    Raises:
        LineError: it is not exactly such a line as tor writes.
    """
    found = _LINE.fullmatch(line)
    # The ports are tor's too, and no use to us; a line that could not be tor's is none.
    if found is None or max(int(found[3]), int(found[4])) > MOST_PORT:
        raise LineError
    return int(found[1], 16) << 16 | int(found[2], 16)


def announced(source: Unreader) -> int:
    """
    Read the line that a connection begins with, and nothing after it.

    Args:
        source: what the connection is read through; it bounds the wait.

    Raises:
        LineError: there is no such line.
        NoMoreData: the connection ended before it was whole.
    """
    held = b""
    while (end := held.find(b"\n") + 1) == 0:
        if len(held) >= LONGEST:
            raise LineError
        piece = source.read()
        if not piece:
            raise NoMoreData
        held += piece
    source.unread(held[end:])
    return number_of(held[:end])


class Places:
    """
    How many of one thing each circuit holds. In one worker's memory: a circuit may hold as many in each worker.

    Args:
        most: for one circuit.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._held: dict[int, int] = {}

    def take(self, circuit: int) -> bool:
        """
        Returns:
            whether there was one more for this circuit.
        """
        with self._lock:
            held = self._held.get(circuit, 0)
            if held >= self._most:
                return False
            self._held[circuit] = held + 1
            return True

    def give(self, circuit: int) -> None:
        """
        Give back one that was taken; of a circuit that holds nothing, nothing is remembered.
        """
        with self._lock:
            held = self._held.pop(circuit) - 1
            if held:
                self._held[circuit] = held

    def __len__(self) -> int:
        """Circuits that hold something."""
        with self._lock:
            return len(self._held)


_thread = threading.local()


@contextmanager
def asked_by(circuit: int | None) -> Iterator[None]:
    """
    While a thread answers a request of this circuit; None if tor tells none.
    """
    _thread.circuit = circuit
    try:
        yield
    finally:
        _thread.circuit = None


def present() -> int | None:
    """
    The circuit of the request that this thread answers, for whoever deals out turns.
    """
    circuit: int | None = getattr(_thread, "circuit", None)
    return circuit
