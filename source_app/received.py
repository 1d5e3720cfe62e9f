# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The page after sending: what arrived, the codename while it may be shown, and more files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from source_app import render, visit
from source_app.ended import again_page, ended_page
from source_app.errors import LeftError
from source_app.languages import chosen
from source_app.languages import translated as _
from source_app.parts import parts
from source_app.posted import read_post
from source_app.refusals import left_page, said_of, status_of
from source_app.renderings import renderings
from source_app.sending import Sending
from source_app.session import Kind
from source_app.visitors import visit_is, visiting

if TYPE_CHECKING:
    from flask import Response


@dataclass(frozen=True, slots=True)
class Line:
    """
    One line of the visit's list as it is shown.

    Args:
        name: a file's name, or None for a message.
        state: a class for its looks.
        said: its state in words.
    """

    name: str | None
    state: str
    said: str


@dataclass(frozen=True, slots=True)
class Listed:
    """
    The visit's list as it is shown.

    Args:
        entries: newest first.
        more: whether older ones are no longer listed.
        arrived: whether anything in it arrived.
    """

    entries: tuple[Line, ...]
    more: bool
    arrived: bool


def show() -> Response:
    """GET: the page, as long as the visit lasts."""
    return received_page() if visiting() is not None else ended_page()


def attach() -> Response:
    """POST: more files."""
    session = visiting()
    sending = Sending(session)
    posted = read_post(Kind.VISIT, sending)
    if posted.form is None:
        return posted.answer(again_page(posted))
    sending.end(posted)
    if isinstance(posted.error, LeftError):
        return posted.answer(left_page())
    if posted.error is not None:
        return posted.answer(received_page(status_of(posted.error), said_of(posted.error)))
    if not sending.arrived:
        return received_page(400, (_("No file was chosen."),))
    return render.redirected("received")


def know() -> Response:
    """POST: "I have it". From here on the visit holds subkeys only."""
    posted = read_post(Kind.VISIT)
    session = visiting()
    if posted.form is None or session is None:
        return posted.answer(again_page(posted))
    visit_is(parts().sealer.know(session))
    return render.redirected("received")


def received_page(status: int = 200, notice: tuple[str, ...] = ()) -> Response:
    """The page for the present visit, which there has to be."""
    session = visiting()
    if session is None:
        raise RuntimeError("this page belongs to a visit")
    entries, more = visit.listed(parts().memory, session.id)
    arrived = any(entry.state is visit.State.ARRIVED for entry in entries)
    return render.page(
        "received",
        status,
        notice=notice,
        renderings=renderings(session.secret, chosen()),
        visit=Listed(tuple(Line(one.name, one.state, _said(one)) for one in entries), more, arrived),
        file_limit=render.file_limit(),
    )


def _said(entry: visit.Entry) -> str:
    if entry.state is visit.State.ARRIVED and entry.name is None:
        return _("received")
    if entry.state is visit.State.ARRIVED:
        return _("received, %(size)s", size=render.size(entry.length))
    said = {
        visit.State.CUT: _("broken off, nothing kept; please send it again"),
        visit.State.TOO_LARGE: _("too large, nothing kept"),
        visit.State.FULL: _("no room at the moment, nothing kept"),
        visit.State.SEND_AGAIN: _("not kept; please send it again"),
        visit.State.TROUBLE: _("perhaps not kept; please send it again"),
    }
    return said[entry.state]
