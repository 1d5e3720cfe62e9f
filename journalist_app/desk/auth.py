# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Logging in and out. What is right is judged in `login`; here are the two pages and the cookie.
"""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from journalist_app.desk.errors import LoginError
from journalist_app.desk.parts import home, parts
from journalist_app.desk.sessions import COOKIE

blueprint = Blueprint("auth", __name__)


@blueprint.get("/login")
def show() -> str:
    """
    The form.
    """
    return render_template("login.html")


@blueprint.post("/login")
def enter() -> Response | tuple[str, int]:
    """
    Log in.
    """
    form = request.form
    try:
        person = parts().login.enter(form.get("name", ""), form.get("passphrase", ""), form.get("code", ""))
    except LoginError as error:
        return render_template("login.html", failed=error.__doc__), 403
    response = redirect(url_for(home(person)), 303)
    # Not Secure: the onion is http, and Tor is what encrypts it. Behind anything else the desk must not be reached.
    response.set_cookie(COOKIE, parts().sessions.begin(person), httponly=True, samesite="Strict", path="/")
    return response


@blueprint.post("/logout")
def leave() -> Response:
    """
    End this session.
    """
    parts().sessions.end(request.cookies.get(COOKIE, ""))
    response = make_response(redirect(url_for("auth.show"), 303))
    response.delete_cookie(COOKIE, httponly=True, samesite="Strict", path="/")
    return response
