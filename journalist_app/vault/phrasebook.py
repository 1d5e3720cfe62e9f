# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Sentences that a reviewer can send in a language they do not write: numbered, translated, with holes for values.

Whoever forces the codename out of a source reads the reply, so no sentence repeats what the source said. The numbers are
fixed: a reviewer may know them by heart. A hole stands as `{parts}` in every language alike, once, and no grammar depends
on it. Refused: a book that is not whole in the languages that are complete, another set of holes than the English one,
braces that are no hole, signs that cannot be seen. In a draft language each sentence has the English line under it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import Final, NoReturn

from crypto.canonical import JSON, Fields
from crypto.errors import FormatError
from journalist_app.vault.errors import InputError
from journalist_app.vault.languages import ENGLISH, LANGUAGES, Label, labelled
from journalist_app.vault.names import visible_name

VERSION: Final = 1
MAX_BOOK: Final = 262_144
MAX_SENTENCES: Final = 99
MAX_SENTENCE: Final = 400
MAX_VALUE: Final = 200
MOST_DAYS: Final = 365
HOLES: Final = ("parts", "name", "days")

_HOLE: Final = re.compile(r"\{([a-z]+)\}")


@dataclass(frozen=True, slots=True)
class Sentence:
    """
    One of them.

    Args:
        number: Fixed for good.
        says: By language; a draft may lack it.
        holes: The names of the values it needs.
    """

    number: int
    says: Mapping[str, str]
    holes: tuple[str, ...]

    def label(self, tag: str) -> Label:
        """
        The sentence with its holes, for the page.
        """
        return labelled(self.says, tag)

    def filled(self, tag: str, values: Mapping[str, str]) -> str:
        """
        The sentence as it is sent: in a draft language with the English line under it.

        Args:
            tag: The language.
            values: By hole, checked.
        """
        said = labelled(self.says, tag)
        lines = (said.text,) if said.english is None else (said.text, said.english)
        # Each hole once and in one pass: a value that looks like a hole stays what it is.
        return "\n".join(_HOLE.sub(lambda hole: values[hole[1]], line) for line in lines)


@dataclass(frozen=True, slots=True)
class Phrasebook:
    """
    All of them, by number.
    """

    as_of: date
    sentences: tuple[Sentence, ...]

    def compose(self, numbers: Sequence[int], tag: str, values: Mapping[str, str]) -> str:
        """
        Sentences as one text, in the order in which they were chosen.

        Args:
            numbers: Which; one that stands twice is said once.
            tag: The language they are sent in.
            values: By hole, as they were typed.

        Raises:
            InputError: There is no such sentence, or a value is missing, too long or not what it should be.
        """
        held = {sentence.number: sentence for sentence in self.sentences}
        chosen = []
        for number in dict.fromkeys(numbers):
            if number not in held:
                raise InputError(f"there is no sentence {number}")
            chosen.append(held[number])
        needed = {hole: _value(hole, values.get(hole, "")) for sentence in chosen for hole in sentence.holes}
        between = "\n\n" if LANGUAGES[tag].draft else "\n"
        return between.join(sentence.filled(tag, needed) for sentence in chosen)


def read(raw: bytes) -> Phrasebook:
    """
    Read a phrasebook.

    Raises:
        FormatError: It is not whole.
    """
    fields = Fields(_json(raw), "phrasebook")
    fields.number("version", VERSION, VERSION)
    found = [_sentence(one) for one in fields.objects("sentences", MAX_SENTENCES)]
    book = Phrasebook(fields.day("as_of"), tuple(found))
    fields.done()
    if [sentence.number for sentence in found] != list(range(1, len(found) + 1)) or not found:
        _refuse("the sentences are not numbered from 1")
    return book


def _json(raw: bytes) -> JSON:
    if len(raw) > MAX_BOOK:
        _refuse(f"more than {MAX_BOOK} bytes")
    try:
        value: JSON = json.loads(raw.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        _refuse("not JSON in UTF-8")
    return value


def _once(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    if len({key for key, _ in pairs}) != len(pairs):
        _refuse("a key stands twice in one object")
    return dict(pairs)


def _sentence(fields: Fields) -> Sentence:
    number = fields.number("number", 1, MAX_SENTENCES)
    said = fields.object("says")
    fields.done()
    needed = [tag for tag, language in LANGUAGES.items() if not language.draft or said.has(tag)]
    says = {tag: _text(said, tag, number) for tag in needed}
    said.done()
    holes = {tag: sorted(_HOLE.findall(text)) for tag, text in says.items()}
    wanted = holes[ENGLISH]
    if len(set(wanted)) != len(wanted) or not set(wanted) <= set(HOLES) or any(one != wanted for one in holes.values()):
        _refuse(f"sentence {number} has not the same holes, each once, in every language")
    return Sentence(number, says, tuple(wanted))


def _text(said: Fields, tag: str, number: int) -> str:
    text = said.text(tag, 4 * MAX_SENTENCE)
    if not text or len(text) > MAX_SENTENCE or text != text.strip() or visible_name(text) != text:
        _refuse(f"sentence {number} in {tag} is empty, too long, or has signs that cannot be seen")
    if set("{}") & set(_HOLE.sub("", text)):
        _refuse(f"sentence {number} in {tag} has a brace that is no hole")
    return text


def _value(hole: str, typed: str) -> str:
    value = typed.strip()
    if not value:
        raise InputError(f"one of these sentences needs a value: {hole}")
    if len(value) > MAX_VALUE or visible_name(value) != value:
        raise InputError(f"the value for {hole} is longer than {MAX_VALUE} signs, or has some that cannot be seen")
    if hole == "days" and not (re.fullmatch(r"[0-9]{1,3}", value) and 1 <= int(value) <= MOST_DAYS):
        raise InputError(f"the number of days is not between 1 and {MOST_DAYS}")
    return value


def _refuse(reason: str) -> NoReturn:
    raise FormatError(f"phrasebook: {reason}") from None


BOOK: Final = read(resources.files("journalist_app.vault").joinpath("phrasebook.json").read_bytes())
