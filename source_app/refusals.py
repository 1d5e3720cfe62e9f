# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What a source is told when something was not taken: a status, plain sentences, a way on, in the language of the page.

One sentence for each thing a source can do about it. No trace, no name of a class, nothing of what was sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from flask import current_app, request
from werkzeug.exceptions import HTTPException

from source_app import render
from source_app.errors import (
    BadFormError,
    ClosedError,
    DisconnectedError,
    MessageTooLongError,
    NoSpaceError,
    SendAgainError,
    TokenError,
    TooLargeError,
    UploadError,
)
from source_app.headers import ForeignError
from source_app.kdf import BusyError
from source_app.languages import translated as _
from source_app.session import EndedError
from store.errors import StoreError

if TYPE_CHECKING:
    from flask import Flask, Response

Trouble: TypeAlias = UploadError | ClosedError | BusyError | EndedError


def status_of(error: Trouble) -> int:
    """The HTTP status of a refusal."""
    if isinstance(error, (TooLargeError, MessageTooLongError)):
        return 413
    if isinstance(error, (ClosedError, BusyError, NoSpaceError, SendAgainError)):
        return 503
    return 403 if isinstance(error, (EndedError, TokenError)) else 400


def said_of(error: Trouble) -> tuple[str, ...]:
    """What happened and what can be done, in sentences."""
    for kinds, say in _SAID:
        if isinstance(error, kinds):
            return say()
    return (_("The form did not arrive as it should have. Nothing was taken from it."),)


def _too_large() -> tuple[str, ...]:
    return (
        _("That was too large: at most %(size)s can be sent at a time.", size=render.file_limit()),
        _("Nothing is kept of a file that is too large. What stands below as received is safe."),
    )


def _too_long() -> tuple[str, ...]:
    return (
        _("The message was longer than %(count)s characters. Nothing of it was stored.", count=render.characters()),
        _("Please send it in several messages, or as a file."),
    )


def _no_space() -> tuple[str, ...]:
    return (
        _("There is no more room on this server at the moment. What is not listed as received was not stored."),
        _("Please try again in some hours. Short messages often still find room."),
    )


def _closed() -> tuple[str, ...]:
    return (_("At the moment nobody could read what you send, so nothing was taken. Please try again later."),)


def _busy() -> tuple[str, ...]:
    return (_("Very many people are here at the moment. Nothing was stored. Please try again in a few minutes."),)


def _again() -> tuple[str, ...]:
    return (_("What you sent could not be kept. Please send it once more."),)


def _broken_off() -> tuple[str, ...]:
    return (_("The connection broke off. What is not listed as received was not stored. Please send it again."),)


def _ended() -> tuple[str, ...]:
    return (_("The page had lain open too long, or the server was started anew. Nothing was sent just now."),)


_SAID: Final[tuple[tuple[type[Exception] | tuple[type[Exception], ...], Callable[[], tuple[str, ...]]], ...]] = (
    (TooLargeError, _too_large),
    (MessageTooLongError, _too_long),
    (NoSpaceError, _no_space),
    (ClosedError, _closed),
    (BusyError, _busy),
    (SendAgainError, _again),
    (DisconnectedError, _broken_off),
    ((EndedError, TokenError), _ended),
)


def trouble_page(error: Trouble) -> Response:
    """A page for a form that brought nothing worth showing again."""
    return render.plain(status_of(error), _("That did not work"), *said_of(error))


def answer_errors(app: Flask) -> None:
    """Give an app its error pages."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(ForeignError, _foreign)
    app.register_error_handler(StoreError, _failed)
    app.register_error_handler(Exception, _failed)
    for refused in (BadFormError, ClosedError, BusyError, EndedError):
        app.register_error_handler(refused, trouble_page)


def _http(error: HTTPException) -> Response:
    code = error.code or 500
    if code == 404:
        return render.plain(404, _("There is no such page"), _("The address may have been shortened or mistyped."))
    if code == 405:
        response = render.plain(405, _("This page cannot be opened like that"), _("Please begin again from here."))
        response.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", None) or ["GET"]))
        return response
    if code >= 500:
        return _failed(error)
    return render.plain(code, _("That did not work"), _("The request was not one that these pages make."))


def _foreign(_error: ForeignError) -> Response:
    return render.plain(
        403,
        _("This was sent from another website"),
        _(
            "Nothing was taken. Forms are accepted only from these pages. If you did not send anything, close the other website."
        ),
    )


def _failed(error: Exception) -> Response:
    # The class alone: a message could carry what a source sent.
    current_app.logger.error("%s: %s", request.endpoint, type(error).__name__)
    return render.plain(
        500,
        _("Something went wrong on our side"),
        _(
            "What was not acknowledged as received was not stored. Please try again; nothing that was received before is lost."
        ),
    )
