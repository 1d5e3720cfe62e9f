# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The headers on every answer.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from source_app.headers import HEADERS
from tests.source_app.multipart_forms import text
from tests.source_app.window import House, Window

ANSWERS = [
    "/",
    "/en/",
    "/en/write",
    "/en/return",
    "/en/thread",
    "/en/nothing",
    "/nothing",
    "/static/style.css",
    "/static/icon.png",
]


@pytest.fixture
def house(tmp_path: Path) -> House:
    """An app with one seat."""
    return House.open(tmp_path)


@pytest.mark.parametrize("address", ANSWERS)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "TRACE"])
def test_every_answer_has_them_once(house: House, address: str, method: str) -> None:
    """Pages, files and refusals alike; nothing that dates, tags or names a version."""
    headers = house.app.test_client().open(address, method=method).headers
    for name, value in HEADERS.items():
        assert headers.getlist(name) == [value]
    for name in ("ETag", "Last-Modified", "Server", "X-Powered-By", "Date", "Expires"):
        assert name not in headers


def test_the_policy_allows_what_the_pages_use_and_no_more(house: House) -> None:
    """Our style sheet, our icon, our forms."""
    policy = dict(part.split(" ", 1) for part in HEADERS["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }


def test_cookies_say_nothing_and_go_nowhere_else(house: House) -> None:
    """One letter for a name, HttpOnly, SameSite=Strict, the whole path, gone with the browser."""
    window = Window(house)
    window.go("write")
    for cookie in [*window.page.headers.getlist("Set-Cookie"), *_cookies_of_a_visit(window)]:
        name, _, rest = cookie.partition("=")
        assert name in {"s", "f"}
        assert rest.partition("; ")[2] == "HttpOnly; Path=/; SameSite=Strict"


def _cookies_of_a_visit(window: Window) -> list[str]:
    window.write()
    return [one for one in window.page.headers.getlist("Set-Cookie") if one.startswith("s=")]


def test_no_secret_stands_in_an_address(house: House) -> None:
    """Redirects lead to names of pages."""
    window = Window(house)
    window.write()
    assert window.page.request.path == "/en/received"
    assert window.page.request.query_string == b""


def test_the_language_is_in_no_cookie_and_not_guessed(house: House) -> None:
    """The path alone decides."""
    page = house.app.test_client().get("/en/", headers={"Accept-Language": "zh-CN,zh;q=0.9"})
    assert '<html lang="en"' in page.text
    assert "Set-Cookie" not in page.headers


def test_a_post_that_was_taken_leaves_no_contents_in_the_history(house: House) -> None:
    """It is answered with a redirect, so that "reload" sends nothing again."""
    window = Window(house)
    window.go("write")
    token = text("token", window.hidden("write")["token"])
    assert window.post("write", token, text("message", "m"), follow=False).status_code == 303
    window.go("received")
    words = window.codename()
    window.go("return")
    token = text("token", window.hidden("return")["token"])
    assert window.post("return", token, text("codename", words), follow=False).status_code == 303
