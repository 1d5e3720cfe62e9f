# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What a source's form carries, on its way to the intake: derived when it is needed, committed item by item, and listed for this visit.

The message is sealed with all that was answered beside it when the first file begins or the form ends, whichever is first, and committed before
the first byte of a file: a circuit that breaks during a file does not cost the words. Nor does one that breaks among the answers: then those that
had come whole are sealed with them, and the others are unanswered. What stands behind a file is a message of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from source_app import visit
from source_app.answers import CONSENT, NAMES, answers_of, require_offered
from source_app.errors import BadFormError, LeftError, MessageTooLongError, SourceAppError
from source_app.languages import chosen
from source_app.outcome import Arrived, Received
from source_app.parts import parts
from source_app.posted import NoTaker, Posted
from source_app.senders import forgotten, sender_of
from source_app.storing import trouble_is_said
from source_app.submission import Sender, Submission
from source_app.upload import MESSAGE, FileSink

if TYPE_CHECKING:
    from source_app.session import Form, Session


class Sending(NoTaker):
    """
    One form of one source.

    Args:
        session: the visit it belongs to; None for a first contact, which begins one.
    """

    def __init__(self, session: Session | None = None) -> None:
        self.session = session
        self.arrived = False
        self._words = ""
        self._answered: dict[str, str] = {}
        self._form: Form | None = None
        self._submission: Submission | None = None
        self._forgotten = None if session is None else forgotten(session)

    def began(self, form: Form) -> None:
        """Note the form; nothing is derived for a form that brings nothing."""
        self._form = form

    def field(self, name: str, text: str) -> None:
        """
        Note the message or an answer, if this is one.

        Raises:
            BadFormError: an answer that our pages do not offer.
        """
        if name == MESSAGE:
            self._words = text
        elif name in NAMES:
            require_offered(name, text)
            self._answered[name] = text

    def file(self, name: str, /) -> FileSink:
        """
        Send the words, then begin a file.

        Raises:
            UploadError, ClosedError, BusyError: nothing was begun.
        """
        self._say(again=not self.arrived)
        return self._opened().file(name)

    def safe(self, arrived: Arrived, /) -> None:
        """List a file as soon as it is safe: what comes after it may take hours, or break off."""
        self.arrived = True
        self._list(visit.entries_of(Received(arrived=(arrived,))))

    def end(self, posted: Posted) -> None:
        """
        Close the form, however it ended: commit the words if no file began, and the list of its files, and list what became of them.
        """
        if isinstance(posted.error, BadFormError):
            # As in what is shown again (`Posted.failed`).
            self._answered.pop(CONSENT, None)
        if not isinstance(posted.error, MessageTooLongError):
            try:
                with trouble_is_said():
                    self._say(again=posted.error is None and not self.arrived)
            except SourceAppError as error:
                posted.failed(error)
        self.arrived = self.arrived or bool(posted.received.arrived)
        self._list(visit.entries_of(replace(posted.received, arrived=())))
        if self._submission is None:
            return
        try:
            with trouble_is_said():
                self._submission.close()
        except SourceAppError as error:
            posted.failed(error)

    def begin(self) -> Session:
        """
        The visit, begun if there is none: this is where a first contact's codename is derived.

        Raises:
            ClosedError: there is nobody to write to.
            BusyError: too many are deriving.
            EndedError: the visit that this form began was left.
        """
        if self.session is None:
            form = self._form
            if form is None or form.secret is None:
                raise RuntimeError("a visit begins with the form of a first contact")
            intake = parts().intake
            # That there is nobody to seal to is said before the KDF is paid.
            intake.addressees()
            generation = intake.root().generations[-1]
            (subkeys,) = parts().derivations.derive(form.secret, [generation], ticket=form.ticket(form.secret))
            self.session = parts().sealer.begin(generation.number, subkeys, first=form)
            self._forgotten = forgotten(self.session)
        return self.session

    def _say(self, *, again: bool) -> None:
        # A form of which something arrived is not shown again, so an answer that does not fit must not cost its words.
        words, fields = self._words.replace("\r\n", "\n"), self._answered
        # Tried once: what could not be kept now is shown again, not tried behind the refusal.
        self._words, self._answered = "", {}
        answers = answers_of(fields, again=again)
        if words.strip() or answers:
            arrived = self._opened().message(words, answers)
            self.arrived = True
            self._list((visit.Entry(visit.State.ARRIVED, None, arrived.length, arrived.item[:4]),))

    def _opened(self) -> Submission:
        if self._submission is None:
            if self._form is None:
                raise RuntimeError("nothing is sent before its form's token was read")
            sender: Sender = sender_of(self.begin(), chosen().tag)
            self._submission = parts().intake.submission(sender, self._form.id, self._require_wanted)
        return self._submission

    def _require_wanted(self) -> None:
        session = self.session
        if session is None:
            raise RuntimeError("nothing is committed before its visit has begun")
        if parts().sealer.left(session):
            raise LeftError("the visit was left")
        if forgotten(session) not in (None, self._forgotten):
            raise LeftError("the thread was deleted")

    def _list(self, lines: tuple[visit.Entry, ...]) -> None:
        if lines and self.session is not None:
            visit.add(parts().memory, self.session.id, lines)
            if parts().sealer.left(self.session):
                # Asked afterwards: whoever leaves marks first and drops the list then, so one of the two drops these lines.
                parts().memory.visits.drop(self.session.id)
