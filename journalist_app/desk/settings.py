# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What an installation decides about its desk, in one frozen record.

It refuses values outside its bounds when it is made. It reads no file and holds no secret: `keys` says where those lie.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

# What a `bind` begins with that names a socket file, and how long a path the kernel takes.
UNIX = "unix:"
LONGEST_PATH = 107


class SettingsError(ValueError):
    """A setting of the desk is outside its bounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskSettings:
    """
    The settings of one desk.

    Args:
        store: Folder of the store.
        keys: The file of the server's keys (`keys/server.json`), mode 0600.
        organisation: The name that stands on every page.
        doctor: The file in which doctor says how the server is.
        watch_keys: The folder of the watch keys' digests.
        bind: Where gunicorn listens, `host:port` or `unix:/path`; not looked at where systemd hands a socket over.
        circuits: Whether tor begins each connection with its circuit (`HiddenServiceExportCircuitID haproxy`). Then a
            connection without is refused; otherwise one with.
        threads: Requests answered at once. A batch being downloaded holds a thread.
        batch_bytes: What a batch's items may have together. The first is taken whatever its size. By default a batch
            fits the largest file of a FAT32 stick.
        outbox_bytes: The longest outbox that is taken in.
        login_milliseconds: How long every failed login takes. Above what the passphrase hash costs on this machine.
        idle_minutes: After how long without a request a session ends.
        silence_seconds: After how long without a byte a connection ends.
    """

    store: Path
    keys: Path
    organisation: str
    doctor: Path = Path("doctor.json")
    watch_keys: Path = Path("watch-keys")
    bind: str = "127.0.0.1:0"
    circuits: bool = False
    threads: int = 64
    batch_bytes: int = (4 << 30) - (80 << 20)
    outbox_bytes: int = 256 << 20
    login_milliseconds: int = 2_000
    idle_minutes: int = 30
    silence_seconds: int = 120

    def __post_init__(self) -> None:
        name = self.organisation
        if not name.strip() or len(name) > 120 or not name.isprintable():
            raise SettingsError("organisation: 1 to 120 printable characters")
        for key, low, high in (
            ("threads", 4, 1_024),
            ("batch_bytes", 1 << 20, 1 << 40),
            ("outbox_bytes", 1 << 20, 8 << 30),
            ("login_milliseconds", 0, 30_000),
            ("idle_minutes", 1, 720),
            ("silence_seconds", 1, 3_600),
        ):
            if not low <= getattr(self, key) <= high:
                raise SettingsError(f"{key}: {low} to {high}")
        _require_address(self.bind)


def _require_address(bind: str) -> None:
    if not bind.startswith(UNIX):
        return
    path = bind.removeprefix(UNIX)
    if not path.startswith("/") or len(os.fsencode(path)) > LONGEST_PATH:
        raise SettingsError(f"bind: unix: and an absolute path of at most {LONGEST_PATH} bytes")
