# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The vault's pages as one WSGI app.

It speaks to one browser on the same machine. Every refusal is a page with a sentence and a way on; no traceback, no
path and no version leaves it.
"""

from __future__ import annotations

from flask import Flask, render_template
from werkzeug.exceptions import HTTPException

from crypto.errors import CryptoError
from journalist_app.bundle.errors import BundleError
from journalist_app.vault import (
    pages_language,
    pages_opening,
    pages_sealed,
    pages_sets,
    pages_team,
    pages_threads,
    pages_transfer,
    show,
)
from journalist_app.vault.door import Door
from journalist_app.vault.errors import LockedError, NotFoundError, VaultError
from journalist_app.vault.guard import guard
from journalist_app.vault.place import Place

_SENTENCES = {
    403: "This address is not valid any more. Start the vault again and open the address that it prints.",
    404: "There is no such page.",
    405: "This page does not take that.",
    413: "That is too long.",
    421: "This vault answers under its own address only.",
}


def create_app(place: Place, token: str) -> Flask:
    """
    Make the app.

    Args:
        place: Where the vault stands.
        token: What the first address carries, once.
    """
    app = Flask(__name__)
    app.extensions["door"] = Door(place, token)
    guard(app)
    show.install(app)
    rooms = (pages_opening, pages_threads, pages_sets, pages_sealed, pages_transfer, pages_team, pages_language)
    for pages in (room.pages for room in rooms):
        app.register_blueprint(pages)
    for kind in (VaultError, CryptoError, BundleError):
        app.register_error_handler(kind, _refused)
    app.register_error_handler(HTTPException, _http)
    return app


def _refused(error: Exception) -> tuple[str, int]:
    status = 404 if isinstance(error, NotFoundError) else 403 if isinstance(error, LockedError) else 409
    said = str(error) or (type(error).__doc__ or "").strip()
    return render_template("refused.html", said=said), status


def _http(error: HTTPException) -> tuple[str, int]:
    status = error.code or 500
    said = _SENTENCES.get(status, "Something went wrong. Nothing that was saved is lost.")
    return render_template("refused.html", said=said), status
