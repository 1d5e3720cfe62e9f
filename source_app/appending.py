# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Sending in parts: the page that gives out a slip, and the address where a shell brings parts under it.

`/parts` has no language and no page: it answers curl in one line of plain text, by words that `shell` knows.

    complete            every part of the set is there
    missing 3 7 9       the first parts that are not
    received 7          part 7 is stored
    later …             not now: wait and ask again
    refused slip        the slip counts no more, or is none
    refused file        what came is not that part of that set

A slip is good for these two questions alone: a form with any other field is refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from flask import current_app, make_response, request

from source_app import render, shell
from source_app.ended import again_page
from source_app.errors import (
    BadFormError,
    ClosedError,
    LeftError,
    NoSpaceError,
    SendAgainError,
    SourceAppError,
    TokenError,
    TooLargeError,
    TroubleError,
    UploadError,
)
from source_app.filenames import shorten
from source_app.headers import require_own_page
from source_app.languages import chosen
from source_app.limits import SLIP_DAYS
from source_app.parts import parts
from source_app.posted import read_post
from source_app.refusals import left_page, trouble_page
from source_app.session import Kind
from source_app.sets import MOST_PARTS, Set, number_of
from source_app.slip import Slip, make_slip, open_slip
from source_app.storing import trouble_is_said
from source_app.upload import NAME, TOKEN, FileSink, receive
from source_app.visitors import visiting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Response

SET, SIZE, PART = "set", "size", "part"
_ASKING: Final = frozenset({TOKEN, SET, SIZE})
_BRINGING: Final = _ASKING | {PART, NAME}
_WORDS: Final[tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...]] = (
    ((TokenError, LeftError), "refused slip"),
    ((BadFormError, TooLargeError), "refused file"),
    (NoSpaceError, "later room"),
    (ClosedError, "later closed"),
    (SendAgainError, "later again"),
)


def give() -> Response:
    """POST: a slip, and what to do with it. The same form shows the same one again."""
    posted = read_post(Kind.VISIT)
    session = visiting()
    if posted.form is None or session is None:
        return posted.answer(again_page(posted))
    if posted.error is not None:
        return posted.answer(trouble_page(posted.error))
    try:
        with trouble_is_said():
            slip = make_slip(session, posted.form, chosen().tag)
            pasted = shell.function(host=request.host, slip=slip, step=parts().settings.part_bytes)
    except LeftError:
        return left_page()
    except UploadError as error:
        posted.failed(error)
        return trouble_page(error)
    return render.page("slip", function=pasted, days=SLIP_DAYS, size=render.size(parts().settings.part_bytes))


def take() -> Response:
    """POST: a part, or the question which parts are there."""
    require_own_page(request)
    settings = parts().settings
    taking = _Taking()
    try:
        with trouble_is_said():
            receive(
                request.environ["wsgi.input"],
                request.headers.get("Content-Type", ""),
                request.content_length,
                # Room is looked for when the slip has named its thread (`sealed_file`).
                limits=replace(settings.limits, file=settings.part_bytes),
                open_file=taking.file,
                on_field=taking.field,
            )
            return _line(200, taking.answer())
    except SourceAppError as error:
        said = _said(error)
        return _line(400 if said.startswith("refused") else 503, said)


def _said(error: SourceAppError) -> str:
    if isinstance(error, TroubleError):
        # The class alone: a message could carry what a source sent.
        current_app.logger.error("%s: %s", request.endpoint, error)
    return next((word for kinds, word in _WORDS if isinstance(error, kinds)), "later trouble")


def _line(status: int, said: str) -> Response:
    response = make_response(f"{said}\n", status)
    response.headers["Content-Type"] = "text/plain; charset=utf-8"
    return response


class _Taking:
    """What `/parts` does with the fields of its form, in the order they come."""

    def __init__(self) -> None:
        self._slip: Slip | None = None
        self._fields: dict[str, str] = {}
        self._part: int | None = None

    def field(self, name: str, text: str) -> None:
        """
        Raises:
            TokenError: the slip counts no more.
            BadFormError: a field that has no business here.
        """
        if name not in _BRINGING:
            raise BadFormError("a slip is not good for that")
        if name == TOKEN:
            with trouble_is_said():
                self._slip = open_slip(text)
        else:
            self._fields[name] = text

    def file(self, _fields: Mapping[str, str], _name: str) -> FileSink:
        """
        Raises:
            BadFormError: there is no such part, or a second file.
            ClosedError, NoSpaceError: nothing is begun.
        """
        if self._part is not None or self._fields.keys() | {TOKEN} != _BRINGING:
            raise BadFormError("a part has a number and a name, and comes alone")
        whole = self._set()
        self._part = number_of(self._fields[PART], MOST_PARTS)
        with trouble_is_said():
            return whole.submission().part(shorten(self._fields[NAME]), whole.part(self._part))

    def answer(self) -> str:
        """
        What is said when the form is whole.

        Raises:
            BadFormError: it is neither a part nor a question.
        """
        if self._part is not None:
            return f"received {self._part}"
        if self._fields.keys() | {TOKEN} != _ASKING:
            raise BadFormError("neither a part nor a question")
        missing = self._set().missing()
        return " ".join(("missing", *map(str, missing))) if missing else "complete"

    def _set(self) -> Set:
        if self._slip is None:
            raise TokenError("the slip comes first")
        step = parts().settings.part_bytes
        return Set.of_text(self._slip, self._fields[SET], self._fields[SIZE], step=step)
