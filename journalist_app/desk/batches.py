# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Taking out: the list of batches, the button that freezes the next one, and the download.

The download is streamed from rows and blobs with its length announced; it costs the same memory at any size.
"""

from __future__ import annotations

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from journalist_app.desk.acknowledged import acknowledged
from journalist_app.desk.errors import MissingPageError
from journalist_app.desk.freezing import freeze, parcel
from journalist_app.desk.parts import me, parts
from store import batches

blueprint = Blueprint("batches", __name__)

A_PAGE = 20
MAX_NUMBER = 10**9
# For the page only: beyond this it says "more than".
MOST_COUNTED = 1_000


@blueprint.get("/batches")
def show() -> str:
    """
    The newest batches, and what waits for the next.
    """
    here = parts()
    below = _number(request.args.get("below", str(MAX_NUMBER)))
    found = batches.newest(here.store, below=below, limit=A_PAGE)
    known = here.organisation.known()
    newest = acknowledged(here.store, known.card)
    waiting = batches.pending(here.store, budget=here.settings.batch_bytes, most=MOST_COUNTED)
    return render_template(
        "batches.html",
        batches=[(one, {seat for seat, said in newest.items() if said.batch >= one.number}) for one in found],
        seats=known.active,
        next=batches.next_number(here.store),
        waiting=len(waiting),
        more=len(waiting) == MOST_COUNTED,
        bytes=sum(item.length for item in waiting),
        below=found[-1].number if len(found) == A_PAGE else None,
    )


@blueprint.post("/batches")
def take() -> AnyResponse:
    """
    Freeze the next batch. The form names its number, so that a form sent twice makes one.
    """
    here = parts()
    with here.freezing:
        made = freeze(
            here.store,
            here.keys,
            here.organisation.known(),
            number=_number(request.form.get("number", "")),
            budget=here.settings.batch_bytes,
            by=me().name,
            day=here.today(),
        )
    return redirect(url_for("batches.one", number=made.number), 303)


@blueprint.get("/batches/<int:number>")
def one(number: int) -> str:
    """
    One batch: digest, size, and which seats have it.
    """
    found = parcel(parts().store, _number(str(number)))
    known = parts().organisation.known()
    newest = acknowledged(parts().store, known.card)
    return render_template(
        "batch.html",
        batch=found.batch,
        size=found.size,
        missing=sum(item is None for item, _ in found.items),
        seats=known.active,
        acknowledged={seat for seat, said in newest.items() if said.batch >= number},
    )


@blueprint.get("/batches/<int:number>/download")
def download(number: int) -> Response:
    """
    The archive.
    """
    store = parts().store
    found = parcel(store, _number(str(number)))
    response = Response((bytes(chunk) for chunk in found.chunks(store)), mimetype="application/x-tar")
    response.content_length = found.size
    response.headers["Content-Disposition"] = f'attachment; filename="batch-{number:06d}.tar"'
    return response


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10) or not 1 <= int(text) <= MAX_NUMBER:
        raise MissingPageError("there is no batch of that number")
    return int(text)
