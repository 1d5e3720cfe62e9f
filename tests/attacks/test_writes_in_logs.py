# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Somebody writes headers and log lines of their own: line ends, terminal codes and forged entries in everything that they can name.

The log has one line for each failure of ours, made of our own words, without the time of it; an answer has our headers and no more.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.attacks.loopback import ask, request
from tests.source_app.throwaway import Throwaway, new_store
from tests.source_app.visitor import Running, Upload, Visitor, write_settings
from tests.source_app.window import House, Window

_LINE = re.compile(r"ERROR in [a-z]+: POST [a-z]+: [A-Za-z]+")
_HEADER = re.compile(r"[A-Za-z-]+")


@pytest.mark.slow
def test_a_log_has_lines_of_ours_alone(tmp_path: Path) -> None:
    """A server whose disk has lost a folder fails at each file: each failure is one line that carries nothing of the form, its name or its headers."""
    store, log = new_store(tmp_path / "store"), tmp_path / "log"
    Throwaway(1).install(store)
    with log.open("wb") as errors, Running(write_settings(tmp_path / "s.toml", store.folder), errors=errors) as running:
        visitor = Visitor(running.origin, headers={"User-Agent": "forged %s {0}"})
        page = visitor.write("forged words")
        (store.folder / "incoming").rename(tmp_path / "away")
        for name in ("forged\r\n[CRITICAL] forged", "forged\x1b[2J%s%n", "forged" + "n" * 900):
            assert visitor.attach(page, Upload.of(name, b"forged content")).status == 500
        for raw in (
            request("GET", "/en/forged%0d%0aforged"),
            request("FORGED\x1b", "/en/"),
            request("GET", "/en/", "X-Forged: \x1b[2J"),
            request("GET", "/en/", "User-Agent: forged\x1b[2J"),
            b"forged\n[CRITICAL] forged\r\n\r\n",
        ):
            assert 400 <= ask(running.origin, raw).status < 500
        (tmp_path / "away").rename(store.folder / "incoming")
    said = log.read_text()
    store.close()
    assert "forged" not in said.lower()
    assert "\x1b" not in said
    lines = said.splitlines()
    assert len(lines) == 3, said
    assert all(_LINE.fullmatch(line) for line in lines), said


@pytest.fixture
def window(tmp_path: Path) -> Window:
    """A browser on an app in this process."""
    return Window(House.open(tmp_path))


@pytest.mark.parametrize(
    "address",
    [
        "/en%0d%0aX-Forged:%20yes/",
        "/en/%0d%0aX-Forged:%20yes",
        "/%0d%0aX-Forged:%20yes",
        "/en/thread?%0d%0aX-Forged:%20yes=1",
        "/en/%E5%98%8A%E5%98%8DX-Forged:%20yes",
        "/static/%0d%0aX-Forged:%20yes",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_line_end_in_an_address_ends_no_header(window: Window, method: str, address: str) -> None:
    """Not in a redirect, not in a cookie, not in an "Allow"."""
    answer = window.client.open(address, method=method)
    assert answer.status_code < 500
    for name, value in answer.headers.items():
        assert _HEADER.fullmatch(name), name
        assert "forged" not in (name + value).lower()
        assert value.isprintable()


@pytest.mark.parametrize(
    "header",
    ["Cookie", "Origin", "Referer", "Accept-Language", "User-Agent", "X-Forwarded-Host", "If-None-Match", "Range"],
)
def test_a_header_of_a_request_writes_none_of_an_answer(window: Window, header: str) -> None:
    """Not even one whose value says where it came from or what is cached."""
    for name in ("", "write", "thread", "nothing"):
        answer = window.client.get(f"/en/{name}", headers={header: "s=forged; f=forged; X-Forged=yes"})
        assert answer.status_code < 500
        assert not any("forged" in value.lower() for value in answer.headers.values())
        assert "forged" not in answer.text.lower()


def test_a_message_with_line_ends_and_codes_is_words(window: Window) -> None:
    """It is stored as it is, and nothing of it is in a header of the answer."""
    words = "one\r\nSet-Cookie: s=forged\r\n\r\n<script>\x1b[2J %s {0}"
    window.write(words)
    assert window.house.texts() == [words.replace("\r\n", "\n")]
    assert not any("forged" in value for value in window.page.headers.values())
    assert "forged" not in window.html
