# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The languages in which the vault shows codes and offers sentences, and which of them a person at this laptop reads.

The choice stands in the encrypted database and nowhere else, one for each person. A draft is a language whose words no native
reader has checked: whatever is shown or sent in it has the English beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection

from crypto.taxonomy import LANGUAGES as TAGS
from journalist_app.vault.errors import InputError
from journalist_app.vault.identity import read_fact, write_fact

ENGLISH: Final = "en"
_NAMES: Final = ("English", "简体中文", "繁體中文", "ئۇيغۇرچە", "བོད་ཡིག", "Қазақша", "Монгол")
_COMPLETE: Final = frozenset({"en", "zh-Hans", "zh-Hant"})
_RIGHT_TO_LEFT: Final = frozenset({"ug"})


@dataclass(frozen=True, slots=True)
class Language:
    """
    One of them.

    Args:
        tag: As frames name it (spec F4).
        name: In itself.
        direction: Of its script.
        draft: Whether no native reader has checked its words.
    """

    tag: str
    name: str
    direction: str
    draft: bool


LANGUAGES: Final[Mapping[str, Language]] = MappingProxyType(
    {
        tag: Language(tag, name, "rtl" if tag in _RIGHT_TO_LEFT else "ltr", tag not in _COMPLETE)
        for tag, name in zip(TAGS, _NAMES, strict=True)
    }
)


@dataclass(frozen=True, slots=True)
class Label:
    """
    Words in one language, and what stands beside them.

    Args:
        text: The words; a code that nobody here knows, as it came.
        language: Theirs; None of a code.
        english: The same in English, if the words are a draft.
    """

    text: str
    language: Language | None
    english: str | None


def labelled(words: Mapping[str, str], tag: str) -> Label:
    """
    Words in a language, in English where they are not translated.

    Args:
        words: The same in several languages, English among them.
        tag: One of `LANGUAGES`.
    """
    english = words[ENGLISH]
    text = words.get(tag, english)
    if text == english:
        return Label(english, LANGUAGES[ENGLISH], None)
    return Label(text, LANGUAGES[tag], english if LANGUAGES[tag].draft else None)


def spoken(tag: str) -> str:
    """
    The language in which a source of this language is written to: its own if it is one of these, else English.
    """
    return tag if tag in LANGUAGES else ENGLISH


def chosen(connection: Connection, person: str) -> str:
    """
    The language a person reads codes in; English until they say otherwise.
    """
    return spoken((read_fact(connection, _fact(person)) or b"").decode())


def choose(connection: Connection, person: str, tag: str) -> None:
    """
    Keep what a person chose.

    Raises:
        InputError: It is none of these languages.
    """
    if tag not in LANGUAGES:
        raise InputError("that is none of the languages this vault knows")
    write_fact(connection, _fact(person), tag.encode())


def _fact(person: str) -> str:
    return f"language of {person}"
