# SPDX-License-Identifier: AGPL-3.0-or-later
"""
How the app is run: from a file of settings, quietly, with an end to every silence.
"""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from source_app.serve import options, read_settings
from source_app.settings import SettingsError, SourceSettings
from source_app.worker import QuietLog
from tests.source_app.throwaway import Throwaway, new_store
from tests.source_app.visitor import Running, Upload, Visitor, write_settings


def test_settings_are_read_from_a_file(tmp_path: Path) -> None:
    """Every key of the file is a field of the settings."""
    file = write_settings(tmp_path / "s.toml", tmp_path / "store", threads=700)
    assert read_settings(file) == SourceSettings(
        store=tmp_path / "store", organisation="Throwaway", reserve_bytes=0, threads=700
    )


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('store = "/s"\norganisation = "O"\ncolour = "red"\n', "colour"),
        ('store = "/s"\n', "organisation"),
        ('store = "/s"\norganisation = "O"\nthreads = 0\n', "threads"),
    ],
    ids=["unknown", "missing", "out of bounds"],
)
def test_a_file_with_a_wrong_key_is_refused(tmp_path: Path, text: str, named: str) -> None:
    """The key is named; nothing starts on a guess."""
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(SettingsError, match=named):
        read_settings(tmp_path / "s.toml")


def test_nothing_is_opened_or_logged_beside_the_pages(tmp_path: Path) -> None:
    """No control socket, no access log, no file for others, many threads, memory shared by preloading."""
    chosen = options(SourceSettings(store=tmp_path, organisation="O"))
    assert chosen["control_socket_disable"] is True
    assert chosen["accesslog"] is None
    assert chosen["logger_class"] is QuietLog
    assert chosen["umask"] == 0o077
    assert chosen["preload_app"] is True
    assert (chosen["workers"], chosen["threads"]) == (2, 600)
    assert chosen["worker_class"].connection.idle_seconds >= 120


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("serve")
    store = new_store(folder / "store")
    Throwaway().install(store)
    store.close()
    with Running(write_settings(folder / "settings.toml", store.folder, silence_seconds=1, workers=1)) as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize(
    "head",
    ["POST /en/write HTTP/1.1\r\n", "POST /en/write HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n--x"],
    ids=["headers", "body"],
)
def test_a_silent_connection_is_ended(server: Running, head: str) -> None:
    """Whoever begins a request and falls silent holds a thread only so long."""
    host, _, port = urlsplit(server.origin).netloc.partition(":")
    with socket.create_connection((host, int(port)), timeout=15) as connection:
        began = time.monotonic()
        connection.sendall(head.encode())
        while connection.recv(65536):
            pass
        assert 0.5 < time.monotonic() - began < 12


@pytest.mark.slow
def test_a_form_of_unknown_length_is_answered(server: Running) -> None:
    """A chunked body gets a page and an end, not a fault."""
    connection = http.client.HTTPConnection(urlsplit(server.origin).netloc, timeout=15)
    connection.request("POST", "/en/write", iter([b"x" * 100]), {"Content-Type": "multipart/form-data; boundary=b"})
    answer = connection.getresponse()
    assert 400 <= answer.status < 500
    assert b"</html>" in answer.read()
    connection.close()


@pytest.mark.slow
def test_nothing_of_a_request_reaches_a_log(server: Running, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither names nor addresses nor paths are written, also when the request is broken."""
    visitor = Visitor(server.origin)
    visitor.attach(visitor.write("secret words"), Upload.of("secret-name.txt", b"secret content"))
    host, _, port = urlsplit(server.origin).netloc.partition(":")
    for broken in (
        b"GET /secret-path HTTP/9\r\n\r\n",
        b"\xff\xfe\r\n\r\n",
        b"GET /secret-path HTTP/1.1\r\nA B: c\r\n\r\n",
    ):
        with socket.create_connection((host, int(port)), timeout=15) as connection:
            connection.sendall(broken)
            while connection.recv(65536):
                pass
    said = capfd.readouterr()
    assert "secret" not in said.err + said.out
    assert "127.0.0.1" not in said.err
