# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What stands before a page: gunicorn's parser, with the settings we run it with, over everything that comes on one connection.

Beside it stands a reader of our own that knows one spelling of each thing. Whatever gunicorn takes, the other has to read as the same
requests with the same bodies: where two readers of one stream disagree about where a request ends, a request can be smuggled.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from gunicorn.config import Config
from gunicorn.http.errors import NoMoreData, ParseException
from gunicorn.http.parser import RequestParser
from hypothesis import strategies as st

from source_app.serve import options
from source_app.settings import SourceSettings
from tests.fuzz.parser import Parser, must

#: As our pages read a body: with its length, never more.
MOST_BODY: Final = 1 << 16
_TARGET: Final = re.compile(rb"[\x21-\xff]+")
_TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")

WORDS: Final = (
    b"GET ",
    b"POST /en/write ",
    b" HTTP/1.1\r\n",
    b" HTTP/1.0\r\n",
    b"Host: x\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: +5\r\n",
    b"Content-Length: 5, 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: identity, chunked\r\n",
    b"Transfer-Encoding:\x0bchunked\r\n",
    b"Transfer_Encoding: chunked\r\n",
    b"Connection: keep-alive\r\n",
    b"Connection: close\r\n",
    b"Expect: 100-continue\r\n",
    b"Upgrade: h2c\r\n",
    b"SCRIPT_NAME: /x\r\n",
    b"Cookie: s=",
    b"\r\n\r\n",
    b"0\r\n\r\n",
    b"5;x=y\r\nabcde\r\n",
    b"\r\n ",
    b"\n",
    b"\x00",
    b"\x85",
    b"http://x/",
    b"%00",
    b"PROXY TCP4 1.2.3.4 1.2.3.4 1 1\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
)


def settings_of(folder: Path, **chosen: Any) -> Config:
    """Gunicorn's configuration as the source app is run with it."""
    made = Config()
    for key, value in options(SourceSettings(store=folder, organisation="Fuzz", **chosen)).items():
        made.set(key, value)
    return made


class _Reference:
    """The other reader: one request after the other from the same bytes."""

    def __init__(self, raw: bytes) -> None:
        self._rest = raw

    def next(self) -> tuple[bytes, bytes, list[tuple[bytes, bytes]], bytes | None]:
        """Method, target, headers and body; the body is None if its end is not there."""
        # RFC 9112, 2.2: empty lines before a request are passed over.
        while self._rest.startswith(b"\r\n"):
            self._rest = self._rest[2:]
        head, end, rest = self._rest.partition(b"\r\n\r\n")
        must(end, "a request without the end of its headers was taken")
        first, *lines = head.split(b"\r\n")
        words = first.split(b" ")
        must(len(words) == 3, "a request line is not three words")
        must(_TOKEN.fullmatch(words[0]), "a method that is none")
        must(_TARGET.fullmatch(words[1]), "a target with blanks or controls in it")
        headers = [self._field(line) for line in lines]
        body, self._rest = self._body(headers, rest)
        return words[0], words[1], headers, body

    @staticmethod
    def _field(line: bytes) -> tuple[bytes, bytes]:
        name, colon, value = line.partition(b":")
        must(colon, "a header without a colon was taken")
        must(_TOKEN.fullmatch(name), "a header name that is none")
        must(not set(value) & {0, 10, 13}, "a control in a header's value")
        return name.upper(), value.strip(b" \t")

    def _body(self, headers: list[tuple[bytes, bytes]], rest: bytes) -> tuple[bytes | None, bytes]:
        lengths = [value for name, value in headers if name == b"CONTENT-LENGTH"]
        codings = [value for name, value in headers if name == b"TRANSFER-ENCODING"]
        must(len(lengths) <= 1, "two lengths were taken")
        must(not (lengths and codings), "a length and a coding were taken together")
        if codings:
            must(
                codings[-1].lower().rpartition(b",")[2].strip() == b"chunked", "a coding whose end is unknown was taken"
            )
            return self._chunks(rest)
        must(all(value.isdigit() for value in lengths), "a length that is no number was taken")
        length = int(lengths[0]) if lengths else 0
        return (rest[:length], rest[length:]) if len(rest) >= length else (None, b"")

    @staticmethod
    def _chunks(rest: bytes) -> tuple[bytes | None, bytes]:
        body = b""
        while True:
            line, end, rest = rest.partition(b"\r\n")
            size = line.partition(b";")[0].strip(b" \t")
            if not end or not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", size):
                return None, b""
            length = int(size, 16)
            if not length:
                break
            body, after = body + rest[:length], rest[length : length + 2]
            if after != b"\r\n":
                return None, b""
            rest = rest[length + 2 :]
        while True:
            line, end, rest = rest.partition(b"\r\n")
            if not end:
                return None, b""
            if not line:
                return body, rest


class _Requests:
    def __init__(self, folder: Path) -> None:
        self._settings = settings_of(folder)

    def take(self, raw: bytes) -> None:
        """The first byte says how large the pieces are that the connection gives."""
        size, stream = (1 << raw[0] % 15, raw[1:]) if raw else (1, b"")
        pieces = (stream[at : at + size] for at in range(0, len(stream), size))
        other = _Reference(stream)
        parser = RequestParser(self._settings, pieces, ("", 0))
        try:
            for request in parser:
                method, target, headers, body = other.next()
                must(request.method.encode("latin-1") == method, "two readers see two methods")
                must(request.uri.encode("latin-1") == target, "two readers see two targets")
                seen = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers]
                must([one for one in headers if one in seen] == seen, "two readers see two sets of headers")
                must(not [name for name, _ in seen if b"_" in name], "a header that could pass for another")
                read = request.body.read(MOST_BODY)
                must(body is None or read == body[:MOST_BODY], "two readers see two bodies")
                must(body is not None or not request.body.read(1), "a body goes on after its end")
        except (ParseException, NoMoreData):
            return


_HEADERS: Final = st.lists(
    st.sampled_from([word for word in WORDS if word.endswith(b"\r\n") and b": " in word]), max_size=5, unique=True
).map(b"".join)
_LINES: Final = st.sampled_from(
    [
        b"GET / HTTP/1.1\r\n",
        b"POST /en/write HTTP/1.1\r\n",
        b"GET http://x/en/ HTTP/1.0\r\n",
        b"GET /\xe4 HTTP/1.1\r\n",
        b"get / HTTP/1.1\r\n",
    ]
)
_BODIES: Final = st.sampled_from(
    [
        b"",
        b"abcde",
        b"5\r\nabcde\r\n0\r\n\r\n",
        b"5\r\nabcde\r\n0\r\nX: y\r\n\r\n",
        b"5\nabcde\n0\n\n",
        b"0x5\r\nabcde\r\n0\r\n\r\n",
        b"GET /en/ HTTP/1.1\r\n\r\n",
    ]
)
SHAPES: Final = st.builds(
    lambda size, requests: bytes([size]) + b"".join(requests),
    st.integers(0, 14),
    st.lists(
        st.builds(lambda line, headers, body: line + headers + b"\r\n" + body, _LINES, _HEADERS, _BODIES),
        min_size=1,
        max_size=3,
    ),
)


def make(folder: Path) -> Parser:
    """The settings, for a folder that nothing opens."""
    seeds = (
        b"\x0eGET /en/ HTTP/1.1\r\nHost: x\r\nUser-Agent: Mozilla/5.0\r\nAccept: text/html\r\nCookie: s=A; f=B\r\n\r\n",
        b"\x03POST /en/write HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 5\r\n\r\nabcde",
        b"\x0ePOST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        b"\x0eGET / HTTP/1.1\r\n\r\nGET /en/ HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"\x0ePOST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    )
    return Parser(take=_Requests(folder).take, seeds=seeds, words=WORDS, shapes=SHAPES, most=6_000)
