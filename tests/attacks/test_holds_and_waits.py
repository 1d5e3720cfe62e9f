# SPDX-License-Identifier: AGPL-3.0-or-later
"""
DESIGN §2: somebody floods, slowly: uploads that never end, words that never come, and codenames by the dozen.

Fewer than a thousand here, on servers with as many threads fewer; `tests.bench.slow` holds a thousand.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from crypto.codename import Codename
from crypto.derive import PRODUCTION, Costs
from source_app.limits import HELD_SECONDS
from store.engine import Store
from tests.attacks.loopback import connected, request
from tests.source_app.multipart_forms import CONTENT_TYPE, body, text
from tests.source_app.test_circuits import line_of
from tests.source_app.throwaway import Throwaway, new_store
from tests.source_app.visitor import Running, Visitor, write_settings

pytestmark = pytest.mark.slow

HEAD = "Content-Type: " + CONTENT_TYPE


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store of one seat, codenames that cost what they cost in earnest."""
    made = new_store(tmp_path / "store")
    Throwaway(1, costs=PRODUCTION).install(made)
    yield made
    made.close()


def test_half_open_slow_uploads_do_not_stop_the_next_source(tmp_path: Path, store: Store) -> None:
    """More long forms than there are threads, each a KiB a second: most are turned away, the rest are held, and words get through at once."""
    settings = write_settings(tmp_path / "settings.toml", store.folder, threads=48)
    with Running(settings) as running, ExitStack() as held:
        form = Visitor(running.origin).get("/en/write").form("message")
        start = body(text("token", form.hidden["token"]), end=False)
        for _ in range(150):
            peer = held.enter_context(connected(running.origin))
            peer.sendall(request("POST", "/en/write", HEAD, "Content-Length: 50000000", body=start))
        began = time.monotonic()
        assert Visitor(running.origin, timeout=30).write("through the crowd").status == 200
        assert time.monotonic() - began < 15


def test_half_open_words_do_not_stop_the_next_source(tmp_path: Path, store: Store) -> None:
    """Forms that could be words, more than all threads of all workers, and none of them goes on: they give way to whoever comes."""
    settings = write_settings(tmp_path / "settings.toml", store.folder, threads=24)
    with Running(settings) as running, ExitStack() as held:
        for _ in range(80):
            peer = held.enter_context(connected(running.origin))
            peer.sendall(request("POST", "/en/write", HEAD, "Content-Length: 5000", body=b"--"))
        began = time.monotonic()
        assert Visitor(running.origin, timeout=90).write("through the crowd").status == 200
        # Twice: those that stood in the kernel's line behind the first get the threads that became free.
        assert time.monotonic() - began < 2 * HELD_SECONDS + 20


def test_one_circuits_codenames_do_not_delay_anothers(tmp_path: Path) -> None:
    """Fourteen stand in line from one circuit; one comes by another, and is served after one or two of them."""
    made = new_store(tmp_path / "store")
    Throwaway(1, costs=Costs(memory_kib=65_536, passes=4, lanes=1)).install(made)
    path = tmp_path / "s.sock"
    settings = write_settings(
        tmp_path / "s.toml", made.folder, workers=1, threads=60, kdf_slots=1, bind=f"unix:{path}", circuits=True
    )
    ended: list[int] = []
    with Running(settings):
        token = _token(path, 1)

        def come_back(circuit: int) -> None:
            words = " ".join(Codename.generate().words())
            form = body(text("token", token), text("codename", words))
            said = _asked(path, circuit, request("POST", "/en/return", HEAD, f"Content-Length: {len(form)}", body=form))
            assert said.startswith(b"HTTP/1.1 303 ")
            ended.append(circuit)

        crowd = [threading.Thread(target=come_back, args=(1,)) for _ in range(14)]
        for one in crowd:
            one.start()
        time.sleep(0.5)
        before = len(ended)
        come_back(2)
        for one in crowd:
            one.join()
    made.close()
    assert len(ended) == 15
    assert ended.index(2) - before <= 4
    assert before < 10


def _asked(path: Path, circuit: int, raw: bytes) -> bytes:
    said = b""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(60)
        peer.connect(str(path))
        peer.sendall(line_of(circuit) + raw)
        while piece := peer.recv(65_536):
            said += piece
    return said


def _token(path: Path, circuit: int) -> str:
    found = re.search(rb'name="token" value="([^"]+)"', _asked(path, circuit, request("GET", "/en/return")))
    assert found is not None
    return found[1].decode()
