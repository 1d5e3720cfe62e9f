# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Text that an operator wrote for our pages: one normal form, and no sign in it that changes how other text looks.

Refuses: control characters, signs that turn the direction of what follows (bidi overrides, embeddings, isolates), code points that mean nothing, letters
nobody sees, and heaps of combining marks that cover the lines above. Lets through the invisible marks that Uyghur, Mongolian and Indic spelling needs, but
not inside an address, and no word of Latin letters among which others stand that look like them: whoever types an address off the page gets
the one that is there.
Leaves to others: HTML. Templates escape whatever they are given.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from source_app.errors import TextError

#: No script of ours puts more marks than this on one letter; Tibetan stacks come nearest.
MAX_MARKS: Final = 8
#: Word joiner, joiners of letters, marks of direction that end at the next letter, Mongolian's vowel separator.
INVISIBLE: Final = frozenset("\u200c\u200d\u200e\u200f\u061c\u2060\u180e")
#: Unicode counts these among the letters and marks, and nobody sees them: a joiner of marks, fillers of Hangul and Khmer.
_UNSEEN: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
#: Variants of the sign before them, of Mongolian, emoji and Han. With the marks above, nothing that belongs between two signs of ASCII.
_HIDDEN: Final = re.compile(
    rf"[!-~][{''.join(sorted(INVISIBLE))}\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]+[!-~]"
)
_WORD: Final = re.compile(r"[^\W_]+")
_LATIN: Final = re.compile(r"[A-Za-z]")
#: Scripts whose letters are taken for Latin ones, as their letters' names begin.
_ALIKE: Final = ("CYRILLIC", "GREEK", "COPTIC", "ARMENIAN", "CHEROKEE", "LISU")
#: Control, format, surrogate, private, unassigned; separators of lines and paragraphs.
_REFUSED: Final = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))


def plain(text: str) -> str:
    """
    Args:
        text: of one line.

    Returns:
        it in NFC.

    Raises:
        TextError: it holds a sign that does not belong into a text, or one where it hides something, or too many marks on one letter.
    """
    text = unicodedata.normalize("NFC", text)
    marks = 0
    for sign in text:
        kind = unicodedata.category(sign)
        if sign in _UNSEEN or (kind in _REFUSED and sign not in INVISIBLE):
            raise TextError(f"the sign U+{ord(sign):04X} does not belong into a text")
        marks = marks + 1 if kind in {"Mn", "Me"} else 0
        if marks > MAX_MARKS:
            raise TextError(f"more than {MAX_MARKS} marks on one letter")
    if _HIDDEN.search(text):
        raise TextError("a sign that nobody sees stands within an address or a word")
    if any(map(_mixed, _WORD.findall(text))):
        raise TextError(
            "a word has Latin letters and others that look like them: put a space or a hyphen between the two"
        )
    return text


def _mixed(word: str) -> bool:
    return bool(_LATIN.search(word)) and any(unicodedata.name(sign, "").startswith(_ALIKE) for sign in word)
