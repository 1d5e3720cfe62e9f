# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A posted form with files, read as a stream: named fields first, then files, nothing spooled.

`request.form` and `request.files` are never touched on such a form: they would write files to a disk that is not ours
to choose. It refuses fields out of order, unknown ones, a wrong token before any file, and more bytes than allowed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Protocol

from flask import Request, Response, after_this_request
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from journalist_app.desk.errors import UploadError
from journalist_app.desk.sessions import Session

MAX_FIELD = 1_024
MAX_HEADER = 4_096
READ = 1 << 16
# A refused body is read to its end after the answer, within these bounds: someone may pick a batch for an outbox.
DRAIN = 5 << 30
DRAIN_SECONDS = 600.0


class Body(Protocol):
    """
    What the web server gives.
    """

    def read(self, size: int, /) -> bytes:
        """
        Up to so many bytes.
        """
        ...


class Upload:
    """
    One form, while it arrives.

    Args:
        request: The request; its body must not have been touched.
        session: Whose token the first field must carry.
        fields: The names of the fields after the token, in order.
        limit: The most bytes the whole body may have.
        files: The most files.

    Raises:
        UploadError: It is not such a form, or longer than allowed.
        FormError: The token is another's.
    """

    def __init__(
        self, request: Request, session: Session, *, fields: Sequence[str] = (), limit: int, files: int = 1
    ) -> None:
        self._stream: Body = request.environ["wsgi.input"]
        length = request.content_length
        self._left = length or 0
        after_this_request(self._answer_first)
        if length is None or length > limit:
            raise UploadError(f"the upload must say its length, at most {limit} bytes")
        kind, options = parse_options_header(request.headers.get("Content-Type", ""))
        boundary = options.get("boundary", "")
        if kind != "multipart/form-data" or not boundary or len(boundary) > 200:
            raise UploadError("this is not a form with a file")
        self.fields: dict[str, str] = {}
        self._parser = PushMultipartParser(
            boundary, max_header_size=MAX_HEADER, max_segment_count=len(fields) + 2 + files
        )
        self._events = self._parse()
        self._rest = b""
        self._file = False
        self._files = files
        session.require_token(self._field("token"))
        for name in fields:
            self.fields[name] = self._field(name)

    def next_file(self) -> bool:
        """
        Go to the next file, past what is left of the current one.

        Returns:
            Whether there is one.

        Raises:
            UploadError: Something other than a file follows, or the form is cut.
        """
        while self.read(READ):
            pass
        segment = next(self._events, None)
        if segment is None:
            return False
        if not isinstance(segment, MultipartSegment) or segment.name != "file":
            raise UploadError("something other than a file follows")
        self._file = True
        return True

    def read(self, size: int, /) -> bytes:
        """
        Up to so many bytes of the current file; nothing at its end.

        Raises:
            UploadError: The form is cut or damaged.
        """
        if not self._rest and self._file:
            self._rest = self._content()
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece

    def _answer_first(self, response: Response) -> Response:
        response.call_on_close(self._drain)
        return response

    def _drain(self) -> None:
        # Browsers show the page of a refusal only when they were rid of their whole body; they get the page first.
        left = min(self._left, DRAIN)
        end = time.monotonic() + DRAIN_SECONDS
        while left > 0 and time.monotonic() < end:
            piece = self._stream.read(min(READ, left))
            if not piece:
                return
            left -= len(piece)
            self._left -= len(piece)

    def _content(self) -> bytes:
        event = next(self._events, None)
        if isinstance(event, MultipartSegment):
            raise UploadError("the form is damaged")
        if event is None:
            self._file = False
            self._files -= 1
            # Before anything is done with the last file, the form must have ended too.
            if self._files == 0 and next(self._events, None) is not None:
                raise UploadError("something follows after the last file")
            return b""
        return bytes(event)

    def _field(self, name: str) -> str:
        segment = next(self._events, None)
        if not isinstance(segment, MultipartSegment) or segment.name != name:
            raise UploadError(f"the form does not begin with its fields: {name} is missing")
        value = b""
        while (event := next(self._events, None)) is not None:
            value += event if isinstance(event, bytes | bytearray) else b""
            if len(value) > MAX_FIELD:
                raise UploadError(f"the field {name} is too long")
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise UploadError(f"the field {name} is not text") from None

    def _parse(self) -> Iterator[MultipartSegment | bytes | bytearray | None]:
        try:
            while not self._parser.closed:
                piece = self._stream.read(min(READ, self._left)) if self._left else b""
                self._left -= len(piece)
                # An empty piece tells the parser that nothing follows; a form that is not finished is refused then.
                yield from self._parser.parse(piece)
        except MultipartError:
            raise UploadError("the form is cut or damaged") from None
