# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Forms that are not taken as they came: too much, too little, from elsewhere, too late; and what is kept of them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from source_app import languages
from store import threads
from tests.source_app.multipart_forms import file, text
from tests.source_app.window import House, Window

LANGUAGES = [one.path for one in languages.LANGUAGES]


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
