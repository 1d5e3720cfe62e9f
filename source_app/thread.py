# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The thread's page: one slot of answers, writing more, deleting an answer, deleting everything.

It looks the same whether or not anything was ever sent under the codename, takes the same time, and says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from source_app import render
from source_app.ended import again_page, ended_page
from source_app.errors import LeftError, SourceAppError, TroubleError
from source_app.even import FORGET_SECONDS, PAGE_SECONDS, hold
from source_app.languages import translated as _
from source_app.leaving import last_page
from source_app.parts import parts
from source_app.posted import read_post
from source_app.received import received_page
from source_app.refusals import arrived_of, kept_of, left_page, said_of, status_of
from source_app.report_form import asked, kept_text, says_something
from source_app.senders import mark_forgotten
from source_app.sending import Sending
from source_app.session import Kind
from source_app.slots import FURTHEST, Slot, read_slot
from source_app.storing import trouble_is_said
from source_app.upload import MESSAGE
from source_app.visitors import fresh_token, visiting
from store import checkpoint, erase, replies, threads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Response

    from source_app.posted import Posted
    from source_app.session import Form, Session

SURE = "sure"
_NO_THREAD = bytes(16)


def show() -> Response:
    """GET: the newest slot."""
    session = visiting()
    return ended_page() if session is None else _page(session)


def turn() -> Response:
    """POST: an older slot, or the next part of a long answer."""
    posted, session = _posted()
    if session is None:
        return again_page(posted)
    return _page(session, offset=_number(posted, "slot", FURTHEST), part=_number(posted, "part", 64))


def answer() -> Response:
    """POST: more words and files."""
    session = visiting()
    sending = Sending(session)
    posted = read_post(Kind.VISIT, sending)
    if posted.form is None or session is None:
        return posted.answer(again_page(posted))
    sending.end(posted)
    if posted.error is not None:
        if isinstance(posted.error, LeftError):
            return posted.answer(left_page())
        return posted.answer(_refused(session, posted, sending))
    if not sending.arrived:
        return _page(session, status=400, notice=(_("There was nothing in it: no words and no file."),))
    return render.redirected("received")


def delete() -> Response:
    """POST: ask, then delete one answer."""
    posted, session = _posted()
    if session is None:
        return again_page(posted)
    item = posted.text("item")
    if SURE not in posted.fields:
        return render.page(
            "confirm",
            heading=_("Delete this answer?"),
            lines=(_("It is erased from this server and cannot be brought back. Whoever wrote it keeps their copy."),),
            act="delete",
            item=item,
            yes=_("Yes, delete it"),
        )
    if len(item) == 32 and _is_hex(item):
        try:
            with trouble_is_said():
                thread = threads.find(parts().store, session.subkeys.locator)
                # Asked and looked for also where there is no thread: its absence costs the same.
                replies.delete(parts().store, thread.id if thread else _NO_THREAD, bytes.fromhex(item))
        except SourceAppError as error:
            posted.failed(error)
            return _not_deleted()
    return _page(session, done=_("The answer has been deleted."))


def forget() -> Response:
    """POST: ask, then erase the thread at once."""
    posted, session = _posted()
    if session is None:
        return again_page(posted)
    if SURE not in posted.fields:
        return render.page(
            "confirm",
            heading=_("Delete everything?"),
            lines=(
                _(
                    "Everything stored here under your codename is erased from this server at once: what you sent and what we answered. It cannot be brought back."
                ),
                _(
                    "What our reviewers have already taken to their own machines stays there. They are told that you deleted it here; until all of them know, this server keeps a mark that something was withdrawn, and nothing of what it was."
                ),
                _(
                    "It does not reach older backups of this server, in which what you sent stays sealed, nor anything on your own device."
                ),
            ),
            act="forget",
            item="",
            yes=_("Yes, delete everything"),
        )
    # First the mark, then the transaction: whatever is on its way from now on is refused, whatever came before is in it.
    mark_forgotten(session)
    hold(FORGET_SECONDS)
    try:
        with trouble_is_said():
            cleared = _erase(session)
    except SourceAppError as error:
        posted.failed(error)
        return _not_deleted()
    said = _("What was stored on this server under that codename cannot be opened any more, and you are logged out.")
    if not cleared:
        said = _(
            "What was stored on this server under that codename is deleted, and you are logged out. Remains of it leave the disk as soon as other requests are done."
        )
    return last_page(_("Everything is deleted"), said)


def _erase(session: Session) -> bool:
    store = parts().store
    with store.write():
        # Looked for behind the gate, so that no first item slips in between; and the same is done where there is no thread.
        thread = threads.find(store, session.subkeys.locator)
        erase.forget(
            store,
            thread.id if thread else _NO_THREAD,
            day=parts().intake.clock(),
            locator=session.subkeys.locator,
        )
    return not checkpoint.unfinished(store)


def _not_deleted() -> Response:
    return render.plain(
        503,
        _("That could not be deleted now"),
        _(
            "Something on this server is full or failed. Please try again in some minutes, until a page says that it is deleted."
        ),
    )


def _posted() -> tuple[Posted, Session | None]:
    posted = read_post(Kind.VISIT)
    whole = posted.form is not None and posted.error is None
    return posted, visiting() if whole else None


def _page(
    session: Session,
    *,
    status: int = 200,
    offset: int = 0,
    part: int = 0,
    notice: tuple[str, ...] = (),
    done: str = "",
    fields: Mapping[str, str] | None = None,
    slot: Slot | None = None,
    form: Form | None = None,
) -> Response:
    hold(PAGE_SECONDS)
    questions = asked(fields, whole=False)
    return render.page(
        "thread",
        status,
        notice=notice,
        done=done,
        text=kept_text(fields),
        questions=questions.html,
        kept=questions.kept,
        token=fresh_token() if form is None else parts().sealer.token(form),
        slot=slot or read_slot(session, offset, part),
        characters=render.characters(),
        file_limit=render.file_limit(),
    )


def _refused(session: Session, posted: Posted, sending: Sending) -> Response:
    error = posted.error
    if error is None:
        raise RuntimeError("only a refused form is answered here")
    text, status = posted.text(MESSAGE), status_of(error)
    if sending.arrived or (posted.received.refused and not says_something(posted.fields)):
        return received_page(status, (arrived_of if sending.arrived else said_of)(error))
    said = (*said_of(error), *kept_of(error, text))
    # The same form once more: if the words were stored after all, sending them again stores nothing.
    try:
        with trouble_is_said():
            return _page(session, status=status, notice=said, fields=posted.fields, form=posted.form)
    except TroubleError:
        # The words matter more than the answers: without the store the page is made without them.
        nothing = Slot(0, None, (), (_("Answers cannot be shown at the moment."),), None)
        return _page(session, status=status, notice=said, fields=posted.fields, slot=nothing, form=posted.form)


def _number(posted: Posted, name: str, most: int) -> int:
    text = posted.text(name)
    return min(int(text), most) if text.isascii() and text.isdigit() and len(text) < 8 else 0


def _is_hex(text: str) -> bool:
    return all(character in "0123456789abcdef" for character in text)
