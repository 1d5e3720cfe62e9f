# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Seats, epochs and alarms.
"""

from __future__ import annotations

import re

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from journalist_app.vault import alarms, epochs, reading, recipients, team
from journalist_app.vault.errors import InputError, NotFoundError
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
    Everything that went wrong: each kind with its first alarms.
    """
    with door().vault.read() as connection:
        kept, warned, disputed = alarms.groups(connection), reading.warned(connection), recipients.disputed(connection)
    return render_template("alarms.html", kept=kept, warned=warned, disputed=disputed)


@pages.get("/alarms/<kind>")
def of_kind(kind: str) -> str:
    """
    One page of the alarms of one kind.
    """
    if kind not in alarms.SENTENCES:
        raise NotFoundError("there is no such alarm")
    with door().vault.read() as connection:
        found, more = alarms.of_kind(connection, kind, after=_cursor(request.args.get("after")))
    following = None if more is None else f"{more[0]}.{-more[1]}.{more[2]}"
    return render_template("alarms_kind.html", kind=kind, found=found, following=following)


@pages.post("/alarms/seen")
def seen() -> Response:
    """
    Mark one as seen. It stays.
    """
    with door().vault.write() as connection:
        alarms.mark_seen(connection, request.form.get("kind", ""), request.form.get("subject", ""))
    if "page" in request.form:
        return redirect(url_for("team.of_kind", kind=request.form.get("kind", "")), 303)
    return redirect(url_for("team.shown_alarms"), 303)


def _cursor(text: str | None) -> tuple[int, int, str] | None:
    found = re.fullmatch(r"([01])\.(\d{1,10})\.(.*)", text or "", re.ASCII | re.DOTALL)
    return None if found is None else (int(found[1]), -int(found[2]), found[3])
