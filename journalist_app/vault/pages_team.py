# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Seats, epochs and alarms.
"""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from journalist_app.vault import alarms, epochs, reading, team
from journalist_app.vault.errors import InputError
from journalist_app.vault.guard import door

pages = Blueprint("team", __name__)


@pages.get("/seats")
def seats() -> str:
    """
    The seats of the card: what each acknowledged, how long it has been silent.
    """
    vault = door().vault
    with vault.read() as connection:
        shown = team.overview(connection)
    return render_template("seats.html", team=shown)


@pages.get("/epochs")
def shown_epochs() -> str:
    """
    The epochs held here.
    """
    vault = door().vault
    with vault.read() as connection:
        held, ahead = epochs.overview(connection, vault), epochs.ahead(connection, vault)
    gone = request.args.get("gone", type=int)
    return render_template("epochs.html", epochs=held, ahead=ahead, least=epochs.LEAST_AHEAD, gone=gone)


@pages.post("/epochs/close")
def close() -> Response:
    """
    Announce epochs closed, in the next outbox.
    """
    through = request.form.get("through", type=int)
    if through is None:
        raise InputError("no epoch was chosen")
    epochs.close_through(door().vault, through)
    return redirect(url_for("transfer.outboxes"), 303)


@pages.post("/epochs/destroy")
def destroy() -> Response:
    """
    Destroy every seed that may go.
    """
    gone = epochs.destroy(door().vault)
    return redirect(url_for("team.shown_epochs", gone=len(gone)), 303)


@pages.get("/alarms")
def shown_alarms() -> str:
    """
    Everything that went wrong.
    """
    with door().vault.read() as connection:
        kept, warned = alarms.every(connection), reading.warned(connection)
    return render_template("alarms.html", kept=kept, warned=warned)


@pages.post("/alarms/seen")
def seen() -> Response:
    """
    Mark one as seen. It stays.
    """
    with door().vault.write() as connection:
        alarms.mark_seen(connection, request.form.get("kind", ""), request.form.get("subject", ""))
    return redirect(url_for("team.shown_alarms"), 303)
