# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The page of those who wait for their codename to be opened: it says how long, looks again by itself, and leads to the visit.

It derives nothing. What it shows is the place that a POST took in the line; the ticket of that place is in a cookie, sealed, of the same name and length
for everybody. The visit's id is made from the ticket, so that a second look is the same visit, and no look opens one that was left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import current_app, request

from source_app import render
from source_app.errors import TroubleError
from source_app.kdf import BusyError, LostError
from source_app.languages import chosen
from source_app.languages import translated as _
from source_app.parts import parts
from source_app.render import Way
from source_app.returning import opened
from source_app.session import EndedError
from source_app.storing import trouble_is_said
from source_app.visitors import keep_ticket, ticket_form, visit_is

if TYPE_CHECKING:
    from flask import Response

#: Seconds until the page looks again: as long as it takes, but not so long that somebody thinks it is dead.
LONGEST_LOOK: Final = 20


def show() -> Response:
    """GET: into the visit, if the codename was opened; else how long it will be."""
    form = ticket_form()
    if form is None:
        return _lost()
    try:
        with trouble_is_said():
            visit_is(opened(parts().derivations.fetch(form.id), visit=form.visit))
    except BusyError as error:
        keep_ticket(form.id)
        return _page(error.seconds)
    except TroubleError as error:
        # What was derived waits on; a store that fails in a crowd costs nobody their place.
        current_app.logger.error("%s: %s", request.endpoint, error)  # noqa: TRY400 - a trace could carry what a source sent
        return _page(LONGEST_LOOK)
    except (LostError, EndedError):
        keep_ticket(None)
        return _lost()
    return render.redirected("thread")


def _page(seconds: int) -> Response:
    response = render.page("waiting", elsewhere="waiting", seconds=seconds)
    # A header and not a script, which nobody here has. It names no address: the page's own is loaded again.
    response.headers["Refresh"] = str(min(seconds, LONGEST_LOOK))
    return response


def _lost() -> Response:
    return render.plain(
        403,
        _("Your place in the line is gone"),
        _("It was kept for some minutes only, or the server was started anew. Nothing is lost but the waiting."),
        _("Please type your codename once more."),
        ways=(Way(f"/{chosen().path}/return", _("I have a codename")),),
    )
