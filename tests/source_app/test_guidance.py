# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Guidance pages, the first page, and the files for sealing beforehand.
"""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import pytest
from markupsafe import escape

from crypto.age import HybridRecipient
from crypto.card import MAX_SEATS
from crypto.epochs import GRACE_DAYS, SPAN_DAYS, destroyable, span
from source_app import render, shelf
from source_app.app import create_app
from source_app.errors import ClosedError
from source_app.languages import LANGUAGES, Language
from source_app.settings import MAX_READS, SourceSettings
from source_app.shelf import TOPICS
from source_app.texts import MAX_TITLE, MAX_WEIGHT, Text
from store import seats
from store.engine import open_store
from tests.source_app.throwaway import EPOCHS, Throwaway, new_store
from tests.source_app.window import House, Window

DAY = datetime.timedelta(days=1)
#: A text as heavy as one may be, and one as heavy as a welcome may be.
HEAVY = f"2026-11-22\n\n# {'&' * MAX_TITLE}\n" + "".join(f"\n{'&' * 360}\n" for _ in range(5))
WELCOME = f"2026-11-22\n\n# {'&' * MAX_TITLE}\n\n" + "&" * 520 + "\n"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """An app with one seat and our own texts."""
    reads = "en, zh-Hans, zh-Hant, ug, bo, kk, mn, de, ar"
    return House.open(tmp_path_factory.mktemp("guided"), reads=reads)


@pytest.fixture(scope="module")
def heavy(tmp_path_factory: pytest.TempPathFactory) -> House:
    """An app whose operator decided as much about guidance as there is to decide."""
    folder = tmp_path_factory.mktemp("heavy")
    texts = folder / "texts"
    texts.mkdir()
    for language in LANGUAGES:
        for topic in TOPICS:
            (texts / f"{topic}.{language.path}.txt").write_text(HEAVY)
        (texts / f"welcome.{language.path}.txt").write_text(WELCOME)
    return House.open(folder, texts=texts, reads=", ".join(["zh-Hans"] * MAX_READS), organisation="<" * 120)


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda one: one.path)
def test_every_guidance_page_is_one_shape(house: House, heavy: House, language: Language) -> None:
    """In every language, whatever an operator writes: as heavy as texts may be, with as heavy an English beside them."""
    assert Text.read(HEAVY.encode()).weight > 0.9 * MAX_WEIGHT
    for name in ("", *(f"guidance/{topic}" for topic in TOPICS), "authorship"):
        for one in (house, heavy):
            page = Window(one, language.path).go(name)
            assert (page.status_code, len(page.data)) == (200, render.SHAPE), name


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda one: one.path)
@pytest.mark.parametrize("topic", TOPICS)
def test_a_page_shows_its_text_and_its_day(house: House, topic: str, language: Language) -> None:
    """All of it; in a draft with the English beside each line, in a complete language without."""
    html = Window(house, language.path).go(f"guidance/{topic}").text
    text, english = shelf.shipped()[topic, language.path], shelf.shipped()[topic, "en"]
    main = html.partition("<main")[2]
    assert str(text.day) in main
    for block, other in zip(text.blocks, english.blocks, strict=True):
        for line, line_in_english in zip(block.lines, other.lines, strict=True):
            assert shown_as(block.kind, line) in main
            if not language.complete and line != line_in_english:
                assert f'<span class="beside" lang="en" dir="ltr">{escape(line_in_english)}</span>' in main
    if language.complete:
        assert 'class="beside"' not in main


def shown_as(kind: str, line: str) -> str:
    """A line as HTML; the words of a command hold together, each for itself."""
    words = [str(escape(word)) for word in (line.split() if kind == "commands" else [line])]
    return " ".join(f"<span>{word}</span>" for word in words) if kind == "commands" else words[0]


def test_every_topic_can_be_reached_from_the_first_page(house: House) -> None:
    """And every one from each other."""
    shown = Window(house)
    for name in ("", *(f"guidance/{topic}" for topic in TOPICS)):
        page = shown.go(name).text.partition("<main")[2]
        assert {topic for topic in TOPICS if f'"/en/guidance/{topic}"' in page} == set(TOPICS) - {
            name.partition("/")[2]
        }


def test_the_old_page_about_codenames_is_gone(house: House) -> None:
    """Nothing leads there any more."""
    shown = Window(house)
    assert shown.go("codename").status_code == 404
    for name in ("", "authorship", "guidance/seal"):
        assert '/en/codename"' not in shown.go(name).text


def test_the_first_page_says_what_the_reviewers_read(house: House, tmp_path: Path) -> None:
    """Each language by its own name; nothing where the operator says nothing."""
    page = Window(house).go("").text
    assert "Our reviewers read: " in page
    for name in ("简体中文", "ئۇيغۇرچە", "Қазақша", "Deutsch", "العربية"):
        assert f">{name}</bdi>" in page
    assert "Our reviewers read" not in Window(House.open(tmp_path)).go("").text


def test_an_operator_welcomes_in_the_language_of_the_page(tmp_path: Path) -> None:
    """Where there is no welcome in it, the English one stands, and says that it is English."""
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "welcome.en.txt").write_text("2026-11-22\n\n# Since 2009\n\nWe are a small office.\n")
    (texts / "welcome.zh-Hans.txt").write_text("2026-11-22\n\n# 自2009年\n\n我们是一个小办公室。\n")
    house = House.open(tmp_path, texts=texts)
    assert "自2009年" in Window(house, "zh-Hans").go("").text
    assert "Since 2009" not in Window(house, "zh-Hans").go("").text
    assert '<section class="welcome" lang="en" dir="ltr">' in Window(house, "ug").go("").text


def test_where_the_english_has_other_blocks_it_follows_as_a_whole(tmp_path: Path) -> None:
    """A draft line beside which another thing stands would be worse than none."""
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "tor.ug.txt").write_text("2026-11-22\n\n# تور\n\nبىر.\n")
    page = Window(House.open(tmp_path, texts=texts), "ug").go("guidance/tor").text
    main = page.partition("<main")[2]
    assert '<section class="whole" lang="en" dir="ltr">' in main
    assert "Choose the built-in bridge" in main
    assert "بىر." in main


def test_a_command_that_differs_from_the_english_one_stands_beside_it(tmp_path: Path) -> None:
    """Whoever wrote a draft may have written another command than the one that was checked: both are seen."""
    texts = tmp_path / "texts"
    texts.mkdir()
    for path, command in (("bo", "rm report.zip"), ("en", "age --version")):
        (texts / f"seal.{path}.txt").write_text(f"2026-11-22\n\n# T\n\n$ {command}\n\n$ gpg --version\n")
    page = Window(House.open(tmp_path, texts=texts), "bo").go("guidance/seal").text
    for command in ("rm report.zip", "age --version", "gpg --version"):
        assert page.count(shown_as("commands", command)) == 1


@pytest.mark.parametrize(
    "name",
    ["A\u202eB", "A\u2066B", "A" + "\u0301" * 119, "A\nB", "A\x00B", "\ue000", "A\u200bB", "\u0421entre"],
    ids=ascii,
)
def test_a_hostile_name_is_refused(tmp_path: Path, name: str) -> None:
    """Overrides of direction, heaps of marks, controls: when the settings are made."""
    with pytest.raises(ValueError, match="organisation"):
        House.open(tmp_path, organisation=name)


def test_html_in_a_name_is_text(tmp_path: Path) -> None:
    """On pages, in titles, and in the file of recipients no line of its own."""
    shown = Window(House.open(tmp_path, organisation="<script>x</script>\"'&"))
    assert "<script>" not in shown.go("").text
    assert "&lt;script&gt;x&lt;/script&gt;&#34;&#39;&amp;" in shown.html
    assert shown.client.get("/recipients.txt").text.startswith("# <script>")


@pytest.mark.parametrize("reads", ["english", "en;zh", "en,", "e", ", ".join(["en"] * 17), "<b>"])
def test_what_is_no_list_of_languages_is_refused(tmp_path: Path, reads: str) -> None:
    """By its name, when the settings are made."""
    with pytest.raises(ValueError, match="reads"):
        House.open(tmp_path, reads=reads)


def of_day(house: House, day: datetime.date) -> str:
    """The file of recipients as it is fetched on a day."""
    house.parts.intake.clock = lambda: day
    page = house.app.test_client().get("/recipients.txt")
    assert (page.status_code, len(page.data)) == (200, render.SHAPE)
    assert page.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "Content-Disposition" not in page.headers
    return page.text


def days(text: str) -> tuple[datetime.date, datetime.date]:
    """The first and the last day that the file names."""
    found = re.findall(r"\d{4}-\d{2}-\d{2}", text)
    assert found == [found[0], found[1], found[1]] * 3
    return datetime.date.fromisoformat(found[0]), datetime.date.fromisoformat(found[1])


def test_the_recipients_are_those_of_the_next_epoch_for_every_active_seat(tmp_path: Path) -> None:
    """On each day of an epoch the same bytes, good for 14 to 27 days more, and no seed of theirs is gone by then."""
    made = Throwaway(3)
    made.install(new_store(tmp_path / "store"))
    house = installed(made, tmp_path / "store")
    begin, end = span(7, made.root.first_day)
    texts = {of_day(house, begin + number * DAY) for number in range(SPAN_DAYS)}
    assert len(texts) == 1
    text = texts.pop()
    assert made.root.fingerprint in text
    first, last = days(text)
    assert (first, last) == (begin, span(8, made.root.first_day)[1])
    assert (last - end, last - begin) == (14 * DAY, 27 * DAY)
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert [HybridRecipient.parse(line) for line in lines] == [sheet.recipient_for(8) for sheet in made.sheets]
    # spec E6, at its earliest
    gone = [
        last + number * DAY
        for number in range(-40, 40)
        if 8 in destroyable([8], settled=99, installed_last=25, day=last + number * DAY, first_day=made.root.first_day)
    ]
    assert gone[0] == last + GRACE_DAYS * DAY


def installed(made: Throwaway, store: Path) -> House:
    """An app over an organisation that a test made."""
    opened = open_store(store)
    return House(made, opened, create_app(SourceSettings(store=store, organisation="Centre", reserve_bytes=0)))


def test_they_are_never_below_the_floor(tmp_path: Path) -> None:
    """Also with a clock that was set back."""
    made = Throwaway(1)
    made.install(new_store(tmp_path / "store"))
    house = installed(made, tmp_path / "store")
    seats.raise_floor(house.store, 9)
    text = of_day(house, made.root.first_day)
    assert str(made.sheets[0].recipient_for(10)) in text
    assert days(text) == (made.root.first_day, span(10, made.root.first_day)[1])


def test_where_no_more_was_announced_they_are_those_of_the_last_epoch(tmp_path: Path) -> None:
    """And after it there is no file: a key that seats fell back to may be gone any day."""
    made = Throwaway(1)
    made.install(new_store(tmp_path / "store"))
    house = installed(made, tmp_path / "store")
    first, last = span(EPOCHS - 1, made.root.first_day)
    assert days(of_day(house, first)) == (first, last)
    house.parts.intake.clock = lambda: last + DAY
    with pytest.raises(ClosedError):
        house.parts.intake.ahead()
    closed = house.app.test_client().get("/recipients.txt")
    assert (closed.status_code, len(closed.data)) == (503, render.SHAPE)


def test_a_seat_whose_sheet_ran_out_stands_there_with_its_last_key(tmp_path: Path) -> None:
    """The days are those of the seats that announced more."""
    made = Throwaway(2)
    made.seeds[1] = {number: seed for number, seed in made.seeds[1].items() if number < 4}
    made.sheets[1] = made.sheet(2)
    made.install(new_store(tmp_path / "store"))
    begin, end = span(7, made.root.first_day)
    text = of_day(installed(made, tmp_path / "store"), end)
    assert days(text) == (begin, span(8, made.root.first_day)[1])
    keys = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert keys == [str(made.sheets[0].recipient_for(8)), str(made.sheets[1].recipient_for(3))]


def test_a_closed_intake_names_nobody(tmp_path: Path) -> None:
    """Without an active seat the answer is a page that says so."""
    page = House.open(tmp_path, sheets=False).app.test_client().get("/recipients.txt")
    assert page.status_code == 503
    assert "age1pq1" not in page.text


def test_as_many_seats_as_a_card_takes_are_one_shape(tmp_path: Path) -> None:
    """Whoever counts bytes does not count seats."""
    made = Throwaway(MAX_SEATS)
    made.install(new_store(tmp_path / "store"))
    text = of_day(installed(made, tmp_path / "store"), made.root.first_day)
    assert text.count("\nage1pq1") == MAX_SEATS
