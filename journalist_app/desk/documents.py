# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Roots, cards and sheets: what is installed, and the form that installs the next. Signatures decide, not roles.
"""

from __future__ import annotations

from flask import Blueprint, render_template, request

from journalist_app.desk.errors import InstallError, UploadError
from journalist_app.desk.installing import MAX_DOCUMENTS, MAX_FILE, install, unpack
from journalist_app.desk.organisation import Known
from journalist_app.desk.parts import me, parts, session
from journalist_app.desk.upload import READ, Upload

blueprint = Blueprint("documents", __name__)

AROUND = 65_536


@blueprint.get("/documents")
def show() -> str:
    """
    What is installed.
    """
    return render_template("documents.html", known=_known(), ours=_ours(), done=())


@blueprint.post("/documents")
def take() -> str:
    """
    Install the documents of one or more files, all or none.
    """
    here = parts()
    upload = Upload(request, session(), fields=("fingerprint",), limit=MAX_FILE + AROUND, files=MAX_DOCUMENTS)
    raws: list[bytes] = []
    while upload.next_file():
        raws.extend(unpack(_whole(upload)))
    done = install(here.store, raws, by=me().name, day=here.today(), fingerprint=upload.fields["fingerprint"])
    return render_template("documents.html", known=_known(), ours=_ours(), done=done)


def _whole(upload: Upload) -> bytes:
    raw = bytearray()
    while piece := upload.read(READ):
        raw += piece
        if len(raw) > MAX_FILE:
            raise UploadError("a document is longer than any may be")
    return bytes(raw)


def _known() -> Known | None:
    try:
        return parts().organisation.known()
    except InstallError:
        return None


def _ours() -> bool:
    known = _known()
    keys = parts().keys
    return known is None or (
        known.card.server_signing == keys.signing.public and known.card.server_transfer == keys.transfer.recipient
    )
