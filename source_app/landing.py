# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The two pages before anything is done: the choice of language, and what this place is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from source_app import render
from source_app.errors import ClosedError
from source_app.parts import parts
from source_app.refusals import closed_notice

if TYPE_CHECKING:
    from flask import Response


def choose() -> Response:
    """GET: both languages, in both scripts."""
    return render.page("choose")


def show() -> Response:
    """GET: what this is, two ways in, and what is not promised."""
    try:
        fingerprint = tuple(parts().intake.root().fingerprint.split())
    except ClosedError:
        fingerprint = ()
    return render.page("landing", fingerprint=fingerprint, notice=closed_notice())
