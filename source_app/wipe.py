# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Overwriting buffers of ours that held what a source wrote.

It reaches the buffer and nothing else: not the bytes a socket gave, not the string that was made of it, not where a growing buffer lay
before. The README says what that leaves.
"""

from __future__ import annotations

from typing import Final

_STEP: Final = 1 << 20


def wipe(buffer: bytearray) -> None:
    """
    Overwrite a buffer with zeros where it lies.
    """
    for at in range(0, len(buffer), _STEP):
        end = min(at + _STEP, len(buffer))
        buffer[at:end] = bytes(end - at)
