# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The phrasebook: which files of sentences are read, and what text comes of numbers and values.
"""

from __future__ import annotations

import copy
import json
from importlib import resources
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.errors import FormatError
from journalist_app.vault.entries import MAX_TEXT
from journalist_app.vault.errors import InputError
from journalist_app.vault.languages import LANGUAGES
from journalist_app.vault.phrasebook import BOOK, HOLES, MAX_BOOK, MAX_VALUE, read

VALUES = {"parts": "17, 31", "name": "第二个", "days": "9"}
DRAFTS = [tag for tag, language in LANGUAGES.items() if language.draft]
COMPLETE = [tag for tag in LANGUAGES if tag not in DRAFTS]


def book() -> dict[str, Any]:
    """
    The file as it is shipped.
    """
    found: dict[str, Any] = json.loads(resources.files("journalist_app.vault").joinpath("phrasebook.json").read_bytes())
    return found


def test_every_sentence_is_there_in_every_language():
    """None is left in English where a language has words of its own."""
    assert [sentence.number for sentence in BOOK.sentences] == list(range(1, 27))
    for sentence in BOOK.sentences:
        assert list(sentence.says) == list(LANGUAGES)
        assert len(set(sentence.says.values())) >= len(LANGUAGES) - 1
    assert {hole for sentence in BOOK.sentences for hole in sentence.holes} == set(HOLES)


@pytest.mark.parametrize("tag", list(LANGUAGES))
def test_all_of_it_in_one_reply_is_not_too_long_to_be_sealed(tag: str):
    """With the longest values."""
    longest = {"parts": "字" * MAX_VALUE, "name": "字" * MAX_VALUE, "days": "365"}
    assert len(BOOK.compose(range(1, 27), tag, longest).encode()) < MAX_TEXT


@pytest.mark.parametrize("tag", COMPLETE)
def test_a_complete_language_stands_alone(tag: str):
    """One line for a sentence, in the order in which they were chosen, with the values in it."""
    said = BOOK.compose([9, 1, 20], tag, VALUES)
    numbers = {sentence.number: sentence.says[tag] for sentence in BOOK.sentences}
    assert said == "\n".join((numbers[9].replace("{parts}", "17, 31"), numbers[1], numbers[20].replace("{days}", "9")))


@pytest.mark.parametrize("tag", DRAFTS)
def test_a_draft_has_the_english_line_under_each_sentence(tag: str):
    """With the same values: a source who doubts the one can read the other."""
    first, english, empty, second, english_too = BOOK.compose([10, 2], tag, VALUES).split("\n")
    assert empty == ""
    assert english == BOOK.compose([10], "en", VALUES)
    assert english_too == BOOK.compose([2], "en", {})
    assert "第二个" in first
    assert first != english
    assert second != english_too


def test_a_sentence_chosen_twice_is_said_once():
    """Ticked and typed, or typed twice."""
    assert BOOK.compose([2, 2, 2], "en", {}) == BOOK.compose([2], "en", {})


@pytest.mark.parametrize("number", [0, 27, -1, 10**30])
def test_a_number_of_no_sentence_is_named(number: int):
    """And nothing is composed of the others."""
    with pytest.raises(InputError, match=f"sentence {number}"):
        BOOK.compose([1, number], "en", {})


@pytest.mark.parametrize(
    ("number", "values"),
    [
        (9, {}),
        (9, {"parts": "  "}),
        (9, {"parts": "x" * (MAX_VALUE + 1)}),
        (10, {"name": "a\u202egpj.exe"}),
        (10, {"name": "a\nb"}),
        (10, {"name": "a\u200bb"}),
        (10, {"name": "\u2067a"}),
        (20, {"days": "0"}),
        (20, {"days": "366"}),
        (20, {"days": "-1"}),
        (20, {"days": "٣"}),
        (20, {"days": "9" * 200}),
        (20, {"days": "soon"}),
    ],
)
def test_a_value_that_is_missing_too_long_or_hides_something_is_refused(number: int, values: dict[str, str]):
    """A reply may not turn around, and a number is a number."""
    with pytest.raises(InputError):
        BOOK.compose([number], "ug", values)


def test_a_value_that_looks_like_a_hole_stays_what_it_is():
    """Values are put in once, not looked through."""
    assert "{days}" in BOOK.compose([10, 20], "en", {"name": "{days}", "days": "7"})


def test_values_that_no_chosen_sentence_needs_are_not_looked_at():
    """The page offers one for the parts unasked."""
    assert BOOK.compose([2], "en", {"parts": "\u202e" * 999})


@given(st.lists(st.integers(1, 26), max_size=60), st.sampled_from(list(LANGUAGES)), st.text(max_size=40))
def test_any_choice_gives_each_sentence_once_or_is_refused(numbers: list[int], tag: str, value: str):
    """Whatever the value, no line is added by it."""
    try:
        said = BOOK.compose(numbers, tag, {"parts": value, "name": value, "days": "3"})
    except InputError:
        return
    lines = 2 if LANGUAGES[tag].draft else 1
    assert len([line for line in said.splitlines() if line]) == lines * len(set(numbers))


def changed(path: list[Any], value: object) -> bytes:
    """
    The file with one thing altered; None takes it out.
    """
    whole = copy.deepcopy(book())
    place: Any = whole
    for step in path[:-1]:
        place = place[step]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return json.dumps(whole).encode()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["version"], 2),
        (["as_of"], "yesterday"),
        (["more"], 1),
        (["sentences"], []),
        (["sentences", 0], None),
        (["sentences", 3, "number"], 3),
        (["sentences", 3, "note"], "x"),
        (["sentences", 3, "says", "en"], None),
        (["sentences", 3, "says", "zh-Hans"], None),
        (["sentences", 3, "says", "fr"], "x"),
        (["sentences", 3, "says", "ug"], ""),
        (["sentences", 3, "says", "ug"], " x"),
        (["sentences", 3, "says", "ug"], "x\ny"),
        (["sentences", 3, "says", "ug"], "\u202ex"),
        (["sentences", 3, "says", "ug"], 7),
        (["sentences", 3, "says", "ug"], "x" * 401),
        (["sentences", 3, "says", "ug"], "x {parts}"),
        (["sentences", 3, "says", "ug"], "x {"),
        (["sentences", 8, "says", "ug"], "x"),
        (["sentences", 8, "says", "ug"], "{parts} {parts}"),
        (["sentences", 8, "says", "ug"], "{days}"),
        (["sentences", 8, "says", "ug"], "{Parts}"),
        (["sentences", 8, "says", "en"], "{parts} {name}"),
    ],
    ids=str,
)
def test_a_book_that_is_not_whole_is_refused(path: list[Any], value: object):
    """A sentence that lost its value or a language must not be noticed by a source."""
    with pytest.raises(FormatError):
        read(changed(path, value))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b" " * (MAX_BOOK + 1),
        b'{"version":1,"version":1}',
        b'{"version":NaN}',
    ],
    ids=["nothing", "a list", "not UTF-8", "too deep", "too long", "a key twice", "no number"],
)
def test_what_is_no_book_is_refused(raw: bytes):
    """By one error, whatever it is."""
    with pytest.raises(FormatError):
        read(raw)


def test_a_draft_may_lack_a_sentence_and_then_says_it_in_english():
    """Once, without the same line under it."""
    found = read(changed(["sentences", 1, "says", "mn"], None))
    assert found.compose([2], "mn", {}) == BOOK.compose([2], "en", {})
