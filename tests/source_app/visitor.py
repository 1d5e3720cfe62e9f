# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A browser without JavaScript, as far as a source needs one: it follows links and redirects, keeps cookies, finds forms in a page
and sends them as multipart, streaming files of any size. And a real server to point it at.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import BinaryIO, Self
from urllib.parse import urljoin, urlsplit

from tests.source_app.multipart_forms import BOUNDARY, CONTENT_TYPE, escaped, text

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to send: its bytes, or as many pieces as make up its length."""

    name: str
    length: int
    pieces: Iterable[bytes]

    @classmethod
    def of(cls, name: str, content: bytes) -> Upload:
        return cls(name, len(content), (content,))


@dataclass(frozen=True, slots=True)
class PageForm:
    """A form as the page has it: where it goes, what it carries hidden, which fields it offers."""

    action: str
    hidden: Mapping[str, str]
    offered: frozenset[str]


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[PageForm] = []
        self._action: str | None = None
        self._hidden: dict[str, str] = {}
        self._offered: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._action, self._hidden, self._offered = found.get("action", ""), {}, set()
        elif tag in ("input", "textarea", "button") and "name" in found:
            if found.get("type") == "hidden":
                self._hidden[found["name"]] = found.get("value", "")
            else:
                self._offered.add(found["name"])

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._action is not None:
            self.forms.append(PageForm(self._action, self._hidden, frozenset(self._offered)))
            self._action = None


@dataclass(frozen=True, slots=True)
class Page:
    """One answer."""

    status: int
    address: str
    html: str
    headers: Mapping[str, str]

    def forms(self) -> list[PageForm]:
        """All its forms."""
        parser = _Forms()
        parser.feed(self.html)
        return parser.forms

    def form_to(self, act: str) -> PageForm:
        """The form that goes to a page of this name."""
        return next(form for form in self.forms() if form.action.endswith(f"/{act}"))

    def form(self, *offered: str) -> PageForm:
        """The form that offers these fields."""
        found = [form for form in self.forms() if set(offered) <= form.offered]
        if not found:
            raise LookupError(f"no form with {offered} on {self.address} ({self.status})")
        return found[0]


@dataclass
class Visitor:
    """
    One browser window.
    """

    origin: str
    timeout: float = 120.0
    cookies: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, address: str) -> Page:
        """Open an address."""
        return self._follow("GET", address, None, 0, {})

    def send(
        self, page: Page, form: PageForm, fields: Mapping[str, str] | None = None, files: Iterable[Upload] = ()
    ) -> Page:
        """Send a form of a page, hidden fields first as they stand in it, then fields, then files."""
        uploads = list(files)
        start = b"".join(
            b"--" + BOUNDARY + b"\r\n" + text(name, value) + b"\r\n"
            for name, value in {**form.hidden, **(fields or {})}.items()
        )
        heads = [
            b"--"
            + BOUNDARY
            + b'\r\nContent-Disposition: form-data; name="files"; filename="'
            + escaped(one.name)
            + b'"\r\nContent-Type: application/octet-stream\r\n\r\n'
            for one in uploads
        ]
        end = b"--" + BOUNDARY + b"--\r\n"
        length = (
            len(start) + sum(len(head) + one.length + 2 for head, one in zip(heads, uploads, strict=True)) + len(end)
        )

        def pieces() -> Iterator[bytes]:
            yield start
            for head, one in zip(heads, uploads, strict=True):
                yield head
                yield from one.pieces
                yield b"\r\n"
            yield end

        address = urljoin(page.address, form.action)
        return self._follow("POST", address, pieces(), length, {"Content-Type": CONTENT_TYPE})

    def write(self, message: str, language: str = "en") -> Page:
        """A first contact."""
        page = self.get(f"/{language}/write")
        return self.send(page, page.form("message"), {"message": message})

    def attach(self, page: Page, *files: Upload) -> Page:
        """
        Add files from the page of the visit. What became of them is said in a frame; where all arrived, go on from there to the
        page again.
        """
        around = page if 'name="files"' in page.html else self.get(urljoin(page.address, "received"))
        answer = self.send(around, around.form("files"), None, files)
        return self.get(urljoin(answer.address, "received")) if answer.status == 200 else answer

    def _follow(
        self, method: str, address: str, body: Iterator[bytes] | None, length: int, headers: Mapping[str, str]
    ) -> Page:
        for _ in range(5):
            page = self._once(method, address, body, length, headers)
            if page.status not in (301, 302, 303, 307, 308):
                return page
            method, address, body, headers = "GET", urljoin(page.address, page.headers["location"]), None, {}
        raise LookupError("too many redirects")

    def _once(
        self, method: str, address: str, body: Iterator[bytes] | None, length: int, headers: Mapping[str, str]
    ) -> Page:
        target = urlsplit(urljoin(self.origin, address))
        connection = http.client.HTTPConnection(target.netloc, timeout=self.timeout)
        sent = {"Origin": self.origin, "Referer": self.origin + "/", **self.headers, **headers}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body is not None:
            sent["Content-Length"] = str(length)
        try:
            with contextlib.suppress(BrokenPipeError):
                # A server that refuses may stop reading; its answer is still there.
                connection.request(method, target.path + (f"?{target.query}" if target.query else ""), body, sent)
            answer = connection.getresponse()
            html = answer.read().decode("utf-8", "replace")
        finally:
            connection.close()
        for header, value in answer.getheaders():
            if header.lower() == "set-cookie":
                name, _, rest = value.partition("=")
                self.cookies[name] = rest.partition(";")[0]
        shown = {name.lower(): value for name, value in answer.getheaders()}
        return Page(answer.status, target.geturl(), html, shown)


class Running:
    """
    A server process of ours: `python -m MODULE --settings FILE`, ended with its workers.
    """

    def __init__(
        self,
        settings: Path,
        *,
        module: str = "source_app.serve",
        wrap: tuple[str, ...] = (),
        errors: BinaryIO | None = None,
    ) -> None:
        command = [*wrap, sys.executable, "-m", module, "--settings", str(settings), *(["--watched"] if wrap else [])]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line.startswith("listening on "):
            self.kill()
            raise RuntimeError(f"the server did not start: {line!r}")
        self.origin = line.removeprefix("listening on ").strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def master(self) -> int:
        """The process id of gunicorn's master, also behind a wrapper such as strace."""
        pid = self.process.pid
        return _children(pid)[0] if Path(f"/proc/{pid}/comm").read_text().startswith("strace") else pid

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        return _children(self.master)

    def stop(self) -> None:
        """End it in order."""
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            os.kill(self.master, signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()
        self._close()

    def kill(self) -> None:
        """End it and everything it started, at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._close()

    def _close(self) -> None:
        if self.process.stdout:
            self.process.stdout.close()


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def free_port() -> int:
    """A port nobody listens on just now, for a server that must come back under the same address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def write_settings(path: Path, store: Path, **others: object) -> Path:
    """A settings file for `Running`."""
    rows = {"store": str(store), "organisation": "Throwaway", "reserve_bytes": 0, **others}
    # As in JSON, so in TOML: truth values, whole numbers, and text without escapes.
    lines = (f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in rows.items())
    path.write_text("\n".join(lines) + "\n")
    return path
