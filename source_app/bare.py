# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Answers to requests that never reach a page: fixed bytes, in all languages, with the headers of every other answer.

Nothing of the request is in them: gunicorn's own error pages repeat it, and carry none of our headers.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from babel.support import Translations
from gunicorn.http.errors import (
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)

from source_app.headers import HEADERS
from source_app.languages import ENGLISH, LANGUAGES, TRANSLATIONS

BAD, LONG_ADDRESS, LONG_HEADERS, FAILED, BUSY = 400, 414, 431, 500, 503

_REASONS: Final = {
    BAD: "Bad Request",
    LONG_ADDRESS: "URI Too Long",
    LONG_HEADERS: "Request Header Fields Too Large",
    FAILED: "Internal Server Error",
    BUSY: "Service Unavailable",
}


def _(sentence: str) -> str:
    # Marks a sentence for the catalogues.
    return sentence


_NOT_OURS: Final = _("The request was not one that these pages make.")
_SAID: Final = {
    BAD: _NOT_OURS,
    LONG_ADDRESS: _NOT_OURS,
    LONG_HEADERS: _NOT_OURS,
    FAILED: _("Something went wrong on our side. Please try again."),
    BUSY: _(
        "Very many people are sending files at the moment. Nothing was stored. Please go back and try again in a few minutes."
    ),
}
#: For a circuit that holds as much as one may: the same status, and what can be done about it.
CROWDED: Final = _(
    "Too much comes from your browser at the same time. Nothing of this was stored. Please wait for the rest, then try again."
)


def status_of(error: BaseException) -> int:
    """
    Returns:
        the status for what gunicorn could not make a request of, or our app no answer.
    """
    if isinstance(error, LimitRequestLine):
        return LONG_ADDRESS
    if isinstance(error, LimitRequestHeaders):
        return LONG_HEADERS
    # Those two are about our own answers, though gunicorn counts them among the peer's faults.
    ours = isinstance(error, (InvalidResponseHeader, InvalidResponseHeaderName))
    return BAD if isinstance(error, ParseException) and not ours else FAILED


def bare(status: int, said: str | None = None) -> bytes:
    """
    Args:
        status: of the answer.
        said: in English, as it stands in the catalogues, if it is not what the status says by itself.

    Returns:
        a whole answer, after which the connection ends.
    """
    body = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{status}</title>{_everywhere(said or _SAID[status])}</html>\n'.encode()
    head = {
        "Connection": "close",
        "Content-Type": "text/html; charset=utf-8",
        "Content-Length": str(len(body)),
        **HEADERS,
    }
    lines = [f"HTTP/1.1 {status} {_REASONS[status]}", *(f"{name}: {value}" for name, value in head.items()), "", ""]
    return "\r\n".join(lines).encode("ascii") + body


@cache
def _everywhere(english: str) -> str:
    # The English stands first, so it is beside every draft. A language without the sentence has no line.
    said = {one: Translations.load(TRANSLATIONS, [one.locale]).gettext(english) for one in LANGUAGES}
    return "".join(
        f'<p lang="{one.tag}" dir="{one.direction}">{text}</p>'
        for one, text in said.items()
        if one is ENGLISH or text != english
    )
