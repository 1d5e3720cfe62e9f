# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Where the desk listens: at the address of its settings, or on the socket that systemd holds for it and hands over.

A handed-over socket outlives the desk, so what comes while it is away waits in the kernel; the settings' address is then not looked at. A
socket file of our own is made for this account alone and removed at the end. One that a dead server left is replaced; one that
somebody still listens on is not, and neither is anything that is no socket: gunicorn would take the first away.
"""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path
from typing import Final

from journalist_app.desk.settings import UNIX, SettingsError

#: Somebody who does not take a connection in this time is there all the same.
WAIT_SECONDS: Final = 2.0


def inherited() -> bool:
    """
    Returns:
        whether systemd hands a socket to this very process (`LISTEN_PID`, `LISTEN_FDS`), as gunicorn decides it.
    """
    return os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS", "0") != "0"


def require_free(bind: str) -> None:
    """
    Args:
        bind: of the settings.

    Raises:
        SettingsError: it is a socket file that cannot be made, or that somebody listens on.
    """
    if inherited() or not bind.startswith(UNIX):
        return
    path = Path(bind.removeprefix(UNIX))
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise SettingsError(f"bind: {path}: {error.strerror}") from None
    if not stat.S_ISSOCK(mode):
        raise SettingsError(f"bind: {path} is there already and is no socket")
    if _answers(path):
        raise SettingsError(f"bind: somebody listens on {path} already")


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(WAIT_SECONDS)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            # A full line, or not for us: it is not dead.
            return True
    return True
