# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The list of threads: what the server may know of each, and nothing of what they say.

Pages are keyset pages: a page costs the same at five threads and at five hundred thousand.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Final, get_args

from flask import Blueprint, render_template, request

from journalist_app.desk.errors import MissingPageError
from journalist_app.desk.parts import parts
from store import threads

blueprint = Blueprint("threads", __name__)

A_PAGE: Final = 100
SHOWN: Final[tuple[threads.Filter, ...]] = get_args(threads.Filter)

_CURSOR = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})\.([0-9a-f]{32})")


@blueprint.get("/")
def show() -> str:
    """
    One page of threads, newest day first.
    """
    wanted = request.args.get("show", "all")
    kind = next((one for one in SHOWN if one == wanted), None)
    if kind is None:
        raise MissingPageError("threads are shown all, arrived, handed over or replied")
    page = threads.page(parts().store, after=read_cursor(request.args.get("after", "")), limit=A_PAGE, show=kind)
    after = None if page.after is None else f"{page.after.last_day.isoformat()}.{page.after.id.hex()}"
    return render_template("threads.html", page=page, shown=SHOWN, kind=kind, after=after, today=parts().today())


def read_cursor(text: str) -> threads.Cursor | None:
    """
    Where the page before ended.

    Raises:
        MissingPageError: It is not what a page's link says.
    """
    if not text:
        return None
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise MissingPageError("begin again with the first page")
    try:
        return threads.Cursor(dt.date.fromisoformat(found[1]), bytes.fromhex(found[2]))
    except ValueError:
        raise MissingPageError("begin again with the first page") from None
