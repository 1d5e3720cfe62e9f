# SPDX-License-Identifier: AGPL-3.0-or-later
"""
How the server is: the one page that operators have, and the same in JSON for their machines.

`guard` keeps operators from every other page, and everybody else from theirs. `/watch` needs no login, and answers to a watch key alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from flask import Blueprint, Response, render_template, request
from markupsafe import escape

from journalist_app.desk.errors import MissingPageError
from journalist_app.desk.health import Health, look, span
from journalist_app.desk.parts import parts
from journalist_app.desk.report import Finding
from journalist_app.desk.watch_keys import opens

blueprint = Blueprint("operating", __name__)

# No page of the desk is larger than 64 KiB: so much of it is for findings, each with its tags.
ROOM: Final = 56 << 10
TAGS: Final = 320


@blueprint.get("/health")
def show() -> str:
    """
    The colour, what is wrong, and, folded away, what is well.
    """
    health = _look()
    shown = fitting(health.findings)
    return render_template(
        "operating.html",
        health=health,
        ago=None if health.age is None else span(health.age),
        wrong=[one for one in shown if not one.ok],
        well=[one for one in shown if one.ok],
        left=len(health.findings) - len(shown),
    )


@blueprint.get("/watch")
def watch() -> Response:
    """
    The same for an operator's machine.

    Raises:
        MissingPageError: The request carries no watch key of this server, for whatever reason.
    """
    if not opens(parts().settings.watch_keys, request.headers.get("Authorization", "")):
        raise MissingPageError
    return Response(_look().encode(), content_type="application/json")


def fitting(findings: Sequence[Finding]) -> Sequence[Finding]:
    """
    As many of the findings, from the first, as a page holds.
    """
    room = ROOM
    for number, one in enumerate(findings):
        room -= TAGS + sum(len(escape(text).encode()) for text in (one.what, one.seen, one.why, one.fix))
        if room < 0:
            return findings[:number]
    return findings


def _look() -> Health:
    return look(parts().settings.doctor, parts().clock())
