# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The catalogues: complete, in step with the pages, and the compiled one what the written one says.
"""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from source_app.languages import LANGUAGES, TRANSLATIONS, language_of

METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
TRANSLATED = [language for language in LANGUAGES if language.locale != "en"]


def catalogue(path: str) -> Catalog:
    """A written catalogue."""
    return read_po(BytesIO((TRANSLATIONS / path).read_bytes()))


def sentences() -> set[str]:
    """Every sentence that the code and the templates say."""
    found = extract_from_dir(str(TRANSLATIONS.parent), METHODS)
    return {str(message) for _, _, message, _, _ in found}


def ids(of: Catalog) -> set[str]:
    """The sentences in a catalogue."""
    return {str(message.id) for message in of if message.id}


def test_the_template_has_what_the_pages_say() -> None:
    """`messages.pot` is the list of English sentences, no more and no fewer."""
    assert ids(catalogue("messages.pot")) == sentences()


@pytest.mark.parametrize("language", TRANSLATED, ids=lambda one: one.path)
def test_every_sentence_is_translated_with_its_placeholders(language: object) -> None:
    """None is missing, empty, fuzzy or left over, and none loses a number or a name."""
    written = catalogue(f"{language.locale}/LC_MESSAGES/messages.po")  # type: ignore[attr-defined]
    assert ids(written) == sentences()
    for message in written:
        if message.id:
            assert message.string
            assert not message.fuzzy
            wanted = sorted(re.findall(r"%\(\w+\)s", str(message.id)))
            assert sorted(re.findall(r"%\(\w+\)s", str(message.string))) == wanted


@pytest.mark.parametrize("language", TRANSLATED, ids=lambda one: one.path)
def test_the_compiled_catalogue_says_what_the_written_one_says(language: object) -> None:
    """Both are in the repository; neither may be changed alone."""
    folder = TRANSLATIONS / language.locale / "LC_MESSAGES"  # type: ignore[attr-defined]
    written = catalogue(f"{language.locale}/LC_MESSAGES/messages.po")  # type: ignore[attr-defined]
    with (folder / "messages.mo").open("rb") as file:
        compiled = read_mo(file)
    assert {str(one.id): one.string for one in compiled if one.id} == {
        str(one.id): one.string for one in written if one.id
    }


def test_no_sentence_has_a_bare_percent_sign() -> None:
    """It would be read as a placeholder."""
    assert [one for one in sentences() if re.search(r"%(?!\(\w+\)s)", one)] == []


@pytest.mark.parametrize(
    ("path", "tag"),
    [
        ("/en/", "en"),
        ("/en", "en"),
        ("/zh-Hans/write", "zh-Hans"),
        ("/", None),
        ("/zh-hans/", None),
        ("/english/", None),
        ("", None),
    ],
)
def test_the_language_is_the_first_part_of_the_path(path: str, tag: str | None) -> None:
    """Exactly; anything else is in none."""
    found = language_of(path)
    assert (None if found is None else found.tag) == tag
