# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Leaving: the quick exit, and what pages keep to themselves.
"""

from __future__ import annotations

import re

import pytest

from source_app import languages, space
from store.errors import OverloadedError
from tests.source_app.multipart_forms import CONTENT_TYPE, text
from tests.source_app.window import House, Window

LANGUAGES = [one.path for one in languages.LANGUAGES]
EVERYWHERE = ["", "write", "return", "thread", "received", "guidance/codename", "authorship", "no-such-page"]


@pytest.mark.parametrize("name", EVERYWHERE)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_has_the_quick_exit(house: House, language: str, name: str) -> None:
    """Before everything else on it, in the page's language."""
    window = Window(house, language)
    window.go(name)
    assert re.findall(r'<form[^>]*action="([^"]+)"', window.html)[0] == f"/{language}/exit"


def test_the_choice_of_language_has_it_too(house: House) -> None:
    """There is no page without."""
    assert 'action="/en/exit"' in house.app.test_client().get("/").text


def test_the_quick_exit_ends_the_visit_and_shows_nothing(house: House, window: Window) -> None:
    """Cookies go, the browser is asked to clear itself, a copy of the cookie opens nothing, and the page says nothing."""
    window.write()
    copy = window.cookie()
    answer = window.post("exit", follow=False)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/en/blank")
    assert answer.headers["Clear-Site-Data"] == '"cache", "cookies", "storage"'
    assert window.cookie() is None
    page = window.go("blank")
    assert "<body></body>" in page.text
    assert "Drum" not in page.text
    assert "Set-Cookie" not in page.headers
    thief = Window(house)
    thief.client.set_cookie("s", copy or "")
    assert thief.go("received").status_code == 403


def test_the_quick_exit_forgets_a_form_that_was_not_sent(window: Window) -> None:
    """The cookie of the form holds a codename, sealed."""
    window.go("write")
    assert window.client.get_cookie("f") is not None
    window.post("exit")
    assert window.client.get_cookie("f") is None


def test_logging_out_forgets_it_as_well(window: Window) -> None:
    """Somebody may have opened an empty form in the middle of a visit."""
    window.write()
    window.go("write")
    window.go("received")
    window.send("leave")
    assert window.client.get_cookie("f") is None


def test_the_quick_exit_works_after_a_restart(house: House, window: Window) -> None:
    """Nothing it needs can be out of date."""
    window.write()
    after = Window(house.restarted())
    after.client.set_cookie("s", window.cookie() or "")
    answer = after.post("exit", follow=False)
    assert answer.status_code == 303
    assert after.cookie() is None


BODIES = {
    "nothing": (b"", CONTENT_TYPE),
    "no multipart": (b"a=b", "application/x-www-form-urlencoded"),
    "no kind": (b"", ""),
    "torn": (b"--x", CONTENT_TYPE),
}


@pytest.mark.parametrize("case", BODIES)
def test_the_quick_exit_works_whatever_the_form_holds(window: Window, case: str) -> None:
    """It reads the body as any other, and heeds nothing in it."""
    window.write()
    raw, kind = BODIES[case]
    answer = window.client.post("/en/exit", data=raw, content_type=kind)
    assert answer.status_code == 303
    assert window.cookie() is None


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}], ids=str)
def test_another_website_cannot_press_it(window: Window, headers: dict[str, str]) -> None:
    """A visit is not ended from outside."""
    window.write()
    answer = window.post("exit", headers=headers, follow=False)
    assert answer.status_code == 403
    assert window.cookie() is not None


def test_the_blank_page_ends_nothing(window: Window) -> None:
    """Anybody can lead a browser to an address: only the form ends a visit."""
    window.write()
    page = window.go("blank")
    assert "Clear-Site-Data" not in page.headers
    assert window.cookie() is not None


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_has_the_same_title(house: House, language: str) -> None:
    """A list of windows or of visited pages tells no step of the way."""
    window = Window(house, language)
    titles = set()
    for name in EVERYWHERE:
        titles |= set(re.findall(r"<title>(.*?)</title>", window.go(name).text))
    words = window.write()
    titles |= set(re.findall(r"<title>(.*?)</title>", window.html))
    house.publish(words)
    pages = [window.go("thread").text, window.send("forget").text, window.send("forget", sure="yes").text]
    for page in pages:
        titles |= set(re.findall(r"<title>(.*?)</title>", page))
    assert titles == {"Drum &amp; Co"}


def test_the_codename_is_covered_until_it_is_asked_for(window: Window) -> None:
    """Its symbols and "I have it" stand in a closed element, which needs no script to open."""
    window.write()
    covered = re.search(r'<details class="secret">.*</section>', window.html, re.DOTALL)
    assert covered is not None
    assert window.html.count('<ol class="codename') == covered[0].count('<ol class="codename') == 3
    assert "<details open" not in window.html
    assert 'action="/en/known"' in covered[0]


def test_nothing_that_was_sent_is_shown_again(house: House, window: Window) -> None:
    """Not after sending, not on the thread's page, not to whoever comes back with the codename."""
    words = window.write("an unmistakable sentence")
    pages = [window.html, window.go("received").text, window.go("thread").text]
    window.send("answer", message="another such sentence")
    pages.append(window.html)
    other = Window(house)
    other.come_back(words)
    pages += [other.html, other.go("received").text]
    assert not [page for page in pages if "such sentence" in page or "unmistakable" in page]


def test_fields_are_not_remembered_by_the_browser(window: Window) -> None:
    """Every form with a field of its own says so."""
    window.write()
    for name in ("write", "return", "thread", "received"):
        window.go(name)
        for form in re.findall(r"<form.*?</form>", window.html, re.DOTALL):
            assert "<textarea" not in form or 'autocomplete="off"' in form.partition(">")[0]


def test_guidance_is_the_same_in_and_out_of_a_visit(window: Window) -> None:
    """All but the way back and "log out"."""
    outside = window.go("authorship").text
    window.write()
    inside = window.go("authorship").text
    main = re.compile(r"<main.*?</main>", re.DOTALL)
    assert main.findall(outside) == main.findall(inside)


def test_the_price_of_proving_authorship_is_named(window: Window) -> None:
    """Spent, and provable from then on by whoever holds both halves."""
    page = window.go("authorship").text
    assert "The codename is spent" in page
    assert "whoever has the codename and one opened item of yours can prove" in page


def test_a_status_can_be_deleted_like_an_answer(house: House, window: Window) -> None:
    """At once, by the source."""
    words = window.write()
    house.publish(words, status="read")
    window.go("thread")
    item = re.search(r'name="item" value="([0-9a-f]{32})">Delete this notice', window.html)
    assert item is not None
    window.send("delete", item=item[1])
    window.send("delete", sure="yes")
    assert "A person has read your report." not in window.html


def test_deleting_everything_says_what_it_cannot_reach(window: Window) -> None:
    """Reviewers' machines, backups, the source's own device, and the mark that stays for a while."""
    window.write()
    window.go("thread")
    window.send("forget")
    for said in ("taken to their own machines stays", "backups of this server", "your own device", "keeps a mark"):
        assert said in window.html


def test_the_quick_exit_reads_no_token(house: House, window: Window) -> None:
    """Another visit's token neither helps nor hinders."""
    other = Window(house)
    other.write()
    window.write()
    window.post("exit", text("token", other.hidden("leave")["token"]))
    assert window.cookie() is None
    other.go("received")
    assert other.page.status_code == 200


WAYS_OUT = {"exit": 303, "leave": 200}


@pytest.mark.parametrize("act", WAYS_OUT)
def test_ways_out_ask_the_store_for_nothing(
    house: House, window: Window, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    """A store that fails or is overloaded keeps nobody in."""
    window.write()
    token = window.hidden("leave")["token"]

    def fails(*_: object, **__: object) -> None:
        raise OverloadedError("crowd")

    monkeypatch.setattr(space, "room", fails)
    answer = window.post(act, text("token", token), follow=False)
    assert answer.status_code == WAYS_OUT[act]
    assert window.cookie() is None


@pytest.mark.parametrize("act", WAYS_OUT)
def test_ways_out_lead_out_of_a_page_that_lay_open(house: House, window: Window, act: str) -> None:
    """Its token opens no more, while another window keeps the visit open: "you are logged out" is said when it is so, and it is so."""
    window.write()
    copy = window.cookie()
    answer = window.post(act, text("token", "x" * 124), follow=False)
    assert answer.status_code == WAYS_OUT[act]
    assert window.cookie() is None
    thief = Window(house)
    thief.client.set_cookie("s", copy or "")
    assert thief.go("received").status_code == 403
