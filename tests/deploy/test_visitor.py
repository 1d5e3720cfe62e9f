# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The check's small browser reads pages as a browser does; a visitor that sees what is not there would prove nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from deploy.errors import DemoError
from deploy.reading import read_page
from deploy.visitor import Attachment, Visitor

PAGE = """<!doctype html><html><head><title>T</title><style>p{}</style></head><body>
<h1>Ti&amp;tle</h1><p>one<p>two <a href="/next">go
 on</a>
<form action="/a"><input name="x" value="1"></form>
<form method="post" action="/b" enctype="multipart/form-data"><input type="hidden" name="token" value="t"><textarea name="message">
kept
</textarea><input type="checkbox" name="no"><input type="radio" name="r" value="1"><input type="radio" name="r" value="2" checked>
<select name="s"><option value="first">F</option><option value="second" selected>S</option></select>
<input type="file" name="files"><button name="only" value="files">I only have files</button><button>Send</button></form>
<ol class="codename big"><li>一</li><li><bdi>二</bdi></li></ol></body></html>"""


def test_a_page_is_read_as_a_person_reads_it() -> None:
    """Text without styles and titles, links by label, lists by class, forms as they would be sent untouched."""
    page = read_page("http://127.0.0.1/", 200, {}, PAGE.encode())
    assert page.text.startswith("Ti&tle one two go on")
    assert page.links == (("/next", "go on"),)
    assert page.list_items("codename") == ("一", "二")
    form = page.form("token", "message")
    assert form.fields == [("token", "t"), ("message", "kept\n"), ("r", "2"), ("s", "second")]
    assert form.file_field == "files"
    assert form.buttons == [("only", "files", "I only have files"), ("", "", "Send")]


def test_a_form_that_is_not_there_is_an_error() -> None:
    """A page that lost its token fails, with what it says instead."""
    page = read_page("http://127.0.0.1/", 200, {}, PAGE.replace('name="token"', "").encode())
    with pytest.raises(DemoError, match="no form with token, message"):
        page.form("token", "message")


@pytest.fixture
def echo() -> Iterator[str]:
    """A server that answers with what it got, sets a cookie, and redirects once."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/away":
                self.send_response(303)
                self.send_header("Location", "http://198.51.100.1/")
                self.end_headers()
                return
            self.answer(f"<p>{self.path} {self.headers['Cookie']}</p>{PAGE}".encode())

        def do_POST(self) -> None:
            self.answer(self.rfile.read(int(self.headers["Content-Length"])))

        def answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Set-Cookie", "v=42; Path=/; HttpOnly")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_address[1]}"
        http.shutdown()


def test_a_form_is_sent_with_what_was_typed_and_pressed(echo: str) -> None:
    """Fields in page order with the token first, the file under its own name, the button that was pressed, CRLF line ends."""
    visitor = Visitor(echo)
    page = visitor.get("/")
    sent = Attachment("证据.pdf", 6, lambda: iter((b"abc", b"def")))
    got = visitor.submit(page, page.form("token"), {"message": "a\nb"}, files=[sent], press="I only have files").html
    names = ["token", "message", "r", "s", "only", "files"]
    assert [part.split('"')[1] for part in got.split("form-data; ")[1:]] == names
    assert "a\r\nb" in got
    assert 'filename="证据.pdf"' in got
    assert "abcdef" in got


def test_a_visitor_keeps_cookies(echo: str) -> None:
    """What one answer sets, the next request carries."""
    visitor = Visitor(echo)
    visitor.get("/")
    assert "/again v=42" in visitor.get("/again").text


def test_a_visitor_never_leaves_this_machine(echo: str) -> None:
    """Neither an address nor a redirect leads anywhere else."""
    with pytest.raises(DemoError, match="not on this machine"):
        Visitor("http://198.51.100.1/")
    with pytest.raises(DemoError, match="leads away"):
        Visitor(echo).get("/away")
