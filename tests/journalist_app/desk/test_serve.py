# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The desk as it really runs: gunicorn, one worker, over HTTP.
"""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pyotp
import pytest

from journalist_app.desk.serve import options
from tests.journalist_app.bundle.organisation import archive
from tests.journalist_app.desk.conftest import TOKEN, Desk, carried_entry, form

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys
from pathlib import Path
from journalist_app.desk import DeskSettings
from journalist_app.desk.serve import serve
folder = Path(sys.argv[1])
serve(DeskSettings(store=folder / "store", keys=folder / "server.json", organisation="Hearing"))
"""


class Visitor:
    """One person's connection, with their cookie."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._cookie = ""

    def ask(self, method: str, path: str, body: bytes = b"", kind: str = "application/x-www-form-urlencoded"):
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection(self._address, timeout=30)
        headers = {"Content-Type": kind, "Cookie": self._cookie} if method == "POST" else {"Cookie": self._cookie}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if cookie := answer.getheader("Set-Cookie"):
            self._cookie = cookie.split(";")[0]
        return answer, content

    def token(self) -> str:
        """The token of this login's forms."""
        found = TOKEN.search(self.ask("GET", "/")[1].decode())
        assert found is not None
        return found[1]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Desk, str]]:
    """A desk behind gunicorn; its address."""
    desk = Desk(tmp_path).install()
    desk.deposit()
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"127\.0\.0\.1'?,? ?:?(\d+)", process.stdout.readline())
            assert found is not None
            yield desk, f"127.0.0.1:{found[1]}"
        finally:
            process.terminate()
            said = process.communicate(timeout=40)[1]
    assert said == ""


def test_a_person_works_over_http(served: tuple[Desk, str]) -> None:
    """Logs in, takes a batch out, downloads it, brings an outbox in; a bad upload and a second login with one code fail."""
    desk, address = served
    visitor = Visitor(address)
    code = pyotp.TOTP(desk.people["mei"].totp).at(int(time.time()))
    login = urllib.parse.urlencode({"name": "mei", "passphrase": desk.people["mei"].passphrase, "code": code}).encode()
    assert visitor.ask("POST", "/login", login)[0].status == 303
    assert Visitor(address).ask("POST", "/login", login)[0].status == 403
    token = visitor.token()
    taken = urllib.parse.urlencode({"token": token, "number": "1"}).encode()
    assert visitor.ask("POST", "/batches", taken)[0].getheader("Location") == "/batches/1"
    answer, raw = visitor.ask("GET", "/batches/1/download")
    assert int(answer.getheader("Content-Length") or 0) == len(raw)
    kind = "multipart/form-data; boundary=b"
    outbox = archive(desk.organisation.outbox(1, [carried_entry(desk.organisation)]))
    answer, page = visitor.ask("POST", "/outboxes", form(("token", token.encode()), ("file", outbox)), kind)
    assert answer.status == 200
    assert b"Taken in." in page
    noise = form(("token", token.encode()), ("file", bytes(24 << 20)))
    answer, page = visitor.ask("POST", "/outboxes", noise, kind)
    assert answer.status == 400
    assert b"ArchiveError" in page
    assert Visitor(address).ask("GET", "/batches/1/download")[0].status == 303


def test_one_worker_and_nothing_written_about_anyone(desk: Desk) -> None:
    """Sessions live in one process; no access log, no file others can read."""
    chosen = options(desk.settings)
    assert chosen["workers"] == 1
    assert chosen["accesslog"] is None
    assert chosen["umask"] == 0o077
    assert chosen["control_socket_disable"] is True
    assert chosen["forwarder_headers"] == ""
    assert chosen["secure_scheme_headers"] == {}


def test_rude_peers_stop_nobody_and_get_our_page(served: tuple[Desk, str]) -> None:
    """Connections that stay after their answer delay no page; what is no request gets fixed words with our headers."""
    _, address = served
    host, _, port = address.partition(":")
    with ExitStack() as open_at_once:
        for _ in range(5):
            peer = open_at_once.enter_context(socket.create_connection((host, int(port)), timeout=20))
            peer.sendall(b"GET /login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        began = time.monotonic()
        assert Visitor(address).ask("GET", "/login")[0].status == 200
        assert time.monotonic() - began < 1.5
    with socket.create_connection((host, int(port)), timeout=20) as peer:
        peer.sendall(b"GET /secret HTTP/9.9\r\n\r\n")
        answer = b""
        while piece := peer.recv(65_536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Content-Security-Policy: default-src 'none'" in answer
    assert b"secret" not in answer
