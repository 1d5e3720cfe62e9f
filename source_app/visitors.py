# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The visit that a request belongs to: read from its cookie once, written back on every answer so that it slides.

The name of the cookie and its length say nothing. It is a session cookie: closing the browser forgets it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from flask import g, request

from source_app.parts import parts
from source_app.session import COOKIE, EndedError, Form, Kind, Session, new_form

if TYPE_CHECKING:
    from flask import Flask, Response

PAST_COOKIE: Final = "f"
TICKET_COOKIE: Final = "t"


def visiting() -> Session | None:
    """The visit of the present request, if its cookie opens."""
    if "visit" not in g:
        g.visit = None
        value = request.cookies.get(COOKIE)
        if value:
            try:
                g.visit = parts().sealer.session(value)
            except EndedError:
                g.ended = True
    visit: Session | None = g.visit
    return visit


def visit_is(session: Session | None, *, seen: bool = True) -> None:
    """
    Make this the visit of the present request; None ends it in this browser.

    Args:
        session: the visit.
        seen: whether the browser can show the answer.
    """
    g.visit = session
    g.ended = session is None
    g.seen = seen
    # Whoever is in waits no more: a window that still looks would take another visit's place.
    keep_ticket(None)


def end_visit() -> None:
    """End the visit of the present request at every worker and in this browser, and the one that this browser stands in line for."""
    session, waiting = visiting(), ticket_form()
    if session is not None:
        parts().sealer.leave(session.id)
    if waiting is not None:
        parts().sealer.leave(waiting.visit)
    visit_is(None)


def leave_as_it_is() -> None:
    """Do not write the visit back: who only looks keeps no visit open."""
    g.still = True


def remember_form(form: Form) -> None:
    """Let the browser bring a first form back, so that an answer it could not show is not lost."""
    g.past = parts().sealer.token(Form(kind=Kind.PAST, id=form.id, secret=form.secret))


def past_form() -> Form | None:
    """The first form that this browser was given last, as the form it was, if no visit has begun in it since."""
    value = request.cookies.get(PAST_COOKIE)
    if not value:
        return None
    try:
        form = parts().sealer.form(value)
    except EndedError:
        return None
    return replace(form, kind=Kind.WRITE) if form.kind is Kind.PAST else None


def keep_ticket(ticket: bytes | None) -> None:
    """Let the browser bring back the ticket of its codename's place in the line; None takes it away."""
    g.ticket = "" if ticket is None else parts().sealer.token(Form(kind=Kind.WAIT, id=ticket))


def ticket_form() -> Form | None:
    """The form that stands for the ticket this browser brought; its id is the ticket."""
    try:
        form = parts().sealer.form(request.cookies.get(TICKET_COOKIE, ""))
    except EndedError:
        return None
    return form if form.kind is Kind.WAIT else None


def fresh_token(kind: Kind = Kind.VISIT) -> str:
    """A token for a form on the page that is being made."""
    return parts().sealer.token(new_form(kind, visiting()))


def carry(app: Flask) -> None:
    """Write the visit back on every answer of an app."""
    app.after_request(_write_back)


def _write_back(response: Response) -> Response:
    if request.path.startswith("/static/") or g.get("still", False):
        return response
    session = visiting()
    if session is not None:
        try:
            _set(response, COOKIE, parts().sealer.cookie(session, seen=g.get("seen", True)))
        except EndedError:
            g.ended = True
    if g.get("ended", False):
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="Strict")
    ticket = g.get("ticket", "" if g.get("ended", False) else None)
    if ticket:
        _set(response, TICKET_COOKIE, ticket)
    elif ticket is not None and TICKET_COOKIE in request.cookies:
        response.delete_cookie(TICKET_COOKIE, path="/", httponly=True, samesite="Strict")
    if "past" in g:
        _set(response, PAST_COOKIE, g.past)
    elif session is not None and PAST_COOKIE in request.cookies:
        response.delete_cookie(PAST_COOKIE, path="/", httponly=True, samesite="Strict")
    return response


def _set(response: Response, name: str, value: str) -> None:
    response.set_cookie(name, value, path="/", httponly=True, samesite="Strict")
