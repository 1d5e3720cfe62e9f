# SPDX-License-Identifier: AGPL-3.0-or-later
"""
One form, read once: request bytes in, text fields and open files out, nothing kept.

What this file promises
- Bytes of a file go from the parser straight to its sink, in the pieces they came in. Memory does not depend on size.
- The token is the first part. Nothing is opened, sealed or stored for a form that does not begin with one.
- A file counts when its sink has finished, one by one. Whatever ends a form, whole files stay and the open one is gone.
- Everything a stranger can size has a limit from `limits`; each refusal carries what arrived, and so does whatever fails
  on our side while a form is read: that comes out as `TroubleError`.

What it refuses: anything but one multipart/form-data body of stated length that begins with its boundary and has no fields
but ours.
What it leaves to others: what a token means, sealing, storing, pages.

Flask's `request.form` and `request.files` are never touched: they spool plaintext to the disk.
"""

from __future__ import annotations

import contextlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from multipart import MultipartError, MultipartSegment, parse_options_header

from source_app import limits as at_most
from source_app.answers import NAMES as ANSWERS
from source_app.body import pieces_of
from source_app.errors import (
    BadFormError,
    LengthMissingError,
    MessageTooLongError,
    NoRoomError,
    NoSpaceError,
    SendAgainError,
    SourceAppError,
    TokenError,
    TooLargeError,
    TooManyError,
    TroubleError,
    UploadError,
)
from source_app.filenames import HEADER_CHARSET, depth, file_name
from source_app.outcome import Arrived, Cut, Reason, Received, Refused
from source_app.strict_parser import StrictParser
from source_app.wipe import wipe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from source_app.body import Body

TOKEN = "token"  # noqa: S105 - the name of a field
MESSAGE = "message"
FILES = "files"
#: A file's name where a shell sends a part of it: as a text, since a shell cannot quote it for a header.
NAME = "name"
#: Every field that our pages have, the files' apart.
FIELDS = ANSWERS | {TOKEN, MESSAGE, "codename", "only", "slot", "part", "item", "sure", "set", "size", NAME}

_REASONS: dict[type[SourceAppError], Reason] = {
    TooLargeError: Reason.TOO_LARGE,
    TooManyError: Reason.TOO_MANY,
    NoSpaceError: Reason.FULL,
    NoRoomError: Reason.FULL,
    SendAgainError: Reason.SEND_AGAIN,
    TroubleError: Reason.TROUBLE,
}


class FileSink(Protocol):
    """
    Where one file goes. The last call is `finish`, or `abort`, or an `abort` after a `finish` that raised.
    """

    def write(self, piece: bytes | bytearray, /) -> None:
        """
        Take the next bytes; they may be forgotten by the caller at once.

        Raises:
            UploadError: they cannot be kept. `abort` follows.
        """
        ...

    def finish(self) -> Arrived:
        """
        Make the file durable and committed.

        Raises:
            UploadError: it cannot be kept. `abort` follows.
        """
        ...

    def abort(self) -> None:
        """
        Leave nothing behind.
        """
        ...


def receive(
    stream: Body,
    content_type: str,
    content_length: int | None,
    *,
    limits: at_most.Limits,
    open_file: Callable[[Mapping[str, str], str], FileSink],
    on_field: Callable[[str, str], None] | None = None,
) -> Received:
    """
    Read one form.

    Args:
        stream: `environ["wsgi.input"]`.
        content_type: the request's Content-Type, as sent.
        content_length: the request's Content-Length; None if it has none.
        limits: what one message, one file and the whole may hold.
        open_file: called as each file's first byte (or its end) is seen, with the fields complete so far and its name.
        on_field: called as each text field is complete, with its name and text; the token is always the first.
            What it raises ends the form; refusals of this room come out as they are. A message over its limit, and what follows it,
            are not told.

    Returns:
        every field and file of a form that came whole.

    Raises:
        UploadError: the form was not taken in whole; `.received` says what was. Bytes of the body may be left unread.
            A form whose Content-Length is over the limit is read as far as its first file, which is not opened.
        SourceAppError: what a sink or `on_field` refused, with `.received`.
    """
    if content_length is None:
        raise LengthMissingError("no Content-Length")
    boundary = _boundary(content_type)
    form = _Form(limits, open_file, on_field, over=content_length > limits.request)
    try:
        _parse(form, stream, boundary, content_length)
    except SourceAppError as error:
        form.break_off(error)
        error.received = form.received()
        raise
    except Exception as error:
        # What was committed before this has to reach the page: a first contact's codename hangs on it.
        trouble = TroubleError(type(error).__name__)
        form.break_off(trouble)
        trouble.received = form.received()
        raise trouble from error
    except BaseException:
        form.break_off(None)
        raise
    return form.received()


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    boundary: str = options.get("boundary", "")
    if kind != "multipart/form-data" or not 0 < len(boundary) <= at_most.BOUNDARY_BYTES or not boundary.isascii():
        raise BadFormError("not multipart/form-data with a boundary")
    return boundary.encode("ascii")


def _parse(form: _Form, stream: Body, boundary: bytes, length: int) -> None:
    try:
        parser = StrictParser(
            boundary,
            content_length=length,
            max_header_size=at_most.PART_HEADER_BYTES,
            max_header_count=at_most.PART_HEADERS,
            max_segment_count=at_most.PARTS,
            header_charset=HEADER_CHARSET,
        )
        opening, seen = b"--" + boundary, b""
        with parser:
            for piece in pieces_of(stream, length):
                if len(seen) < len(opening):
                    seen += piece[: len(opening) - len(seen)]
                    # The parser would skip a preamble of any length; no browser sends one.
                    if not opening.startswith(seen):
                        raise BadFormError("the body does not begin with its boundary")
                for event in parser.parse(piece):
                    form.take(event)
    except MultipartError as error:
        raise BadFormError(str(error)) from None
    form.end()


class _Form:
    """
    The state between two events of the parser: which part is open, what is complete.
    """

    def __init__(
        self,
        limits: at_most.Limits,
        open_file: Callable[[Mapping[str, str], str], FileSink],
        on_field: Callable[[str, str], None] | None,
        *,
        over: bool,
    ) -> None:
        self._over = over
        self._limits = limits
        self._open_file = open_file
        self._on_field = on_field
        self._fields: dict[str, str] = {}
        self._arrived: list[Arrived] = []
        self._cut: list[Cut] = []
        self._refused: list[Refused] = []
        self._field: str | None = None
        self._text = bytearray()
        self._spare = at_most.FORM_BYTES
        self._spare_headers = at_most.FILE_HEADERS_BYTES
        self._late: MessageTooLongError | None = None
        self._file: str | None = None
        self._files = 0
        self._room = 0
        self._sink: FileSink | None = None

    def take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        """
        Raises:
            UploadError: this event ends the form.
        """
        if isinstance(event, (bytes, bytearray)):
            if self._file is None:
                self._add_text(event)
            else:
                self._add_bytes(event)
        elif event is None:
            if self._file is None:
                self._end_field()
            else:
                self._end_file()
        else:
            self._begin(event)

    def end(self) -> None:
        """
        Raises:
            TokenError: the form was empty.
            MessageTooLongError: its message was over the limit.
        """
        if TOKEN not in self._fields:
            raise TokenError("there is no token")
        self._require_fitting()

    def break_off(self, error: SourceAppError | None) -> None:
        """
        Abort the open file, if there is one, and note whether it was cut or refused.
        """
        sink, self._sink = self._sink, None
        wipe(self._text)
        if self._file is not None:
            reason = _REASONS.get(type(error)) if error else None
            if reason:
                self._refused.append(Refused(self._file, reason))
            elif self._file or sink:
                self._cut.append(Cut(self._file))
        if sink is not None:
            with contextlib.suppress(OSError):
                # A disk that failed may fail again here; the sweeper takes what is left, the page must still be made.
                sink.abort()

    def received(self) -> Received:
        """
        Returns:
            the outcome as it stands.
        """
        return Received(
            fields=MappingProxyType(dict(self._fields)),
            arrived=tuple(self._arrived),
            cut=tuple(self._cut),
            refused=tuple(self._refused),
        )

    def _begin(self, part: MultipartSegment) -> None:
        name = file_name(part)
        self._spend_headers(sum(len(header) + len(value) for header, value in part.headerlist), file=name is not None)
        if TOKEN not in self._fields and (part.name != TOKEN or name is not None):
            raise TokenError("the token does not come first")
        if (part.name == FILES) != (name is not None):
            raise BadFormError("a file where a field belongs, or a field where a file belongs")
        if name is not None:
            self._require_fitting()
        if name is None:
            if part.name not in FIELDS or part.name in self._fields:
                raise BadFormError("a field that our pages do not have, or twice")
            self._field = part.name
            self._text = bytearray()
        else:
            self._file = name
            self._room = self._limits.file
            if self._over:
                # Known from Content-Length, but said only now: the words before it are kept, and under the form's token the
                # outcome can wait for a browser that shows no answer before it has sent everything.
                raise self._over_limit("the form is over its limit")

    def _over_limit(self, said: str) -> UploadError:
        # Where room is scarce, a smaller file is no way on; words are.
        return NoRoomError(said) if self._limits.scarce else TooLargeError(said)

    def _add_text(self, piece: bytes | bytearray) -> None:
        self._text += piece
        if self._field == MESSAGE:
            if len(self._text) > at_most.MESSAGE_KEPT * self._limits.message:
                raise MessageTooLongError("the message is too long to be kept for its page")
            return
        self._spend(len(piece))
        if len(self._text) > at_most.FIELD_BYTES:
            raise BadFormError("a field is over its limit")

    def _spend(self, length: int) -> None:
        self._spare -= length
        if self._spare < 0:
            raise BadFormError("the fields and headers are over their limit together")

    def _spend_headers(self, length: int, *, file: bool) -> None:
        if not file:
            self._spend(length)
            return
        self._spare_headers -= length
        if self._spare_headers < 0:
            raise BadFormError("the headers of the files are over their limit together")

    def _end_field(self) -> None:
        name, self._field = self._field or "", None
        try:
            # A bad name must not cost the file (`filenames`).
            text = self._text.decode("utf-8", "replace" if name == NAME else "strict")
        except UnicodeDecodeError:
            raise BadFormError("a field is not UTF-8") from None
        too_long = name == MESSAGE and len(self._text) > self._limits.message
        wipe(self._text)
        self._text = bytearray()
        self._fields[name] = text
        if too_long:
            # Said when the fields behind it are read too: its page shows the whole form again.
            self._late = MessageTooLongError("the message is over its limit")
        # Neither it nor what follows it is handed on; all are among the fields of the outcome.
        if self._on_field is not None and self._late is None:
            self._on_field(name, text)

    def _require_fitting(self) -> None:
        if self._late is not None:
            raise self._late

    def _add_bytes(self, piece: bytes | bytearray) -> None:
        self._room -= len(piece)
        if self._room < 0:
            raise self._over_limit("a file is over its limit")
        self._opened().write(piece)

    def _end_file(self) -> None:
        # A browser sends a nameless, empty part when nothing was chosen.
        if self._file or self._sink:
            self._arrived.append(self._opened().finish())
        self._sink = None
        self._file = None

    def _opened(self) -> FileSink:
        if self._sink is None:
            # Counted here and not when its part begins: a field in which nothing was chosen sends a part that is no file.
            self._files += 1
            if self._files > at_most.FILES or depth(self._file or "") > at_most.DEPTH:
                raise TooManyError("more files, or deeper folders, than one form may bring")
            self._sink = self._open_file(MappingProxyType(self._fields), self._file or "")
        return self._sink
