# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Unlocking and locking.
"""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from crypto.errors import PassphraseError
from journalist_app.vault import keystore
from journalist_app.vault.errors import LockedError
from journalist_app.vault.found import compute_put_off
from journalist_app.vault.guard import door

pages = Blueprint("opening", __name__)


@pages.get("/unlock")
def unlock() -> str | Response:
    """
    Ask for a passphrase.
    """
    if door().open:
        return redirect(url_for("threads.index"), 303)
    return _ask("")


@pages.post("/unlock", endpoint="unlock_post")
def unlock_post() -> tuple[str, int] | Response:
    """
    Try one.
    """
    try:
        door().unlock(request.form.get("passphrase", ""), request.form.get("person"))
    except (LockedError, PassphraseError):
        return _ask("This passphrase does not open the vault."), 403
    # An import that was killed may have left threads to be computed, and nobody may have the batch at hand.
    with door().vault.write() as connection:
        compute_put_off(connection)
    return redirect(url_for("threads.index"), 303)


@pages.post("/lock")
def lock() -> Response:
    """
    Lock the vault.
    """
    door().lock()
    return redirect(url_for("opening.unlock"), 303)


def _ask(said: str) -> str:
    people = [slot.person for slot in keystore.slots(door().place.folder)]
    return render_template("unlock.html", people=people, said=said)
