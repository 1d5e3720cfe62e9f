# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The format of guidance texts: what we ship holds and stands in step, and nothing hostile passes.
"""

from __future__ import annotations

import datetime
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from source_app import plain, shelf, texts
from source_app.errors import TextError
from source_app.languages import LANGUAGES, Language
from source_app.shelf import TOPICS
from source_app.texts import Block, Text

HEAD = "2026-11-22\n\n# Title\n"
#: Of mail, and of bots.
ADDRESS = re.compile(r"[a-z]*@[\w.]*[a-zA-Z]", re.ASCII)
#: The same in every language.
NAMES = {"VPN, Lantern, Psiphon"}
GOOD = HEAD + "\nWords.\n\n## More\n\n- one\n- two\n\n$ age --version\n"


def read(written: str) -> Text:
    return Text.read(written.encode())


def test_a_text_is_its_day_its_title_and_its_blocks() -> None:
    """Each kind of block, with its lines."""
    text = read(GOOD)
    assert (text.day, text.title) == (datetime.date(2026, 11, 22), "Title")
    assert text.blocks == (
        Block("paragraph", ("Words.",)),
        Block("heading", ("More",)),
        Block("items", ("one", "two")),
        Block("commands", ("age --version",)),
    )


def test_what_an_editor_of_windows_writes_is_the_same_text() -> None:
    """Two signs at the end of a line, a mark of the encoding, spaces nobody sees, letters in two pieces."""
    windows = "\ufeff" + GOOD.replace("Words.", "Wörds.  ").replace("\n", "\r\n")
    assert read(unicodedata.normalize("NFD", windows)) == read(GOOD.replace("Words.", "Wörds."))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "line 1"),
        ("22.11.2026\n\n# T", "line 1"),
        ("20261122\n\n# T", "line 1"),
        ("٢٠٢٦-١١-٢٢\n\n# T", "line 1"),
        ("2026-02-30\n\n# T", "line 1"),
        ("2026-11-22", "line 2"),
        ("2026-11-22\n# T\n\nx", "line 2"),
        ("2026-11-22\n\nWords.", "line 3"),
        (HEAD + "\n# Second", "line 3"),
        (HEAD + "\nWords.\nMore.", "line 6: a blank line"),
        (HEAD + "\n## A\nWords.", "line 6: a blank line"),
        (HEAD + "\n- one\n$ two", "line 6: a blank line"),
        (HEAD + "\n\nWords.", "line 5: one blank line"),
        (HEAD + "\n### Deeper", "line 5: begins with none"),
        (HEAD + "\n-one", "line 5: begins with none"),
        (HEAD + "\n- ", "line 5: begins with none"),
        (HEAD + "\n  indented", "line 5: begins with none"),
        (HEAD + "\n" + "x" * 1_001, "line 5: longer than 1000"),
        (HEAD + "\n" + "x\n\n" * 80, "more than 160 lines"),
        (HEAD + "\n" + "x\n\n" * 64, "more than 64 blocks"),
        (HEAD + "\n" + "x" * 9_000, "longer than 8 KiB"),
        (HEAD + ("\n" + '"' * 900 + "\n") * 4, "once it is on a page"),
        (HEAD + "\n" + ("$ " + "a " * 480 + "\n") * 8, "once it is on a page"),
        (HEAD.replace("Title", "x" * 61), "line 3: a title"),
    ],
)
def test_what_is_no_text_is_refused_with_its_line(written: str, said: str) -> None:
    """There is one accepted form, and an operator is told where theirs leaves it."""
    with pytest.raises(TextError, match=said):
        read(written)


@pytest.mark.parametrize(
    "sign",
    [
        "\u202e",
        "\u202a",
        "\u2066",
        "\u2069",
        "\0",
        "\x1b",
        "\x85",
        "\x7f",
        "\u2028",
        "\u200b",
        "\ufeff",
        "\ue000",
        "\t",
        "\r",
    ],
    ids=ascii,
)
def test_a_sign_that_changes_how_others_look_is_refused(sign: str) -> None:
    """Overrides of direction, controls, escapes of a terminal, separators, invisible fillers."""
    with pytest.raises(TextError, match=r"line 5: the sign U\+"):
        read(f"{HEAD}\nSafe {sign}efas words.\n")


@pytest.mark.parametrize("sign", ["\u115f", "\u3164", "\u034f"], ids=ascii)
def test_a_letter_that_nobody_sees_is_refused(sign: str) -> None:
    """Unicode calls them letters and marks."""
    with pytest.raises(TextError, match=r"line 5: the sign U\+"):
        read(f"{HEAD}\nWords {sign} words.\n")


@pytest.mark.parametrize(
    "hidden",
    [
        "gettor@tor\u2060project.org",
        "gettor@torproject.\u200forg",
        "gettor\ufe0f@torproject.org",
        "ab\u200c\u200dcd.onion",
        "gettor@t\u043erproject.org",
        "\u0430bcd.onion",
        "写信到gett\u03bfr@torproject.org",
    ],
    ids=ascii,
)
def test_an_address_is_what_it_looks_like(hidden: str) -> None:
    """No sign hides in it, and no letter of another script stands for a Latin one."""
    with pytest.raises(TextError, match="line 5: a"):
        read(f"{HEAD}\nWrite to {hidden} only.\n")


def test_what_scripts_need_beside_latin_words_passes() -> None:
    """A mark of direction before an address, a name with an ending of its language, an emoji, a variant of a character."""
    for said in (
        "ياكى \u200e@gettor_bot دىن",
        "Tor-ға, VPN-ді",
        "写信到gettor@torproject.org，不要用QQ",
        "\u26a0\ufe0f!",
        "葛\U000e0100城",
        "2х2",
    ):
        assert read(f"{HEAD}\n{said}\n").blocks[0].lines == (unicodedata.normalize("NFC", said),)


def test_letters_buried_under_marks_are_refused() -> None:
    """A heap of combining marks would cover the lines around it; what scripts need passes."""
    with pytest.raises(TextError, match="marks on one letter"):
        read(f"{HEAD}\nA{chr(0x0301) * 120}\n")
    assert read(f"{HEAD}\nསྒྲུབས་ ئۇيغۇرچە q̣̀\n").blocks


def test_bytes_that_are_no_text_are_refused() -> None:
    """Nothing is guessed about another encoding."""
    with pytest.raises(TextError, match="not UTF-8"):
        Text.read(HEAD.encode() + "\n中文".encode("gb18030"))


@given(st.binary(max_size=400))
def test_whatever_the_bytes_they_are_a_text_or_refused(raw: bytes) -> None:
    """Nothing else is raised; what is read has no sign that was to be refused."""
    for given_ in (raw, HEAD.encode() + b"\n" + raw):
        try:
            text = Text.read(given_)
        except TextError:
            continue
        said = [text.title, *(line for block in text.blocks for line in block.lines)]
        assert all(plain.plain(line) == line for line in said)
        assert text.weight <= texts.MAX_WEIGHT


@given(st.text(alphabet=st.characters(exclude_categories=["C", "Zl", "Zp", "M"]), min_size=1, max_size=200))
def test_a_line_weighs_what_it_is_as_html(line: str) -> None:
    """The bound that keeps a page to its shape counts escaped bytes."""
    try:
        text = read(f"{HEAD}\n- {line}\n")
    except TextError:
        return
    assert text.weight >= len(escape(text.blocks[0].lines[0]).encode()) + len(b"<li></li>\n")


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda one: one.path)
@pytest.mark.parametrize("topic", TOPICS)
def test_a_shipped_text_has_the_blocks_and_commands_of_the_english(topic: str, language: Language) -> None:
    """So that the English can stand under each line of a draft."""
    text, english = (shelf.shipped()[topic, path] for path in (language.path, "en"))
    assert text.shape == english.shape
    assert text.day == english.day
    commands = [[block.lines for block in one.blocks if block.kind == "commands"] for one in (text, english)]
    assert commands[0] == commands[1]


@pytest.mark.parametrize("language", LANGUAGES[1:], ids=lambda one: one.path)
def test_a_shipped_text_is_in_its_language(language: Language) -> None:
    """No line of one is the English left standing, and the addresses in it are the same."""
    for topic in TOPICS:
        text, english = (shelf.shipped()[topic, path] for path in (language.path, "en"))
        for block, other in zip(text.blocks, english.blocks, strict=True):
            if block.kind != "commands":
                assert not set(block.lines) & set(other.lines) - NAMES
            for line, line_in_english in zip(block.lines, other.lines, strict=True):
                assert set(ADDRESS.findall(line_in_english)) <= set(ADDRESS.findall(line))


def test_nothing_else_lies_among_the_shipped_texts() -> None:
    """A misspelt name would be a text that nobody reads."""
    names = {f"{topic}.{language.path}.txt" for topic in TOPICS for language in LANGUAGES}
    assert {path.name for path in shelf.FOLDER.iterdir()} == names
