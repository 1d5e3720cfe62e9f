# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Somebody's page sends forms from a source's, a reviewer's or a vault's browser. Without a token of that very login nothing is done; from
another origin nothing is done even with it.
"""

from __future__ import annotations

import re

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from journalist_app.vault.app import create_app
from journalist_app.vault.place import Place
from store import batches
from store.models import Base
from tests.journeys.world import PASSPHRASE, World
from tests.source_app.multipart_forms import text
from tests.source_app.window import Window

FOREIGN = ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"})


def _stored(world: World) -> dict[str, int]:
    """How many rows each table has."""
    with world.store.read() as connection:
        return {
            table.name: connection.exec_driver_sql(f'SELECT count(*) FROM "{table.name}"').scalar_one()
            for table in Base.metadata.sorted_tables
        }


def _refused(answer: TestResponse) -> bool:
    """Whether an answer is a refusal."""
    return answer.status_code in {400, 403}


@pytest.mark.parametrize("act", ["attach", "answer", "delete", "forget", "known", "thread"])
def test_a_sources_form_without_its_visits_token_does_nothing(world: World, act: str) -> None:
    """No token, noise, another visit's token, a token of another kind of form."""
    window, other = Window(world), Window(world)
    window.write()
    other.write()
    strangers = other.hidden("attach")["token"]
    window.go("return")
    another_kind = window.hidden("return")["token"]
    before = _stored(world)
    for token in (None, "", "noise", "A" * 108, strangers, another_kind):
        parts = [] if token is None else [text("token", token)]
        window.post(act, *parts, text("message", "forged"), text("item", "00" * 16), text("sure", "yes"))
        assert _refused(window.page), (act, token)
        assert "Everything is deleted" not in window.html
    assert _stored(world) == before
    window.go("received")
    assert window.shows_codename()


@pytest.mark.parametrize("headers", FOREIGN, ids=["origin", "site", "null"])
@pytest.mark.parametrize("act", ["write", "return", "attach", "answer", "forget", "leave"])
def test_a_sources_form_from_another_origin_does_nothing(world: World, act: str, headers: dict[str, str]) -> None:
    """Even with the right token."""
    window = Window(world)
    window.write()
    window.go({"write": "write", "return": "return", "attach": "received"}.get(act, "thread"))
    token = window.hidden(act)["token"] if act != "leave" else window.hidden("forget")["token"]
    before = _stored(world)
    window.post(act, text("token", token), text("message", "forged"), text("sure", "yes"), headers=headers)
    assert window.page.status_code == 403
    assert _stored(world) == before
    assert window.go("thread").status_code == 200


def _brought(window: Window, act: str, strangers: str, *parts: bytes, headers: dict[str, str]) -> None:
    """What a page of the attacker makes a source's browser send: a form of the attacker's own visit here, with a genuine token."""
    window.post(act, text("token", strangers), *parts, headers=headers)


@pytest.mark.parametrize("headers", FOREIGN, ids=["origin", "site", "null"])
def test_no_page_logs_a_source_in_under_an_attackers_codename(world: World, headers: dict[str, str]) -> None:
    """Login CSRF: whatever a source writes after it goes into their own thread, and into none that an attacker reads."""
    attacker, window = Window(world), Window(world)
    known = attacker.write("the attacker's thread")
    words = window.write("before")
    attacker.go("return")
    _brought(window, "return", attacker.hidden("return")["token"], text("codename", known), headers=headers)
    assert window.page.status_code == 403
    attacker.go("write")
    _brought(window, "write", attacker.hidden("write")["token"], text("message", "planted"), headers=headers)
    assert window.page.status_code == 403
    window.go("thread")
    window.send("answer", message="after")
    world.carry()
    assert world.texts(1, world.thread_value(words)) == ["after", "before"]
    assert world.texts(1, world.thread_value(known)) == ["the attacker's thread"]


@pytest.mark.parametrize("headers", FOREIGN, ids=["origin", "site", "null"])
def test_no_page_begins_a_visit_in_a_browser_that_has_none(world: World, headers: dict[str, str]) -> None:
    """The same before the source has come: no cookie is set, no place in the line of derivations is taken."""
    attacker, window = Window(world), Window(world)
    known = attacker.write("the attacker's thread")
    attacker.go("return")
    _brought(window, "return", attacker.hidden("return")["token"], text("codename", known), headers=headers)
    assert window.page.status_code == 403
    assert window.page.headers.getlist("Set-Cookie") == []
    assert window.go("thread").status_code == 403


def test_a_token_in_second_place_is_not_looked_for(world: World) -> None:
    """The token is the first field: what comes before it is not taken."""
    window = Window(world)
    window.go("write")
    token = window.hidden("write")["token"]
    before = _stored(world)
    window.post("write", text("message", "too early"), text("token", token))
    assert window.page.status_code >= 400
    assert _stored(world) == before


def _posts(app: Flask) -> list[str]:
    """Every address of an app that takes a form, its places filled."""
    rules = [rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())]
    return sorted(re.sub(r"<[^>]+>", "00" * 16, str(rule)) for rule in rules)


def test_no_form_of_the_desk_is_taken_without_its_logins_token(world: World) -> None:
    """Every address that takes one, found by asking the app: no token, another login's, and nobody logged in."""
    browser = world.browser(1)
    tokens = (None, "", "00" * 16, world.token(2))
    before = _stored(world)
    addresses = [address for address in _posts(world.desk) if address not in {"/login", "/logout"}]
    assert len(addresses) >= 6
    for address in addresses:
        for token in tokens:
            fields = {} if token is None else {"token": token}
            assert _refused(browser.post(address, data={**fields, "number": "1"})), address
            boundary = "multipart/form-data; boundary=b"
            raw = b"".join(
                f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
                for name, value in {**fields, "file": "x"}.items()
            )
            assert _refused(browser.post(address, data=raw + b"--b--\r\n", content_type=boundary)), address
        assert _refused(world.desk.test_client().post(address, data={"token": world.token(1)})), address
    assert _stored(world) == before
    assert batches.next_number(world.store) == 1


@pytest.mark.parametrize("headers", FOREIGN, ids=["origin", "site", "null"])
def test_no_form_of_the_desk_is_taken_from_another_origin(world: World, headers: dict[str, str]) -> None:
    """With the right token, and the login form too: nobody is logged in as somebody else."""
    browser, token = world.browser(1), world.token(1)
    for address in _posts(world.desk):
        assert browser.post(address, data={"token": token, "number": "1"}, headers=headers).status_code == 403, address
    assert batches.next_number(world.store) == 1
    assert browser.get("/").status_code == 200


def test_no_form_of_a_vault_is_taken_without_its_token_or_from_another_origin(world: World) -> None:
    """Every address that takes one; and no page at all under another name for this machine."""
    place = Place(folder=world.folder / "vault-1", sticks=(world.stick,), port=8_472, clock=world.calendar.today)
    app = create_app(place, "t" * 43)
    browser, base = app.test_client(), f"http://{place.host}"
    browser.get(f"/?token={'t' * 43}", base_url=base)
    page = browser.get("/unlock", base_url=base).text
    token = re.search(r'name="csrf" value="([0-9a-f]{64})"', page)
    assert token is not None
    right = {"csrf": token[1]}
    assert browser.post("/unlock", data={**right, "passphrase": PASSPHRASE}, base_url=base).status_code == 303
    for address in _posts(app):
        for wrong in ({}, {"csrf": ""}, {"csrf": "0" * 64}):
            assert browser.post(address, data=wrong, base_url=base).status_code == 403, address
        for origin in ("http://evil.example", "null", "http://127.0.0.1:1"):
            answer = browser.post(address, data=right, base_url=base, headers={"Origin": origin})
            assert answer.status_code == 403, address
    for host in ("localhost:8472", "evil.example", "127.0.0.1", "127.0.0.1:8473"):
        assert browser.get("/", base_url=f"http://{host}").status_code == 421
    assert browser.get("/", base_url=base).status_code == 200
    app.extensions["door"].lock()


def test_nothing_changes_by_a_get(world: World) -> None:
    """Opening every address of every app that can be opened leaves the store as it was."""
    window = Window(world)
    window.write()
    before = _stored(world)
    browser = world.browser(1)
    for rule in world.desk.url_map.iter_rules():
        if "GET" in (rule.methods or ()):
            browser.get(re.sub(r"<[^>]+>", "1", str(rule)))
    for rule in world.app.url_map.iter_rules():
        if "GET" in (rule.methods or ()):
            window.client.get(str(rule))
    assert _stored(world) == before
