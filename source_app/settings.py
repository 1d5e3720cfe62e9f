# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What an installation decides about its source pages, in one frozen record.

It refuses values outside its bounds when it is made, so that no page has to ask again. It reads no file: `deploy` does,
and hands the record over. It holds no secret.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from source_app.errors import TextError
from source_app.limits import (
    DRAIN_BYTES,
    FILE_BYTES,
    IDLE_SECONDS,
    MESSAGE_BYTES,
    PART_BYTES,
    RESERVE_BYTES,
    THREAD_BYTES,
    Limits,
)
from source_app.plain import plain

#: What a `bind` begins with that names a socket file, and how long a path the kernel takes.
UNIX = "unix:"
LONGEST_PATH = 107
_ONION = re.compile(r"[a-z2-7]{56}\.onion")
#: A language's tag (BCP 47), and how many of them a page lists.
_TAG = re.compile(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-[A-Z]{2})?")
MAX_READS = 16


class SettingsError(ValueError):
    """A setting of the source pages is outside its bounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """
    The settings of one source app.

    Args:
        store: folder of the store (`dengwen.db`, `blobs/`, `incoming/`, `gate`).
        organisation: the name that stands on every page.
        message_bytes: longest message, in bytes of UTF-8.
        file_bytes: longest file.
        part_bytes: length of the parts that a shell sends.
        drain_bytes: how much of a refused body is read and thrown away, so that the browser shows the page that says so.
        reserve_bytes: disk that files leave to messages.
        thread_bytes: files that one thread may have on the server, unless the desk accepted it up to more.
        silence_seconds: a body that sends nothing for this long is ended.
        kdf_slots: codenames derived at the same time by all workers together; 0 is one for each core.
        workers: processes that answer; one for each core makes the most of them.
        threads: requests that one process holds at once; a held body holds a thread.
        bind: where gunicorn listens, `host:port` or `unix:/path`; not looked at where systemd hands a socket over.
        circuits: whether tor begins each connection with its circuit (`HiddenServiceExportCircuitID haproxy`). Then a
            connection without is refused; otherwise one with.
        onion: the address of this service, `.onion` included. Then a request that names another host gets a page that says why not.
            Empty: not looked at.
        reads: the languages that the reviewers read, as tags with commas between them, for the first page. Empty: it does not say.
        texts: the folder with texts, logo and OpenPGP key of the operator's own; it need not be there.
    """

    store: Path
    organisation: str
    message_bytes: int = MESSAGE_BYTES
    file_bytes: int = FILE_BYTES
    part_bytes: int = PART_BYTES
    drain_bytes: int = DRAIN_BYTES
    reserve_bytes: int = RESERVE_BYTES
    thread_bytes: int = THREAD_BYTES
    silence_seconds: int = int(IDLE_SECONDS)
    kdf_slots: int = 0
    workers: int = 2
    threads: int = 600
    bind: str = "127.0.0.1:0"
    circuits: bool = False
    onion: str = ""
    reads: str = ""
    texts: Path = Path("texts")

    def __post_init__(self) -> None:
        name = self.organisation
        if not name.strip() or len(name) > 120 or not name.isprintable():
            raise SettingsError("organisation: 1 to 120 printable characters")
        try:
            plain(name)
        except TextError as error:
            raise SettingsError(f"organisation: {error}") from None
        for key, low, high in (
            ("message_bytes", 1 << 16, 8 << 20),
            ("file_bytes", 1 << 16, 1 << 40),
            ("part_bytes", 1 << 16, 1 << 30),
            ("drain_bytes", 0, 1 << 40),
            ("reserve_bytes", 0, 1 << 50),
            ("thread_bytes", 1 << 20, 1 << 50),
            ("silence_seconds", 1, 3600),
            ("kdf_slots", 0, 64),
            ("workers", 1, 64),
            ("threads", 1, 4096),
        ):
            if not low <= getattr(self, key) <= high:
                raise SettingsError(f"{key}: {low} to {high}")

        if self.onion and _ONION.fullmatch(self.onion) is None:
            raise SettingsError("onion: 56 of a to z and 2 to 7, and .onion")
        if len(self.languages_read) > MAX_READS or any(_TAG.fullmatch(tag) is None for tag in self.languages_read):
            raise SettingsError(f'reads: at most {MAX_READS} tags of languages, like "en, zh-Hans"')
        _require_address(self.bind)

    @property
    def limits(self) -> Limits:
        """What one message, one file and one refused body may hold."""
        return Limits(
            message=self.message_bytes, file=self.file_bytes, drain=self.drain_bytes, reserve=self.reserve_bytes
        )

    @property
    def languages_read(self) -> tuple[str, ...]:
        """The tags of the languages that the reviewers read."""
        return tuple(tag.strip() for tag in self.reads.split(",")) if self.reads.strip() else ()

    @property
    def slots(self) -> int:
        """Codenames derived at the same time."""
        return self.kdf_slots or os.cpu_count() or 1


def _require_address(bind: str) -> None:
    if not bind.startswith(UNIX):
        return
    path = bind.removeprefix(UNIX)
    if not path.startswith("/") or len(os.fsencode(path)) > LONGEST_PATH:
        raise SettingsError(f"bind: unix: and an absolute path of at most {LONGEST_PATH} bytes")
