# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Which text stands on a guidance page, and which English beside it.

An operator's text comes before ours. What a draft language says was checked by nobody, so the English stands under each of its lines; where the
two do not have the same blocks, or one is an operator's and the other ours, the English follows as a whole: a line beside which another thing stands
would be worse than none. A language without a text shows the English.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias

from source_app.languages import ENGLISH, LANGUAGES, Language
from source_app.texts import Block, Kind, Text

FOLDER: Final = Path(__file__).parent / "texts"
#: In the order in which pages list them.
TOPICS: Final = ("before", "tor", "phone", "codename", "seal", "fingerprint", "promise")
#: An operator's own, on the first page.
WELCOME: Final = "welcome"

Texts: TypeAlias = Mapping[tuple[str, str], Text]


@dataclass(frozen=True, slots=True)
class Line:
    """
    A line on a page.

    Args:
        said: in the language of the guide.
        english: what stands beside it; empty if nothing does.
    """

    said: str
    english: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """
    A block on a page.

    Args:
        kind: as in `texts`.
        lines: what it shows.
    """

    kind: Kind
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Guide:
    """
    A text as a page shows it.

    Args:
        language: what it is written in; English where the page's language has no text.
        day: when it was true.
        title: its title.
        parts: its blocks.
        whole: the English, if it follows as a whole.
    """

    language: Language
    day: datetime.date
    title: Line
    parts: tuple[Part, ...]
    whole: Guide | None = None


class Shelf:
    """
    Every guide in every language, made once.
    """

    def __init__(self, own: Texts) -> None:
        """
        Args:
            own: the operator's texts, by topic and language's path.
        """
        self._guides = {
            (topic, language.path): guide
            for topic in (*TOPICS, WELCOME)
            for language in LANGUAGES
            if (guide := _guide(own, topic, language)) is not None
        }

    def guide(self, topic: str, language: Language) -> Guide:
        """
        Args:
            topic: one of `TOPICS`.
            language: of the page.
        """
        return self._guides[topic, language.path]

    def welcome(self, language: Language) -> Guide | None:
        """What the operator says on the first page, if anything."""
        return self._guides.get((WELCOME, language.path))


@cache
def shipped() -> Texts:
    """
    Our own texts.

    Raises:
        TextError: one of them is none; a test holds that none is.
    """
    return {
        (topic, language.path): Text.read(path.read_bytes())
        for topic in TOPICS
        for language in LANGUAGES
        if (path := FOLDER / f"{topic}.{language.path}.txt").is_file()
    }


def _guide(own: Texts, topic: str, language: Language) -> Guide | None:
    here, there = (topic, language.path), (topic, ENGLISH.path)
    english = own.get(there) or shipped().get(there)
    text = own.get(here) or shipped().get(here)
    if text is None:
        return None if english is None else _alone(english, ENGLISH)
    if language.complete or english is None:
        return _alone(text, language)
    if (here in own) == (there in own) and text.shape == english.shape:
        return _beside(text, english, language)
    alone = _alone(text, language)
    return Guide(language, text.day, alone.title, alone.parts, _alone(english, ENGLISH))


def _alone(text: Text, language: Language) -> Guide:
    parts = tuple(Part(block.kind, tuple(Line(line) for line in block.lines)) for block in text.blocks)
    return Guide(language, text.day, Line(text.title), parts)


def _beside(text: Text, english: Text, language: Language) -> Guide:
    parts = tuple(_both(one, other) for one, other in zip(text.blocks, english.blocks, strict=True))
    return Guide(language, min(text.day, english.day), Line(text.title, english.title), parts)


def _both(block: Block, english: Block) -> Part:
    # A command has no language; if the two differ, both have to be seen.
    pairs = zip(block.lines, english.lines, strict=True)
    return Part(block.kind, tuple(Line(said, "" if said == other else other) for said, other in pairs))
