# SPDX-License-Identifier: AGPL-3.0-or-later
"""
From the socket to the page: a connection's bytes through gunicorn's parser into the app, with a store, and what comes out.

Every answer is a page or a refusal of ours, never a failure; its headers are lines; it carries nothing of a file's or a header's making;
and nothing is written outside the store, nor left in its `incoming`.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any, Final
from wsgiref.types import StartResponse

from gunicorn.http import wsgi
from gunicorn.http.errors import NoMoreData, ParseException
from gunicorn.http.parser import RequestParser
from hypothesis import strategies as st

from tests.fuzz.parser import Parser, must
from tests.fuzz.parsers import forms
from tests.fuzz.parsers.requests import settings_of
from tests.source_app.multipart_forms import body, file, text
from tests.source_app.window import House, Window

#: Refusals that are ours to make: too many, closed, no room.
REFUSED: Final = frozenset({503})
#: Pages of a visit that have forms.
PAGES: Final = ("write", "return", "received", "files", "thread")
TOKEN: Final = 124
SLIP: Final = 52
_HIDDEN: Final = re.compile(r'<form[^>]*action="([^"]+)"[^>]*>\s*<input type="hidden" name="token" value="([^"]+)"')
_SLIP: Final = re.compile(r"slip=([a-z2-7]{52})")
_LINE: Final = re.compile(r"[\x20-\x7e]*")
_PAGE: Final = re.compile(r"^(/en/\w*|/parts)$")


def place(name: str, length: int) -> bytes:
    """What stands in an input for something sealed, as long as that is: seeds outlive the visit they were made for."""
    return f"<{name}>".ljust(length, ".").encode()


class _Socket:
    """Takes what gunicorn says before an answer (100 Continue)."""

    def send(self, raw: bytes) -> int:
        return len(raw)

    def sendall(self, _raw: bytes) -> None:
        return


class _Log(logging.Handler):
    """A line in the log is a failure of ours."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


class Whole:
    """The app over a throwaway organisation, and a visit that has begun, whose cookie and forms inputs may use."""

    def __init__(self, folder: Path) -> None:
        self.house = House.open(folder)
        self.house.app.logger.propagate = False
        self._log = _Log()
        self.house.app.logger.addHandler(self._log)
        self._settings = settings_of(folder)
        self.addresses = sorted({str(rule) for rule in self.house.app.url_map.iter_rules() if _PAGE.match(str(rule))})
        self._sealed: dict[bytes, bytes] = {}
        self._begin()

    def _begin(self) -> None:
        """A first contact, its cookie, a genuine token for each form that a page of the visit has, and a slip."""
        window = Window(self.house)
        window.write("words", ("a.txt", b"content"))
        sealed = {b"<COOKIE>": (window.cookie() or "").encode()}
        tokens: dict[str, str] = {}
        for name in PAGES:
            window.go(name)
            tokens |= dict(_HIDDEN.findall(window.html))
        window.go("received")
        for address in self.addresses:
            # Those whose form is on no page of a quiet visit take any token of the visit.
            token = tokens.get(address, window.hidden("attach")["token"])
            sealed[place(address, TOKEN)] = token.encode()
        window.send("slip")
        slip = _SLIP.search(window.html)
        sealed[place("slip", SLIP)] = (slip[1] if slip else "").encode()
        must(all(len(name) == len(value) for name, value in sealed.items() if name != b"<COOKIE>"), "a place too short")
        session = self.house.parts.sealer.session(window.cookie() or "")
        self._sealed, self._session = sealed, session

    def take(self, raw: bytes) -> None:
        """One connection."""
        for name, value in self._sealed.items():
            raw = raw.replace(name, value)
        try:
            for request in RequestParser(self._settings, iter([raw]), ("", 0)):
                _answer, environ = wsgi.create(
                    request, _Socket(), ("127.0.0.1", "1"), ("127.0.0.1", "80"), self._settings
                )
                self._answer(environ)
        except (ParseException, NoMoreData):
            pass
        left = [path.name for path in (self.house.store.folder / "incoming").iterdir()]
        must(not left, "a file was left half-way")
        if self.house.parts.sealer.left(self._session):
            self._begin()

    def _answer(self, environ: dict[str, Any]) -> None:
        said: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], _error: object = None) -> Any:
            said.append((status, headers))

        self._log.lines.clear()
        started: StartResponse = start
        pages = self.house.app(environ, started)
        try:
            page = b"".join(pages)
        finally:
            if hasattr(pages, "close"):
                pages.close()
        status, headers = said[0]
        must(int(status[:3]) < 500 or int(status[:3]) in REFUSED, f"{status}: {self._log.lines}")
        must(not self._log.lines, f"a line in the log: {self._log.lines}")
        must(
            all(_LINE.fullmatch(name) and _LINE.fullmatch(value) for name, value in headers), "a header that is no line"
        )
        must(b"Traceback" not in page, "a trace on a page")
        must(b"<script" not in page.lower(), "a script on a page")


def request(method: bytes, address: bytes, form: bytes = b"", *headers: bytes) -> bytes:
    """A request as a browser writes it, in the visit."""
    lines = [method + b" " + address + b" HTTP/1.1", b"Host: x", b"Cookie: s=<COOKIE>", *headers]
    if form:
        lines += [b"Content-Type: multipart/form-data; boundary=b", b"Content-Length: %d" % len(form)]
    return b"\r\n".join([*lines, b"", b""]) + form


def posted(address: str, parts: bytes) -> bytes:
    """A form of the visit to an address: its token, then these parts."""
    token = place("slip", SLIP) if address == "/parts" else place(address, TOKEN)
    head = b'--b\r\nContent-Disposition: form-data; name="token"\r\n\r\n' + token + b"\r\n"
    return request(b"POST", address.encode(), head + parts)


#: What forms of ours hold after their token.
FIELDS: Final = (
    (text("message", "words"), file("a.jpg", b"\xff\xd8" + b"x" * 50)),
    (text("codename", "abandon ability able"), text("message", "words")),
    (
        text("message", "words"),
        *(text(name, "yes") for name in ("danger", "b-torture", "about")),
        *(text(name, "x") for name in ("who", "when", "harmed")),
        text("consent", "read"),
        text("how", "unsaid"),
    ),
    (text("slot", "1"), text("part", "0")),
    (text("item", "00" * 16), text("sure", "yes")),
    (text("set", "0" * 32), text("size", "70")),
    (text("set", "0" * 32), text("size", "70"), text("part", "1"), text("name", "a.zip"), file("-", b"x" * 70)),
)


def make(folder: Path) -> Parser:
    """An organisation, a store and a visit."""
    whole = Whole(folder)
    pages = [address.encode() for address in whole.addresses]
    shapes = st.one_of(
        st.builds(posted, st.sampled_from(whole.addresses), forms.PARTS),
        st.builds(
            lambda method, address, query, header: request(method, address + query, b"", header),
            st.sampled_from([b"GET", b"POST", b"HEAD", b"OPTIONS", b"DELETE"]),
            st.sampled_from(
                [*pages, b"/", b"/static/style.css", b"/en//", b"/xx/write", b"//", b"/static/../app.py", b"*"]
            ),
            st.binary(max_size=12).map(lambda raw: b"?" + bytes(byte for byte in raw if byte > 32) if raw else b""),
            st.binary(max_size=40).map(lambda raw: b"Cookie: s=" + bytes(byte for byte in raw if byte > 32)),
        ),
    )
    sent = [posted(address, body(*parts, boundary=forms.BOUNDARY)) for address in whole.addresses for parts in FIELDS]
    words = (
        *pages,
        *forms.WORDS,
        *(place(address, TOKEN) for address in whole.addresses),
        b"<COOKIE>",
        b"\r\nOrigin: http://x",
        b"\r\nSec-Fetch-Site: same-origin",
        b"\r\nRange: bytes=0-1",
        b"\r\nVia: x",
    )
    return Parser(
        take=whole.take,
        seeds=(*(request(b"GET", page) for page in pages), *sent),
        words=words,
        shapes=shapes,
        folders=(folder,),
        most=3_000,
    )
