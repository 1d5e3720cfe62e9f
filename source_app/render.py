# SPDX-License-Identifier: AGPL-3.0-or-later
"""
How a page is made: its template, what every page shows, and its size.

Whoever counts the bytes of an answer learns how many times SHAPE it holds, and no page of ours needs more than one, but for text that is
kept after a refusal, and the answers beside it. They are padded by themselves, so that the sum tells nothing of what else stands on their page. The padding is spaces behind
the page: no browser shows them, and nothing on the way compresses an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flask import Response
from markupsafe import escape

from source_app import pages
from source_app.languages import chosen
from source_app.languages import translated as _
from source_app.limits import GIB, KIB, MIB
from source_app.parts import parts
from source_app.visitors import fresh_token, visiting

#: Every page is padded to a multiple of this, and the frame that has a list; the small frames inside a page to a multiple of FRAME.
SHAPE: Final = 32 * KIB
FRAME: Final = 4 * KIB
#: Of a redirect, the address and the body together.
REDIRECT: Final = 64

_UNITS: Final = ((GIB, "GB"), (MIB, "MB"), (KIB, "KB"))


@dataclass(frozen=True, slots=True)
class Way:
    """
    One way on from a page.

    Args:
        address: where it leads.
        label: what it says.
    """

    address: str
    label: str


def page(template: str, status: int = 200, *, kept: int = 0, **shown: object) -> Response:
    """
    Make a page in the language of the request.

    Args:
        template: its name, without `.html`.
        status: the HTTP status.
        kept: how many bytes of the page are answers that are kept of a refused form.
        shown: what the template shows; `token` for a page whose forms are not of this visit, `text` for the message that is kept.
    """
    return _made(template, status, SHAPE, shown, kept)


def frame(template: str, status: int = 200, **shown: object) -> Response:
    """
    Make what a page shows in a frame of its own; the same as a page, but small.

    Args:
        template: its name, without `.html`.
        status: the HTTP status.
        shown: what the template shows.
    """
    return _made(template, status, FRAME, shown)


def _made(template: str, status: int, shape: int, shown: dict[str, object], kept: int = 0) -> Response:
    session = visiting()
    shown.setdefault("elsewhere", "")
    shown.setdefault("notice", ())
    if "token" not in shown and session is not None:
        shown["token"] = fresh_token()
    html = pages.template(template, chosen()).render(
        organisation=parts().settings.organisation,
        session=session is not None,
        **shown,
    )
    return answered(html, status, shape, kept=kept + len(escape(str(shown.get("text", ""))).encode()))


def answered(html: str, status: int, shape: int, *, kept: int = 0) -> Response:
    """
    HTML as an answer of whole shapes.

    Args:
        html: the page.
        status: the HTTP status.
        shape: what its size is a multiple of.
        kept: how many bytes of it are what is kept of a refused form.
    """
    raw = html.encode()
    padding = b" " * ((kept - len(raw)) % shape + -kept % shape)
    return Response(raw + padding, status, content_type="text/html; charset=utf-8")


def redirected(name: str) -> Response:
    """
    To another page of this language, by GET: a POST that was taken leaves no request with its contents in the browser's history.
    """
    address = f"/{chosen().path}/{name}"
    # Where it leads is not to be told from its length.
    return Response(b" " * (REDIRECT - len(address)), 303, {"Location": address})


def plain(status: int, heading: str, *lines: str, ways: tuple[Way, ...] = ()) -> Response:
    """A page that says something and shows a way on."""
    return page("plain", status, heading=heading, lines=lines, ways=ways or ways_on())


def ways_on() -> tuple[Way, ...]:
    """Where a page leads when there is nothing better: into the visit, or to its two beginnings."""
    path = chosen().path
    if visiting() is not None:
        return (Way(f"/{path}/received", _("Back to your visit")), Way(f"/{path}/thread", _("Answers")))
    return (Way(f"/{path}/write", _("Write to us")), Way(f"/{path}/return", _("I have a codename")))


def size(length: int) -> str:
    """A length as people read it: three digits, in the units file managers show."""
    unit, name = next((one for one in _UNITS if length >= one[0]), (1, "B"))
    said = f"{length / unit:.3g} {name}" if length < 999.5 * unit else f"{length // unit} {name}"
    # Within a sentence that runs right to left, number and unit would change places.
    return f"\u2066{said}\u2069" if chosen().direction == "rtl" else said


def file_limit() -> str:
    """
    The limit that stands beside a file field: what is set, or what there is room for under a codename never used; empty if there is none.

    It is the same for every visit: of its own thread, accepted or full, no page tells.
    """
    found = parts().intake.space.shown(parts().settings.limits).file
    return size(found) if found else ""


def characters() -> str:
    """The limit that stands beside a message field."""
    return f"{parts().settings.message_bytes // 4:,}"
