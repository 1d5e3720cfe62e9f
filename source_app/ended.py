# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A visit that ended while a form of it lay open: the text is kept, the codename opens it again, nothing is typed twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crypto.codename import Codename
from crypto.errors import CodenameError
from source_app import render
from source_app.errors import BadFormError
from source_app.kdf import BusyError
from source_app.posted import NoTaker, Posted, read_post
from source_app.refusals import said_of, status_of, trouble_page
from source_app.returning import CODENAME, said_of_codename, session_of
from source_app.sending import Sending
from source_app.session import Kind
from source_app.upload import MESSAGE
from source_app.visitors import fresh_token, visit_is

if TYPE_CHECKING:
    from flask import Response


def ended_page() -> Response:
    """For a page of a visit when there is none."""
    return _page(403, "", "", files=False)


def again_page(posted: Posted) -> Response:
    """For a form whose visit has ended: what was written stands in the page. Bytes that are no form get no more than that."""
    if isinstance(posted.error, BadFormError):
        return trouble_page(posted.error)
    return _page(403, posted.text(MESSAGE), "", files=posted.files)


def take() -> Response:
    """POST: the codename opens the visit, and the text that was kept is sent."""
    posted = read_post(Kind.AGAIN, NoTaker())
    text, typed = posted.text(MESSAGE), posted.text(CODENAME)
    if posted.form is None:
        return posted.answer(_page(403, text, typed, files=False))
    if posted.error is not None:
        return posted.answer(_page(status_of(posted.error), text, typed, files=False, notice=said_of(posted.error)))
    try:
        session = session_of(Codename.parse(typed).secret)
    except CodenameError as error:
        return _page(400, text, typed, files=False, notice=said_of_codename(error), wrong=True)
    except BusyError as error:
        return _page(503, text, typed, files=False, notice=said_of(error))
    sending = Sending(session)
    sending.began(posted.form)
    visit_is(session)
    sending.field(MESSAGE, text)
    return render.redirected("received" if sending.arrived else "thread")


def _page(
    status: int, text: str, codename: str, *, files: bool, notice: tuple[str, ...] = (), wrong: bool = False
) -> Response:
    return render.page(
        "again",
        status,
        token=fresh_token(Kind.AGAIN),
        text=text,
        codename=codename,
        files=files,
        notice=notice,
        wrong=wrong,
    )
