# SPDX-License-Identifier: AGPL-3.0-or-later
"""
First contact, as a source meets it: what is stored and what is shown. What is refused stands in `test_refused_forms`.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import flask
import pytest

import source_app
from crypto.codename import Codename
from source_app import languages
from source_app import thread as thread_page
from tests.source_app.multipart_forms import file, text
from tests.source_app.window import House, Window

BEFORE = ["", "write", "return", "thread", "received", "no-such-page"]
LANGUAGES = [one.path for one in languages.LANGUAGES]


#: What a browser fetches beside a page, but for a logo of the operator's own and the frames.
STYLES = sum(file.stat().st_size for file in (Path(source_app.__file__).parent / "static").iterdir())


def check_page(html: str, language: str) -> None:
    """What holds of every page."""
    assert len(html.encode()) + STYLES <= 64 * 1024
    direction = "rtl" if language == "ug" else "ltr"
    assert f'<html lang="{language}" dir="{direction}">' in html
    assert not re.search(r"<script|<svg|style=|https?://|@import| on\w+=", html)
    for frame in re.findall(r"<iframe[^>]*>", html):
        assert re.search(rf' src="/{language}/\w+" title="[^"]+"', frame), frame
    levels = [int(level) for level in re.findall(r"<h([1-6])", html)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    shown = re.findall(r"<(?:textarea|input)(?![^>]*hidden)[^>]*>", html)
    for control in shown:
        name = re.search(r'id="([^"]+)"', control)
        assert name is not None
        assert f'<label for="{name[1]}">' in html
    for form in re.findall(r"<form.*?</form>", html, re.DOTALL):
        assert 'method="post"' in form
        assert 'enctype="multipart/form-data"' in form
        # The quick exit carries nothing: it has to work when every token has expired.
        assert 'class="exit"' in form or re.search(r'<form[^>]*>\s*<input type="hidden" name="token"', form)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", BEFORE)
def test_every_page_is_small_plain_and_labelled(house: House, language: str, name: str) -> None:
    """No script, nothing external, one heading, headings in order, labels bound, every form multipart with its token first."""
    window = Window(house, language)
    check_page(window.go(name).text, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pages_of_a_visit_hold_to_the_same(house: House, language: str) -> None:
    """The same for the pages behind a codename, with a long reply on them."""
    window = Window(house, language)
    words = window.write("一" * 1000, ("证据.jpg", b"x" * 100))
    check_page(window.html, language)
    house.publish(words, text="<&>" * 20_000)
    check_page(window.go("thread").text, language)
    check_page(window.send("forget").text, language)
    check_page(window.send("forget", sure="yes").text, language)


def test_the_first_page_offers_every_language_in_its_own_script(window: Window) -> None:
    """None is guessed, and each is named in itself."""
    page = window.client.get("/", headers={"Accept-Language": "zh-CN"}).text
    for one in languages.LANGUAGES:
        assert f'href="/{one.path}/" lang="{one.tag}" dir="{one.direction}" hreflang="{one.tag}">{one.name}' in page
    assert "请选择语言" in page


def test_the_landing_page_shows_the_fingerprint_and_the_name(house: House, window: Window) -> None:
    """Forty digits in eight groups, and the organisation's name, escaped."""
    page = window.go("").text
    groups = re.findall(r"<span>(\d{5})</span>", page)
    assert groups == house.organisation.root.fingerprint.split()
    assert "Drum &amp; Co" in page


def test_a_message_is_stored_before_it_is_called_received(house: House, window: Window) -> None:
    """The page after sending says so, and a reviewer reads the words."""
    window.write("水\r\nand fire")
    assert "<h1>Received</h1>" in window.html
    assert house.texts() == ["水\nand fire"]


@pytest.mark.parametrize(
    ("language", "first"), [("en", "words"), ("zh-Hans", "characters"), ("zh-Hant", "characters"), ("ug", "numbers")]
)
def test_the_codename_stands_in_the_pages_language_and_two_more(house: House, language: str, first: str) -> None:
    """That of the page's language stands first, and all three are the same codename."""
    window = Window(house, language)
    window.write()
    assert re.findall(r'<ol class="codename (\w+)"', window.html)[0] == first
    assert len(re.findall(r"<details><summary>.*?</summary>\s*<ol class=\"codename", window.html)) == 2
    shown = re.findall(r'<ol class="codename \w+".*?</ol>', window.html, re.DOTALL)
    spoken = {house.subkeys(" ".join(re.findall(r"<bdi>(.*?)</bdi>", one))).locator for one in shown}
    assert len(shown) == 3
    assert len(spoken) == 1


def test_the_codename_of_the_page_opens_the_thread(house: House, window: Window) -> None:
    """What the source is told to remember is what the item was stored under."""
    words = window.write()
    house.publish(words, text="Thank you for this.")
    other = Window(house)
    other.come_back(words)
    assert "Thank you for this." in other.html


def test_i_have_it_takes_the_codename_out_of_page_and_cookie(house: House, window: Window) -> None:
    """From then on the visit holds subkeys only."""
    window.write()
    window.send("known")
    assert not window.shows_codename()
    assert house.parts.sealer.session(window.cookie() or "").secret is None


def test_the_codename_goes_by_itself_after_twenty_minutes(house: House, window: Window) -> None:
    """Nobody has to press anything for it to stop being shown."""
    window.write()
    house.later(19 * 60)
    window.go("received")
    assert window.shows_codename()
    house.later(61)
    window.go("received")
    assert not window.shows_codename()
    assert house.parts.sealer.session(window.cookie() or "").secret is None


def test_a_repeat_of_the_form_is_the_same_item_and_the_same_page(house: House, window: Window) -> None:
    """A double click or a reload stores nothing twice and shows the same codename."""
    window.go("write")
    token = text("token", window.hidden("write")["token"])
    window.post("write", token, text("message", "once"), file("a.txt", b"A" * 10))
    words = window.codename()
    again = Window(house)
    again.post("write", token, text("message", "once"), file("a.txt", b"A" * 10))
    assert again.codename() == words
    assert house.kinds() == ["file", "files", "message"]
    assert again.html.count("a.txt") == 1


def test_another_text_under_the_same_form_is_another_item(house: House, window: Window) -> None:
    """Going back and changing the words loses neither version."""
    window.go("write")
    token = text("token", window.hidden("write")["token"])
    window.post("write", token, text("message", "first"))
    window.post("write", token, text("message", "second"))
    assert house.texts() == ["first", "second"]


def test_a_repeat_after_i_have_it_does_not_show_the_codename_again(house: House, window: Window) -> None:
    """Whoever replays a form out of a browser's history learns no codename."""
    window.go("write")
    token = text("token", window.hidden("write")["token"])
    window.post("write", token, text("message", "once"))
    window.send("known")
    thief = Window(house)
    thief.post("write", token, text("message", "once"))
    assert not thief.shows_codename()


def test_a_repeat_after_log_out_opens_nothing(house: House, window: Window) -> None:
    """The visit that a form began stays ended."""
    window.go("write")
    token = text("token", window.hidden("write")["token"])
    window.post("write", token, text("message", "once"))
    window.send("leave")
    thief = Window(house)
    thief.post("write", token, text("message", "once"))
    assert not thief.shows_codename()
    assert thief.go("thread").status_code == 403


def test_a_get_derives_nothing(house: House, window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening pages costs no KDF, so a crowd of readers cannot stop anybody from writing."""
    window.write()
    monkeypatch.setattr(type(house.parts.derivations), "derive", lambda *_, **__: pytest.fail("a GET derived"))
    for name in BEFORE:
        window.go(name)


def test_only_files_gives_a_codename_and_a_place_for_them(house: House, window: Window) -> None:
    """Nothing is stored yet, and the next page takes files."""
    window.go("write")
    window.send("write", message="", only="files")
    assert window.shows_codename()
    assert house.kinds() == []
    window.send("attach", ("证据.jpg", b"\xff\xd8" * 500), ("b.pdf", b"%PDF"))
    assert window.page.status_code == 200
    assert house.kinds() == ["file", "file", "files"]
    assert "证据.jpg" in window.html


@pytest.mark.parametrize(("language", "said"), [("en", "There is no such page"), ("zh-Hans", "没有这个页面")])
def test_an_unknown_address_is_answered_in_the_language_of_its_path(house: House, language: str, said: str) -> None:
    """With a way on."""
    page = house.app.test_client().get(f"/{language}/x/y")
    assert page.status_code == 404
    assert said in page.text
    assert f'href="/{language}/write"' in page.text


def test_a_codename_is_called_wrong_only_where_it_is(house: House) -> None:
    """Then the field leads whoever hears the page to the sentences that say why; over a good one, "invalid" would frighten."""
    window = Window(house)
    window.come_back("abandon abilty")
    assert window.html.count('id="notice"') == 1
    assert 'aria-describedby="codename-hint notice" aria-invalid="true"' in window.html
    window.post("return", text("token", "x"), text("codename", " ".join(Codename.generate().words())))
    assert 'id="notice"' in window.html
    assert 'aria-describedby="codename-hint"' in window.html
    assert "aria-invalid" not in window.html


def test_a_wrong_method_is_answered_with_a_page(house: House) -> None:
    """And with the methods there are."""
    page = house.app.test_client().put("/zh-Hans/write")
    assert page.status_code == 405
    assert page.headers["Allow"]
    assert 'lang="zh-Hans"' in page.text


def test_a_failure_of_ours_shows_no_trace(house: House, window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page and the class's name in the log, never a message or a line of code."""
    words = window.write()
    monkeypatch.setattr(thread_page, "read_slot", lambda *_: {}["a secret"])
    window.come_back(words)
    assert window.page.status_code == 500
    assert "secret" not in window.html
    assert "Traceback" not in window.html
    assert window.html.count("<h1>") == 1


def test_no_page_touches_flasks_own_form_parser(house: House, window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would spool plaintext to the disk: a whole journey never asks it for anything."""

    def touched(_: flask.Request) -> None:
        pytest.fail("Flask's form parser was asked")

    for name in ("form", "files", "values", "data", "json", "stream"):
        monkeypatch.setattr(flask.Request, name, property(touched))
    monkeypatch.setattr(flask.Request, "get_data", lambda *_, **__: touched(flask.request))
    monkeypatch.setattr(flask.Request, "_load_form_data", lambda *_: touched(flask.request))
    words = window.write("words", ("f.bin", b"x" * 700_000))
    window.send("known")
    window.send("attach", ("g.bin", b"y"))
    window.go("thread")
    window.send("answer", message="more")
    window.send("leave")
    window.come_back(words)
    window.send("forget")
    window.send("forget", sure="yes")
    assert "Everything is deleted" in window.html
