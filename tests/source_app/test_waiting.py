# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Those who wait: the page says how long, looks by itself, and leads on; what was typed is typed once, and derived once.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator

import pytest

from crypto.codename import Codename
from crypto.derive import Generation, Subkeys, derive
from crypto.hidden import Hidden
from source_app import waiting
from source_app.kdf import Derivations
from source_app.parts import KEY
from source_app.session import Form, Kind
from store.errors import OverloadedError
from tests.source_app.multipart_forms import text
from tests.source_app.window import House, Window

SOON = 30.0
RETURN_COOKIE = "t"


class Crowd:
    """A KDF that takes as long as the test wants it to."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.free = threading.Event()
        self.derived = 0

    def run(self, secret: Hidden, generation: Generation) -> Subkeys:
        self.derived += 1
        self.free.wait(SOON)
        return derive(secret, generation)

    def goes(self) -> None:
        """The line is served, and has ended."""
        self.free.set()
        line = self.house.parts.derivations._here().line
        until = time.monotonic() + SOON
        while line._known and time.monotonic() < until:
            time.sleep(0.01)
        assert not line._known


@pytest.fixture
def crowd(house: House) -> Iterator[Crowd]:
    """Every derivation waits for the crowd to go, and requests wait for none."""
    found = Crowd(house)
    crowded = Derivations(1, house.parts.memory, patience=0.1, places=3, run=found.run)
    house.app.extensions[KEY] = dataclasses.replace(house.parts, derivations=crowded)
    yield found
    found.free.set()


def a_codename() -> str:
    return " ".join(Codename.generate().words())


def test_who_comes_back_into_a_crowd_waits_on_a_page_and_gets_in(house: House, crowd: Crowd) -> None:
    """The POST leads to the page of those who wait; when the codename is derived, the same page leads to the answers."""
    window = Window(house)
    window.come_back(a_codename())
    assert window.page.request.path == "/en/waiting"
    assert window.page.status_code == 200
    assert "<h1>You stand in line</h1>" in window.html
    assert "in about 5 seconds" in window.html
    assert window.page.headers["Refresh"] == "5"
    window.go("waiting")
    assert "<h1>You stand in line</h1>" in window.html
    crowd.goes()
    window.go("waiting")
    assert "<h1>Answers</h1>" in window.html
    assert crowd.derived == 1


def test_the_page_of_those_who_wait_says_nothing_about_a_codename(house: House, crowd: Crowd) -> None:
    """One that has a thread and one that was never used: the same bytes, the same headers but for the sealed cookie, of one length."""
    crowd.free.set()
    used = Window(house).write()
    crowd.free.clear()
    # How long it is for the second in line is not what is compared.
    house.parts.derivations._here().line._each = 0.0
    shown = []
    for words in (used, a_codename()):
        window = Window(house)
        window.come_back(words)
        assert "<h1>You stand in line</h1>" in window.html
        headers = [(name, len(value) if name == "Set-Cookie" else value) for name, value in window.page.headers]
        shown.append((window.page.data, headers))
        assert words not in window.html
    assert shown[0] == shown[1]


def test_the_ticket_is_gone_when_the_visit_has_begun(house: House, crowd: Crowd) -> None:
    """The cookie is taken away with the answer that opens the visit."""
    window = Window(house)
    window.come_back(a_codename())
    assert window.client.get_cookie(RETURN_COOKIE) is not None
    crowd.goes()
    window.go("waiting")
    assert window.client.get_cookie(RETURN_COOKIE) is None
    assert window.cookie() is not None


def test_an_answer_that_is_lost_is_fetched_again_as_the_same_visit(house: House, crowd: Crowd) -> None:
    """A circuit that breaks while the visit begins costs nothing; and leaving that visit ends what a copy of the ticket could open."""
    window, copy = Window(house), Window(house)
    window.come_back(a_codename())
    ticket = window.client.get_cookie(RETURN_COOKIE)
    assert ticket is not None
    copy.client.set_cookie(RETURN_COOKIE, ticket.value)
    crowd.goes()
    window.go("waiting")
    copy.go("waiting")
    assert "<h1>Answers</h1>" in copy.html
    window.send("leave")
    copy.client.set_cookie(RETURN_COOKIE, ticket.value)
    copy.client.delete_cookie("s")
    copy.go("waiting")
    assert copy.page.status_code == 403
    assert copy.cookie() is None
    assert "Your place in the line is gone" in copy.html


@pytest.mark.parametrize("act", ["exit", "leave"])
def test_whoever_leaves_the_line_is_not_let_in_afterwards(house: House, crowd: Crowd, act: str) -> None:
    """The visit that the ticket would begin is ended before it begins: a copy of the ticket, or a look that was on its way, opens nothing."""
    window, copy = Window(house), Window(house)
    window.come_back(a_codename())
    ticket = window.client.get_cookie(RETURN_COOKIE)
    assert ticket is not None
    window.post(act)
    assert window.client.get_cookie(RETURN_COOKIE) is None
    crowd.goes()
    copy.client.set_cookie(RETURN_COOKIE, ticket.value)
    copy.go("waiting")
    assert copy.page.status_code == 403
    assert copy.cookie() is None


def test_whoever_got_in_by_another_press_waits_no_more(house: House, crowd: Crowd) -> None:
    """A forgotten window that still looks takes nobody out of the visit in which they write."""
    window, words = Window(house), a_codename()
    window.come_back(words)
    crowd.goes()
    window.come_back(words)
    assert "<h1>Answers</h1>" in window.html
    assert window.client.get_cookie(RETURN_COOKIE) is None
    token = window.hidden("answer")["token"]
    assert window.go("waiting").status_code == 403
    window.post("answer", text("token", token), text("message", "What I saw"))
    assert house.texts() == ["What I saw"]


def test_a_store_that_fails_meanwhile_costs_nobody_their_place(
    house: House, crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was derived is still there at the next look, which comes by itself."""

    def fails(*_: object, **__: object) -> None:
        raise OverloadedError("crowd")

    window = Window(house)
    window.come_back(a_codename())
    crowd.goes()
    with monkeypatch.context() as patch:
        patch.setattr(waiting, "opened", fails)
        window.go("waiting")
    assert "<h1>You stand in line</h1>" in window.html
    assert window.page.headers["Refresh"] == "20"
    window.go("waiting")
    assert "<h1>Answers</h1>" in window.html


def test_a_first_contact_keeps_its_words_and_its_place(house: House, crowd: Crowd) -> None:
    """The text stands in the page with the time it takes; "Send" pressed again is served at once, and stores it once."""
    window = Window(house)
    window.go("write")
    window.send("write", message="What I saw")
    assert window.page.status_code == 503
    assert ">\nWhat I saw</textarea>" in window.html
    assert "Your place in the line is kept." in window.html
    assert "in about 5 seconds" in window.html
    assert "Had you chosen files" in window.html
    crowd.goes()
    window.send("write", message="What I saw")
    assert window.shows_codename()
    assert crowd.derived == 1
    assert house.texts() == ["What I saw"]


def test_a_first_contact_of_files_alone_keeps_its_place(house: House, crowd: Crowd) -> None:
    """The button "I only have files" waits like words do."""
    window = Window(house)
    window.go("write")
    window.send("write", message="", only="files")
    assert window.page.status_code == 503
    crowd.goes()
    window.send("write", message="", only="files")
    assert window.shows_codename()
    assert crowd.derived == 1


def test_a_visit_that_had_ended_keeps_words_codename_and_place(house: House, crowd: Crowd) -> None:
    """The form that opens and sends in one step, pressed again."""
    crowd.free.set()
    words = Window(house).write("first")
    crowd.free.clear()
    before, window = crowd.derived, Window(house)
    window.go("thread")
    token = text("token", window.hidden("again")["token"])
    window.post("again", token, text("codename", words), text("message", "second"))
    assert window.page.status_code == 503
    assert f"{words}</textarea>" in window.html
    crowd.goes()
    window.send("again", codename=words, message="second")
    assert window.page.status_code == 200
    assert crowd.derived == before + 1
    assert sorted(house.texts()) == ["first", "second"]


def test_another_codename_in_the_same_form_is_another_place(house: House, crowd: Crowd) -> None:
    """Back, and another codename: what the first derived to is not what the second opens."""
    crowd.free.set()
    first, second = Window(house).write("of the first"), Window(house).write("of the second")
    crowd.free.clear()
    window = Window(house)
    window.go("return")
    token = text("token", window.hidden("return")["token"])
    for words in (first, second):
        window.post("return", token, text("codename", words))
    crowd.goes()
    window.go("waiting")
    window.go("thread")
    found = house.parts.sealer.session(window.cookie() or "")
    assert found.subkeys == house.subkeys(second)


def test_where_the_line_is_full_what_was_typed_stays_in_its_page(house: House, crowd: Crowd) -> None:
    """503, and when to try again."""
    for _ in range(4):
        Window(house).come_back(a_codename())
    window, words = Window(house), a_codename()
    window.come_back(words)
    assert window.page.status_code == 503
    assert "there was no place in the line" in window.html
    assert f"{words}</textarea>" in window.html
    assert window.client.get_cookie(RETURN_COOKIE) is None


@pytest.mark.parametrize("value", [None, "", "x", "a" * 124], ids=["none", "empty", "short", "noise"])
def test_without_a_ticket_there_is_no_place(house: House, value: str | None) -> None:
    """The page says so and leads to the field for a codename."""
    window = Window(house)
    if value is not None:
        window.client.set_cookie(RETURN_COOKIE, value)
    window.go("waiting")
    assert window.page.status_code == 403
    assert "Please type your codename once more." in window.html
    assert 'href="/en/return"' in window.html


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.WAIT], ids=lambda kind: kind.name)
def test_no_other_token_is_a_ticket(house: House, kind: Kind) -> None:
    """Nor is a ticket a form's token: what is sealed for one thing opens nothing else."""
    window = Window(house)
    form = Form(kind=kind, id=bytes(15) + b"x")
    window.client.set_cookie(RETURN_COOKIE, house.parts.sealer.token(form))
    assert window.go("waiting").status_code == 403


def test_a_ticket_is_no_token(house: House, window: Window) -> None:
    """Sent as one, the form takes nothing."""
    ticket = house.parts.sealer.token(Form(kind=Kind.WAIT, id=bytes(15) + b"x"))
    window.post("write", text("token", ticket), text("message", "words"))
    assert window.page.status_code == 403
    assert house.texts() == []
