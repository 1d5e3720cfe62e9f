# SPDX-License-Identifier: AGPL-3.0-or-later
"""
First contact, as a source meets it: what is stored, what is shown, what is refused and how.
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
from store import threads
from tests.source_app.multipart_forms import file, text
from tests.source_app.window import House, Window

BEFORE = ["", "write", "return", "thread", "received", "no-such-page"]
LANGUAGES = [one.path for one in languages.LANGUAGES]


#: What a browser fetches beside a page, but for a logo of the operator's own and the frames.
STYLES = sum(file.stat().st_size for file in (Path(source_app.__file__).parent / "static").iterdir())


@pytest.fixture
def house(tmp_path: Path) -> House:
    """An app with one seat."""
    return House.open(tmp_path)


@pytest.fixture
def window(house: House) -> Window:
    """An English window on it."""
    return Window(house)


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


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("message", ["", " \r\n\t　"])
def test_an_empty_report_is_not_taken(house: House, language: str, message: str) -> None:
    """It gets the form again, with a sentence about it."""
    window = Window(house, language)
    window.go("write")
    window.send("write", message=message)
    assert window.page.status_code == 400
    assert 'role="alert"' in window.html
    assert window.offers("write")
    assert house.kinds() == []


def test_a_hundred_thousand_characters_of_any_script_are_a_message(house: House, window: Window) -> None:
    """The limit is named in characters and measured in bytes, so Chinese is not cut to a third."""
    window.write("证" * 100_000)
    assert house.texts() == ["证" * 100_000]
    other = Window(house)
    other.write("𠀀" * 100_000)
    assert len(house.texts()) == 2


def test_a_message_over_the_limit_is_refused_in_characters(house: House, window: Window) -> None:
    """Nothing of it is stored, and the page says how long a message may be."""
    window.go("write")
    window.send("write", message="x" * 400_001)
    assert window.page.status_code == 413
    assert "100,000" in window.html
    assert "Your text still stands below." in window.html
    assert "x" * 400_001 in window.html
    assert house.kinds() == []
    window.send("write", message="x" * 1_600_001)
    assert "too long to be shown here again" in window.html
    assert "x" * 400_001 not in window.html
    assert house.kinds() == []


def test_a_file_over_the_limit_costs_only_itself(tmp_path: Path) -> None:
    """Words and files that came before it are kept, it is named as refused, and there is a way on."""
    house = House.open(tmp_path, file_bytes=1 << 16)
    window = Window(house)
    window.go("write")
    window.send("write", ("small.txt", b"s" * 10), ("large.bin", b"L" * ((1 << 16) + 1)), message="kept")
    assert window.page.status_code == 413
    assert house.texts() == ["kept"]
    assert house.kinds() == ["file", "files", "message"]
    assert "large.bin" in window.html
    assert "more than fits at a time, nothing kept" in window.html
    assert window.shows_codename()


def test_a_body_over_the_limit_costs_its_file_and_not_its_words(tmp_path: Path) -> None:
    """Decided from Content-Length before the file is opened: the words are kept, the file is named, the codename is shown."""
    house = House.open(tmp_path, file_bytes=1 << 16)
    window = Window(house)
    window.go("write")
    window.send("write", ("large.bin", b"L" * (3 << 20)), message="kept")
    assert window.page.status_code == 413
    assert house.texts() == ["kept"]
    assert house.kinds() == ["message"]
    assert "large.bin" in window.html
    assert window.shows_codename()


def test_a_refusal_the_browser_could_not_show_is_told_at_the_next_form(tmp_path: Path) -> None:
    """Past the drain's bound the connection ends; the reason waits in memory for the form to be opened again, once."""
    house = House.open(tmp_path, file_bytes=1 << 16)
    window = Window(house)
    window.go("write")
    first = window.client.get_cookie("f")
    window.send("write", ("large.bin", b"L" * ((1 << 16) + 1)), message="")
    assert window.page.status_code == 413
    assert first is not None
    # The answer was lost: the browser still has the cookie of the form it sent.
    window.client.set_cookie("f", first.value)
    assert "That was too large" in window.go("write").text
    window.client.set_cookie("f", first.value)
    assert "That was too large" not in window.go("write").text


@pytest.mark.parametrize(
    ("room", "said"),
    [({"file_bytes": 1 << 16}, "That was too large"), ({"reserve_bytes": 1 << 50}, "There is no more room")],
    ids=["too large", "full"],
)
def test_words_that_arrived_before_a_refusal_that_could_not_be_shown_lead_to_their_codename(
    tmp_path: Path, room: dict[str, int], said: str
) -> None:
    """The next opening of the form says that they are kept, and is the same form: one press gets the codename."""
    house = House.open(tmp_path, drain_bytes=0, **room)
    window = Window(house)
    window.go("write")
    first = window.client.get_cookie("f")
    assert first is not None
    window.send("write", ("large.bin", b"L" * (1 << 21)), message="kept")
    assert window.page.status_code in {413, 503}
    # The answer was lost: the browser still has the cookie of the form it sent, and no visit.
    for message in ("", "kept"):
        lost = Window(house)
        lost.client.set_cookie("f", first.value)
        house.later(60 * 60)
        lost.go("write")
        assert said in lost.html
        assert "did arrive and is kept" in lost.html
        assert 'name="message"' in lost.html
        lost.send("write", message=message)
        words = lost.codename()
        assert threads.find(house.store, house.subkeys(words).locator) is not None
        assert house.texts() == ["kept"]
        house.later(-60 * 60)


HOSTILE = {
    "no token": lambda token: [text("message", "m")],
    "token second": lambda token: [text("message", "m"), text("token", token)],
    "file before the token": lambda token: [file("a", b"x"), text("token", token)],
    "token as a file": lambda token: [file("t", token.encode(), field="token"), text("message", "m")],
    "message as a file": lambda token: [text("token", token), file("m", b"x", field="message")],
    "message twice": lambda token: [text("token", token), text("message", " "), text("message", "m")],
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_form_we_did_not_make_stores_nothing(house: House, window: Window, case: str) -> None:
    """Each gets a page with a way on."""
    window.go("write")
    window.post("write", *HOSTILE[case](window.hidden("write")["token"]))
    assert 400 <= window.page.status_code < 500
    assert "<h1>" in window.html
    assert house.kinds() == []


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_body_that_is_no_multipart_form_is_refused(house: House, window: Window, kind: str) -> None:
    """Urlencoded forms too: this app gives out none."""
    page = window.client.post("/en/write", data=b"token=x&message=y", content_type=kind)
    assert page.status_code == 400
    assert house.kinds() == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://[x"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
def test_a_form_sent_from_another_website_is_refused(house: House, window: Window, headers: dict[str, str]) -> None:
    """Even with a good token: an attacker can fetch one of their own."""
    window.go("write")
    window.post("write", text("token", window.hidden("write")["token"]), text("message", "m"), headers=headers)
    assert window.page.status_code == 403
    assert house.kinds() == []


def test_our_own_origin_is_accepted(house: House, window: Window) -> None:
    """What a browser says of our own pages."""
    window.go("write")
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    window.post("write", text("token", window.hidden("write")["token"]), text("message", "m"), headers=own)
    assert house.texts() == ["m"]


def test_a_token_of_another_visit_moves_nothing(house: House, window: Window) -> None:
    """A form of one visit sent with the cookie of another is an ended form, not the other's act."""
    window.write("mine")
    other = Window(house)
    other.write("theirs")
    before = house.kinds()
    window.post("answer", text("token", other.hidden("attach")["token"]), text("message", "smuggled"))
    assert window.page.status_code == 403
    assert house.kinds() == before
    assert "smuggled" in window.html


def test_a_first_form_after_a_restart_keeps_its_text(house: House, window: Window) -> None:
    """Nothing was sent, the words stand in a fresh form, and sending that one works."""
    window.go("write")
    old = window.hidden("write")["token"]
    after = Window(house.restarted())
    after.post("write", text("token", old), text("message", "\nlong <words>"), file("a.txt", b"x"))
    assert after.page.status_code == 403
    assert "\nlong &lt;words&gt;</textarea>" in after.html
    assert "Files have to be chosen again" in after.html
    assert house.kinds() == []
    after.send("write", message="\nlong <words>")
    assert house.texts() == ["\nlong <words>"]


def test_a_written_answer_survives_the_end_of_its_visit(house: House, window: Window) -> None:
    """The codename opens the visit again and sends the text that was kept, in one step."""
    words = window.write("first")
    window.go("thread")
    old = window.hidden("answer")["token"]
    after = Window(house.restarted())
    after.post("answer", text("token", old), text("message", "second"))
    assert after.page.status_code == 403
    assert ">\nsecond</textarea>" in after.html
    after.send("again", codename="not these", message="second")
    assert after.page.status_code == 400
    assert ">\nsecond</textarea>" in after.html
    after.send("again", codename=words, message="second")
    assert after.page.status_code == 200
    assert house.texts() == ["first", "second"]


def test_an_ended_visit_says_so_and_takes_a_codename(house: House, window: Window) -> None:
    """After a restart the pages of a visit lead back in, and the dead cookie is taken away."""
    words = window.write()
    after = Window(house.restarted())
    after.client.set_cookie("s", window.cookie() or "")
    assert after.go("thread").status_code == 403
    assert after.cookie() is None
    after.send("again", codename=words)
    assert "<h1>Answers</h1>" in after.html


def test_without_an_active_seat_nothing_is_taken_and_the_text_is_kept(tmp_path: Path) -> None:
    """Nobody could read it, so it is not stored, and no KDF is spent on it."""
    house = House.open(tmp_path, sheets=False)
    window = Window(house)
    window.go("write")
    window.send("write", message="is anybody there")
    assert window.page.status_code == 503
    assert "is anybody there</textarea>" in window.html
    assert not window.shows_codename()


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
