# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The catalogues: complete, in step with the pages, and the compiled one what the written one says.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from io import BytesIO

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from crypto.codename import Codename
from source_app import languages
from source_app.languages import LANGUAGES, TRANSLATIONS, Language, bare, language_of, translated
from tests.source_app.window import House, Window

METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
KEYWORDS = {**DEFAULT_KEYWORDS, "bare": None}
TRANSLATED = [language for language in LANGUAGES if language.locale != "en"]
COMPLETE = [language for language in TRANSLATED if language.complete]
DRAFTS = [language for language in TRANSLATED if not language.complete]
#: What a draft may leave out: sending in parts and proving authorship, needed neither to send, nor to come back, nor to be safe.
IN_FULL_ONLY = frozenset({"templates/slip.html", "templates/authorship.html"})
#: A name for the letters of each.
LETTERS = {"zh-Hans": "CJK", "zh-Hant": "CJK", "ug": "ARABIC", "bo": "TIBETAN", "kk": "CYRILLIC", "mn": "CYRILLIC"}
#: Character sets that have the one kind of Chinese characters only.
ENCODINGS = {"zh-Hans": "gb2312", "zh-Hant": "big5"}


def catalogue(path: str) -> Catalog:
    """A written catalogue."""
    return read_po(BytesIO((TRANSLATIONS / path).read_bytes()))


@cache
def written(language: Language) -> Catalog:
    """That of a language."""
    return catalogue(f"{language.locale}/LC_MESSAGES/messages.po")


@cache
def said_in() -> dict[str, set[str]]:
    """Every sentence that the code and the templates say, and in which files."""
    found: dict[str, set[str]] = {}
    for file, _, message, _, _ in extract_from_dir(str(TRANSLATIONS.parent), METHODS, keywords=KEYWORDS):
        found.setdefault(str(message), set()).add(file)
    return found


def ids(of: Catalog) -> set[str]:
    """The sentences in a catalogue."""
    return {str(message.id) for message in of if message.id}


def translations(of: Catalog) -> list[tuple[str, str]]:
    """Sentence and translation, one pair for each plural form; what is not translated is left out."""
    found: list[tuple[str, str]] = []
    for message in of:
        several = message.string if isinstance(message.string, (tuple, list)) else (message.string,)
        found += [(str(message.id), text) for text in several if message.id and text]
    return found


def is_whole(message: Message, forms: int) -> bool:
    """Whether a message has a translation, and one for each form of the plural if it has several."""
    if message.pluralizable:
        return len(message.string) == forms and all(message.string)
    return bool(message.string)


def placeholders(text: str) -> list[str]:
    """The names of values in a sentence."""
    return sorted(re.findall(r"%\(\w+\)s", text))


def test_the_template_has_what_the_pages_say() -> None:
    """`messages.pot` is the list of English sentences, no more and no fewer."""
    assert ids(catalogue("messages.pot")) == set(said_in())


@pytest.mark.parametrize("language", TRANSLATED, ids=lambda one: one.path)
def test_a_catalogue_has_the_sentences_of_the_template(language: Language) -> None:
    """None is left over, and none marked as a guess; forms of the plural are those of the language."""
    found = written(language)
    assert ids(found) == set(said_in())
    assert not found.obsolete
    assert not [message.id for message in found if message.id and message.fuzzy]
    assert found.num_plurals == Catalog(locale=language.locale).num_plurals


@pytest.mark.parametrize("language", COMPLETE, ids=lambda one: one.path)
def test_a_complete_catalogue_translates_every_sentence(language: Language) -> None:
    """None is missing or empty."""
    found = written(language)
    assert [message.id for message in found if message.id and not is_whole(message, found.num_plurals)] == []


@pytest.mark.parametrize("language", DRAFTS, ids=lambda one: one.path)
def test_a_draft_translates_what_is_needed(language: Language) -> None:
    """All but the sentences of the two pages that nobody needs to send, to come back or to be safe."""
    found = written(language)
    missing = {str(message.id) for message in found if message.id and not is_whole(message, found.num_plurals)}
    assert missing <= {sentence for sentence, files in said_in().items() if files <= IN_FULL_ONLY}


@pytest.mark.parametrize("language", TRANSLATED, ids=lambda one: one.path)
def test_no_translation_loses_a_value(language: Language) -> None:
    """Each has the placeholders of its sentence."""
    wrong = [said for said, text in translations(written(language)) if placeholders(said) != placeholders(text)]
    assert wrong == []


@pytest.mark.parametrize("language", TRANSLATED, ids=lambda one: one.path)
def test_a_translation_is_plain_text(language: Language) -> None:
    """It is put into pages as it stands: no markup, no lines, no sign that is not seen but for the joiners of letters."""
    for _, text in translations(written(language)):
        assert not re.search(r"[<>&]|%(?!\(\w+\)s)", text), text
        unseen = {one for one in text if unicodedata.category(one).startswith("C")} - {"\u200c", "\u200d"}
        assert not unseen, text


def test_a_sentence_is_plain_text() -> None:
    """English stands beside drafts as it is; a bare percent sign would be read as a placeholder."""
    assert [one for one in said_in() if re.search(r"[<>&\n]|%(?!\(\w+\)s)", one)] == []


@pytest.mark.parametrize("language", TRANSLATED, ids=lambda one: one.path)
def test_a_translation_is_in_the_script_of_its_language(language: Language) -> None:
    """At least a letter of it is; a sentence that was copied is none."""
    wanted = LETTERS[language.path]
    for said, text in translations(written(language)):
        assert any(wanted in unicodedata.name(one, "") for one in text), (said, text)


@pytest.mark.parametrize("language", COMPLETE, ids=lambda one: one.path)
def test_chinese_is_written_in_one_kind_of_characters(language: Language) -> None:
    """Simplified or traditional, never both: each has a character set that lacks those of the other."""
    for _, text in translations(written(language)):
        characters = "".join(one for one in text if "CJK UNIFIED" in unicodedata.name(one, ""))
        assert characters.encode(ENCODINGS[language.path])


@pytest.mark.parametrize("language", TRANSLATED, ids=lambda one: one.path)
def test_what_a_sentence_says_to_press_is_what_the_button_says(language: Language) -> None:
    """Where a sentence quotes another one, so does its translation."""
    said = dict(translations(written(language)))
    quoted = [(one, name) for one in said for name in re.findall("“([^”]+)”", one) if name in said]
    assert quoted or not language.complete
    assert [(one, name) for one, name in quoted if said[name] not in said[one]] == []


@pytest.mark.parametrize("language", TRANSLATED, ids=lambda one: one.path)
def test_the_compiled_catalogue_says_what_the_written_one_says(language: Language) -> None:
    """Both are in the repository; neither may be changed alone."""
    with (TRANSLATIONS / language.locale / "LC_MESSAGES" / "messages.mo").open("rb") as file:
        compiled = read_mo(file)
    assert translations(compiled) == translations(written(language))


def test_no_attribute_takes_a_sentence_with_english_beside_it() -> None:
    """Its markup would end the attribute; `bare` is there for that."""
    for template in (TRANSLATIONS.parent / "templates").glob("*.html"):
        assert not re.search(r'="[^"]*\{\{\s*_\(', template.read_text()), template.name


def test_no_catalogue_is_taken_from_outside_an_app() -> None:
    """There it would be empty, and kept: a complete language would be in English until the next start."""
    kept = dict(languages._loaded)
    languages._loaded.clear()
    try:
        with pytest.raises(RuntimeError):
            languages.bare_in(COMPLETE[0])("Quick exit")
        assert languages._loaded == {}
    finally:
        languages._loaded.update(kept)


def test_a_sentence_of_a_draft_stands_before_its_english(house: House) -> None:
    """The values are in both, escaped; an attribute gets the translation alone."""
    with house.app.test_request_context("/kk/"):
        said = translated("Not arrived: %(count)s.", count="<3>")
        assert said.endswith(' <span class="beside" lang="en" dir="ltr">Not arrived: &lt;3&gt;.</span>')
        assert said.count("&lt;3&gt;") == 2
        assert bare("Not arrived: %(count)s.", count="<3>") in said.unescape()
        assert "Not arrived" not in bare("Not arrived: %(count)s.", count="<3>")


def test_what_a_draft_does_not_say_is_said_in_english_alone(house: House) -> None:
    """With its language and direction, as nothing else on such a page has them."""
    with house.app.test_request_context("/ug/"):
        assert translated("No such %(what)s", what="<") == '<span lang="en" dir="ltr">No such &lt;</span>'
        assert bare("No such thing") == "No such thing"


def test_a_complete_language_says_a_sentence_and_no_more(house: House) -> None:
    """English, and both kinds of Chinese."""
    for path, said in (("en", "Quick exit"), ("zh-Hans", "快速离开"), ("zh-Hant", "快速離開")):
        with house.app.test_request_context(f"/{path}/"):
            assert translated("Quick exit") == bare("Quick exit") == said


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda one: one.path)
def test_the_menu_leads_to_the_same_page_in_every_language(house: House, language: Language) -> None:
    """It has each in its own name, marks the present one, and needs no script; in a visit it is not there."""
    window = Window(house, language.path)
    window.go("return")
    shown = re.findall(r'<li><a href="/([^"]*)/return" lang="([^"]*)" dir="(\w+)"[^>]*>([^<]*)</a>', window.html)
    assert shown == [(one.path, one.tag, one.direction, one.name) for one in LANGUAGES]
    assert re.findall(r'href="/([^"/]*)/return"[^>]*aria-current="true"', window.html) == [language.path]
    assert '<details class="languages">' in window.html
    window.write()
    assert '<details class="languages">' not in window.html


@pytest.mark.parametrize("asked", ["zh-CN,zh;q=0.9", "ug-CN,ug;q=0.9", "bo", "*"])
def test_no_browser_chooses_the_language(house: House, asked: str) -> None:
    """The same bytes whatever it says, and no cookie remembers a choice."""
    window = Window(house)
    for address in ("/", "/en/", "/mn/"):
        plain, other = (window.client.get(address, headers=one) for one in ({}, {"Accept-Language": asked}))
        assert plain.data == other.data
        assert not other.headers.getlist("Set-Cookie")


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda one: one.path)
def test_a_codename_is_shown_first_as_the_language_has_it(house: House, language: Language) -> None:
    """Words, characters or numbers; the two others behind a fold, in the language and direction that they have."""
    window = Window(house, language.path)
    window.write()
    shown = re.findall(r'<ol class="codename (\w+)" lang="([^"]*)" dir="(\w+)">', window.html)
    assert shown[0][0] == language.form
    assert sorted(shown) == sorted(
        [
            ("words", "en", "ltr"),
            ("characters", "zh-Hant" if language.tag == "zh-Hant" else "zh-Hans", "ltr"),
            ("numbers", language.tag, language.direction),
        ]
    )


def test_no_line_of_the_log_tells_a_language(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """A failure is told by the name of its page alone: one line in Tibetan that day would be somebody."""

    def failing() -> str:
        raise OSError

    house.app.view_functions["GET write"] = failing
    for language in LANGUAGES:
        assert Window(house, language.path).go("write").status_code == 500
    assert {record.getMessage() for record in caplog.records} == {"GET write: OSError"}
    assert len(caplog.records) == len(LANGUAGES)


#: Where the digits of a script begin.
DIGITS = {"tibetan": 0x0F20, "arabic": 0x0660, "extended arabic": 0x06F0, "full width": 0xFF10, "mongolian": 0x1810}


@pytest.mark.parametrize("zero", DIGITS.values(), ids=DIGITS)
@pytest.mark.parametrize("between", [" ", "، ", "\n", "་"], ids=["space", "comma", "line", "tsheg"])
def test_a_codename_is_read_in_the_digits_of_any_script(house: House, zero: int, between: str) -> None:
    """As a keyboard of that language types them."""
    codename = Codename.generate()
    words = " ".join(codename.words())
    typed = between.join("".join(chr(zero + int(digit)) for digit in str(one)) for one in codename.numbers())
    window = Window(house, "bo")
    window.come_back(typed)
    assert window.page.status_code == 200
    assert window.page.request.path == "/bo/thread"
    assert house.parts.sealer.session(window.cookie() or "").subkeys.locator == house.subkeys(words).locator


@pytest.mark.parametrize(
    ("path", "tag"),
    [
        ("/en/", "en"),
        ("/en", "en"),
        ("/zh-Hans/write", "zh-Hans"),
        ("/zh-Hant/", "zh-Hant"),
        ("/ug/write", "ug"),
        ("/bo", "bo"),
        ("/kk/", "kk"),
        ("/mn/", "mn"),
        ("/zh/", None),
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


def test_styles_know_no_left_and_no_right() -> None:
    """Only where a line begins and ends, so that a page that runs right to left is the mirror of the others."""
    styles = (TRANSLATIONS.parent / "static" / "style.css").read_text()
    rules = re.sub(r"/\*.*?\*/", "", styles, flags=re.DOTALL)
    assert not re.search(r"\b(?:left|right)\b", rules)
    # Of four values, the second and the fourth are right and left.
    assert not re.search(r"(?:margin|padding|border-width|inset)\s*:\s*(?:[^\s;]+\s+){3}[^\s;]+\s*;", rules)
