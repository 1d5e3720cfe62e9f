# SPDX-License-Identifier: AGPL-3.0-or-later
"""
One POST, read once: its token judged before anything else, its text and files handed on as they come.

Every form of this app is multipart and goes through `upload.receive`, so that one strict parser stands between a stranger and
the pages. A form whose token does not open, or belongs to another visit, loses nothing but its effect: its text is read (it is
bounded) so that the answer can show it again; its files are not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from flask import current_app, request

from source_app.answers import CONSENT
from source_app.body import Body
from source_app.drain import answer_first
from source_app.errors import (
    BadFormError,
    ClosedError,
    DisconnectedError,
    SourceAppError,
    TokenError,
    TroubleError,
    UploadError,
)
from source_app.headers import require_own_page
from source_app.kdf import BusyError
from source_app.limits import SPACE_LEAST
from source_app.outcome import Arrived, Received
from source_app.parts import parts
from source_app.progress import Coming
from source_app.session import COOKIE, EndedError, Form, Kind
from source_app.upload import FILES, TOKEN, FileSink, receive
from source_app.visitors import PAST_COOKIE, visiting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flask import Response


class Taker(Protocol):
    """What a page does with the parts of its form, in the order they come."""

    def began(self, form: Form) -> None:
        """The token opened."""

    def field(self, name: str, text: str) -> None:
        """A text field is complete."""

    def file(self, name: str, /) -> FileSink:
        """A file begins."""

    def safe(self, arrived: Arrived, /) -> None:
        """A file has arrived whole."""


class NoTaker:
    """For forms that carry a few words and no files."""

    def began(self, form: Form) -> None:
        """Nothing depends on the form's id."""

    def field(self, name: str, text: str) -> None:
        """Fields are read when the form is whole."""

    def file(self, _name: str, /) -> FileSink:
        """
        Raises:
            BadFormError: always.
        """
        raise BadFormError("a file in a form that takes none")

    def safe(self, _arrived: Arrived, /) -> None:
        """Files are looked at when the form is whole."""


@dataclass(slots=True, kw_only=True)
class Posted:
    """
    What a POST brought.

    Args:
        form: the form, or None: ended, or not of this visit.
        fields: the text fields that came, complete ones only.
        received: items and what became of them.
        error: why it was not taken in whole.
        files: whether a file was in it that nobody took.
    """

    form: Form | None = None
    fields: dict[str, str] = field(default_factory=dict)
    received: Received = field(default_factory=Received)
    error: UploadError | ClosedError | BusyError | EndedError | None = None
    files: bool = False
    _body: _Counted

    def text(self, name: str) -> str:
        """A field as it was written, line ends as LF; empty if it did not come."""
        return self.fields.get(name, "").replace("\r\n", "\n")

    def failed(self, error: SourceAppError) -> None:
        """
        Note why it was not taken in whole; the first reason stands.

        Raises:
            SourceAppError: it is none of those that a form ends with.
        """
        if not isinstance(error, (UploadError, ClosedError, BusyError, EndedError)):
            raise error
        if isinstance(error, TroubleError):
            # The class alone: a message could carry what a source sent.
            current_app.logger.error("%s: %s", request.endpoint, error)
        self.error = self.error or error
        if isinstance(self.error, BadFormError):
            # Of a form that is none of ours, with two consents perhaps, none is taken, nor chosen beforehand where it is shown again.
            self.fields.pop(CONSENT, None)

    @property
    def unseen(self) -> bool:
        """Whether the browser cannot show the answer: it is gone, or will be cut off before it has sent everything."""
        return isinstance(self.error, DisconnectedError) or self._body.left > parts().settings.drain_bytes

    def answer(self, response: Response) -> Response:
        """The response, which goes out before the rest of the body is read and thrown away."""
        if self._body.left > 0:
            return answer_first(response, self._body.stream, self._body.left, bound=parts().settings.drain_bytes)
        return response


class _Counted:
    """A body that knows how much of it is still to come, and tells it where that is counted."""

    def __init__(self, stream: Body, length: int) -> None:
        self.stream = stream
        self.length = self.left = length
        self.coming: Coming | None = None

    def read(self, size: int, /) -> bytes:
        piece = self.stream.read(size)
        self.left -= len(piece)
        if self.coming is not None:
            self.coming.came(self.length - self.left)
        return piece


def read_post(kind: Kind, taker: Taker | None = None) -> Posted:
    """
    Read the present request's form.

    Args:
        kind: the form it has to be.
        taker: what takes its parts; a form without one takes no files, and nothing of the store is asked for it: it may be the way out.

    Raises:
        ForeignError: it comes from a page that is not ours.
        BadFormError, LengthMissingError: it is not a form of this app.
    """
    require_own_page(request)
    length = request.content_length
    posted = Posted(_body=_Counted(request.environ["wsgi.input"], length or 0))
    reading = _Reading(posted, kind, taker or NoTaker())
    limits = parts().settings.limits
    # A file in a shorter form is refused, if it must be, when it looks for its own room before its first byte.
    if taker is not None and posted._body.length > SPACE_LEAST:  # noqa: SLF001 - the record's own module
        limits = parts().intake.space.within(limits, _locator(kind))
    try:
        posted.received = receive(
            posted._body,  # noqa: SLF001 - the record's own module
            request.headers.get("Content-Type", ""),
            length,
            limits=limits,
            open_file=reading.file,
            on_field=reading.field,
        )
    except SourceAppError as error:
        posted.received = error.received
        # What was not handed on because of the refusal, a message over its limit, can still be shown again.
        posted.fields = {name: text for name, text in error.received.fields.items() if name != TOKEN}
        posted.failed(error)
    finally:
        if posted._body.coming is not None:  # noqa: SLF001 - as above
            posted._body.coming.ended()  # noqa: SLF001 - as above
    return posted


def _locator(kind: Kind) -> bytes | None:
    session = visiting() if kind is Kind.VISIT else None
    return None if session is None else session.subkeys.locator


class _Told:
    """A file whose arrival is told to those who wait for it."""

    def __init__(self, sink: FileSink, *told: Callable[[Arrived], None]) -> None:
        self._sink = sink
        self._told = told
        self.write = sink.write
        self.abort = sink.abort

    def finish(self) -> Arrived:
        arrived = self._sink.finish()
        for tell in self._told:
            tell(arrived)
        return arrived


class _Reading:
    """Judges the token and passes on what follows it."""

    def __init__(self, posted: Posted, kind: Kind, taker: Taker) -> None:
        self._posted = posted
        self._kind = kind
        self._taker = taker
        self._tokens: list[str] = []

    def field(self, name: str, text: str) -> None:
        posted = self._posted
        if name == TOKEN:
            posted.form = self._judged(text)
            if posted.form is not None:
                self._tokens = [text, *filter(None, [request.cookies.get(PAST_COOKIE)])]
                self._taker.began(posted.form)
            return
        posted.fields[name] = text
        if posted.form is not None:
            self._taker.field(name, text)

    def file(self, _fields: Mapping[str, str], name: str) -> FileSink:
        if self._posted.form is None:
            self._posted.files = True
            raise TokenError(f"{FILES} under a token that opens nothing")
        sink = self._taker.file(name)
        body = self._posted._body  # noqa: SLF001 - the record's own module
        if body.coming is None:
            body.coming = self._begun(self._posted.form, body.length)
        coming = body.coming
        return _Told(sink, lambda _arrived: coming.arrived(), self._taker.safe)

    def _begun(self, form: Form, length: int) -> Coming:
        of = form.session if self._kind is Kind.VISIT else form.visit
        cookie, sealer = request.cookies.get(COOKIE), parts().sealer
        hold = partial(sealer.hold, of, cookie=cookie, tokens=self._tokens)
        return Coming(parts().memory, visit=of, form=form.id, length=length, hold=hold)

    def _judged(self, token: str) -> Form | None:
        try:
            form = parts().sealer.form(token)
        except EndedError:
            return None
        if form.kind is not self._kind:
            return None
        if self._kind is Kind.VISIT:
            session = visiting()
            if session is None or form.session != session.id:
                return None
        return form
