# SPDX-License-Identifier: AGPL-3.0-or-later
"""
How far a form has come: counted as its bytes come, shown in a frame that loads itself anew, forgotten when it ends.

What this file promises
- The count is found by the visit alone, which only the sealed cookie names: nothing about it stands in an address.
- While files come, their visit does not end, however long they take and whatever the browser can do meanwhile (`Sealer.hold`), for
  HOLD_SECONDS at most.
- A frame that looks while nothing comes keeps no visit open, and looks less and less often.

It counts bytes of the form as sent, so that the whole is known from the beginning; it knows no names.
"""

from __future__ import annotations

import struct
import threading
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Final

from source_app import render, visit
from source_app.limits import HOLD_SECONDS, HOLD_STEP_SECONDS, PROGRESS_FORMS, PROGRESS_SECONDS, PROGRESS_STALE_SECONDS
from source_app.parts import parts
from source_app.visitors import leave_as_it_is, visiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Response

    from source_app.memory import Memory

# How often the frame looked since something last came; then a row for each form: first bytes of its id, bytes that came, bytes there
# are, files that arrived, the second of the last of these.
_LOOKS: Final = struct.Struct(">H")
_ROW: Final = struct.Struct(">8sQQIQ")
_MOST_LOOKS: Final = (1 << 16) - 1

#: Seconds until a frame looks again while files come; longer, by as many seconds as a worker has hundreds of forms to count.
SOON: Final = 1
CROWD: Final = 100
#: While nothing comes: up to how many looks, how many seconds lie between them. After that, one look for each press.
IDLE: Final = ((180, 1), (600, 5))
#: A silence that is told.
QUIET: Final = 10
#: Files that are named when they did not arrive; the list of the visit has them all.
NAMED: Final = 3


class _Crowd:
    """Forms that this worker counts now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.size = 0

    def add(self, number: int) -> None:
        with self._lock:
            self.size += number


_crowd: Final = _Crowd()


@dataclass(frozen=True, slots=True)
class Way:
    """
    How far the forms of one visit have come, all together.

    Args:
        came: bytes.
        length: bytes there are.
        files: that arrived.
        quiet: seconds since the last byte.
    """

    came: int
    length: int
    files: int
    quiet: int

    @property
    def share(self) -> int:
        """In hundredths; whole only when it has ended."""
        return min(99, 100 * self.came // max(1, self.length))


class Coming:
    """
    One form on its way in: tell it what came, and that it ended.

    Args:
        memory: where the count stands.
        visit: the id of the visit it belongs to.
        form: its id.
        length: its bytes.
        hold: keeps its visit from ending.
    """

    def __init__(self, memory: Memory, *, visit: bytes, form: bytes, length: int, hold: Callable[[], None]) -> None:
        self._memory = memory
        self._visit = visit
        self._form = form[:8]
        self._length = length
        self._hold = hold
        self._came = 0
        self._files = 0
        self._began = self._held = memory.now()
        self._told = 0.0
        _crowd.add(1)
        self._tell()

    def came(self, length: int) -> None:
        """So many bytes have come in all."""
        self._came = length
        now = monotonic()
        if now - self._told >= PROGRESS_SECONDS:
            self._told = now
            self._tell()
        second = self._memory.now()
        if second - self._held >= HOLD_STEP_SECONDS and second - self._began < HOLD_SECONDS:
            self._held = second
            self._hold()

    def arrived(self) -> None:
        """One more file is safe."""
        self._files += 1

    def ended(self) -> None:
        """However it did."""
        _crowd.add(-1)
        self._memory.uploads.change(self._visit, lambda record: _LOOKS.pack(0) + b"".join(self._others(record)))

    def _tell(self) -> None:
        now = self._memory.now()
        row = _ROW.pack(self._form, self._came, self._length, self._files, now)

        def step(record: bytes) -> bytes:
            # More forms at once than are counted: the newest of them are.
            others = [one for one in self._others(record) if not _stale(one, now)][1 - PROGRESS_FORMS :]
            return _LOOKS.pack(0) + b"".join([*others, row])

        self._memory.uploads.change(self._visit, step)

    def _others(self, record: bytes) -> list[bytes]:
        return [row for row in _rows(record) if not row.startswith(self._form)]


def _rows(record: bytes) -> list[bytes]:
    return [record[at : at + _ROW.size] for at in range(_LOOKS.size, len(record), _ROW.size)]


def _stale(row: bytes, now: int) -> bool:
    last: int = _ROW.unpack(row)[4]
    return now - last >= PROGRESS_STALE_SECONDS


def on_the_way(memory: Memory, visit: bytes) -> Way | None:
    """How far the forms of a visit have come; None if there are none."""
    now = memory.now()
    rows = [_ROW.unpack(row) for row in _rows(memory.uploads.get(visit) or b"") if not _stale(row, now)]
    if not rows:
        return None
    _names, came, length, files, last = zip(*rows, strict=True)
    return Way(sum(came), sum(length), sum(files), now - max(last))


def look_again(memory: Memory, visit: bytes) -> int | None:
    """
    A frame looked while nothing comes.

    Returns:
        after how many seconds it looks again; None if only when it is pressed.
    """
    record = memory.uploads.change(visit, lambda was: _counted(was or _LOOKS.pack(0)))
    looks: int = _LOOKS.unpack_from(record)[0]
    return next((seconds for most, seconds in IDLE if looks <= most), None)


def _counted(record: bytes) -> bytes:
    looks: int = _LOOKS.unpack_from(record)[0]
    return _LOOKS.pack(min(looks + 1, _MOST_LOOKS)) + record[_LOOKS.size :]


def look_anew(memory: Memory, visit: bytes) -> None:
    """The page around the frame was opened: whoever opened it may be about to send something."""
    memory.uploads.change(visit, lambda record: _LOOKS.pack(0) + record[_LOOKS.size :])


def show() -> Response:
    """GET: what the frame shows; it loads itself anew."""
    return _shown(moving=True)


def still() -> Response:
    """GET: the same for those whom a display that changes by itself disturbs: it changes when it is pressed (WCAG 2.2, 2.2.2)."""
    return _shown(moving=False)


def _shown(*, moving: bool) -> Response:
    session = visiting()
    if session is None:
        return render.frame("progress", 403, again=None, way=None, totals=None)
    memory = parts().memory
    way = on_the_way(memory, session.id)
    if way is not None:
        again = SOON + _crowd.size // CROWD if moving else None
        came, length = render.size(way.came), render.size(way.length)
        return _renewed(again, render.frame("progress", again=again, way=way, came=came, length=length, quiet=QUIET))
    leave_as_it_is()
    totals = visit.totals(memory, session.id)
    lost = [
        one.name for one in visit.listed(memory, session.id)[0] if one.name and one.state is not visit.State.ARRIVED
    ]
    again = look_again(memory, session.id) if moving else None
    length = render.size(totals.length)
    return _renewed(
        again, render.frame("progress", again=again, way=None, totals=totals, lost=lost[:NAMED], length=length)
    )


def _renewed(again: int | None, response: Response) -> Response:
    if again is not None:
        # It names no address: the frame's own is loaded again.
        response.headers["Refresh"] = str(again)
    return response
