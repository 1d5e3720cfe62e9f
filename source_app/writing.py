# SPDX-License-Identifier: AGPL-3.0-or-later
"""
First contact: the form, and what becomes of it.

The codename is made with the form and travels in its sealed token; nobody has seen it before the form comes back. A
repeat of the form (a double click, a reload, another worker) is the same visit, the same thread and the same items.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from crypto.codename import Codename
from source_app import render, visit
from source_app.errors import (
    AnswerError,
    BadFormError,
    LeftError,
    MessageTooLongError,
    NoRoomError,
    NoSpaceError,
    SourceAppError,
    TooLargeError,
    TooManyError,
    TroubleError,
    UploadError,
)
from source_app.kdf import BusyError
from source_app.languages import translated as _
from source_app.parts import parts
from source_app.posted import read_post
from source_app.received import received_page
from source_app.refusals import arrived_of, closed_notice, kept_of, left_page, said_of, status_of, trouble_page
from source_app.report_form import asked, kept_text
from source_app.sending import Sending
from source_app.session import EndedError, Form, Kind, new_form
from source_app.storing import trouble_is_said
from source_app.upload import MESSAGE
from source_app.visitors import past_form, remember_form, visit_is

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Response

    from source_app.posted import Posted

ONLY = "only"
# Why a form was refused, for a browser that could not show the page; a capital if something of it arrived.
_REASONS: Final[dict[bytes, type[UploadError]]] = {
    b"l": TooLargeError,
    b"m": TooManyError,
    b"f": NoSpaceError,
    b"r": NoRoomError,
}


def show() -> Response:
    """
    GET: an empty form under a fresh codename; or, if the last one's answer could not be shown, the reason.

    If something of that last form arrived, this is the same form once more: its codename is the only way back to what arrived.
    """
    past = past_form()
    outcome = None if past is None else parts().memory.outcomes.get(past.id)
    if past is None or outcome is None:
        return _form(notice=closed_notice())
    notice = said_of(_REASONS[outcome.lower()]())
    if outcome.isupper():
        return _form(notice=(*notice, *_kept()), form=past)
    parts().memory.outcomes.drop(past.id)
    return _form(notice=notice)


def take() -> Response:
    """POST: what came is sealed and committed; then the page that says so."""
    sending = Sending()
    posted = read_post(Kind.WRITE, sending)
    if posted.form is None:
        return posted.answer(_ended(posted))
    sending.end(posted)
    if posted.error is not None:
        return posted.answer(_refused(posted, sending))
    if not sending.arrived and ONLY not in posted.fields and not _arrived_before(posted.form):
        return _form(posted.fields, (_("There was nothing in it: no words and no file."),), 400)
    try:
        with trouble_is_said():
            visit_is(sending.begin())
    except EndedError as error:
        return trouble_page(error)
    except SourceAppError as error:
        posted.failed(error)
        return _refused(posted, sending)
    return render.redirected("received")


def _refused(posted: Posted, sending: Sending) -> Response:
    error = posted.error
    if error is None or posted.form is None:
        raise RuntimeError("only a refused form is answered here")
    if isinstance(error, LeftError):
        return left_page()
    for reason, kind in _REASONS.items():
        if isinstance(error, kind):
            # Firefox shows nothing once the bound of the drain is passed: the reason waits for the next time the form is opened.
            parts().memory.outcomes.put(posted.form.id, reason.upper() if sending.arrived else reason)
    if sending.arrived and sending.session is not None:
        try:
            # As it is now: while a file came, the source may have said that the codename is known, or left.
            visit_is(parts().sealer.today(sending.session), seen=not posted.unseen)
        except EndedError:
            return left_page()
        return received_page(status_of(error), arrived_of(error))
    text = posted.text(MESSAGE)
    # Where it is not known whether the words were stored, the same form again stores them once; and it has the place in the line.
    same = posted.form if isinstance(error, (TroubleError, BusyError)) else None
    said = (*said_of(error), *kept_of(error, text), *_files_again(posted))
    return _form(posted.fields, said, status_of(error), form=same)


def _arrived_before(form: Form) -> bool:
    lines, _more = visit.listed(parts().memory, form.visit)
    return any(line.state is visit.State.ARRIVED for line in lines)


def _kept() -> tuple[str, ...]:
    return (
        _("Something of what you sent did arrive and is kept: your words, or files before the one that was refused."),
        _("Press “Send” here once more, without a file, to get its codename. Nothing is stored twice."),
    )


def _ended(posted: Posted) -> Response:
    reason = posted.error if isinstance(posted.error, BadFormError) else EndedError()
    said = [*said_of(reason)]
    if posted.text(MESSAGE):
        said.append(_("Your text is still here. It is sent when you press the button."))
    return _form(posted.fields, (*said, *_files_again(posted)), status_of(reason))


def _files_again(posted: Posted) -> tuple[str, ...]:
    if posted.files:
        return (_("Files have to be chosen again."),)
    # Which ones it had is not known: they stand behind the words, and were not read.
    unread = isinstance(posted.error, (BusyError, AnswerError, MessageTooLongError))
    return (_("Had you chosen files, choose them again."),) if unread else ()


def _form(
    fields: Mapping[str, str] | None = None,
    notice: tuple[str, ...] = (),
    status: int = 200,
    *,
    form: Form | None = None,
) -> Response:
    questions = asked(fields)
    form = form or new_form(Kind.WRITE, secret=Codename.generate().secret)
    remember_form(form)
    return render.page(
        "write",
        status,
        elsewhere="write",
        token=parts().sealer.token(form),
        text=kept_text(fields),
        questions=questions.html,
        kept=questions.kept,
        notice=notice,
        characters=render.characters(),
        file_limit=render.file_limit(),
    )
