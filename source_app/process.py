# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What the kernel is asked for before anyone is served: enough open files, no core, no stranger's eyes, and memory that stays in memory.

A server that cannot have the files or the one locked page it needs does not start, and says why.
"""

from __future__ import annotations

import ctypes
import resource
from typing import TYPE_CHECKING

from source_app.settings import SettingsError

if TYPE_CHECKING:
    import mmap

#: The connection, the blob it writes, and a share of the database's and the program's own.
FILES_PER_CONNECTION = 3

_PR_SET_DUMPABLE = 4
_LIBC = ctypes.CDLL(None, use_errno=True)


def claim_files(connections: int) -> None:
    """
    Let this process, and those forked from it, open as many files as the system lets it.

    Args:
        connections: of one worker.

    Raises:
        SettingsError: that is not enough.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = FILES_PER_CONNECTION * connections
    if most != resource.RLIM_INFINITY and most < needed:
        raise SettingsError(
            f"threads: {connections} connections need {needed} open files and this system allows {most}; "
            "raise the limit (ulimit -Hn, LimitNOFILE=) or lower threads"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def seclude(*, watched: bool) -> None:
    """
    Write no core, and let no other process of this account read this one's memory or open files.

    Args:
        watched: leave it readable to this account, for a check that looks for plaintext in what it holds open. Never in earnest.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not watched and _LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl: PR_SET_DUMPABLE")


def lock(memory: mmap.mmap, first: int) -> bool:
    """
    Keep a mapping out of swap: its first bytes always, the rest if the system allows so much.

    A lock holds for pages that are shared with children as long as this process lives; children do not inherit it.

    Args:
        memory: an anonymous shared mapping.
        first: bytes at its head that must be locked.

    Returns:
        whether all of it is.

    Raises:
        SettingsError: not even the head can be.
    """
    view = ctypes.c_char.from_buffer(memory)
    address = ctypes.c_void_p(ctypes.addressof(view))
    if _LIBC.mlock(address, ctypes.c_size_t(len(memory))) == 0:
        return True
    if _LIBC.mlock(address, ctypes.c_size_t(first)) != 0:
        raise SettingsError("memory: this system locks no page; allow it (ulimit -l, LimitMEMLOCK=)")
    return False
