# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The real program: one vault on loopback.
"""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import time

from tests.journalist_app.vault.fakes import Organisation


def test_the_vault_serves_on_loopback_alone_and_leaves_its_token_for_scripts(one: Organisation):
    """The real program: it prints its address, answers there, and ends when told."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = one.folder / "token"
    arguments = ["--dir", one.folder / "v1", "--stick", one.stick, "--port", port, "--token-file", token]
    process = subprocess.Popen(
        [sys.executable, "-m", "journalist_app.vault", "serve", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        line = process.stdout.readline()
        assert f"http://127.0.0.1:{port}/?token={token.read_text().strip()}" in line
        answer = fetch(port, f"/?token={token.read_text().strip()}")
        assert answer.status == 303
        assert answer.getheader("Set-Cookie", "").startswith(f"vault-{port}=")
        assert fetch(port, "/").status == 403
        assert token.stat().st_mode & 0o077 == 0
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def fetch(port: int, path: str) -> http.client.HTTPResponse:
    """
    One request, once the worker is up.
    """
    for _ in range(100):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
        except ConnectionError:
            time.sleep(0.1)
        else:
            return answer
        finally:
            connection.close()
    raise TimeoutError
