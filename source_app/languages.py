# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The languages of the pages, and which one a request is in.

The language is the first part of the path, chosen by the source: never a cookie (it would outlive the page), never the
browser's word alone (Tor Browser says "en-US" for everybody). A path in no language is answered in English.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from flask import g, request
from flask_babel import Babel, force_locale, get_translations
from markupsafe import Markup

if TYPE_CHECKING:
    from gettext import NullTranslations

    from flask import Flask

TRANSLATIONS: Final = Path(__file__).parent / "translations"

RenderingForm: TypeAlias = Literal["words", "characters", "numbers"]


@dataclass(frozen=True, slots=True)
class Language:
    """
    One language of the pages.

    Args:
        path: the first part of its addresses.
        tag: BCP 47, for `lang`.
        locale: name of its catalogue.
        name: its name in itself.
        direction: `ltr` or `rtl`.
        form: the rendering of a codename that is shown first.
    """

    path: str
    tag: str
    locale: str
    name: str
    direction: Literal["ltr", "rtl"]
    form: RenderingForm


ENGLISH: Final = Language("en", "en", "en", "English", "ltr", "words")
CHINESE: Final = Language("zh-Hans", "zh-Hans", "zh_Hans", "简体中文", "ltr", "characters")
LANGUAGES: Final = (ENGLISH, CHINESE)
_BY_PATH: Final = {one.path: one for one in LANGUAGES}


def language_of(path: str) -> Language | None:
    """The language that a request's path names, or None."""
    return _BY_PATH.get(path[1:].partition("/")[0])


def chosen() -> Language:
    """The language to answer the present request in."""
    if "language" not in g:
        g.language = language_of(request.path) or ENGLISH
    language: Language = g.language
    return language


def translated(text: str, **values: object) -> str:
    """
    A sentence in the language of the request.

    Args:
        text: the sentence in English, as it stands in the catalogue.
        values: what its placeholders stand for.
    """
    said = _said(text)
    return said % values if values else said


def marked_up(text: str, **values: object) -> Markup:
    """The same for templates: the sentence stands as it is, the values are escaped."""
    return sentences(chosen())(text, **values)


@cache
def sentences(language: Language) -> Callable[..., Markup]:
    """
    `marked_up` in one language, for a page that asks dozens of times: each sentence is looked up once.

    Args:
        language: that of the request; what was looked up is kept for the next request in it.
    """
    known: dict[str, Markup] = {}

    def sentence(text: str, **values: object) -> Markup:
        found = known.get(text)
        if found is None:
            # Templates are ours, so are their sentences: the dictionary is as large as the catalogue.
            found = known[text] = Markup(_catalogue(language).gettext(text))  # noqa: S704 - a catalogue is our own text
        return found % values if values else found

    return sentence


def speak(app: Flask) -> None:
    """Give an app its catalogues."""
    Babel(
        app,
        default_locale=ENGLISH.locale,
        default_translation_directories=str(TRANSLATIONS),
        locale_selector=lambda: chosen().locale,
    )
    app.jinja_env.globals.update(_=marked_up)


def _said(text: str) -> str:
    said: str = _catalogue(chosen()).gettext(text)
    return said


def _catalogue(language: Language) -> NullTranslations:
    # Flask-Babel finds the catalogue anew for each sentence, and a page has dozens.
    found = _loaded.get(language.path)
    if found is None:
        with force_locale(language.locale):
            found = _loaded[language.path] = get_translations()
    return found


_loaded: dict[str, NullTranslations] = {}
