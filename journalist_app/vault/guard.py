# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What stands before every page: the exact Host, the session, the form token, the unlocked vault; and the headers after it.

Refused without a page of the vault: another Host (a name that was made to point here), a request without the session,
a form without its token or from another origin.
"""

from __future__ import annotations

import hmac
from typing import Final

from flask import Flask, Response, abort, current_app, g, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from journalist_app.vault.door import Door

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# A reply or note, three bytes of percent encoding for each of its bytes, and the rest of the form.
MAX_FORM: Final = 512 * 1024
# Pages that are shown while the vault is locked.
_WHILE_LOCKED: Final = frozenset({"opening.unlock", "opening.unlock_post"})


def door() -> Door:
    """
    This app's door.
    """
    found = current_app.extensions["door"]
    if not isinstance(found, Door):
        raise TypeError("the app has no door")
    return found


def guard(app: Flask) -> None:
    """
    Put the checks around an app.
    """
    app.config["MAX_CONTENT_LENGTH"] = MAX_FORM
    app.config["MAX_FORM_MEMORY_SIZE"] = MAX_FORM
    app.before_request(_check)
    app.after_request(_cover)


def _check() -> BaseResponse | None:
    entry = door()
    if request.host != entry.place.host:
        abort(421)
    if request.endpoint == "static":
        return None
    token = request.args.get("token")
    if token is not None and request.method == "GET":
        return _admit(entry, token)
    if not entry.knows(request.cookies.get(entry.place.cookie, "")):
        abort(403)
    g.session = True
    if request.method == "POST":
        _check_form(entry)
    if not entry.open and request.endpoint not in _WHILE_LOCKED:
        return redirect(url_for("opening.unlock"), 303)
    return None


def _admit(entry: Door, token: str) -> BaseResponse:
    value = entry.admit(token)
    if value is None:
        abort(403)
    answer = redirect(url_for("threads.index"), 303)
    answer.set_cookie(entry.place.cookie, value, httponly=True, samesite="Strict", path="/")
    return answer


def _check_form(entry: Door) -> None:
    origin = request.headers.get("Origin")
    if origin not in {None, f"http://{entry.place.host}"}:
        abort(403)
    if not hmac.compare_digest(request.form.get("csrf", "").encode(), entry.form_token.encode()):
        abort(403)


def _cover(answer: Response) -> Response:
    for name, value in HEADERS.items():
        answer.headers[name] = value
    return answer
