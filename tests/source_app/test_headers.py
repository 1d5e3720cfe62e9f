# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The headers on every answer.
"""

from __future__ import annotations

import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from source_app.headers import HEADERS
from tests.source_app.multipart_forms import CONTENT_TYPE, body, text
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
    """Our style sheet, our icon, our forms, and frames of our own pages in our own pages."""
    policy = dict(part.split(" ", 1) for part in HEADERS["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self'",
        "form-action": "'self'",
        "frame-src": "'self'",
        "frame-ancestors": "'self'",
        "base-uri": "'none'",
    }


ODD = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=40) | st.sampled_from(
    [
        "http://[x",
        "http://[::1",
        "[",
        "//",
        "http://a@[b]:c",
        "null",
        "multipart/form-data; boundary*=x''y",
        "-1",
        "0x1",
        "s=;;f",
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(
        [
            "Origin",
            "Sec-Fetch-Site",
            "Host",
            "Cookie",
            "Content-Type",
            "Content-Length",
            "Referer",
            "Accept-Language",
            "Range",
        ]
    ),
    value=ODD,
)
def test_whatever_a_header_says_nothing_of_ours_fails(house: House, name: str, value: str) -> None:
    """A stranger writes them; each is read by a parser that raises something."""
    client = house.app.test_client()
    sent = {"Content-Type": CONTENT_TYPE, name: value}
    raw = body(text("token", "x"), text("message", "m"))
    environ = {
        f"HTTP_{key.upper().replace('-', '_')}": one for key, one in sent.items() if not key.startswith("Content-")
    }
    environ |= {key.upper().replace("-", "_"): one for key, one in sent.items() if key.startswith("Content-")}
    answer = client.post(
        "/en/write", input_stream=io.BytesIO(raw), environ_overrides={"CONTENT_LENGTH": str(len(raw)), **environ}
    )
    assert answer.status_code < 500


def test_an_origin_that_is_no_address_is_a_foreign_one(house: House) -> None:
    """Not a failure of ours."""
    answer = house.app.test_client().post("/en/write", headers={"Origin": "http://[x"})
    assert answer.status_code == 403


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
