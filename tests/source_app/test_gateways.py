# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Whoever comes by a gateway, or by an address that is not the onion, is told why not, and nothing of theirs is taken.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from source_app.gateways import TRACES
from source_app.headers import HEADERS
from source_app.languages import LANGUAGES
from source_app.settings import SettingsError, SourceSettings
from tests.source_app.multipart_forms import CONTENT_TYPE, body, text
from tests.source_app.window import House, Window

ONION = "a" * 56 + ".onion"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """One for all: what is turned away leaves nothing behind."""
    return House.open(tmp_path_factory.mktemp("house"))


@pytest.fixture(scope="module")
def onion(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A house that knows its address."""
    return House.open(tmp_path_factory.mktemp("onion"), onion=ONION)


@pytest.mark.parametrize("name", [*sorted(TRACES), "X-Tor2Web-Something"])
def test_the_trace_of_a_gateway_gets_the_page_that_says_why_not(house: House, name: str) -> None:
    """On every address, known or not; in all languages; with no form."""
    for address in ("/", "/en/", "/zh-Hans/write", "/en/thread", "/nothing"):
        answer = house.app.test_client().get(address, headers={name: "1"})
        assert answer.status_code == 403
        sections = re.findall(r'<section lang="([^"]+)" dir="(\w+)">', answer.text)
        assert sections == [(one.tag, one.direction) for one in LANGUAGES]
        assert "<form" not in answer.text
        assert 'href="/en' not in answer.text
        assert set(HEADERS.items()) <= set(answer.headers.items())


@pytest.mark.parametrize(
    "host",
    [
        "example.org",
        "127.0.0.1:8080",
        "localhost",
        ONION.removesuffix(".onion") + ".onion.ws",
        ONION + ".to",
        "www." + ONION,
        ONION + ":8080",
        ONION + ".",
        "b" * 56 + ".onion",
        "[::1]",
        "x",
    ],
)
def test_another_host_gets_the_page_with_the_onion_as_text(onion: House, host: str) -> None:
    """To be copied, not clicked: a link would be followed in the browser that is the mistake."""
    answer = onion.app.test_client().get("/en/", headers={"Host": host})
    assert answer.status_code == 403
    # Above all languages: whoever reads one of them sees it without going through the others.
    assert f"http://{ONION}/" in answer.text.partition("<section")[0]
    assert not re.search(r'(href|src)="[^"]*onion', answer.text)


@pytest.mark.parametrize("host", [ONION, ONION.upper(), ONION + ":80"], ids=["as it is", "capitals", "with its port"])
def test_the_onion_itself_gets_its_pages(onion: House, host: str) -> None:
    """As Tor Browser, curl and a pedant send it."""
    assert onion.app.test_client().get("/en/", headers={"Host": host}).status_code == 200


def test_where_the_address_is_not_known_no_host_is_looked_at(house: House) -> None:
    """A demo, or a server that was not set up yet."""
    assert house.app.test_client().get("/en/", headers={"Host": "example.org"}).status_code == 200


def test_a_form_that_comes_by_a_gateway_is_not_read(house: House) -> None:
    """Not a word of it is taken, though its token would open, and no visit begins."""
    window = Window(house)
    window.go("write")
    token = window.hidden("write")["token"]
    answer = window.client.post(
        "/en/write",
        data=body(text("token", token), text("message", "words")),
        content_type=CONTENT_TYPE,
        headers={"X-Tor2web": "1"},
    )
    assert answer.status_code == 403
    assert "words" not in house.texts()
    assert window.cookie() is None


def test_a_visit_is_neither_opened_nor_written_back_by_a_gateway(house: House) -> None:
    """The cookie of a visit that goes on elsewhere stays what it was, and nothing of the visit is shown."""
    window = Window(house)
    window.write("What I saw")
    before = window.cookie()
    answer = window.client.get("/en/received", headers={"Via": "1.1 gateway"})
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers
    assert window.cookie() == before


def test_styles_are_everybodys(onion: House) -> None:
    """The page that says why not is no ugly one."""
    assert onion.app.test_client().get("/static/style.css", headers={"Host": "example.org"}).status_code == 200


@pytest.mark.parametrize(
    "onion",
    [
        "x",
        "a" * 56,
        "A" * 56 + ".onion",
        "a" * 55 + ".onion",
        "a" * 55 + "1.onion",
        "a" * 56 + ".onion\n",
        f"http://{ONION}",
    ],
    ids=["short", "no end", "capitals", "one less", "a one", "a line end", "a scheme"],
)
def test_an_address_that_is_none_is_refused(tmp_path: Path, onion: str) -> None:
    """Before anything starts."""
    with pytest.raises(SettingsError, match="onion"):
        SourceSettings(store=tmp_path, organisation="O", onion=onion)
