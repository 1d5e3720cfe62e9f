# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The app by itself: the two requests of a return handed to it in one thread, without server, sockets or other sources.

It rises and falls with the machine as the server's figure does; measured in turns, it says how much of a figure is the server's.
"""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from werkzeug.datastructures import Headers
from werkzeug.test import create_environ, run_wsgi_app

from crypto.codename import Codename
from source_app.session import COOKIE, Kind, new_form
from tests.source_app.multipart_forms import CONTENT_TYPE, body, text
from tests.source_app.window import House

#: Makes so many returns, and says the CPU seconds of one, the derivation among them.
Returns = Callable[[int], float]


@contextmanager
def inside() -> Iterator[Returns]:
    """
    An app over a fresh store, with the cheap derivation.
    """
    with tempfile.TemporaryDirectory() as name:
        house = House.open(Path(name))
        form = body(
            text("token", house.parts.sealer.token(new_form(Kind.RETURN))),
            text("codename", " ".join(Codename.generate().words())),
        )
        post = create_environ("/en/return", method="POST", content_type=CONTENT_TYPE, input_stream=io.BytesIO(form))
        post["CONTENT_LENGTH"] = str(len(form))
        cookies = _ask(house.app, {**post, "wsgi.input": io.BytesIO(form)}, 303).getlist("Set-Cookie")
        visit = next(value for value in cookies if value.startswith(f"{COOKIE}="))
        get = create_environ("/en/thread", headers={"Cookie": visit.partition(";")[0]})

        def returns(times: int) -> float:
            began = time.process_time()
            for _ in range(times):
                _ask(house.app, {**post, "wsgi.input": io.BytesIO(form)}, 303)
                _ask(house.app, {**get}, 200)
            return (time.process_time() - began) / times

        yield returns


def _ask(app: Flask, environment: dict[str, object], expected: int) -> Headers:
    page, status, headers = run_wsgi_app(app, environment)
    b"".join(page)
    if not status.startswith(str(expected)):
        raise RuntimeError(f"{status} where {expected} was expected")
    return headers
