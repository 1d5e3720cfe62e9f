# SPDX-License-Identifier: AGPL-3.0-or-later
"""
First contact: the form, and what becomes of it.

The codename is made with the form and travels in its sealed token; nobody has seen it before the form comes back. A
repeat of the form (a double click, a reload, another worker) is the same visit, the same thread and the same items.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crypto.codename import Codename
from source_app import render
from source_app.errors import BadFormError, TooLargeError
from source_app.kdf import BusyError
from source_app.languages import translated as _
from source_app.parts import parts
from source_app.posted import read_post
from source_app.received import received_page
from source_app.refusals import said_of, status_of, trouble_page
from source_app.sending import Sending
from source_app.session import EndedError, Kind, new_form
from source_app.upload import MESSAGE
from source_app.visitors import past_outcome, remember_form, visit_is

if TYPE_CHECKING:
    from flask import Response

    from source_app.posted import Posted

ONLY = "only"
_TOO_LARGE = b"l"


def show() -> Response:
    """GET: an empty form under a fresh codename."""
    outcome = past_outcome()
    notice = said_of(TooLargeError()) if outcome == _TOO_LARGE else ()
    return _form("", notice)


def take() -> Response:
    """POST: what came is sealed and committed; then the page that says so."""
    sending = Sending()
    posted = read_post(Kind.WRITE, sending)
    if posted.form is None:
        return posted.answer(_ended(posted))
    sending.end(posted)
    if posted.error is not None:
        return posted.answer(_refused(posted, sending))
    if not sending.arrived and ONLY not in posted.fields:
        return _form("", (_("There was nothing in it: no words and no file."),), 400)
    try:
        visit_is(sending.begin())
    except (BusyError, EndedError) as error:
        return trouble_page(error)
    return render.redirected("received")


def _refused(posted: Posted, sending: Sending) -> Response:
    error = posted.error
    if error is None or posted.form is None:
        raise RuntimeError("only a refused form is answered here")
    if isinstance(error, TooLargeError):
        # Firefox shows nothing once the bound of the drain is passed: the reason waits for the next time the form is opened.
        parts().memory.outcomes.put(posted.form.id, _TOO_LARGE)
    if sending.arrived:
        visit_is(sending.session)
        return received_page(status_of(error), said_of(error))
    return _form(posted.text(MESSAGE), said_of(error), status_of(error))


def _ended(posted: Posted) -> Response:
    reason = posted.error if isinstance(posted.error, BadFormError) else EndedError()
    said = [*said_of(reason)]
    if posted.text(MESSAGE):
        said.append(_("Your text is still here. It is sent when you press the button."))
    if posted.files:
        said.append(_("Files have to be chosen again."))
    return _form(posted.text(MESSAGE), tuple(said), status_of(reason))


def _form(text: str, notice: tuple[str, ...], status: int = 200) -> Response:
    form = new_form(Kind.WRITE, secret=Codename.generate().secret)
    remember_form(form)
    return render.page(
        "write",
        status,
        elsewhere="write",
        token=parts().sealer.token(form),
        text=text,
        notice=notice,
        characters=render.characters(),
        file_limit=render.file_limit(),
    )
