# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What the kernel is asked for before anyone is served: open files enough, no core, no stranger's eyes.

The source app asks for the same in a file of its own: the two programs share no code but what lies below both.
"""

from __future__ import annotations

import ctypes
import resource
from typing import Final

from journalist_app.desk.settings import SettingsError

#: The connection, the file it carries, and a share of the database's and the program's own.
FILES_PER_CONNECTION: Final = 3

_PR_SET_DUMPABLE: Final = 4


def claim_files(connections: int) -> None:
    """
    Let this process, and those forked from it, open as many files as the system lets it.

    Raises:
        SettingsError: That is not enough.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = FILES_PER_CONNECTION * connections
    if most != resource.RLIM_INFINITY and most < needed:
        raise SettingsError(
            f"threads: {connections} connections need {needed} open files and this system allows {most}; "
            "raise the limit (ulimit -Hn, LimitNOFILE=) or lower threads"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def seclude() -> None:
    """
    Write no core, and let no other process of this account read this one's memory or open files.

    Raises:
        OSError: The kernel does not do it.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl: PR_SET_DUMPABLE")
