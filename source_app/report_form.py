# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The questions of a form as a page shows them: two in sight, the rest folded, and whatever was written before still in its place.

Promises: nothing is chosen beforehand but "rather not say"; a fold that holds an answer is open; what of a form's size comes from answers is
known, so that the page can hide it (`render`). A form with nothing in it is made once for each language.
Leaves to others: what may be answered (`answers`), the rest of the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Final

from markupsafe import Markup

from crypto.report import CONTROL, TEXTS
from source_app import pages
from source_app.answers import ABOUT, BEHAVIOURS, CHOSEN, CONSENT, HOW, NAMES, TAXONOMY, UNSAID, WRITTEN, tidy
from source_app.languages import Language, chosen, with_english
from source_app.upload import MESSAGE

#: Asked in sight; the rest of the questions is folded below them.
_IN_SIGHT: Final = frozenset({"danger", CONSENT})


@dataclass(frozen=True, slots=True)
class Asked:
    """
    The questions, for a page's form.

    Args:
        html: the fields.
        kept: how many bytes of them come from answers.
    """

    html: Markup
    kept: int


def asked(fields: Mapping[str, str] | None = None, *, whole: bool = True) -> Asked:
    """
    The questions in the language of the request.

    Args:
        fields: of a form that is shown again, to be filled in as they were.
        whole: all of them, as at a first contact; else the two alone, folded.
    """
    language = chosen()
    blank = _blank(language, whole=whole)
    kept = _kept(fields or {}, whole=whole)
    if not kept:
        return Asked(blank, 0)
    html = _made(language, kept, whole=whole)
    return Asked(html, len(html.encode()) - len(blank.encode()))


def kept_text(fields: Mapping[str, str] | None) -> str:
    """The message of a form that is shown again; empty if it says nothing."""
    text = (fields or {}).get(MESSAGE, "").replace("\r\n", "\n")
    return text if text.strip() else ""


def says_something(fields: Mapping[str, str]) -> bool:
    """Whether a form holds words or an answer that its page would show again."""
    return bool(kept_text(fields) or _kept(fields, whole=True))


def label(language: Language, code: str) -> Markup:
    """What a code is called in a language, with the English beside it in a draft."""
    return with_english(language, TAXONOMY.label(code, language.tag), TAXONOMY.label(code, "en"))


def _kept(fields: Mapping[str, str], *, whole: bool) -> dict[str, str]:
    shown = NAMES if whole else _IN_SIGHT
    # Signs that cannot be read cannot be found and taken out by hand either.
    kept = {name: CONTROL.sub("", tidy(text)) for name, text in fields.items() if name in shown}
    if kept.get(HOW) == UNSAID:
        del kept[HOW]
    return {name: text for name, text in kept.items() if text}


@cache
def _blank(language: Language, *, whole: bool) -> Markup:
    return _made(language, {}, whole=whole)


def _made(language: Language, kept: Mapping[str, str], *, whole: bool) -> Markup:
    html = pages.template("report", language).render(
        label=partial(label, language),
        kept=kept,
        whole=whole,
        opened=bool(kept.keys() - _IN_SIGHT if whole else kept),
        behaviours=BEHAVIOURS,
        chosen={**CHOSEN, HOW: (UNSAID, *(code for code in CHOSEN[HOW] if code != UNSAID))},
        unsaid=UNSAID,
        about=ABOUT,
        written={name: (field, TEXTS[name]) for field, name in WRITTEN.items()},
    )
    # Jinja escaped what was typed; the rest is ours.
    return Markup(html)  # noqa: S704
