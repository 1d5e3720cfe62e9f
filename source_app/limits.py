# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Every size and time a stranger can push against, by name.

What an organisation may choose is in `Limits`; the rest are constants of the program. Messages outlive files: the last
part of the disk is kept for them, so a full disk of files never silences words.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
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
#: Files of one form: each takes at least 64 KiB of disk, however short it is (spec B3). Of a larger folder an archive is asked for.
FILES = 2_000
#: Folders that a file of a folder may lie in, one in another.
DEPTH = 16
#: The part headers of a form's files, together: each may have a name of the longest kind.
FILE_HEADERS_BYTES = 4 * MIB
#: One part of a set that a shell sends: what a broken circuit costs at most.
PART_BYTES = 64 * MIB
#: How long a slip counts, and how many missing parts one answer to it names.
SLIP_DAYS = 14
MISSING_NAMED = 1_000
#: Parts of one form, files and fields together.
PARTS = FILES + 100
PART_HEADER_BYTES = 8 * KIB
PART_HEADERS = 8
BOUNDARY_BYTES = 200
#: A file's name in its frame (spec F6).
NAME_BYTES = 1_024
EXTENSION_BYTES = 32

#: Reads of a body start small, so that a slow circuit is never waited on for a megabyte, and grow while it keeps up. At the least of
#: them a circuit of a KiB a second is seen to move every second.
READ_LEAST = KIB
READ_MOST = MIB
READ_FAST_SECONDS = 0.05
READ_SLOW_SECONDS = 0.5

#: While files come, their count is written for the display of progress, and the visit kept from ending, this often at most.
PROGRESS_SECONDS = 0.5
HOLD_STEP_SECONDS = 60
#: So long a form can keep its visit, from its beginning: as long as a mark that a thread was deleted lasts.
HOLD_SECONDS = 24 * 60 * 60
#: Forms of one visit that are counted at the same time.
PROGRESS_FORMS = 4
#: A form of which nothing was heard for longer has ended with its worker.
PROGRESS_STALE_SECONDS = 15 * 60

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
#: Where hardly a thread is left, an answer to somebody who sends on and on may be cut off.
BRIEF_LINGER_SECONDS = 0.1
#: Of a worker's threads, those that forms larger than FORM_BYTES may hold at once (in twelfths), and those that read the rest of
#: such a form after it was told to come later. What is left is for pages and words.
LARGE_TWELFTHS = 10
TURNED_AWAY_TWELFTHS = 1
TURNED_AWAY_SECONDS = 60.0
#: A worker that turned one away leaves who comes to the others for the first of these, then takes who comes for the second, and so on.
LEFT_SECONDS = 0.05
TAKING_SECONDS = 0.01
#: What one circuit may hold at once in one worker, where tor tells us the circuit. A browser opens six connections to one place,
#: and all windows of one Tor Browser share one circuit to it.
CIRCUIT_REQUESTS = 16
CIRCUIT_LARGE = 8

#: Of a worker's threads, those that may be held until short requests that have held one for so long give way.
HELD_TWELFTHS = 11
HELD_SECONDS = 20.0

#: Codenames that stand in one worker's line for their derivation.
LINE = 400
#: A request waits in it itself for this long; its page says so before, if it would take longer.
LINE_PATIENCE_SECONDS = 10.0
#: A place that nobody waits at is kept at most this long, and what was derived in it waits for its browser this long.
LINE_SECONDS = 60 * 60
DERIVED_SECONDS = 5 * 60

#: Disk kept for messages alone: the larger of the two.
RESERVE_BYTES = 2 * GIB
RESERVE_SHARE = 20
#: Files of a thread that nobody at the desk accepted, unless the settings say otherwise: what of them lies on the server.
THREAD_BYTES = 40 * GIB
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
        scarce: whether `file` is what there is room for, less than the organisation allows (see `space`).
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


def content_of(payload: int) -> int:
    """
    Returns:
        bytes of content that surely fit, padded, into so many bytes of disk.
    """
    return payload - payload // (PADDING_SHARE + 1)


def free_for_files(folder: Path, reserve: int) -> int:
    """
    What files may fill, sealed and padded.

    Args:
        folder: any folder on the disk in question.
        reserve: bytes kept for messages; 0 keeps nothing.

    Returns:
        bytes of disk; never negative.
    """
    disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    kept = max(reserve, disk.f_blocks * disk.f_frsize // RESERVE_SHARE) if reserve else 0
    return max(0, free - kept)


def space_step(free: int, writers: int) -> int:
    """
    How much one file may write before it looks at the disk again, so that all together do not write past the free room.

    Args:
        free: the room that they share.
        writers: files that may be written at the same time.

    Returns:
        bytes; at least SPACE_LEAST: by that much, or by one piece if that is more, each writer may go into the reserve.
    """
    return min(max(free // writers, SPACE_LEAST), SPACE_STEP)
