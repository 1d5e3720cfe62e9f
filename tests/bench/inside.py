# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The app by itself: requests handed to it one after another in one thread, without server, sockets or other sources.

What a page costs there is what it costs at all. It rises and falls with the machine as the server's figure does, which the machine's clock alone does not show: measured beside it, it
says how much of a figure is ours.
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from wsgiref.types import WSGIApplication

from crypto.codename import Codename
from crypto.derive import CHEAPEST
from source_app.app import create_app
from source_app.serve import read_settings
from tests.source_app.multipart_forms import CONTENT_TYPE, body, text
from tests.source_app.throwaway import Throwaway, new_store
from tests.source_app.visitor import write_settings

_HOST = "127.0.0.1:80"


class Inside:
    """A browser without a network: one cookie, one request at a time."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        self._cookie = ""

    def get(self, address: str) -> str:
        """A page."""
        return self._ask("GET", address, 200)

    def post(self, address: str, *parts: bytes) -> None:
        """A form that is taken."""
        self._ask("POST", address, 303, body(*parts))

    def _ask(self, method: str, address: str, expected: int, form: bytes = b"") -> str:
        statuses: list[int] = []

        def start(status: str, headers: list[tuple[str, str]], _error: object = None) -> object:
            statuses.append(int(status[:3]))
            for name, value in headers:
                if name == "Set-Cookie" and value.startswith("s="):
                    self._cookie = value.partition(";")[0]
            return None

        page = b"".join(self._app(self._environment(method, address, form), start))  # type: ignore[arg-type]
        if statuses != [expected]:
            raise RuntimeError(f"{statuses} where {expected} was expected")
        return page.decode()

    def _environment(self, method: str, address: str, form: bytes) -> dict[str, object]:
        return {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": address,
            "QUERY_STRING": "",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": _HOST,
            "HTTP_COOKIE": self._cookie,
            "CONTENT_TYPE": CONTENT_TYPE if form else "",
            "CONTENT_LENGTH": str(len(form)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(form),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }


@contextmanager
def inside() -> Iterator[Inside]:
    """The app over a fresh store of three seats, with the cheap derivation."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = new_store(folder / "store")
        Throwaway(costs=CHEAPEST).install(store)
        store.close()
        yield Inside(create_app(read_settings(write_settings(folder / "settings.toml", folder / "store", bind=_HOST))))


def returning_alone(browser: Inside, form: str, times: int) -> float:
    """
    Args:
        browser: the app.
        form: the token of its page for codenames.
        times: how often to come back.

    Returns:
        CPU seconds of one return, the derivation among them.
    """
    words = " ".join(Codename.generate().words())
    began = time.process_time()
    for _ in range(times):
        browser.post("/en/return", text("token", form), text("codename", words))
        browser.get("/en/thread")
    return (time.process_time() - began) / times
