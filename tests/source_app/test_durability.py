# SPDX-License-Identifier: AGPL-3.0-or-later
"""
"Received" is said last: what the system was asked, in order, before the first byte of an answer.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.source_app.throwaway import Throwaway, new_store
from tests.source_app.visitor import Running, Upload, Visitor, write_settings

pytestmark = pytest.mark.slow

_CALLS = "trace=fsync,fdatasync,rename,renameat,renameat2,sendto,sendmsg,write,writev,pwrite64"
_SYNC = re.compile(r"f(?:data)?sync\(\d+<([^>]*)>")
_RENAME = re.compile(r'rename(?:at2?)?\(.*?"([^"]*)".*?"([^"]*)"')
_ANSWER = re.compile(r"(?:sendto|sendmsg|write|writev)\(\d+<[^>]*(?:socket|TCP|tcp)[^>]*>, .*?HTTP/1\.1 (\d+)")


@dataclass
class Traced:
    """A server whose system calls are written to a file as they are made."""

    running: Running
    trace: Path

    def events(self, since: int = 0) -> list[str]:
        """The calls that matter, in order, by what they touch."""
        return [
            event for line in self.trace.read_text(errors="replace").splitlines()[since:] if (event := _named(line))
        ]

    def lines(self) -> int:
        return len(self.trace.read_text(errors="replace").splitlines())


def _named(line: str) -> str | None:
    # A call that another thread interrupts is written in two lines; the first has the arguments.
    if (answer := _ANSWER.search(line)) is not None:
        return f"answer {answer[1]}"
    if (rename := _RENAME.search(line)) is not None:
        return "rename" if "/incoming/" in rename[1] and "/blobs/" in rename[2] else None
    if (sync := _SYNC.search(line)) is not None:
        path = sync[1]
        if "/incoming/" in path:
            return "sync blob"
        if re.search(r"/blobs/[0-9a-f]{2}$", path):
            return "sync folder"
        if path.endswith("-wal"):
            return "sync log"
    return None


@pytest.fixture
def traced(tmp_path: Path) -> Iterator[Traced]:
    strace = shutil.which("strace")
    assert strace, "this test needs strace (Debian: apt install strace)"
    store = new_store(tmp_path / "store")
    Throwaway().install(store)
    store.close()
    trace = tmp_path / "trace"
    wrap = (strace, "-f", "-y", "-s", "64", "-e", _CALLS, "-o", str(trace))
    with Running(write_settings(tmp_path / "settings.toml", store.folder, workers=1), wrap=wrap) as running:
        yield Traced(running, trace)


def test_a_file_is_acknowledged_last(traced: Traced) -> None:
    """Blob synced, renamed, its folder synced, the row's log synced, the list's log synced; then the first byte of the answer."""
    visitor = Visitor(traced.running.origin)
    page = visitor.write("first")
    since = traced.lines()
    page = visitor.attach(page, Upload.of("证据.jpg", bytes(300_000)))
    assert "证据.jpg" in page.html
    events = traced.events(since)
    first_answer = next(n for n, event in enumerate(events) if event.startswith("answer"))
    assert events[:first_answer] == ["sync blob", "rename", "sync folder", "sync log", "sync log"]


def test_a_message_is_acknowledged_last(traced: Traced) -> None:
    """The log that holds a message is synced before the first byte of the answer that says "received"."""
    visitor = Visitor(traced.running.origin)
    page = visitor.get("/en/write")
    since = traced.lines()
    assert visitor.send(page, page.form("message"), {"message": "他们昨夜带走了他。"}).status == 200
    events = traced.events(since)
    first_answer = next(n for n, event in enumerate(events) if event.startswith("answer"))
    # A log that is begun is synced once for its head and once for the row.
    assert events[:first_answer] in (["sync log"], ["sync log", "sync log"])


def test_each_file_is_safe_before_the_next_is_read(traced: Traced) -> None:
    """Two files of one form are durable one after the other, not both at its end."""
    visitor = Visitor(traced.running.origin)
    page = visitor.write("first")
    since = traced.lines()
    visitor.attach(page, Upload.of("a", bytes(100_000)), Upload.of("b", bytes(100_000)))
    one = ["sync blob", "rename", "sync folder", "sync log"]
    assert traced.events(since)[:8] == one + one
