# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The audit log: who did what here, newest first. Its head travels in every batch.
"""

from __future__ import annotations

from flask import Blueprint, render_template, request

from journalist_app.desk.errors import MissingPageError
from journalist_app.desk.parts import parts
from store import audit

blueprint = Blueprint("log", __name__)

# Two names of 64 characters that a page must spell out fit a line: a page of these stays below 64 KiB.
A_PAGE = 60


@blueprint.get("/log")
def show() -> str:
    """
    One page of it.
    """
    text = request.args.get("below", "")
    if text and not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise MissingPageError("begin again with the newest lines")
    lines = audit.newest(parts().store, below=int(text) if text else None, limit=A_PAGE)
    return render_template("log.html", lines=lines, below=lines[-1].number if len(lines) == A_PAGE else None)
