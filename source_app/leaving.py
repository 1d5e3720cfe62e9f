# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Ways out: "log out", the quick exit of every page, and the last page of a visit.

Neither asks for a token, nor anything of the store: they have to work from a page that lay open for hours, after a restart, and when everything
else fails. Whoever tricks a browser into them ends a visit and learns nothing; `Sec-Fetch-Site`, `Origin` and the cookie's SameSite stand against
that. The exit leads to a page with nothing on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from source_app import render
from source_app.languages import translated as _
from source_app.posted import read_post
from source_app.session import Kind
from source_app.visitors import PAST_COOKIE, end_visit

if TYPE_CHECKING:
    from flask import Response

CLEARED: Final = '"cache", "cookies", "storage"'


def leave() -> Response:
    """POST: log out. An ended visit is as good as left."""
    posted = read_post(Kind.VISIT)
    return posted.answer(last_page(_("You are logged out"), _("This server has forgotten your visit.")))


def escape() -> Response:
    """POST: quick exit. The visit ends, whatever the form holds."""
    posted = read_post(Kind.VISIT)
    end_visit()
    return posted.answer(_cleared(render.redirected("blank")))


def blank() -> Response:
    """GET: nothing."""
    return render.page("blank")


def last_page(heading: str, line: str) -> Response:
    """The last page of a visit: the browser is asked to forget it too."""
    end_visit()
    said = _(
        "Your browser was asked to clear what it kept of these pages. To be sure, choose “New Identity” in Tor Browser, or close it."
    )
    return _cleared(render.plain(200, heading, line, said))


def _cleared(response: Response) -> Response:
    response.headers["Clear-Site-Data"] = CLEARED
    # Not every browser knows the header, and none heeds it where it does not trust the connection.
    response.delete_cookie(PAST_COOKIE, path="/", httponly=True, samesite="Strict")
    return response
