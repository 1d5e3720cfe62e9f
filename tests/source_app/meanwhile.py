# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A form on its way in this process, and what happens while it comes.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.source_app.multipart_forms import CONTENT_TYPE, body, file, text
from tests.source_app.window import Window

#: Two files, the second of them behind the middle of the form.
FILES = (b"1" * 600_000, b"2" * 1_000)


class Coming(io.BytesIO):
    """A body during which something happens, so many times, evenly spread."""

    def __init__(self, raw: bytes, act: Callable[[], object], times: int) -> None:
        super().__init__(raw)
        self._act = act
        self._at = [len(raw) * (step + 1) // (times + 1) for step in range(times)]

    def read(self, size: int | None = -1, /) -> bytes:
        while self._at and self.tell() >= self._at[0]:
            self._at.pop(0)
            # In a thread of its own, as at a server: a request within a request would share its Flask context.
            with ThreadPoolExecutor(1) as beside:
                beside.submit(self._act).result()
        return super().read(min(size or 0, 8_192) if size and size > 0 else size)


def send_while(
    window: Window,
    act: str,
    during: Callable[[], object],
    *files: bytes,
    message: str | None = None,
    times: int = 1,
) -> None:
    """Send files with the shown page's form, while something else happens."""
    words = [] if message is None else [text("message", message)]
    fields = [text(name, value) for name, value in window.hidden(act).items()]
    raw = body(*fields, *words, *(file(f"{number}.bin", content) for number, content in enumerate(files)))
    window.page = window.client.post(
        f"/en/{act}",
        input_stream=Coming(raw, during, times),
        content_type=CONTENT_TYPE,
        content_length=len(raw),
        follow_redirects=True,
    )


def beside(window: Window) -> Window:
    """A frame, or a second tab, of the same browser."""
    other = Window(window.house)
    other.client.set_cookie("s", window.cookie() or "")
    return other
