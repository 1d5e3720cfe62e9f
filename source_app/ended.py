# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A visit that ended while a form of it lay open: the text is kept, the codename opens it again, nothing is typed twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crypto.codename import Codename
from crypto.errors import CodenameError
from source_app import render
from source_app.errors import BadFormError, SourceAppError
from source_app.parts import parts
from source_app.posted import Posted, read_post
from source_app.refusals import kept_of, said_of, status_of, trouble_page
from source_app.report_form import asked, kept_text
from source_app.returning import CODENAME, said_of_codename, session_of
from source_app.sending import Sending
from source_app.session import Form, Kind
from source_app.storing import trouble_is_said
from source_app.upload import MESSAGE
from source_app.visitors import fresh_token, visit_is

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Response


def ended_page() -> Response:
    """For a page of a visit when there is none."""
    return _page(403, {}, files=False)


def again_page(posted: Posted) -> Response:
    """For a form whose visit has ended: what was written stands in the page. Bytes that are no form get no more than that."""
    if isinstance(posted.error, BadFormError):
        return trouble_page(posted.error)
    notice = () if posted.error is None else kept_of(posted.error, posted.text(MESSAGE))
    # What was typed where a codename belongs is shown again by that page's own form alone.
    fields = {name: text for name, text in posted.fields.items() if name != CODENAME}
    return _page(403, fields, files=posted.files, notice=notice)


def take() -> Response:
    """POST: the codename opens the visit, and the text that was kept is sent."""
    posted = read_post(Kind.AGAIN)
    if posted.form is None:
        return posted.answer(_page(403, posted.fields, files=False))
    if posted.error is not None:
        return posted.answer(_refused(posted))
    try:
        secret = Codename.parse(posted.text(CODENAME)).secret
    except CodenameError as error:
        return _page(400, posted.fields, files=False, notice=said_of_codename(error), wrong=True)
    try:
        with trouble_is_said():
            session = session_of(secret, posted.form)
            sending = Sending(session)
            sending.began(posted.form)
            for name, text in posted.fields.items():
                sending.field(name, text)
    except SourceAppError as error:
        posted.failed(error)
        return _refused(posted)
    sending.end(posted)
    if posted.error is not None:
        return _refused(posted)
    visit_is(session)
    return render.redirected("received" if sending.arrived else "thread")


def _refused(posted: Posted) -> Response:
    error = posted.error
    if error is None:
        raise RuntimeError("only a refused form is answered here")
    text = posted.text(MESSAGE)
    notice = (*said_of(error), *kept_of(error, text))
    # The same form once more: if the words were stored after all, sending them again stores nothing.
    return _page(status_of(error), posted.fields, files=False, notice=notice, form=posted.form)


def _page(
    status: int,
    fields: Mapping[str, str],
    *,
    files: bool,
    notice: tuple[str, ...] = (),
    wrong: bool = False,
    form: Form | None = None,
) -> Response:
    questions = asked(fields, whole=False)
    return render.page(
        "again",
        status,
        token=fresh_token(Kind.AGAIN) if form is None else parts().sealer.token(form),
        text=kept_text(fields),
        codename=fields.get(CODENAME, ""),
        questions=questions.html,
        filled=questions.kept > 0,
        kept=questions.kept,
        files=files,
        notice=notice,
        wrong=wrong,
    )
