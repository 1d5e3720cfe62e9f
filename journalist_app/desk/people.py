# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The people of the desk: added, given new secrets, shut out. Never removed: the audit log names them.
"""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from journalist_app.desk.errors import DeskError, InstallError, MissingPageError, RoleError
from journalist_app.desk.guard import POLICY_WITH_PICTURE
from journalist_app.desk.parts import me, parts, require_operator
from journalist_app.desk.persons import Enrolment, enrol, renew
from store import audit, reviewers

blueprint = Blueprint("people", __name__)

MAX_SEAT_TEXT = 4
A_PAGE = 50


@blueprint.get("/people")
def show() -> str:
    """
    A page of everyone, by name, and the form for one more.
    """
    require_operator()
    found = reviewers.page(parts().store, after=request.args.get("after", ""), limit=A_PAGE + 1)
    people = found[:A_PAGE]
    more = people[-1].name if len(found) > A_PAGE else None
    return render_template("people.html", people=people, more=more, seats=_seats())


@blueprint.post("/people")
def add() -> Response:
    """
    Add a person and show, once, what they log in with.
    """
    require_operator()
    here = parts()
    role: reviewers.Role = "operator" if request.form.get("role") == "operator" else "reviewer"
    with here.store.write():
        made = enrol(
            here.store,
            name=request.form.get("name", ""),
            role=role,
            seat=_seat(request.form.get("seat", "")) if role == "reviewer" else None,
            organisation=here.settings.organisation,
            profile=here.profile,
        )
        audit.append(here.store, f"{me().name}: added {role} {made.person.name}", day=here.today())
    return _shown_once(made)


@blueprint.post("/people/<person>/renew")
def renew_secrets(person: str) -> Response:
    """
    Give someone a new passphrase and TOTP secret; their sessions end.
    """
    require_operator()
    here, target = parts(), _person(person)
    with here.store.write():
        made = renew(here.store, target.id, organisation=here.settings.organisation, profile=here.profile)
        audit.append(here.store, f"{me().name}: new passphrase for {target.name}", day=here.today())
    here.sessions.end_all_of(target.id)
    return _shown_once(made)


@blueprint.post("/people/<person>/close")
def close(person: str) -> AnyResponse:
    """
    Shut someone out; their sessions end.
    """
    return _switch(person, disabled=True)


@blueprint.post("/people/<person>/open")
def reopen(person: str) -> AnyResponse:
    """
    Let someone in again.
    """
    return _switch(person, disabled=False)


def _switch(person: str, *, disabled: bool) -> AnyResponse:
    require_operator()
    here, target = parts(), _person(person)
    if target.id == me().id:
        raise RoleError("nobody shuts themselves out")
    with here.store.write():
        reviewers.disable(here.store, target.id, disabled=disabled)
        act = "closed" if disabled else "opened"
        audit.append(here.store, f"{me().name}: {act} the login of {target.name}", day=here.today())
    here.sessions.end_all_of(target.id)
    return redirect(url_for("people.show"), 303)


def _shown_once(made: Enrolment) -> Response:
    response = make_response(render_template("enrolled.html", made=made))
    response.headers["Content-Security-Policy"] = POLICY_WITH_PICTURE
    return response


def _person(text: str) -> reviewers.Person:
    try:
        return reviewers.get(parts().store, bytes.fromhex(text))
    except ValueError:
        raise MissingPageError("there is no such person") from None


def _seats() -> tuple[int, ...]:
    try:
        return tuple(seat.number for seat in parts().organisation.known().card.seats)
    except InstallError:
        return ()


def _seat(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_SEAT_TEXT) or int(text) == 0:
        raise DeskError("a reviewer's seat is a number on the card")
    return int(text)
