# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The templates of one language: what is the same on every page is written into them, what is not is looked up.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from markupsafe import Markup

from source_app import pages
from source_app.languages import LANGUAGES, Language, bare_in, sentences
from tests.source_app.window import House, Window

_TOKEN = re.compile(r'name="token" value="[^"]+"')


@pytest.fixture
def house(tmp_path: Path) -> House:
    """An app."""
    return House.open(tmp_path)


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.path)
def test_only_sentences_with_a_value_are_looked_up_again(
    house: House, language: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first page of its kind looks up all of them; the second is the same page, without."""
    asked: list[tuple[str, bool]] = []

    def listening(one: Language):  # type: ignore[no-untyped-def]
        said = sentences(one)

        def sentence(text: str, **values: object) -> Markup:
            asked.append((text, bool(values)))
            return said(text, **values)

        return sentence

    monkeypatch.setattr(pages, "sentences", listening)
    first = Window(house, language.path).go("write").text
    assert {"Quick exit", "Your message"} <= {text for text, values in asked if not values}
    asked.clear()
    again = Window(house, language.path).go("write").text
    assert _TOKEN.sub("", again) == _TOKEN.sub("", first)
    assert asked
    assert all(values for _, values in asked)


def test_each_language_has_its_own(house: House) -> None:
    """Whichever came first, and of several at once: the page with the choice of languages is in all of them."""
    for language in (*LANGUAGES, *reversed(LANGUAGES)):
        page = Window(house, language.path).go("return").text
        with house.app.test_request_context(f"/{language.path}/return"):
            said = {one: str(sentences(one)("I have a codename")) for one in LANGUAGES}
        assert f"<h1>{said[language]}</h1>" in page
        assert not any(f"<h1>{said[one]}</h1>" in page for one in LANGUAGES if one is not language)
    with house.app.test_request_context("/"):
        choices = [bare_in(one)("Choose your language") for one in LANGUAGES]
    page = Window(house).client.get("/").text
    assert all(f'<span class="hint">{choice}</span>' in page for choice in choices)
