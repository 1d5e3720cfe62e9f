# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The C library's allocator, told how a server of uploads uses memory.

Left alone, it gives each megabyte that was read back to the kernel and asks for it again: a hundred thousand page faults for
an upload of 256 MiB, up to half its CPU time. Told to keep some at hand, there are a few. Few arenas,
because Python's threads allocate one at a time anyway, and each arena keeps its own reserve.

Nothing depends on it but speed: another C library is left as it is.
"""

from __future__ import annotations

import ctypes
import platform

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -2, -3, -8

#: The buffers of uploads that run at the same time.
KEPT_BYTES = 64 << 20
STEP_BYTES = 1 << 20
#: The most that glibc takes here; whoever needs more asks the kernel each time.
LARGE_BYTES = 32 << 20
ARENAS = 2


def keep_heap() -> None:
    """
    Set it for this process and those forked from it.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    library = ctypes.CDLL(None)
    for setting, value in (
        (_TRIM_THRESHOLD, KEPT_BYTES),
        (_TOP_PAD, STEP_BYTES),
        (_MMAP_THRESHOLD, LARGE_BYTES),
        (_ARENA_MAX, ARENAS),
    ):
        library.mallopt(setting, value)
