# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The page after sending: what arrived, the codename while it may be shown, and more files.

Files are sent from the page into a frame of it (`sent`), while another (`progress`) says how far they have come: the page itself stays,
with the files still chosen, should the circuit break. Who has no frames sends from a page without (`files`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from source_app import progress, render, visit
from source_app.ended import again_page, ended_page
from source_app.errors import LeftError
from source_app.languages import chosen
from source_app.languages import translated as _
from source_app.limits import FILES
from source_app.parts import parts
from source_app.posted import read_post
from source_app.refusals import arrived_of, left_page, said_of, status_of
from source_app.renderings import renderings
from source_app.sending import Sending
from source_app.session import Kind
from source_app.visitors import visit_is, visiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Response

    from source_app.session import Session


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
        totals: of all files of this visit.
        length: of those that arrived, as people read it.
    """

    entries: tuple[Line, ...]
    more: bool
    arrived: bool
    totals: visit.Totals
    length: str


def show() -> Response:
    """GET: the page, as long as the visit lasts."""
    session = visiting()
    if session is None:
        return ended_page()
    progress.look_anew(parts().memory, session.id)
    return received_page()


def files() -> Response:
    """GET: a form for files without frames around it."""
    return ended_page() if visiting() is None else _files_page()


def before() -> Response:
    """GET: what stands in the frame of `sent` before anything was."""
    return render.frame("before")


def sent() -> Response:
    """GET: what became of what was sent, for a frame."""
    return ended_page() if visiting() is None else _sent_page()


def attach() -> Response:
    """POST: more files, answered in a frame."""
    return _taken(_sent_page, "sent")


def add() -> Response:
    """POST: more files, from the page without frames."""
    return _taken(received_page, "received")


def _taken(page: Callable[[int, tuple[str, ...]], Response], then: str) -> Response:
    session = visiting()
    sending = Sending(session)
    posted = read_post(Kind.VISIT, sending)
    if posted.form is None:
        return posted.answer(again_page(posted))
    sending.end(posted)
    if isinstance(posted.error, LeftError):
        return posted.answer(left_page())
    if posted.error is not None:
        return posted.answer(page(status_of(posted.error), (arrived_of if sending.arrived else said_of)(posted.error)))
    if not sending.arrived:
        return page(400, (_("No file was chosen."),))
    return render.redirected(then)


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
    session = _session()
    return render.page(
        "received",
        status,
        notice=notice,
        renderings=renderings(session.secret, chosen()),
        visit=_listed(session),
        file_limit=render.file_limit(),
        most=_most(),
    )


def _sent_page(status: int = 200, notice: tuple[str, ...] = ()) -> Response:
    # Sentences of a draft are several times as long: in the shape of a frame, the size of a list would tell a draft from the others.
    return render.page("sent", status, notice=notice, visit=_listed(_session()))


def _files_page() -> Response:
    return render.page("files", file_limit=render.file_limit(), most=_most())


def _most() -> str:
    return f"{FILES:,}"


def _session() -> Session:
    session = visiting()
    if session is None:
        raise RuntimeError("this page belongs to a visit")
    return session


def _listed(session: Session) -> Listed:
    memory = parts().memory
    entries, more = visit.listed(memory, session.id)
    totals = visit.totals(memory, session.id)
    arrived = any(entry.state is visit.State.ARRIVED for entry in entries)
    lines = tuple(Line(one.name, one.state, _said(one)) for one in entries)
    return Listed(lines, more, arrived, totals, render.size(totals.length))


def _said(entry: visit.Entry) -> str:
    if entry.state is visit.State.ARRIVED and entry.name is None:
        return _("received")
    if entry.state is visit.State.ARRIVED:
        return _("received, %(size)s", size=render.size(entry.length))
    said = {
        visit.State.CUT: _("broken off, nothing kept; please send it again"),
        visit.State.TOO_LARGE: _("more than fits at a time, nothing kept"),
        visit.State.TOO_MANY: _("not kept; please send the folder as one archive"),
        visit.State.FULL: _("no room at the moment, nothing kept"),
        visit.State.SEND_AGAIN: _("not kept; please send it again"),
        visit.State.TROUBLE: _("perhaps not kept; please send it again"),
    }
    return said[entry.state]
