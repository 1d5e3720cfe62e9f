# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What a source is told when something was not taken: a status, plain sentences, a way on, in the language of the page.

One sentence for each thing a source can do about it. No trace, no name of a class, nothing of what was sent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from flask import current_app, request
from flask.logging import default_handler
from werkzeug.exceptions import HTTPException

from source_app import render
from source_app.answers import TAXONOMY
from source_app.errors import (
    AnswerError,
    BadFormError,
    ClosedError,
    DisconnectedError,
    LeftError,
    MessageTooLongError,
    NoRoomError,
    NoSpaceError,
    SendAgainError,
    TokenError,
    TooLargeError,
    TooManyError,
    TroubleError,
    UploadError,
)
from source_app.headers import ForeignError
from source_app.kdf import BusyError
from source_app.languages import chosen, foreign
from source_app.languages import translated as _
from source_app.limits import DEPTH, FILES
from source_app.parts import parts
from source_app.session import EndedError
from source_app.visitors import visit_is
from store.errors import OverloadedError, StoreError

if TYPE_CHECKING:
    from flask import Flask, Response

Trouble: TypeAlias = UploadError | ClosedError | BusyError | EndedError | OverloadedError


def status_of(error: Trouble) -> int:
    """The HTTP status of a refusal."""
    if isinstance(error, (TooLargeError, TooManyError, MessageTooLongError, AnswerError)):
        return 413
    if isinstance(error, TroubleError):
        return 500
    if isinstance(error, (ClosedError, BusyError, OverloadedError, NoSpaceError, SendAgainError)):
        return 503
    return 403 if isinstance(error, (EndedError, LeftError, TokenError)) else 400


def said_of(error: Trouble) -> tuple[str, ...]:
    """What happened and what can be done, in sentences."""
    if isinstance(error, BusyError):
        return _busy(error)
    if isinstance(error, AnswerError):
        return _unfit(error)
    for kinds, say in _SAID:
        if isinstance(error, kinds):
            return say()
    return (_("The form did not arrive as it should have. Nothing was taken from it."),)


def arrived_of(error: Trouble) -> tuple[str, ...]:
    """The same where something of the form did arrive."""
    if isinstance(error, BadFormError):
        return (_("The form did not arrive as it should have. What is listed as received is safe."),)
    return said_of(error)


def kept_of(error: Trouble, text: str) -> tuple[str, ...]:
    """What became of the words of a refused message, where the sentences of `said_of` leave it open."""
    if not isinstance(error, MessageTooLongError):
        return ()
    if text:
        return (_("Your text still stands below."),)
    return (_("It was too long to be shown here again. Your browser may still have it if you go back one page."),)


def _unfit(error: AnswerError) -> tuple[str, ...]:
    label = foreign(TAXONOMY.label(error.name, chosen().tag))
    if error.most:
        return (
            _(
                "“%(label)s” takes at most %(count)s characters. Nothing was stored. Everything you wrote still stands below.",
                label=label,
                count=error.most,
            ),
        )
    return (
        _(
            "“%(label)s” held signs that cannot be read. They are taken out below. Nothing was stored yet: please look at it, and send it again.",
            label=label,
        ),
    )


def _too_large() -> tuple[str, ...]:
    return (
        _("That was too large: at most %(size)s can be sent at a time.", size=render.size(parts().settings.file_bytes)),
        _("Nothing is kept of a file that is too large. What is listed as received is safe."),
    )


def _too_many() -> tuple[str, ...]:
    most = {"count": f"{FILES:,}", "depth": DEPTH}
    return (
        _("That was more than %(count)s files at a time, or more than %(depth)s folders in one another.", **most),
        _("What is listed as received is safe. Please send the folder as one archive."),
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


def _no_room() -> tuple[str, ...]:
    return (
        _(
            "There is no more room for files on this server at the moment. What is not listed as received was not stored."
        ),
        _(
            "Words still get through. Send words first: say what you have and how large it is. We will make room for you, and tell you so where you read our answers."
        ),
    )


def _closed() -> tuple[str, ...]:
    return (
        _("We are temporarily closed: at the moment nobody could read what you send, so nothing was taken."),
        _("Please try again later."),
    )


def closed_notice() -> tuple[str, ...]:
    """What a page says before anybody writes, if nothing would be taken now."""
    if not parts().intake.closed():
        return ()
    return (
        _("We are temporarily closed: at the moment nobody could read what you send, so nothing is taken."),
        _("Please try again later."),
    )


def _crowded() -> tuple[str, ...]:
    return (_("Very many people are here at the moment. Nothing was stored. Please try again in a few minutes."),)


def _busy(error: BusyError) -> tuple[str, ...]:
    if error.kept:
        return (
            _("Very many people are here at the moment, and nothing was stored yet. Your place in the line is kept."),
            _("Please press the button again in about %(count)s seconds.", count=error.seconds),
        )
    return (
        _("Very many people are here at the moment, and there was no place in the line. Nothing was stored."),
        _("Please try again in about %(count)s seconds.", count=error.seconds),
    )


def _again() -> tuple[str, ...]:
    return (_("What you sent could not be kept. Please send it once more."),)


def _left() -> tuple[str, ...]:
    return (
        _("This visit was ended, or everything under its codename was deleted, while this was on its way."),
        _("What had not arrived before that was not kept."),
    )


def _trouble() -> tuple[str, ...]:
    return (
        _("Something went wrong on our side. What is listed as received is safe."),
        _("Of anything else you sent just now we do not know whether it was stored. Please send it again."),
    )


def _broken_off() -> tuple[str, ...]:
    return (_("The connection broke off. What is not listed as received was not stored. Please send it again."),)


def _ended() -> tuple[str, ...]:
    return (_("The page had lain open too long, or the server was started anew. Nothing was sent just now."),)


_SAID: Final[tuple[tuple[type[Exception] | tuple[type[Exception], ...], Callable[[], tuple[str, ...]]], ...]] = (
    (TooLargeError, _too_large),
    (TooManyError, _too_many),
    (MessageTooLongError, _too_long),
    (NoRoomError, _no_room),
    (NoSpaceError, _no_space),
    (ClosedError, _closed),
    (OverloadedError, _crowded),
    (SendAgainError, _again),
    (LeftError, _left),
    (TroubleError, _trouble),
    (DisconnectedError, _broken_off),
    ((EndedError, TokenError), _ended),
)


def trouble_page(error: Trouble) -> Response:
    """A page for a form that brought nothing worth showing again."""
    heading = _("Temporarily closed") if isinstance(error, ClosedError) else _("That did not work")
    return render.plain(status_of(error), heading, *said_of(error))


def left_page() -> Response:
    """A page for what was on its way when its visit was ended elsewhere: it shows nothing of the visit."""
    visit_is(None)
    return trouble_page(LeftError())


def answer_errors(app: Flask) -> None:
    """Give an app its error pages, and its log lines without the time: one that dates a failure dates a visit."""
    default_handler.setFormatter(logging.Formatter("%(levelname)s in %(module)s: %(message)s"))
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(ForeignError, _foreign)
    app.register_error_handler(StoreError, _failed)
    app.register_error_handler(Exception, _failed)
    for refused in (BadFormError, ClosedError, BusyError, EndedError, OverloadedError):
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
            "If you sent something just now, we do not know whether all of it was stored: please send it again. What was shown to you as received is safe."
        ),
    )
