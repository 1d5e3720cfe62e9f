# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Every page of every language, in every state, as `every_page` walks through them: what it says, in which language, and its size.

Two walks are in a made-up catalogue that sets each sentence between ⟦ and ⟧: whatever stands outside them came from somewhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from gettext import NullTranslations

import pytest

from source_app import languages, report_form
from source_app.answers import TAXONOMY
from source_app.languages import LANGUAGES, Language
from source_app.pages import Pages
from source_app.render import FRAME, SHAPE
from source_app.shelf import shipped
from tests.source_app.every_page import Stop, every_page
from tests.source_app.said import Piece, letters, read
from tests.source_app.test_closed import closed_house
from tests.source_app.window import House

BY_PATH = {one.path: one for one in LANGUAGES}
DRAFTS = [one for one in LANGUAGES if not one.complete]
#: As long as a name may be.
ORGANISATION = "Drum & Co".ljust(120, '"')
#: What is not ours to translate: names, what somebody typed or chose, what is typed into a terminal, the symbols of a codename.
FOREIGN = ("bdi", "textarea", "kbd", "code", ".codename", ".reply")
#: Names that are written the same in every language.
NAMES = ("VPN, Lantern, Psiphon",)
#: Pages with sentences that a draft may leave in English: they are needed neither to send, nor to come back, nor to be safe.
IN_FULL_ONLY = ("authorship", "slip")
SCRIPTS = {
    "en": re.compile("[A-Za-z]"),
    "zh-Hans": re.compile("[\u4e00-\u9fff]"),
    "zh-Hant": re.compile("[\u4e00-\u9fff]"),
    "ug": re.compile("[\u0600-\u06ff]"),
    "bo": re.compile("[\u0f00-\u0fff]"),
    "kk": re.compile("[\u0400-\u04ff]"),
    "mn": re.compile("[\u0400-\u04ff]"),
}


class MadeUp(NullTranslations):
    """A catalogue that has every sentence, and shows where each begins and ends."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> tuple[House, House]:
    """An open one and one that is closed."""
    shut = House.open(tmp_path_factory.mktemp("shut"), organisation=ORGANISATION)
    closed_house(shut)
    return House.open(tmp_path_factory.mktemp("open"), organisation=ORGANISATION), shut


@pytest.fixture(scope="module")
def walked(houses: tuple[House, House]) -> Iterator[dict[str, list[Stop]]]:
    """Every page of every language."""
    return {one.path: list(every_page(*houses, one)) for one in LANGUAGES}


@pytest.fixture
def made_up(request: pytest.FixtureRequest, houses: tuple[House, House]) -> Iterator[list[Stop]]:
    """Every page of a language with the made-up catalogue in its place."""
    language = BY_PATH[request.param]
    kept = dict(languages._loaded)
    languages._loaded[language.path] = MadeUp()
    _forget(houses)
    try:
        yield list(every_page(*houses, language))
    finally:
        languages._loaded.clear()
        languages._loaded.update(kept)
        _forget(houses)


def _forget(houses: tuple[House, House]) -> None:
    for known in (languages.sentences, report_form._blank):
        known.cache_clear()
    for house in houses:
        # Their templates have the sentences written into them.
        pages = house.app.jinja_env
        assert isinstance(pages, Pages)
        pages._spoken.clear()


@cache
def elsewhere(tag: str) -> frozenset[str]:
    """What pages say that stands in files of its own: labels of the questions, texts of guidance, names of languages."""
    labels = {TAXONOMY.label(code, tag) for code in TAXONOMY.labels}
    texts = [text for (_, path), text in shipped().items() if path == tag]
    lines = {line for text in texts for block in text.blocks for line in block.lines} | {text.title for text in texts}
    return frozenset(labels | lines | {one.name for one in LANGUAGES})


def ours(stop: Stop, tag: str) -> list[Piece]:
    """The pieces of a page that have to come from the catalogues."""
    pieces, _ = read(stop.page.text)
    return [
        one
        for one in pieces
        if {over.attributes["lang"] for over in one.over if "lang" in over.attributes} == {tag}
        and not one.within(*FOREIGN)
        and one.text.strip() not in elsewhere(tag)
        and not (one.within("title") and one.text.removeprefix("Tor Browser · ") == ORGANISATION)
    ]


def outside(text: str) -> str:
    """The letters of a text that stand in no brackets."""
    left = None
    while text != left:
        left, text = text, re.sub("⟦[^⟦⟧]*⟧", "", text)
    return "".join(letters(text))


@pytest.mark.parametrize("made_up", ["en"], indirect=True)
def test_nothing_is_said_that_is_not_in_a_catalogue(made_up: list[Stop]) -> None:
    """All text and all attributes that are read out, but for what is named above."""
    for stop in made_up:
        pieces = ours(stop, "en")
        assert outside("".join(one.text for one in pieces if not one.attribute)) == "", stop.name
        for one in pieces:
            assert not one.attribute or outside(one.text) == "", (stop.name, one.text)


@pytest.mark.parametrize("made_up", ["ug"], indirect=True)
def test_each_sentence_of_a_draft_has_the_english_beside_it(made_up: list[Stop]) -> None:
    """Right behind it, whole, with the same values; attributes and titles have no room for it."""
    found = 0
    for stop in made_up:
        if stop.name == "choice of language":
            # There the English stands among the others.
            continue
        pieces, _ = read(stop.page.text)
        shown = [one for one in pieces if not one.attribute and not one.within("title")]
        said = "".join(f"⟪{one.text}⟫" if one.within(".beside") else one.text for one in shown).replace("⟫⟪", "")
        for sentence, english in re.findall(r"⟦((?:[^⟦⟧]|⟦[^⟦⟧]*⟧)*)⟧\s*(?:⟪([^⟪⟫]*)⟫)?", said):
            assert sentence == english, stop.name
            found += 1
    assert found > 500


@pytest.mark.parametrize("path", BY_PATH)
def test_every_page_has_one_size(walked: dict[str, list[Stop]], path: str) -> None:
    """A page one shape, and the frame that has a list; the others one of their own. Text that is kept makes one more."""
    for stop in walked[path]:
        pieces, _ = read(stop.page.text)
        kept = any(one.within("textarea") for one in pieces)
        small = stop.framed and not stop.name.startswith("frame sent")
        assert len(stop.page.data) == (FRAME if small else SHAPE + kept * SHAPE), stop.name


@pytest.mark.parametrize("path", BY_PATH)
def test_every_piece_of_text_is_in_the_language_that_its_element_names(
    walked: dict[str, list[Stop]], path: str
) -> None:
    """Told by its script; with the direction of that language."""
    for stop in walked[path]:
        for one in read(stop.page.text)[0]:
            if one.within(*FOREIGN) or one.within("title") or one.text in NAMES or not any(letters(one.text)):
                continue
            assert SCRIPTS[one.lang].search(one.text), (stop.name, one.lang, one.text)
            assert one.direction == BY_PATH[one.lang].direction, (stop.name, one.text)


@pytest.mark.parametrize("path", BY_PATH)
def test_every_element_that_names_a_language_names_a_direction(walked: dict[str, list[Stop]], path: str) -> None:
    """Else it would run as the page around it does."""
    for stop in walked[path]:
        for element in read(stop.page.text)[1]:
            assert "lang" not in element.attributes or "dir" in element.attributes or element.tag == "bdi", stop.name


@pytest.mark.parametrize("language", DRAFTS, ids=lambda one: one.path)
def test_every_page_of_a_draft_says_that_it_is_one(walked: dict[str, list[Stop]], language: Language) -> None:
    """At its top, in itself and in English; frames stand in a page that says it, and the blank page says nothing."""
    for stop in walked[language.path]:
        if stop.framed or stop.name in ("blank, outside", "choice of language"):
            continue
        pieces, _ = read(stop.page.text)
        mark = [one for one in pieces if one.within(".draft")]
        assert {language.tag, "en"} <= {one.lang for one in mark}, stop.name


@pytest.mark.parametrize("language", DRAFTS, ids=lambda one: one.path)
def test_what_is_needed_stands_in_the_language_of_the_draft(walked: dict[str, list[Stop]], language: Language) -> None:
    """No page of the short flow has an English sentence without one in the page's language before it."""
    for stop in walked[language.path]:
        if stop.name.startswith((*IN_FULL_ONLY, "gateway", "choice of language")):
            continue
        for one in read(stop.page.text)[0]:
            if one.lang == "en" and not one.attribute and not one.within(*FOREIGN):
                assert one.within(".beside") or one.text in {each.name for each in LANGUAGES}, (stop.name, one.text)


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one.complete], ids=lambda one: one.path)
def test_a_complete_language_says_nothing_about_drafts(walked: dict[str, list[Stop]], language: Language) -> None:
    """And has nothing beside its sentences."""
    for stop in walked[language.path]:
        if stop.name != "gateway":
            _, elements = read(stop.page.text)
            assert not any({"draft", "beside"} & one.classes for one in elements), stop.name
