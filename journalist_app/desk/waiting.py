# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What waits for a person: deletions that a seat has ordered, and replies whose authors had not seen the newest items.

The desk cannot erase anything. It shows an order for seven days, and a reviewer of another seat may cancel it, alone or
with all others of its seat. Both lists come in pages, so that neither can be made too long to be read.
"""

from __future__ import annotations

import datetime as dt

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from journalist_app.desk.errors import MissingPageError, RoleError
from journalist_app.desk.parts import me, parts, require_reviewer
from journalist_app.desk.wording import count
from store import audit, deletions, replies
from store.errors import MissingError

blueprint = Blueprint("waiting", __name__)

# Of each list: two of them stay below 64 KiB.
A_PAGE = 50


@blueprint.get("/waiting")
def show() -> str:
    """
    A page of both lists.
    """
    store, orders_after, held_after = parts().store, request.args.get("orders", ""), request.args.get("held", "")
    orders = deletions.page(store, after=_order_cursor(orders_after), limit=A_PAGE + 1)
    held = replies.held_page(store, after=_id(held_after) if held_after else None, limit=A_PAGE + 1)
    last, last_held = orders[:A_PAGE][-1:], held[:A_PAGE][-1:]
    return render_template(
        "waiting.html",
        orders=orders[:A_PAGE],
        held=held[:A_PAGE],
        waiting=deletions.waiting(store),
        seat=me().seat,
        here={"orders": orders_after or None, "held": held_after or None},
        more_orders=f"{last[0][0].day}.{last[0][0].id.hex()}" if len(orders) > A_PAGE else None,
        more_held=last_held[0][0].id.hex() if len(held) > A_PAGE else None,
    )


@blueprint.post("/waiting/deletions/<order>/cancel")
def cancel(order: str) -> Response:
    """
    Cancel an ordered deletion of another seat.
    """
    here, seat, wanted = parts(), require_reviewer(), _id(order)
    with here.store.write():
        try:
            found = deletions.get(here.store, wanted)
        except MissingError as error:
            raise MissingPageError(str(error)) from None
        if found.seat == seat:
            raise RoleError("an order is cancelled by another seat than the one that gave it")
        deletions.cancel(here.store, wanted)
        act = f"{me().name}: cancelled a deletion that seat {found.seat} ordered on {found.day}"
        audit.append(here.store, act, day=here.today())
    return redirect(url_for("waiting.show"), 303)


@blueprint.post("/waiting/seats/<int:number>/cancel")
def cancel_all(number: int) -> Response:
    """
    Cancel everything that another seat has ordered.
    """
    here, seat = parts(), require_reviewer()
    if number == seat:
        raise RoleError("orders are cancelled by another seat than the one that gave them")
    with here.store.write():
        cancelled = deletions.cancel_all(here.store, number)
        if not cancelled:
            raise MissingPageError("nothing of that seat waits any more")
        act = f"{me().name}: cancelled {count(cancelled, 'deletion', 'deletions')} that seat {number} ordered"
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


def _order_cursor(text: str) -> tuple[dt.date, bytes] | None:
    if not text:
        return None
    day, _, order = text.partition(".")
    try:
        return dt.date.fromisoformat(day), bytes.fromhex(order)
    except ValueError:
        raise MissingPageError("begin again with the first page") from None


def _id(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise MissingPageError("nothing of that name waits") from None
