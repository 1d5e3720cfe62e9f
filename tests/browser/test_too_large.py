# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A file over the limit: what a source sees of it, in the browser that shows an answer only when every byte was taken.

Below the drain bound the page comes; above it the connection ends, and the visit's page says what happened when it is opened
again. A program that reads while it sends has the page at once, either way.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest

from tests.browser.evidence import nothing, photo
from tests.browser.firefox import Firefox
from tests.browser.slow_line import SlowLine
from tests.source_app.multipart_forms import BOUNDARY, CONTENT_TYPE, text
from tests.source_app.throwaway import Throwaway, new_store
from tests.source_app.visitor import Running, Visitor, write_settings

pytestmark = pytest.mark.browser

MIB = 1 << 20
LIMIT, DRAIN = 8 * MIB, 24 * MIB
SPEED = 4 * MIB
#: Over the limit for one file by so little that only the file's own bytes show it; refused by its stated length; not drained.
MID_STREAM, BY_LENGTH, PAST_THE_BOUND = LIMIT + MIB // 2, 2 * LIMIT, LIMIT + DRAIN + 8 * MIB


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The source app with a limit of 8 MiB."""
    folder = tmp_path_factory.mktemp("source")
    with contextlib.closing(new_store(folder / "store")) as store:
        Throwaway(1).install(store)
    settings = write_settings(folder / "settings.toml", folder / "store", file_bytes=LIMIT, drain_bytes=DRAIN)
    with Running(settings) as server:
        yield server.origin


@pytest.fixture(params=["directly", "through a slow relay"])
def address(request: pytest.FixtureRequest, origin: str) -> Iterator[str]:
    """The same server, near and far."""
    if request.param == "directly":
        yield origin
    else:
        with SlowLine(origin, speed=SPEED) as relay:
            yield relay.origin


def written(firefox: Firefox, address: str) -> None:
    """A first contact, up to the page that takes files."""
    firefox.open(f"{address}/en/write")
    firefox.type("Your message", "What I saw is too large for one file.")
    firefox.press("Send")
    assert firefox.texts("h1") == ["Received"]


def listed(firefox: Firefox) -> dict[str, str]:
    """What the visit's page says of each thing that was sent."""
    return dict(zip(firefox.texts(".list .what"), firefox.texts(".list .state"), strict=True))


def sent(firefox: Firefox, said: str) -> None:
    """Send what was chosen, read what the frame says of it, and go on from there."""
    firefox.touch("Send files")
    firefox.until(lambda: said in firefox.framed("iframe.sent"), said)
    firefox.open(urljoin(firefox.address, "received"))


@pytest.mark.parametrize("length", [MID_STREAM, BY_LENGTH], ids=["seen mid-stream", "seen by its length"])
def test_below_the_bound_the_page_says_too_large(firefox: Firefox, address: str, length: int, tmp_path: Path) -> None:
    """Firefox shows the refusal, the words that had arrived stay listed, and the next file is taken."""
    written(firefox, address)
    firefox.attach("Files", nothing(tmp_path / "long.mp4", length))
    sent(firefox, "That was too large: at most 8 MB can be sent at a time.")
    assert listed(firefox)["Your message"] == "received"
    assert listed(firefox)["long.mp4"] == "more than fits at a time, nothing kept"
    firefox.attach("Files", photo(tmp_path / "short.png"))
    sent(firefox, "short.png")
    assert listed(firefox)["short.png"].startswith("received, ")


def test_above_the_bound_the_visit_says_it_afterwards(firefox: Firefox, address: str, tmp_path: Path) -> None:
    """
    The connection ends. Whether Firefox still shows the page that was sent first is a race; opening the visit's page
    again shows which file was too large either way.
    """
    written(firefox, address)
    firefox.attach("Files", nothing(tmp_path / "endless.mp4", PAST_THE_BOUND))
    firefox.touch("Send files")
    firefox.until(lambda: "Not arrived" in firefox.framed("iframe.progress"), "the end of it")
    firefox.open(f"{address}/en/received")
    assert listed(firefox)["endless.mp4"] == "more than fits at a time, nothing kept"
    assert listed(firefox)["Your message"] == "received"


@pytest.mark.parametrize("length", [BY_LENGTH, PAST_THE_BOUND], ids=["below the bound", "above it"])
def test_a_program_that_reads_while_it_sends_has_the_page_at_once(origin: str, length: int) -> None:
    """The answer is there after the form's first bytes, however many are still to come."""
    visitor = Visitor(origin)
    form = visitor.write("A program sends this.").form("files")
    start = b"--" + BOUNDARY + b"\r\n" + text("token", form.hidden["token"]) + b"\r\n--" + BOUNDARY
    start += b'\r\nContent-Disposition: form-data; name="files"; filename="huge.bin"\r\n\r\n' + bytes(64 << 10)
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    head = (
        f"POST {form.action} HTTP/1.1\r\nHost: {origin.removeprefix('http://')}\r\nOrigin: {origin}\r\nCookie: {cookies}\r\n"
        f"Content-Type: {CONTENT_TYPE}\r\nContent-Length: {length}\r\n\r\n"
    )
    host, _, port = origin.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(head.encode() + start)
        began, answer = time.monotonic(), b""
        while b"</html>" not in answer:
            answer += connection.recv(1 << 16) or pytest.fail(f"closed after {answer[:200]!r}")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"That was too large" in answer
    assert b"huge.bin" in answer
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("length", [MID_STREAM, BY_LENGTH], ids=["seen mid-stream", "seen by its length"])
def test_the_words_of_the_same_form_are_kept(firefox: Firefox, origin: str, length: int, tmp_path: Path) -> None:
    """A first contact with words and a file too large: the words have arrived, and the codename is shown."""
    firefox.open(f"{origin}/zh-Hans/write")
    firefox.type("您的文字", "录像太大，文字先到。")
    firefox.attach("文件（想现在一起发送的话）", nothing(tmp_path / "录像.mp4", length))
    firefox.press("发送")
    assert "内容太大了" in firefox.text
    assert listed(firefox) == {"您的文字": "已收到", "录像.mp4": "超过一次能发送的大小，没有保留"}
    assert len(firefox.texts("ol.codename.characters li")) == 9
