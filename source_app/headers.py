# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The headers on every answer, pages, errors and styles alike.

Nothing but what the pages use may load, nobody but they themselves may frame them, nothing is kept, and nothing says which version answers.
`same-origin` and not `no-referrer`: with the latter browsers send `Origin: null` with our own forms, and the check below would be
blind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any
    from wsgiref.types import StartResponse, WSGIEnvironment

    from flask import Flask, Request

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-src 'self'; "
        "frame-ancestors 'self'; base-uri 'none'"
    ),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), autoplay=(), camera=(), clipboard-read=(), display-capture=(), fullscreen=(), geolocation=(), "
        "gyroscope=(), microphone=(), midi=(), payment=(), publickey-credentials-get=(), usb=()"
    ),
}


class ForeignError(Exception):
    """A form was sent from a page that is not ours."""


def guard(app: Flask) -> None:
    """Put the headers on every answer of an app, whatever made it."""
    answer = app.wsgi_app
    # No view sets any of these, so nothing is there to be replaced; and they are ours, so nothing is there to be checked.
    ours = list(HEADERS.items())

    def guarded(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        def begin(status: str, headers: list[tuple[str, str]], error: Any = None, /) -> Callable[[bytes], object]:
            return start(status, headers + ours, error)

        return answer(environ, begin)

    app.wsgi_app = guarded  # type: ignore[method-assign, assignment]


def require_own_page(request: Request) -> None:
    """
    Check where a POST comes from, as far as the browser says.

    A browser that sends neither header is let through: the form's token is what has to hold.

    Raises:
        ForeignError: `Sec-Fetch-Site` or `Origin` names another place.
    """
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise ForeignError
    origin = request.headers.get("Origin")
    if origin is not None and _place(origin) != request.host:
        raise ForeignError


def _place(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        # "http://[x": no browser writes it.
        raise ForeignError from None
