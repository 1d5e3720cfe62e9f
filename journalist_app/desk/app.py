# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The desk, wired. Nothing is decided here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask, Response, g

from crypto.argon import Costs
from crypto.passwords import LOGIN
from journalist_app.desk import accepting, auth, batches, documents, log, operating, outboxes, threads, waiting, wording
from journalist_app.desk.guard import guard
from journalist_app.desk.keys import ServerKeys
from journalist_app.desk.login import Login
from journalist_app.desk.organisation import Organisation
from journalist_app.desk.parts import KEY, Parts, home
from journalist_app.desk.refusals import answer_errors, place_of
from journalist_app.desk.sessions import Sessions
from journalist_app.desk.settings import DeskSettings
from store.engine import open_store

STYLE = Path(__file__).parent / "static" / "desk.css"
ROOMS = (auth, threads, accepting, batches, outboxes, waiting, documents, log, operating)


class Desk(Flask):
    """
    Flask, but for what it would log: paths and the words of exceptions.
    """

    def log_exception(self, exc_info: Any) -> None:
        """
        Write an unforeseen error's class and place.
        """
        self.logger.error(place_of(exc_info[1]))


def create_app(settings: DeskSettings, *, profile: Costs = LOGIN, clock: Callable[[], float] = time.time) -> Flask:
    """
    Make the desk.

    Args:
        settings: What the installation decided.
        profile: What passphrase hashes cost; tests give `CHEAPEST`.
        clock: The wall clock, for days and TOTP codes.

    Raises:
        KeysError: The key file is missing, wrong, or may be read by others.
        StoreError: The folder holds no store of this version.
    """
    app = Desk("journalist_app.desk", static_folder=None)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(size=wording.size, groups=wording.groups)
    app.jinja_env.globals.update(count=wording.count, organisation=settings.organisation)
    store = open_store(settings.store)
    known = Organisation(store)
    app.extensions[KEY] = Parts(
        settings=settings,
        store=store,
        keys=ServerKeys.load(settings.keys),
        organisation=known,
        sessions=Sessions(settings.idle_minutes * 60),
        login=Login(
            store,
            seated=known.seats_person,
            profile=profile,
            clock=clock,
            delay=settings.login_milliseconds / 1000,
        ),
        profile=profile,
        clock=clock,
    )
    app.context_processor(_about_me)
    _serve_style(app)
    guard(app)
    answer_errors(app)
    for room in ROOMS:
        app.register_blueprint(room.blueprint)
    return app


def _serve_style(app: Flask) -> None:
    # From memory, like any page: Flask's own way would tell when it was installed, in dates and tags.
    style = STYLE.read_bytes()
    app.add_url_rule("/static/desk.css", "style", lambda: Response(style, content_type="text/css; charset=utf-8"))


def _about_me() -> dict[str, object]:
    if "session" not in g:
        return {"me": None, "token": "", "home": "auth.show"}
    return {"me": g.person, "token": g.session.token, "home": home(g.person)}
