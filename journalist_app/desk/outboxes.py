# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Taking in: the upload of an outbox, and what it did.
"""

from __future__ import annotations

from flask import Blueprint, render_template, request

from journalist_app.desk.errors import UploadError
from journalist_app.desk.intake import Intake
from journalist_app.desk.parts import me, parts, session
from journalist_app.desk.upload import Upload
from store import returns

blueprint = Blueprint("outboxes", __name__)

# The form's own lines around the file.
AROUND = 16_384


@blueprint.get("/outboxes")
def show() -> str:
    """
    The form, and the newest outbox of each seat.
    """
    here = parts()
    known = here.organisation.known()
    last = [(seat.number, returns.last_outbox(here.store, seat.number)) for seat in known.card.seats]
    return render_template("outboxes.html", last=last)


@blueprint.post("/outboxes")
def take() -> str:
    """
    Take in one outbox, as its bytes arrive.
    """
    here = parts()
    intake = Intake(here.store, here.keys, here.organisation, limit=here.settings.outbox_bytes, today=here.today)
    upload = Upload(request, session(), limit=here.settings.outbox_bytes + AROUND)
    if not upload.next_file():
        raise UploadError("choose a file first")
    taken = intake.take(upload, by=me().name)
    return render_template("taken.html", taken=taken)
