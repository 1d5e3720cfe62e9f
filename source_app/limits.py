# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Every size and time a stranger can push against, by name.

What an organisation may choose is in `Limits`; the rest are constants of the program. Messages outlive files: the last
part of the disk is kept for them, so a full disk of files never silences words.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30

#: A message, in bytes of UTF-8: at least MESSAGE_CHARACTERS characters in any script.
MESSAGE_BYTES = 400_000
MESSAGE_CHARACTERS = MESSAGE_BYTES // 4
#: One file, unless the settings say otherwise.
FILE_BYTES = 20 * GIB
#: Everything in a form that is neither the message nor a file's content: token, other fields, part headers.
FORM_BYTES = MIB
#: Any text field but the message.
FIELD_BYTES = 4 * KIB
#: A message over its limit is read as far as this many times the limit, so that its page can show it again.
MESSAGE_KEPT = 4
#: Files of one form: each takes at least 64 KiB of disk, however short it is (spec B3).
FILES = 200
#: Parts of one form, files and fields together.
PARTS = FILES + 100
PART_HEADER_BYTES = 8 * KIB
PART_HEADERS = 8
BOUNDARY_BYTES = 200
#: A file's name in its frame (spec F6).
NAME_BYTES = 1_024
EXTENSION_BYTES = 32

#: Reads of a body start small, so that a slow circuit is never waited on for a megabyte, and grow while it keeps up.
READ_LEAST = 16 * KIB
READ_MOST = MIB
READ_FAST_SECONDS = 0.05
READ_SLOW_SECONDS = 0.5

#: How much of a refused body is read and thrown away after the answer, so that Firefox shows the page.
DRAIN_BYTES = 256 * MIB
DRAIN_SECONDS = 900.0
#: A connection that stays silent for longer is ended.
IDLE_SECONDS = 120.0
#: All headers of one request; a bad circuit brings them in a few seconds.
HEADERS_SECONDS = 45.0
#: A body may be waited for this long in all, and each BODY_LEAST_SPEED bytes that come give a second of it back.
BODY_PATIENCE_SECONDS = 180.0
BODY_LEAST_SPEED = 256
#: What may be left unread when an answer is out is waited for this long, so that the answer is not cut off.
LINGER_SECONDS = 2.0
#: Of a worker's threads, those that forms larger than FORM_BYTES may hold at once (in twelfths), and those that read the rest of
#: such a form after it was told to come later. What is left is for pages and words.
LARGE_TWELFTHS = 10
TURNED_AWAY_TWELFTHS = 1
TURNED_AWAY_SECONDS = 60.0
#: What one circuit may hold at once in one worker, where tor tells us the circuit. A browser opens six connections to one place,
#: and all windows of one Tor Browser share one circuit to it.
CIRCUIT_REQUESTS = 16
CIRCUIT_LARGE = 8

#: Disk kept for messages alone: the larger of the two.
RESERVE_BYTES = 2 * GIB
RESERVE_SHARE = 20
#: Padmé adds at most 12 % to a file (spec B1).
PADDING_SHARE = 8
#: How much of a file is written between two looks at the free space: at most, and at least.
SPACE_STEP = 64 * MIB
SPACE_LEAST = 64 * KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """
    The limits an organisation may set.

    Attributes:
        message: bytes of one message.
        file: bytes of one file.
        drain: bytes of a refused body that are read after the answer.
        reserve: bytes of disk kept for messages (at least a twentieth of the disk is, whatever stands here,
            unless this is 0).
        scarce: whether `file` is what the disk has room for, less than the organisation allows.
    """

    message: int = MESSAGE_BYTES
    file: int = FILE_BYTES
    drain: int = DRAIN_BYTES
    reserve: int = RESERVE_BYTES
    scarce: bool = False

    def __post_init__(self) -> None:
        """
        Raises:
            ValueError: a limit is negative.
        """
        if min(self.message, self.file, self.drain, self.reserve) < 0:
            raise ValueError("a limit is negative")

    @property
    def request(self) -> int:
        """
        Bytes of one whole form.
        """
        return self.file + FORM_BYTES

    def on(self, folder: Path) -> Limits:
        """
        Returns:
            these limits, the file's lowered to what the disk under `folder` has room for now, rounded down to a power of
            two: strangers learn from the pages and from what is refused no more about the disk than that.
        """
        room = room_for_files(folder, self.reserve)
        if room >= self.file:
            return self
        return replace(self, file=1 << room.bit_length() - 1 if room else 0, scarce=True)


def room_for_files(folder: Path, reserve: int) -> int:
    """
    How large a file may be now.

    Args:
        folder: any folder on the disk in question.
        reserve: bytes kept for messages; 0 keeps nothing.

    Returns:
        bytes of content, padding already subtracted; never negative.
    """
    disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    kept = max(reserve, disk.f_blocks * disk.f_frsize // RESERVE_SHARE) if reserve else 0
    room = max(0, free - kept)
    return room - room // (PADDING_SHARE + 1)


def space_step(free: int, writers: int) -> int:
    """
    How much one file may write before it looks at the disk again, so that all together do not write past the free room.

    Args:
        free: what `room_for_files` gave.
        writers: files that may be written at the same time.

    Returns:
        bytes; at least SPACE_LEAST: by that much, or by one piece if that is more, each writer may go into the reserve.
    """
    return min(max(free // writers, SPACE_LEAST), SPACE_STEP)
