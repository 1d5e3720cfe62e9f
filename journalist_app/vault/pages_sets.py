# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Files that came in pieces: the parts of a set, the volumes of a run, and both as one file.
"""

from __future__ import annotations

import re
from typing import Final

from flask import Blueprint, Response, render_template, request

from journalist_app.vault import attachments, gathered, joining
from journalist_app.vault.errors import NotFoundError, NotNowError
from journalist_app.vault.guard import door
from journalist_app.vault.handing import exact, handed_out
from journalist_app.vault.names import disk_name

pages = Blueprint("sets", __name__)

PARTS_SHOWN: Final = 200
_JOINERS: Final = {"sets": joining.joined_parts, "volumes": joining.joined_volumes}


@pages.get("/sets/<item>")
def parts(item: str) -> str:
    """
    The parts of a set that are here, a page of them.
    """
    lead = exact(item, 16)
    after = _number(request.args.get("after"))
    with door().vault.read() as connection:
        file = gathered.file_of(connection, lead)
        if file.parts is None:
            raise NotFoundError("this file did not come in parts")
        rows, more = gathered.every_part(connection, file.lead, after=after, limit=PARTS_SHOWN)
    following = after + PARTS_SHOWN if more else None
    return render_template(
        "parts.html", file=file, rows=rows, after=after, following=following, saving=door().place.save is not None
    )


@pages.get("/volumes/<item>")
def volumes(item: str) -> str:
    """
    The volumes of a run that are here.
    """
    lead = exact(item, 16)
    with door().vault.read() as connection:
        file = gathered.file_of(connection, lead)
        found = gathered.volumes_of(connection, file)
    if found is None:
        raise NotFoundError("there are no such volumes")
    return render_template("volumes.html", lead=file.lead, volumes=found, saving=door().place.save is not None)


@pages.get("/<any(sets, volumes):which>/<item>/download")
def download(which: str, item: str) -> Response:
    """
    The joined file as a download: each item is verified before its first byte goes.
    """
    entry = door()
    vault = entry.vault
    with vault.read() as connection:
        whole = _JOINERS[which](connection, exact(item, 16))
    chunks = joining.stream(vault, whole, lambda: entry.open and entry.vault is vault)
    return handed_out(chunks, whole.length, disk_name(whole.name, whole.item))


@pages.post("/<any(sets, volumes):which>/<item>/save")
def save(which: str, item: str) -> str:
    """
    The joined file into the folder that `serve` was given.
    """
    entry = door()
    vault, folder = entry.vault, entry.place.save
    if folder is None:
        raise NotNowError("this vault was started without a folder to save to")
    with vault.read() as connection:
        whole = _JOINERS[which](connection, exact(item, 16))
    chunks = joining.stream(vault, whole, lambda: entry.open and entry.vault is vault)
    path = attachments.write_down(chunks, folder, disk_name(whole.name, whole.item))
    return render_template("saved.html", path=path)


def _number(text: str | None) -> int:
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,7}", text) else 0
