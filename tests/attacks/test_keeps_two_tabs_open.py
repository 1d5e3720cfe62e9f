# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Nobody attacks: a source has two tabs open, goes back, presses twice, lets a page lie, and sends it all the same.

Whatever they do, nothing lands in another thread than the one whose page it was written on, nothing is stored twice, and no text is lost.
"""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from source_app.memory import ROTATION
from tests.source_app.multipart_forms import file, text
from tests.source_app.window import House, Window


@pytest.fixture
def house(tmp_path: Path) -> House:
    """An app over one seat."""
    return House.open(tmp_path)


@pytest.fixture
def window(house: House) -> Window:
    """A browser."""
    return Window(house)


def _tab(window: Window) -> Window:
    """Another tab of the same browser: the same cookies."""
    other = Window(window.house, window.language)
    other.client = window.client
    return other


def _thread_of(house: House, words: str) -> list[str]:
    """Every message under a codename."""
    value = bytes(house.subkeys(words).thread)
    return sorted(
        one.body.decode()
        for one in house.organisation.opened(house.store)
        if one.header.kind == "message" and bytes(one.header.thread) == value
    )


def _names_of(house: House, words: str) -> list[str]:
    """The names of every file under a codename."""
    value = bytes(house.subkeys(words).thread)
    return sorted(
        str(one.header.fields["name"])
        for one in house.organisation.opened(house.store)
        if one.header.kind == "file" and bytes(one.header.thread) == value
    )


def test_two_first_forms_are_two_threads_and_no_file_goes_into_the_other_one(house: House, window: Window) -> None:
    """Each tab shows the codename of what was written in it; the older tab's form then takes nothing, instead of taking it to the newer one's thread."""
    other = _tab(window)
    window.go("write")
    other.go("write")
    window.send("write", message="in the first tab")
    first, late = window.codename(), window.hidden("attach")["token"]
    other.send("write", message="in the second tab")
    second = other.codename()
    assert first != second
    window.post("attach", text("token", late), file("of-the-first.txt", b"content"))
    assert window.page.status_code == 403
    assert (_thread_of(house, first), _thread_of(house, second)) == (["in the first tab"], ["in the second tab"])
    assert _names_of(house, first) == _names_of(house, second) == []


def test_words_in_a_tab_of_an_older_visit_are_shown_again_and_go_nowhere_else(house: House, window: Window) -> None:
    """Somebody comes back with one codename, and in another tab with another: what was written in the older tab stays on its page."""
    one, two = Window(house).write("one"), Window(house).write("two")
    window.come_back(one)
    token = window.hidden("answer")["token"]
    _tab(window).come_back(two)
    window.post("answer", text("token", token), text("message", "meant for the first"))
    assert window.page.status_code == 403
    assert "meant for the first" in window.html
    assert (_thread_of(house, one), _thread_of(house, two)) == (["one"], ["two"])


def _at_once(*windows: Window, act: str, token: str, message: str) -> None:
    """The same form from all of them at the same time."""
    together = threading.Barrier(len(windows))

    def press(one: Window) -> None:
        together.wait()
        one.post(act, text("token", token), text("message", message), file("f.txt", b"content"))

    pressing = [threading.Thread(target=press, args=(one,)) for one in windows]
    for one in pressing:
        one.start()
    for one in pressing:
        one.join()


def test_a_double_click_on_a_first_form_is_one_thread_one_message_and_one_codename(
    house: House, window: Window
) -> None:
    """Four presses in the same moment: one of everything, and every answer shows the same codename."""
    window.go("write")
    token = window.hidden("write")["token"]
    presses = [Window(house) for _ in range(4)]
    _at_once(*presses, act="write", token=token, message="pressed twice")
    assert [one.page.status_code for one in presses] == [200] * 4
    assert len({one.codename() for one in presses}) == 1
    assert house.kinds() == ["file", "files", "message"]


def test_a_double_click_on_an_answer_is_one_message(house: House, window: Window) -> None:
    """In a visit that is there already."""
    words = window.write("first")
    window.go("thread")
    token, cookie = window.hidden("answer")["token"], window.cookie() or ""
    presses = [Window(house) for _ in range(4)]
    for one in presses:
        one.client.set_cookie("s", cookie)
    _at_once(*presses, act="answer", token=token, message="second")
    assert _thread_of(house, words) == ["first", "second"]
    assert _names_of(house, words) == ["f.txt"]


def test_going_back_and_sending_again_stores_nothing_twice(house: House, window: Window) -> None:
    """Back to the form, "Send" once more; back to the list, the same file once more; reload, reload."""
    window.go("write")
    form = (text("token", window.hidden("write")["token"]), text("message", "once"))
    window.post("write", *form)
    words = window.codename()
    more = (text("token", window.hidden("attach")["token"]), file("f.txt", b"content"))
    for _ in range(3):
        window.post("write", *form)
        window.post("attach", *more)
        window.go("received")
        window.go("thread")
    assert _thread_of(house, words) == ["once"]
    assert _names_of(house, words) == ["f.txt"]


def test_going_back_to_a_page_of_a_visit_that_was_left_opens_nothing(house: House, window: Window) -> None:
    """The page in the browser's memory has a form; sent, it takes nothing, shows the text, and does not bring the visit back."""
    words = window.write("before")
    window.go("thread")
    answer, leave = window.hidden("answer")["token"], window.hidden("leave")
    window.post("leave", *(text(name, value) for name, value in leave.items()))
    window.post("answer", text("token", answer), text("message", "after I had left"))
    assert window.page.status_code == 403
    assert "after I had left" in window.html
    assert window.go("thread").status_code == 403
    assert _thread_of(house, words) == ["before"]


@pytest.mark.parametrize("hours", [4, 24 * 30])
def test_a_form_that_lay_open_keeps_its_text_and_sends_it_at_the_next_press(
    house: House, window: Window, hours: int
) -> None:
    """Four hours later, or a month: the keys are gone, the words are still there."""
    assert hours * 3600 >= 2 * ROTATION
    window.go("write")
    token = window.hidden("write")["token"]
    house.later(hours * 3600)
    window.post("write", text("token", token), text("message", "typed for hours"))
    assert window.page.status_code == 403
    assert "typed for hours" in window.html
    assert house.texts() == []
    window.send("write", message="typed for hours")
    assert window.page.status_code == 200
    assert house.texts() == ["typed for hours"]
    assert window.shows_codename()


def test_an_answer_that_lay_open_reaches_its_thread_with_the_codename(house: House, window: Window) -> None:
    """The visit ended meanwhile; the page asks for the codename, and sends both in one step."""
    words = window.write("first")
    window.go("thread")
    token = window.hidden("answer")["token"]
    house.later(4 * 3600 + 1)
    window.post("answer", text("token", token), text("message", "written slowly"))
    assert window.page.status_code == 403
    assert "written slowly" in window.html
    window.send("again", codename=words, message="written slowly")
    assert _thread_of(house, words) == ["first", "written slowly"]
