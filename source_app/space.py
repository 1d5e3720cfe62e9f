# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The room that files have now: on the disk, in the lane of a thread, under its quota.

The store keeps the lanes (`store.lanes`); here the disk is looked at, padding is subtracted, and it is decided how much one file may write
before all of it is looked at again. Words pass none of this: the part of the disk that files never get is theirs.

What a page shows is the room of a codename never used, the same for everybody. What a form is refused by is the room of its thread, so
whoever has a codename can learn, by sending much, that its thread is accepted or has sent much already; from a page they cannot.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from source_app.errors import NoRoomError, SourceAppError
from source_app.limits import SPACE_LEAST, content_of, free_for_files, space_step
from source_app.storing import trouble_is_said
from store.lanes import Room, room

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable

    from source_app.limits import Limits
    from store.engine import Store

#: Of a lane, the part that short files leave to longer ones: one half.
SHORT_SHARE: Final = 2
#: How old what a page shows may be. A form is judged by what is so now.
SHOWN_SECONDS: Final = 2.0


class Space:
    """
    One for each app; threads may share it.
    """

    def __init__(
        self, store: Store, *, reserve: int, quota: int, writers: int, clock: Callable[[], datetime.date]
    ) -> None:
        """
        Args:
            store: where items go.
            reserve: bytes of disk that files leave to messages.
            quota: bytes of files that a thread nobody accepted may have on the server.
            writers: files that may be written at the same time, by all workers together.
            clock: the server's day.
        """
        self._store = store
        self._reserve = reserve
        self._quota = quota
        self._writers = writers
        self._clock = clock
        # Two threads may look at once; one of the looks is forgotten.
        self._seen = Room(0, 0, 0)
        self._again = 0.0

    def within(self, limits: Limits, locator: bytes | None) -> Limits:
        """
        Args:
            limits: what the organisation allows.
            locator: of the thread, or None for one that nothing was ever sent under.

        Returns:
            those limits, the file's lowered to what there is room for now. What the disk has is rounded down to a power of two: strangers
            learn no more about it than that.
        """
        found = self._looked(locator)
        return limits if found is None else _lowered(limits, found)

    def shown(self, limits: Limits) -> Limits:
        """
        Args:
            limits: what the organisation allows.

        Returns:
            as `within`, for a codename never used, as it was at most SHOWN_SECONDS ago.
        """
        if time.monotonic() >= self._again:
            self._seen = self._looked(None) or self._seen
            self._again = time.monotonic() + SHOWN_SECONDS
        return _lowered(limits, self._seen)

    def step(self, locator: bytes, length: int, *, writing: int) -> int:
        """
        Look whether a file may go on.

        Args:
            locator: of its thread.
            length: bytes it is about to write.
            writing: bytes of it that are written.

        Returns:
            bytes it may write before it asks again, so that all together do not write past the room.

        Raises:
            NoRoomError: there is no room for that many.
        """
        now = self._room(locator, writing=writing)
        # The shortest file takes that much.
        if now.length < max(length, 0 if writing else SPACE_LEAST):
            raise NoRoomError("the lane or the quota of this thread is full")
        return min(space_step(now.lane, self._writers), now.own)

    def require_for_short(self, locator: bytes) -> None:
        """
        Look whether a file that ends within its bucket finds room. It takes 64 KiB for however little was sent, so such files have only
        the first half of a lane: who wants all of it pays for the rest with as many bytes.

        Args:
            locator: of its thread.

        Raises:
            NoRoomError: the lane is half full.
        """
        now = self._room(locator)
        if now.lane < now.whole // SHORT_SHARE:
            raise NoRoomError("the part of this lane that short files may have is full")

    def _looked(self, locator: bytes | None) -> Room | None:
        # Words need no room, and the page that shows them again none either: what cannot be looked at just now costs neither. A file looks for
        # itself before its first byte, and is refused by whatever fails then.
        try:
            with trouble_is_said():
                return self._room(locator)
        except SourceAppError:
            return None

    def _room(self, locator: bytes | None, *, writing: int = 0) -> Room:
        free = free_for_files(self._store.folder, self._reserve)
        found = room(self._store, locator, free=free, quota=self._quota, day=self._clock(), writing=writing)
        return Room(content_of(found.lane), content_of(found.own), content_of(found.whole))


def _lowered(limits: Limits, found: Room) -> Limits:
    lane = found.lane if found.lane >= limits.file else _power_of_two(found.lane)
    file = min(limits.file, lane, found.own)
    if file == limits.file:
        return limits
    return replace(limits, file=file if file >= SPACE_LEAST else 0, scarce=True)


def _power_of_two(length: int) -> int:
    return 1 << length.bit_length() - 1 if length else 0
