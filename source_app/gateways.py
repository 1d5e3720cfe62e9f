# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Visitors who come by something else than Tor: a gateway that carries the onion into the open web, or an address that is not the onion.

Whoever runs the gateway reads and can alter everything, and knows who asked. So nothing is taken from there, whatever the address: one page says why, in
all languages, with the onion as text to copy into Tor Browser. It stands before any form is read and any cookie is opened.

A gateway that hides itself is not seen: one that sends the onion's own name and no header of these looks like a browser. The page before the form says
to use Tor Browser.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import current_app, g, request

from source_app.languages import LANGUAGES, sentences
from source_app.parts import parts
from source_app.render import SHAPE, answered

if TYPE_CHECKING:
    from flask import Flask, Request, Response

#: What gateways and proxies add to what they pass on, and no browser sends. Header names, in small letters.
TRACES: Final = frozenset(
    {
        "cf-connecting-ip",
        "cf-ray",
        "forwarded",
        "true-client-ip",
        "via",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-forwarded",
        "x-forwarded-by",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-proto",
        "x-forwarded-scheme",
        "x-forwarded-server",
        "x-originating-ip",
        "x-real-ip",
        "x-tor2web",
    }
)
PREFIX: Final = "x-tor2web-"


def turn_away(app: Flask) -> None:
    """Answer whoever comes by a gateway before anything else looks at the request."""
    app.before_request(_answer)


def by_gateway(asked: Request, onion: str) -> bool:
    """
    Args:
        asked: the request.
        onion: the address of this service; empty if it is not known, and then the host is not looked at.

    Returns:
        whether it did not come straight from a browser at the onion.
    """
    if onion and asked.headers.get("Host", "").lower().removesuffix(":80") != onion:
        return True
    names = asked.environ
    return not _SPELLED.isdisjoint(names) or any(name.startswith(_SPELLED_PREFIX) for name in names)


def _spelled(name: str) -> str:
    return "HTTP_" + name.upper().replace("-", "_")


# As WSGI has them: every request is looked at, and few are turned away.
_SPELLED: Final = frozenset(map(_spelled, TRACES))
_SPELLED_PREFIX: Final = _spelled(PREFIX)


def _answer() -> Response | None:
    onion = parts().settings.onion
    # The styles of the page that says so are the same for everybody.
    if request.path.startswith("/static/") or not by_gateway(request, onion):
        return None
    # A visit that some browser has elsewhere is neither opened here nor written back.
    g.visit = None
    html = current_app.jinja_env.get_template("gateway.html").render(
        languages=[(one, sentences(one)) for one in LANGUAGES],
        organisation=parts().settings.organisation,
        onion=onion,
    )
    return answered(html, 403, SHAPE)
