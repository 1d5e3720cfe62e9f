# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What waits for a person: deletions that a seat has ordered, and replies whose authors had not seen the newest items.

The desk cannot erase anything. It shows an order for seven days, and a reviewer of another seat may cancel it.
"""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from journalist_app.desk.errors import MissingPageError, RoleError
from journalist_app.desk.parts import me, parts, require_reviewer
from store import audit, deletions, replies, threads
from store.errors import MissingError

blueprint = Blueprint("waiting", __name__)


@blueprint.get("/waiting")
def show() -> str:
    """
    Both lists.
    """
    store = parts().store
    orders = [(one, _name(one.target) if one.kind == "thread" else None) for one in deletions.queued(store)]
    held = [(one, _name(one.thread)) for one in replies.held(store)]
    return render_template("waiting.html", orders=orders, held=held, seat=me().seat)


@blueprint.post("/waiting/deletions/<order>/cancel")
def cancel(order: str) -> Response:
    """
    Cancel an ordered deletion of another seat.
    """
    here, seat, wanted = parts(), require_reviewer(), _id(order)
    with here.store.write():
        found = next((one for one in deletions.queued(here.store) if one.id == wanted), None)
        if found is None:
            raise MissingPageError("this deletion no longer waits")
        if found.seat == seat:
            raise RoleError("an order is cancelled by another seat than the one that gave it")
        deletions.cancel(here.store, wanted)
        act = f"{me().name}: cancelled a deletion that seat {found.seat} ordered on {found.day}"
        audit.append(here.store, act, day=here.today())
    return redirect(url_for("waiting.show"), 303)


@blueprint.post("/waiting/replies/<reply>/send")
def send(reply: str) -> Response:
    """
    Show a held reply to its source after all.
    """
    here, _ = parts(), require_reviewer()
    with here.store.write():
        replies.release(here.store, _id(reply))
        audit.append(here.store, f"{me().name}: sent a held reply anyway", day=here.today())
    return redirect(url_for("waiting.show"), 303)


def _name(thread: bytes) -> str | None:
    try:
        return threads.get(parts().store, thread).designation
    except MissingError:
        return None


def _id(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise MissingPageError("nothing of that name waits") from None
