# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The door: who gets in, what failures tell (nothing), and what stands before every page.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from crypto.passwords import CHEAPEST, Costs, hash_passphrase
from journalist_app.desk.errors import LoginError
from journalist_app.desk.guard import OPEN
from journalist_app.desk.login import MAX_COUNTED, TRIES, Login
from journalist_app.desk.persons import renew
from journalist_app.desk.sessions import LONGEST_SECONDS, Sessions
from store import reviewers
from tests.journalist_app.desk.conftest import Desk

DELAY = 0.25


@pytest.fixture
def slow_desk(tmp_path: Path) -> Desk:
    """A desk whose failed logins take a quarter of a second."""
    return Desk(tmp_path, login_milliseconds=int(DELAY * 1000)).install()


def attempt(desk: Desk, name: str, passphrase: str, code: str):
    """One login: the answer and how long it took."""
    began = time.monotonic()
    response = desk.app.test_client().post("/login", data={"name": name, "passphrase": passphrase, "code": code})
    return response, time.monotonic() - began


def test_passphrase_and_code_open_the_desk(desk: Desk) -> None:
    """One cookie, unreadable to scripts, not sent from other sites; the session shows who is there."""
    form = {"name": "mei", "passphrase": desk.people["mei"].passphrase, "code": desk.code("mei")}
    browser = desk.app.test_client()
    response = browser.post("/login", data=form)
    cookie = response.headers["Set-Cookie"]
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "mei" in browser.get("/").text


def test_failures_cannot_be_told_apart(slow_desk: Desk) -> None:
    """Unknown name, closed login, wrong passphrase, wrong code, spent code: one page, one status, one delay."""
    desk = slow_desk
    mei, tashi = desk.people["mei"], desk.people["tashi"]
    spent = desk.code("mei")
    assert attempt(desk, "mei", mei.passphrase, spent)[0].status_code == 303
    reviewers.disable(desk.store, tashi.person.id)
    cases = {
        "unknown name": ("nobody", mei.passphrase, spent),
        "closed login": ("tashi", tashi.passphrase, desk.code("tashi")),
        "wrong passphrase": ("rena", mei.passphrase, desk.code("rena")),
        "wrong code": ("rena", desk.people["rena"].passphrase, "000000"),
        "spent code": ("mei", mei.passphrase, spent),
        "nothing typed": ("", "", ""),
        "too long": ("n" * 500, "p" * 5_000, "1" * 50),
    }
    answers = {name: attempt(desk, *case) for name, case in cases.items()}
    first = answers["unknown name"][0]
    for name, (response, took) in answers.items():
        assert (response.status_code, response.data) == (403, first.data), name
        assert sorted(response.headers.keys()) == sorted(first.headers.keys()), name
        assert DELAY <= took < DELAY + 0.2, name


def test_too_many_tries_look_like_any_other_failure(slow_desk: Desk) -> None:
    """After five failures the right passphrase fails too, with the same page; another name still gets in."""
    desk = slow_desk
    for _ in range(TRIES):
        refused, _ = attempt(desk, "mei", "wrong", "000000")
    response, took = attempt(desk, "mei", desk.people["mei"].passphrase, desk.code("mei"))
    assert (response.status_code, response.data) == (403, refused.data)
    assert took >= DELAY
    assert attempt(desk, "rena", desk.people["rena"].passphrase, desk.code("rena"))[0].status_code == 303


def test_a_code_works_once_and_so_does_an_older_one(desk: Desk) -> None:
    """The step after it works; the step before it, still within the clock's drift, does not."""
    mei = desk.people["mei"]
    older = desk.code("mei")
    desk.clock.now += 30
    assert attempt(desk, "mei", mei.passphrase, desk.code("mei"))[0].status_code == 303
    assert attempt(desk, "mei", mei.passphrase, desk.code("mei"))[0].status_code == 403
    assert attempt(desk, "mei", mei.passphrase, older)[0].status_code == 403
    desk.clock.now += 30
    assert attempt(desk, "mei", mei.passphrase, desk.code("mei"))[0].status_code == 303


@pytest.mark.parametrize(("drift", "status"), [(-60, 403), (-30, 303), (30, 303), (60, 403)])
def test_a_clock_may_be_one_step_off(desk: Desk, drift: int, status: int) -> None:
    """Half a minute early or late, not more."""
    code = desk.code("mei")
    desk.clock.now += drift
    assert attempt(desk, "mei", desk.people["mei"].passphrase, code)[0].status_code == status


def test_a_wrong_passphrase_does_not_spend_the_code(desk: Desk) -> None:
    """So a slip of the hand costs no half minute."""
    code = desk.code("mei")
    assert attempt(desk, "mei", "wrong", code)[0].status_code == 403
    assert attempt(desk, "mei", desk.people["mei"].passphrase, code)[0].status_code == 303


def test_a_passphrase_is_hashed_again_when_the_profile_has_moved(desk: Desk) -> None:
    """At the next login, without anyone noticing."""
    mei = desk.people["mei"]
    dearer = Costs(memory_kib=16, passes=1, lanes=1)
    login = Login(desk.store, seated=lambda _: True, profile=dearer, clock=desk.clock, delay=0)
    login.enter("mei", mei.passphrase, desk.code("mei"))
    assert b"m=16," in bytes(reviewers.get(desk.store, mei.person.id).passphrase)
    assert b"m=8," in hash_passphrase("x", CHEAPEST).encode()


def test_counted_names_have_a_bound(desk: Desk) -> None:
    """A stranger who invents names does not fill the memory."""
    login = Login(desk.store, seated=lambda _: True, profile=CHEAPEST, clock=desk.clock, delay=0)
    for number in range(MAX_COUNTED + 50):
        login._count(f"name {number}")
    assert len(login._tries) == MAX_COUNTED
    with pytest.raises(LoginError):
        login.enter("name 1", "x", "1")


def pages(desk: Desk) -> list[tuple[str, str, str]]:
    """Every address of the desk, with numbers and ids filled in: method, address, endpoint."""
    found = []
    for rule in desk.app.url_map.iter_rules():
        address = re.sub(r"<int:\w+>", "1", re.sub(r"<path:\w+>", "desk.css", rule.rule))
        address = re.sub(r"<\w+>", "00" * 16, address)
        found.extend((method, address, rule.endpoint) for method in rule.methods - {"HEAD", "OPTIONS"})
    return found


def test_every_page_is_refused_when_logged_out(desk: Desk) -> None:
    """GET leads to the login, POST is refused; only the login and the style sheet are open, and what answers to a watch key."""
    checked = 0
    for method, address, endpoint in pages(desk):
        browser = desk.browser()
        response = browser.open(address, method=method, buffered=True)
        if endpoint in OPEN:
            assert response.status_code in {200, 403, 404}, address
            continue
        checked += 1
        if method == "GET":
            assert (response.status_code, response.headers["Location"]) == (303, "/login"), address
        else:
            assert response.status_code == 403, address
            assert "FormError" in response.text
    assert checked >= 15


def test_every_form_needs_its_token_and_our_own_page(desk: Desk) -> None:
    """Without the token, with another's, or from another site: refused, whatever the page."""
    browser = desk.browser("mei")
    token = desk.token(browser)
    for method, address, endpoint in pages(desk):
        if method != "POST" or endpoint in OPEN:
            continue
        for data, headers in (
            ({}, {}),
            ({"token": "0" * 32}, {}),
            ({"token": token}, {"Origin": "http://elsewhere.example"}),
            ({"token": token}, {"Origin": "null"}),
            ({"token": token}, {"Sec-Fetch-Site": "cross-site"}),
        ):
            response = browser.post(address, data=data, headers=headers)
            assert response.status_code in {400, 403}, address
            assert "FormError" in response.text or "UploadError" in response.text, address


def test_nothing_here_deletes(desk: Desk) -> None:
    """No address, no method and no button of the desk erases a thread, an item, a reply or a person."""
    for method, address, endpoint in pages(desk):
        assert method in {"GET", "POST"}
        assert not re.search(r"delete|erase|remove|purge|forget|destroy", f"{address} {endpoint}"), address
    sources = Path(__file__).parents[3].joinpath("journalist_app", "desk").glob("*.py")
    for path in sources:
        assert not re.search(
            r"erase_|\.forget\(|carry_out|purge|replies\.delete|\.expire\(|delete\(", path.read_text()
        ), path


def test_a_session_ends_at_logout_when_idle_and_after_a_day(desk: Desk) -> None:
    """Each in its own way, and for good."""
    browser = desk.browser("mei")
    assert desk.post(browser, "/logout").status_code == 303
    assert browser.get("/").status_code == 303
    now = [0.0]
    sessions = Sessions(60, clock=lambda: now[0])
    person = desk.people["mei"].person
    name = sessions.begin(person)
    now[0] = 59
    assert sessions.find(name) is not None
    now[0] = 59 + 61
    assert sessions.find(name) is None
    now[0] = 0
    name = sessions.begin(person)
    while now[0] < LONGEST_SECONDS:
        assert sessions.find(name) is not None
        now[0] += 50
    now[0] += 50
    assert sessions.find(name) is None


def test_a_stolen_cookie_dies_with_the_login_it_belongs_to(desk: Desk) -> None:
    """Closing a login ends its sessions at once, and so do new secrets, though another program makes them; letting in again revives none."""
    stolen, later = desk.browser("mei"), desk.browser("tashi")
    reviewers.disable(desk.store, desk.people["mei"].person.id)
    assert stolen.get("/").status_code == 303
    tashi = desk.people["tashi"].person
    reviewers.disable(desk.store, tashi.id)
    renew(desk.store, tashi.id, organisation="Hearing", profile=CHEAPEST)
    assert not reviewers.get(desk.store, tashi.id).disabled
    assert later.get("/").status_code == 303


def test_every_answer_carries_the_headers(desk: Desk) -> None:
    """Pages, refusals, styles and downloads alike."""
    browser = desk.browser("mei")
    desk.post(browser, "/batches", number="1")
    for address in ("/", "/login", "/nowhere", "/static/desk.css", "/batches/1/download"):
        headers = browser.get(address, buffered=True).headers
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_what_nobody_foresaw_shows_and_logs_nothing_it_was_told(desk: Desk, caplog) -> None:
    """A page without details; in the log the error's class and line."""

    def fail() -> str:
        raise ZeroDivisionError("the words of a form")

    desk.app.view_functions["log.show"] = fail
    response = desk.browser("mei").get("/log?below=1")
    assert response.status_code == 500
    assert "words of a form" not in response.text
    assert [record.getMessage() for record in caplog.records] == [caplog.records[0].getMessage()]
    assert re.fullmatch(r"ZeroDivisionError at test_login\.py:\d+", caplog.records[0].getMessage())
    assert "words of a form" not in caplog.text
