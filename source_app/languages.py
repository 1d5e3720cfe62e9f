# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The languages of the pages, and which one a request is in.

The language is the first part of the path, chosen by the source: never a cookie (it would outlive the page), never the
browser's word (Tor Browser says "en-US" for everybody). A path in no language is answered in English.

A language is complete or a draft. What a draft says was not checked by anybody who grew up with it, and a wrong word about safety is dangerous: so each of
its sentences stands with the English beside it, and where it has none the English stands alone. A sentence is Markup, its values escaped: it can
stand wherever text can. Attributes, and values of other sentences, take `bare`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from flask import g, has_app_context, request
from flask_babel import Babel, force_locale, get_translations
from markupsafe import Markup, escape

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
        complete: whether every sentence is translated, and stands alone; else it is a draft, with the English beside it.
    """

    path: str
    tag: str
    locale: str
    name: str
    direction: Literal["ltr", "rtl"]
    form: RenderingForm
    complete: bool


ENGLISH: Final = Language("en", "en", "en", "English", "ltr", "words", complete=True)
LANGUAGES: Final = (
    ENGLISH,
    Language("zh-Hans", "zh-Hans", "zh_Hans", "简体中文", "ltr", "characters", complete=True),
    Language("zh-Hant", "zh-Hant", "zh_Hant", "繁體中文", "ltr", "characters", complete=True),
    Language("ug", "ug", "ug", "ئۇيغۇرچە", "rtl", "numbers", complete=False),
    Language("bo", "bo", "bo", "བོད་ཡིག", "ltr", "numbers", complete=False),
    Language("kk", "kk", "kk", "Қазақша", "ltr", "numbers", complete=False),
    Language("mn", "mn", "mn", "Монгол", "ltr", "numbers", complete=False),
)
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


def translated(text: str, **values: object) -> Markup:
    """
    A sentence in the language of the request, with the English beside it in a draft.

    Args:
        text: the sentence in English, as it stands in the catalogue.
        values: what its placeholders stand for; what is no Markup is escaped.
    """
    return sentences(chosen())(text, **values)


def bare(text: str, **values: object) -> str:
    """
    The same as plain text and without anything beside it, for an attribute or for a value of another sentence.

    Args:
        text: the sentence in English, as it stands in the catalogue.
        values: what its placeholders stand for.
    """
    said = bare_in(chosen())(text)
    return said % values if values else said


def bare_in(language: Language) -> Callable[[str], str]:
    """`bare` in one language, without values, for a page of several."""
    return _catalogue(language).gettext


def foreign(text: str) -> Markup:
    """Text of somebody else's, as a value of a sentence: whichever way it runs, the sentence around it keeps its order."""
    return Markup('<bdi dir="auto">%s</bdi>') % text


@cache
def sentences(language: Language) -> Callable[..., Markup]:
    """
    `translated` in one language, for a page that asks dozens of times: each sentence is looked up once.

    Args:
        language: that of the request; what was looked up is kept for the next request in it.
    """
    known: dict[str, Markup] = {}

    def sentence(text: str, **values: object) -> Markup:
        found = known.get(text)
        if found is None:
            # Templates are ours, so are their sentences: the dictionary is as large as the catalogue.
            found = known[text] = _with_english(language, text)
        return found % values if values else found

    return sentence


def _with_english(language: Language, text: str) -> Markup:
    # A catalogue is our own text; a test holds it free of markup.
    return with_english(language, Markup(_catalogue(language).gettext(text)), Markup(text))  # noqa: S704


def with_english(language: Language, said: str, english: str) -> Markup:
    """
    Text in a language as a page of it shows it: with the English beside it in a draft.

    Args:
        language: of the page.
        said: the text; what is no Markup is escaped, here and in `english`.
        english: the same in English.
    """
    said, english = escape(said), escape(english)
    if language.complete:
        return said
    if said == english:
        return Markup('<span lang="en" dir="ltr">') + english + Markup("</span>")
    return said + Markup(' <span class="beside" lang="en" dir="ltr">') + english + Markup("</span>")


def speak(app: Flask) -> None:
    """Give an app its catalogues."""
    Babel(
        app,
        default_locale=ENGLISH.locale,
        default_translation_directories=str(TRANSLATIONS),
        locale_selector=lambda: chosen().locale,
    )
    app.jinja_env.globals["bare"] = bare


def _catalogue(language: Language) -> NullTranslations:
    # Flask-Babel finds the catalogue anew for each sentence, and a page has dozens.
    found = _loaded.get(language.path)
    if found is None:
        if not has_app_context():
            # It would be an empty one, and be kept: every page would be in English from then on.
            raise RuntimeError("a catalogue is asked for outside of an app")
        with force_locale(language.locale):
            found = _loaded[language.path] = get_translations()
    return found


_loaded: dict[str, NullTranslations] = {}
