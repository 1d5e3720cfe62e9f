# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What stands before every page: a login, a form of our own, a token; and the headers on every answer.

Whatever is not named in OPEN needs a login. An operator has the pages in OPERATORS and nobody else has them; every other address answers an operator
as if it were none, so that a page added later need not think of it. Forms that are read as streams check their token themselves, as their first
field; all others here, before their page sees them.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from flask import Flask, Request, Response, g, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from journalist_app.desk.errors import FormError, MissingPageError
from journalist_app.desk.parts import parts
from journalist_app.desk.sessions import COOKIE, mark_of
from store import reviewers
from store.errors import MissingError

# The last answers to a watch key alone.
OPEN: Final = frozenset({"auth.show", "auth.enter", "style", "operating.watch"})
EVERYONE: Final = frozenset({"auth.leave"})
OPERATORS: Final = frozenset({"operating.show"})
STREAMED: Final = frozenset({"outboxes.take", "documents.take"})
# Of every form that is not a stream: a few short fields.
MAX_FORM = 16_384

POLICY: Final = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: browsers would then send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def guard(app: Flask) -> None:
    """
    Put the checks before every page and the headers on every answer.
    """
    app.config["MAX_CONTENT_LENGTH"] = MAX_FORM
    app.config["MAX_FORM_PARTS"] = 16
    app.before_request(_check)
    app.after_request(_dress)


def require_own_page(posted: Request) -> None:
    """
    Check where a form comes from, as far as the browser says.

    Raises:
        FormError: From another place.
    """
    if posted.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise FormError("the form was sent from another site")
    origin = posted.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != posted.host:
        raise FormError("the form was sent from another site")


def _check() -> AnyResponse | None:
    posted = request.method == "POST"
    if posted:
        require_own_page(request)
    if request.endpoint in OPEN:
        return None
    if not _recognise():
        if posted:
            raise FormError("you are not logged in any more")
        return redirect(url_for("auth.show"), 303)
    if request.endpoint not in EVERYONE and (request.endpoint in OPERATORS) != (g.person.role == "operator"):
        raise MissingPageError
    if posted and request.endpoint not in STREAMED:
        g.session.require_token(request.form.get("token", ""))
    return None


def _recognise() -> bool:
    name = request.cookies.get(COOKIE, "")
    session = parts().sessions.find(name)
    if session is None:
        return False
    try:
        person = reviewers.get(parts().store, session.person)
    except MissingError:
        return False
    if person.disabled or session.mark != mark_of(person) or not parts().organisation.seats_person(person.seat):
        parts().sessions.end(name)
        return False
    g.session, g.person = session, person
    return True


def _dress(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers.update(HEADERS)
    return response
