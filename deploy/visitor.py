# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A browser without JavaScript, as small as the check needs one: it opens pages, sends their own forms and keeps their cookies.

A page that loses its token, its label or its field fails the check, because nothing here knows them but from the page. Bodies of any
size are streamed. It speaks to this machine and to nothing else.
"""

from __future__ import annotations

import http.client
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode, urljoin, urlsplit

from deploy.errors import DemoError
from deploy.reading import Form, Page, read_page

LOOPBACK = ("127.0.0.1", "localhost")
MAX_PAGE = 1 << 22
MAX_REDIRECTS = 5
BLOCK = 1 << 20
TIMEOUT_SECONDS = 1_800


@dataclass(frozen=True, slots=True)
class Attachment:
    """
    A file to send: `blocks` yields its bytes, `length` of them.
    """

    name: str
    length: int
    blocks: Callable[[], Iterator[bytes]]


class Sink(Protocol):
    """
    What a download is written to.
    """

    def write(self, block: bytes, /) -> int:
        """Take a block; say how much of it."""


class Visitor:
    """
    One browser session.

    Args:
        origin: `http://127.0.0.1:PORT`.
        host: what it calls the server, if something between them leads to another place; else the origin's.
    """

    def __init__(self, origin: str, *, host: str = "") -> None:
        parts = urlsplit(origin)
        if parts.scheme != "http" or parts.hostname not in LOOPBACK:
            raise DemoError(f"{origin} is not on this machine")
        self._netloc = parts.netloc
        self._host = {"Host": host} if host else {}
        self.origin = f"http://{parts.netloc}"
        self._cookies: dict[str, str] = {}

    def get(self, path: str) -> Page:
        """
        Open a page.
        """
        return self._page("GET", urljoin(self.origin + "/", path), (), {})

    def submit(
        self,
        page: Page,
        form: Form,
        values: Mapping[str, str] | None = None,
        *,
        files: Sequence[Attachment] = (),
        press: str = "",
    ) -> Page:
        """
        Fill in a form and send it.

        Args:
            page: Where the form stands.
            form: One of its forms.
            values: What is typed, by field name.
            files: Go into the form's field for files.
            press: A button, by name, value or label; without it a form is sent as by the Enter key.
        """
        typed = dict(values or {})
        pairs = [(name, typed.pop(name, value)) for name, value in form.fields]
        pairs += typed.items()
        pairs += [button[:2] for button in form.buttons if button[0] and press and press in button][:1]
        url = urljoin(page.url, form.action)
        headers = {"Origin": f"http://{self._host.get('Host', self._netloc)}", "Referer": page.url}
        if form.method == "get":
            return self._page("GET", f"{url}?{urlencode(pairs)}", (), headers)
        if not form.multipart:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            return self._page("POST", url, [urlencode(pairs).encode()], headers)
        boundary = secrets.token_hex(16)
        headers["Content-Type"] = f"multipart/form-data; boundary={boundary}"
        return self._page("POST", url, _multipart(boundary, pairs, form.file_field, files), headers)

    def save(self, path: str, into: Sink) -> int:
        """
        Download.

        Returns:
            How many bytes came.
        """
        connection, answer = self._ask("GET", urljoin(self.origin + "/", path), (), {})
        try:
            if answer.status != http.client.OK:
                raise DemoError(f"{path}: status {answer.status}")
            return sum(into.write(block) for block in iter(lambda: answer.read(BLOCK), b""))
        finally:
            connection.close()

    def _ask(
        self, method: str, url: str, body: Sequence[bytes | Attachment], headers: Mapping[str, str]
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        parts = urlsplit(url)
        if parts.netloc != self._netloc:
            raise DemoError(f"{url} leads away from {self.origin}")
        sent = {**headers, **self._host}
        if self._cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        if method == "POST":
            sent["Content-Length"] = str(sum(len(one) if isinstance(one, bytes) else one.length for one in body))
        connection = http.client.HTTPConnection(self._netloc, timeout=TIMEOUT_SECONDS)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request(method, path, _stream(body) if method == "POST" else None, sent)
            answer = connection.getresponse()
        except BaseException:
            connection.close()
            raise
        for line in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = line.split(";", 1)[0].partition("=")
            self._cookies[name.strip()] = value
        return connection, answer

    def _page(self, method: str, url: str, body: Sequence[bytes | Attachment], headers: Mapping[str, str]) -> Page:
        for _ in range(MAX_REDIRECTS):
            connection, answer = self._ask(method, url, body, headers)
            raw = answer.read(MAX_PAGE)
            connection.close()
            if answer.status not in (301, 302, 303, 307, 308):
                return read_page(url, answer.status, dict(answer.headers), raw)
            url, method, body, headers = urljoin(url, answer.headers["Location"]), "GET", (), {}
        raise DemoError(f"{url}: too many redirects")


def _multipart(
    boundary: str, pairs: Sequence[tuple[str, str]], file_field: str, files: Sequence[Attachment]
) -> list[bytes | Attachment]:
    body: list[bytes | Attachment] = []
    for name, value in pairs:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        body.append(f"{head}{value.replace(chr(10), chr(13) + chr(10))}\r\n".encode())
    for file in files:
        said = f'Content-Disposition: form-data; name="{file_field}"; filename="{file.name}"'
        body += [f"--{boundary}\r\n{said}\r\nContent-Type: application/octet-stream\r\n\r\n".encode(), file, b"\r\n"]
    body.append(f"--{boundary}--\r\n".encode())
    return body


def _stream(body: Sequence[bytes | Attachment]) -> Iterator[bytes]:
    for one in body:
        if isinstance(one, bytes):
            yield one
        else:
            yield from one.blocks()
