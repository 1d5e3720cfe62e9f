# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Pages that explain and ask nothing: the guidance, and what proving authorship costs.

They are the same with and without a visit, so that having opened one says nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from source_app import render
from source_app.errors import ClosedError
from source_app.languages import chosen
from source_app.parts import parts
from source_app.recipients import ADDRESS
from source_app.shelf import TOPICS

if TYPE_CHECKING:
    from flask import Response


def address(topic: str) -> str:
    """Where a topic's page is, within a language."""
    return f"guidance/{topic}"


def show(topic: str) -> Response:
    """
    GET: one guidance text, its day, and where there is more.

    Args:
        topic: one of `TOPICS`.
    """
    shelf, here = parts().shelf, chosen()
    return render.page(
        "guidance",
        elsewhere=address(topic),
        topic=topic,
        guide=shelf.guide(topic, here),
        others=[(address(one), shelf.guide(one, here)) for one in TOPICS if one != topic],
        keys=keys() if topic == "seal" else (),
        fingerprint=fingerprint() if topic == "fingerprint" else (),
    )


def keys() -> tuple[str, ...]:
    """The addresses of the files with our keys that there are."""
    return (ADDRESS, *(f"/{name}" for name in parts().own.keys))


def fingerprint() -> tuple[str, ...]:
    """The groups of digits of our fingerprint; none if no root is installed."""
    try:
        return tuple(parts().intake.root().fingerprint.split())
    except ClosedError:
        return ()


def authorship() -> Response:
    """GET: giving up a codename on purpose."""
    return render.page("authorship", elsewhere="authorship")
