# SPDX-License-Identifier: AGPL-3.0-or-later
"""
One thread, and whether its files are let in.

Files of threads that nobody accepted share half of the free disk, so that a flood of them shuts nobody out whom somebody waits for. A
reviewer accepts a thread up to a size and a day, for whoever wrote that much is coming. The log says who did and how much, not which
thread: a forgotten thread leaves no designation behind.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from journalist_app.desk.errors import DeskError
from journalist_app.desk.parts import me, parts, require_reviewer
from journalist_app.desk.wording import size
from store import audit, lanes, threads

blueprint = Blueprint("accepting", __name__)

GIB: Final = 1 << 30
MOST_GIB: Final = 16_384
MOST_DAYS: Final = 180


@blueprint.get("/threads/<designation>")
def show(designation: str) -> str:
    """
    What the server knows of a thread, and the form.
    """
    here = parts()
    thread, today = threads.named(here.store, designation), here.today()
    until = thread.accepted_until
    return render_template(
        "thread.html",
        thread=thread,
        accepted=until is not None and until >= today,
        today=today,
        last=today + dt.timedelta(days=MOST_DAYS),
        suggested=today + dt.timedelta(days=14),
        most=MOST_GIB,
    )


@blueprint.post("/threads/<designation>/accept")
def accept(designation: str) -> Response:
    """
    Let a thread's files in up to a size and a day.
    """
    here, _ = parts(), require_reviewer()
    length = read_size(request.form.get("size", "")) * GIB
    until = read_day(request.form.get("until", ""), here.today())
    with here.store.write():
        lanes.accept(here.store, threads.named(here.store, designation).id, length=length, until=until)
        act = f"{me().name}: let files of a thread in, up to {size(length)} until {until}"
        audit.append(here.store, act, day=here.today())
    return redirect(url_for("accepting.show", designation=designation), 303)


@blueprint.post("/threads/<designation>/take-back")
def take_back(designation: str) -> Response:
    """
    Let a thread's files in no further than those of any other.
    """
    here, _ = parts(), require_reviewer()
    with here.store.write():
        lanes.take_back(here.store, threads.named(here.store, designation).id)
        audit.append(here.store, f"{me().name}: took back what a thread's files were let in up to", day=here.today())
    return redirect(url_for("accepting.show", designation=designation), 303)


def read_size(text: str) -> int:
    """
    A size as the form has it.

    Raises:
        DeskError: It is no whole number of GiB that a server could have room for.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= MOST_GIB):
        raise DeskError(f"the size is a whole number of GiB, 1 to {MOST_GIB:,}")
    return int(text)


def read_day(text: str, today: dt.date) -> dt.date:
    """
    A day as the form has it.

    Raises:
        DeskError: It is no day, or over, or too far away.
    """
    said = f"the day is one of the next {MOST_DAYS}, written as {today}"
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise DeskError(said) from None
    if day.isoformat() != text or not today <= day <= today + dt.timedelta(days=MOST_DAYS):
        raise DeskError(said)
    return day
