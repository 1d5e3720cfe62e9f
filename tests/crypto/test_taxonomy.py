# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The taxonomy: the file that ships is whole, and every departure from that is refused.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import crypto
from crypto.errors import TaxonomyError
from crypto.frame_header import CONSENTS
from crypto.report import TEXTS
from crypto.taxonomy import LANGUAGES, MAX_FILE, MAX_LABEL, Taxonomy

FILE = Path(crypto.__file__).parent / "taxonomy.json"
RAW = FILE.read_bytes()
WHOLE = json.loads(RAW)
Change = Callable[[dict[str, Any]], object]


def test_the_file_that_ships_is_whole() -> None:
    """It is read, with the eight behaviours in their order and a label for each code in each language."""
    taxonomy = Taxonomy.read(RAW)
    assert taxonomy.behaviours[:8] == (
        "gangland",
        "corrupt-cases",
        "active-evil",
        "torture",
        "plunder",
        "expression",
        "belief",
        "demolition",
    )
    assert taxonomy.behaviours[8:] == ("other", "unknown")
    assert (*taxonomy.consent, taxonomy.fields) == (*CONSENTS[1:], tuple(TEXTS))
    for code in taxonomy.labels:
        assert all(taxonomy.label(code, language) for language in LANGUAGES)


def test_the_labels_of_a_language_are_not_the_english_ones() -> None:
    """A language whose labels were never translated would be whole by form alone."""
    labels = Taxonomy.read(RAW).labels
    for language in LANGUAGES[1:]:
        assert [code for code, said in labels.items() if said[language] == said["en"]] == []


def test_a_code_that_nobody_knows_is_its_own_label() -> None:
    """A report of a later version is shown raw (spec F9)."""
    assert Taxonomy.read(RAW).label("organ-harvest", "bo") == "organ-harvest"


def put(*path: Any) -> Change:
    """Set what stands at a path to its last member."""
    *way, key, value = path

    def change(whole: dict[str, Any]) -> None:
        for step in way:
            whole = whole[step]
        whole[key] = value

    return change


def take(*path: Any) -> Change:
    """Take out what stands at a path."""
    *way, key = path

    def change(whole: dict[str, Any]) -> None:
        for step in way:
            whole = whole[step]
        del whole[key]

    return change


REFUSED: dict[str, tuple[Change, str]] = {
    "version": (put("version", 2), "version"),
    "no version": (take("version"), "version is missing"),
    "no day": (put("as_of", "soon"), "as_of is not a day"),
    "unknown key": (put("author", "x"), "1 unknown"),
    "no labels": (take("labels"), "labels is missing"),
    "a list missing": (take("danger"), "danger is missing"),
    "an empty list": (put("danger", []), "danger is empty"),
    "not a list": (put("how", "saw"), "how is not a list"),
    "a code twice": (put("guess", ["yes", "yes"]), "one twice"),
    "a code in capitals": (put("guess", ["Yes"]), "other than codes"),
    "a code with a digit": (put("guess", ["b1"]), "other than codes"),
    "a number for a code": (put("guess", [1]), "other than codes"),
    "33 behaviours": (put("behaviours", ["a" * n for n in range(1, 34)]), "more than 32"),
    "another consent": (put("consent", ["read", "publish", "confidential"]), "other answers than the frame"),
    "unanswered as an answer": (put("consent", list(CONSENTS)), "other answers than the frame"),
    "a field missing": (put("fields", list(TEXTS)[:-1]), "1 unknown"),
    "fields in another order": (put("fields", list(TEXTS)[::-1]), "not those of the report"),
    "a label missing": (take("labels", "torture"), "torture is missing"),
    "a heading's label missing": (take("labels", "who"), "who is missing"),
    "a label too many": (put("labels", "spare", WHOLE["labels"]["saw"]), "1 unknown"),
    "a language missing": (take("labels", "torture", "ug"), "ug is missing"),
    "a language too many": (put("labels", "torture", "fr", "La torture"), "1 unknown"),
    "a label that is no text": (put("labels", "torture", "bo", None), "bo is not text"),
    "an empty label": (put("labels", "torture", "kk", ""), "kk is empty"),
    "spaces around a label": (put("labels", "torture", "mn", " x"), "mn is empty, has spaces"),
    "an over-long label": (put("labels", "torture", "en", "x" * (MAX_LABEL + 1)), "more than 120"),
    "a line end in a label": (put("labels", "torture", "en", "a\nb"), "control characters"),
    "NUL in a label": (put("labels", "torture", "en", "a\0b"), "control characters"),
    "two answers that read the same": (put("labels", "saw", WHOLE["labels"]["told"]), "the same in en"),
    "two that differ in case alone": (
        put("labels", "saw", "en", WHOLE["labels"]["told"]["en"].upper()),
        "the same in en",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_taxonomy_that_is_not_whole_is_refused_for_its_own_reason(name: str) -> None:
    """Each departure raises, and says which."""
    change, says = REFUSED[name]
    whole = copy.deepcopy(WHOLE)
    change(whole)
    with pytest.raises(TaxonomyError, match=says):
        Taxonomy.read(json.dumps(whole).encode())


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[]", "not an object"),
        (b"[" * 100_000, "not JSON"),
        (RAW.replace(b'"version": 1', b'"version": 1, "version": 1', 1), "twice"),
        (RAW.replace(b'"version": 1', b'"version": 1.0', 1), "version is not a number"),
        (RAW.replace(b'"version": 1', b'"version": NaN', 1), "version is not a number"),
        (RAW + b" " * MAX_FILE, "more than"),
    ],
    ids=["nothing", "not UTF-8", "a list", "deep", "a key twice", "a fraction", "no number", "too long"],
)
def test_bytes_that_are_no_taxonomy_are_refused(raw: bytes, says: str) -> None:
    """Whatever the bytes, the error is the room's own."""
    with pytest.raises(TaxonomyError, match=says):
        Taxonomy.read(raw)
