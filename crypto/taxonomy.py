# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The questions of the structured report and their answers, each by a code and with a label in every language (spec F13).

Promises: what `read` accepts is whole: every code has a label in every language, no two answers to one question read the same, and every
field of the format (`report`) is there.
Refuses: unknown keys, a key twice, missing or unknown languages and codes, labels that are empty, over-long or hold control characters.
Leaves to others: where the bytes of `taxonomy.json` come from, since this room opens no file; whether a label is a good translation.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Final, NoReturn

from crypto.canonical import JSON, Fields
from crypto.errors import TaxonomyError
from crypto.frame_header import CONSENTS
from crypto.report import CODE, CONTROL, MAX_BEHAVIOURS, MAX_CODE, TEXTS

VERSION: Final = 1
#: The tags of the languages, as the source's pages have them.
LANGUAGES: Final = ("en", "zh-Hans", "zh-Hant", "ug", "bo", "kk", "mn")
#: Questions, and what is said of an answer: they have a label and are no answer.
HEADINGS: Final = ("danger", "consent", "behaviours", "who", "how", "guess", "about", "unanswered")
UNANSWERED: Final = "unanswered"
MAX_FILE: Final = 131_072
MAX_LABEL: Final = 120
_LISTS: Final = ("behaviours", "how", "guess", "danger", "consent", "fields")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taxonomy:
    """
    One version of it.

    Args:
        as_of: the day of its last change.
        labels: by code, then by language.
        behaviours: codes of what happened, in their order.
        how: of how the source knows.
        guess: of whether others would guess the source.
        danger: of whether someone is in danger now.
        consent: of what may be done with it; not answering is none of them.
        fields: names of the texts.
    """

    as_of: datetime.date
    labels: Mapping[str, Mapping[str, str]]
    behaviours: tuple[str, ...]
    how: tuple[str, ...]
    guess: tuple[str, ...]
    danger: tuple[str, ...]
    consent: tuple[str, ...]
    fields: tuple[str, ...]

    def label(self, code: str, language: str) -> str:
        """
        What a code is called.

        Args:
            code: of an answer, a text or a heading.
            language: one of `LANGUAGES`.

        Returns:
            the label; the code itself if this version does not know it (spec F9).
        """
        found = self.labels.get(code)
        return code if found is None else found[language]

    @classmethod
    def read(cls, raw: bytes) -> Taxonomy:
        """
        Read `taxonomy.json`.

        Raises:
            TaxonomyError: it is not whole.
        """
        fields = Fields(_json(raw), "taxonomy", error=TaxonomyError)
        fields.number("version", VERSION, VERSION)
        as_of = fields.day("as_of")
        lists = {name: _codes(fields, name) for name in _LISTS}
        labels = _labels(fields.object("labels"), {*chain(*lists.values()), *HEADINGS})
        fields.done()
        if lists["consent"] != tuple(consent for consent in CONSENTS if consent != UNANSWERED):
            _refuse("consent has other answers than the frame (spec F5)")
        if lists["fields"] != tuple(TEXTS):
            _refuse("the fields are not those of the report (spec F12)")
        for codes in (*lists.values(), HEADINGS):
            _require_distinct(labels, codes)
        return cls(as_of=as_of, labels=labels, **lists)


def _json(raw: bytes) -> JSON:
    if len(raw) > MAX_FILE:
        _refuse(f"more than {MAX_FILE} bytes")
    try:
        value: JSON = json.loads(raw.decode("utf-8"), object_pairs_hook=_object)
    except (ValueError, RecursionError):
        _refuse("not JSON in UTF-8")
    return value


def _object(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    found = dict(pairs)
    # json would keep the last of two, and a translation would go unnoticed.
    if len(found) != len(pairs):
        _refuse("a key stands twice in one object")
    return found


def _codes(fields: Fields, name: str) -> tuple[str, ...]:
    codes: list[str] = []
    for code in fields.list(name, MAX_BEHAVIOURS):
        if not isinstance(code, str) or len(code) > MAX_CODE or not CODE.fullmatch(code) or code in codes:
            _refuse(f"{name} holds something other than codes, or one twice")
        codes.append(code)
    if not codes:
        _refuse(f"{name} is empty")
    return tuple(codes)


def _labels(fields: Fields, codes: set[str]) -> Mapping[str, Mapping[str, str]]:
    labels = {}
    for code in sorted(codes):
        said = fields.object(code)
        labels[code] = MappingProxyType({language: _label(said, language) for language in LANGUAGES})
        said.done()
    fields.done()
    return MappingProxyType(labels)


def _label(said: Fields, language: str) -> str:
    text = said.text(language, 4 * MAX_LABEL)
    if not text or text != text.strip() or len(text) > MAX_LABEL:
        _refuse(f"a label in {language} is empty, has spaces around it, or has more than {MAX_LABEL} characters")
    if CONTROL.search(text) or "\n" in text:
        _refuse(f"a label in {language} has control characters")
    return text


def _require_distinct(labels: Mapping[str, Mapping[str, str]], codes: tuple[str, ...]) -> None:
    for language in LANGUAGES:
        if len({labels[code][language].casefold() for code in codes}) != len(codes):
            _refuse(f"two labels of one list are the same in {language}")


def _refuse(reason: str) -> NoReturn:
    raise TaxonomyError(f"taxonomy: {reason}") from None
