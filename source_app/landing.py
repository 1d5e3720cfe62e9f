# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The two pages before anything is done: the choice of language, and what this place is.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from babel import Locale, UnknownLocaleError
from markupsafe import Markup

from source_app import render
from source_app.guidance import address, fingerprint
from source_app.languages import LANGUAGES, bare_in, chosen
from source_app.parts import parts
from source_app.refusals import closed_notice
from source_app.shelf import TOPICS

if TYPE_CHECKING:
    from flask import Response


def choose() -> Response:
    """GET: all languages, each in itself."""
    return render.page("choose", spoken=[(one, bare_in(one)) for one in LANGUAGES])


def show() -> Response:
    """GET: what this is, two ways in, what the operator says, who reads here, and all there is to read."""
    shelf, here = parts().shelf, chosen()
    return render.page(
        "landing",
        fingerprint=fingerprint(),
        notice=closed_notice(),
        welcome=shelf.welcome(here),
        readers=readers(parts().settings.languages_read),
        topics=[(address(topic), shelf.guide(topic, here)) for topic in TOPICS],
    )


@cache
def readers(tags: tuple[str, ...]) -> Markup:
    """
    Args:
        tags: of the languages that the reviewers read.

    Returns:
        their names, each in itself where the pages or the locale's own book of names know it, else the tag.
    """
    return Markup(", ").join(Markup('<bdi lang="%s">%s</bdi>') % (tag, _name(tag)) for tag in tags)


def _name(tag: str) -> str:
    ours = {language.tag: language.name for language in LANGUAGES}
    if tag in ours:
        return ours[tag]
    try:
        locale = Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        return tag
    return locale.get_display_name(locale) or tag
