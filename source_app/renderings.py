# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A codename as it is shown: the rendering of the page's language first, the two others behind it (spec K2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from crypto.codename import Codename

if TYPE_CHECKING:
    from crypto.hidden import Hidden
    from source_app.languages import Language, RenderingForm


@dataclass(frozen=True, slots=True)
class Rendering:
    """
    One of the three.

    Args:
        form: which.
        tag: the language of its symbols, for `lang`.
        direction: which way they run.
        symbols: nine.
    """

    form: RenderingForm
    tag: str
    direction: str
    symbols: tuple[str, ...]


#: Whose readers learnt other shapes of the same characters.
TRADITIONAL: Final = "zh-Hant"


def renderings(secret: Hidden | None, language: Language) -> tuple[Rendering, ...]:
    """
    The renderings of a codename, that of the language first; none if it is not shown any more.
    """
    if secret is None:
        return ()
    codename = Codename.from_secret(secret)
    numbers = tuple(str(number) for number in codename.numbers())
    shown = (
        Rendering("words", "en", "ltr", codename.words()),
        _characters(codename, traditional=language.tag == TRADITIONAL),
        # Numbers are read in the language of the page, and in its direction.
        Rendering("numbers", language.tag, language.direction, numbers),
    )
    return tuple(sorted(shown, key=lambda one: one.form != language.form))


def _characters(codename: Codename, *, traditional: bool) -> Rendering:
    tag = TRADITIONAL if traditional else "zh-Hans"
    return Rendering("characters", tag, "ltr", codename.characters(traditional=traditional))
