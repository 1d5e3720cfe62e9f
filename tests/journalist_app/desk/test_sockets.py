# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The desk on unix sockets, its own and handed over, and behind a tor that tells circuits.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from gunicorn.config import Config

from journalist_app.desk.guard import MAX_FORM
from journalist_app.desk.pace import HEADERS_SECONDS, Pace
from journalist_app.desk.process import claim_files
from journalist_app.desk.serve import SPARE_CONNECTIONS
from journalist_app.desk.settings import DeskSettings, SettingsError
from journalist_app.desk.worker import CIRCUIT_REQUESTS, worker
from tests.journalist_app.desk.conftest import Desk
from tests.source_app.listeners import ROOT, ask, running, status
from tests.source_app.sockets import OnUnixSockets

PROGRAM = """
import sys
from pathlib import Path
from journalist_app.desk import DeskSettings
from journalist_app.desk.serve import serve
folder = Path(sys.argv[1])
serve(
    DeskSettings(
        store=folder / "store", keys=folder / "server.json", organisation="Hearing", bind=sys.argv[2],
        threads=24, circuits=sys.argv[3:] == ["circuits"],
    )
)
"""


@pytest.mark.slow
class TestTheDesk(OnUnixSockets):
    """Run as `dengwen desk` runs it."""

    page = "/login"

    def arguments(self, folder: Path, bind: str) -> list[str]:
        """An empty desk."""
        Desk(folder)
        return ["-c", PROGRAM, str(folder), bind]


def line_of(circuit: int) -> bytes:
    """As tor writes it."""
    return b"PROXY TCP6 fc00:dead:beef:4dad::%x:%x ::1 %d 80\r\n" % (circuit >> 16, circuit & 0xFFFF, circuit & 0xFFFF)


def asked(path: Path, first: bytes) -> socket.socket:
    """A connection that began with these bytes."""
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(30)
    made.connect(str(path))
    made.sendall(first)
    return made


@pytest.mark.slow
def test_tors_line_is_demanded_and_one_circuit_does_not_hold_the_desk(tmp_path: Path) -> None:
    """Without it 400; a circuit that holds as many requests as one may is told to wait; others log in; no log has a number."""
    Desk(tmp_path)
    path, page = tmp_path / "d.sock", b"GET /login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with running(["-c", PROGRAM, str(tmp_path), f"unix:{path}", "circuits"]) as desk:
        assert status(ask(path, "/login")) == b"400"
        assert status(asked(path, line_of(0xABCDEF01) + page)) == b"200"
        with ExitStack() as open_at_once:
            for _ in range(CIRCUIT_REQUESTS):
                open_at_once.enter_context(asked(path, line_of(0xABCDEF01) + b"GET /login HTTP/1.1\r\n"))
            time.sleep(0.5)
            assert status(asked(path, line_of(0xABCDEF01) + page)) == b"503"
            assert status(asked(path, line_of(0xABCDEF02) + page)) == b"200"
        time.sleep(0.5)
        assert status(asked(path, line_of(0xABCDEF01) + page)) == b"200"
        assert desk.stop() == ""


@pytest.mark.slow
def test_lines_alone_do_not_keep_others_out(tmp_path: Path) -> None:
    """More connections than are kept open at once send nothing after it: the oldest gives way to one that asks for a page."""
    Desk(tmp_path)
    path, page = tmp_path / "d.sock", b"GET /login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with running(["-c", PROGRAM, str(tmp_path), f"unix:{path}", "circuits"]), ExitStack() as open_at_once:
        for number in range(24 + SPARE_CONNECTIONS + 20):
            open_at_once.enter_context(asked(path, line_of(2_000 + number // 10)))
        began = time.monotonic()
        assert status(asked(path, line_of(5) + page)) == b"200"
        assert time.monotonic() - began < 5


def test_nobody_reads_the_desks_memory(tmp_path: Path) -> None:
    """Not dumpable, no core, as many files as allowed."""
    program = """
import ctypes, resource
from journalist_app.desk.process import claim_files, seclude
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 3000))
claim_files(1000)
seclude()
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE), resource.getrlimit(resource.RLIMIT_NOFILE))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0 (0, 0) (3000, 3000)"


def test_a_desk_that_could_not_open_enough_files_does_not_start() -> None:
    """The message has the numbers."""
    with pytest.raises(SettingsError, match="open files and this system allows"):
        claim_files(1 << 40)


# Root without its rights is an account like any other.
PLAIN = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []


def read_by_its_account(pid: int) -> bool:
    """Whether a process of the same account reads what another one holds."""
    look = [*PLAIN, sys.executable, "-c", f"open('/proc/{pid}/environ', 'rb').read(1)"]
    return subprocess.run(look, capture_output=True, check=False).returncode == 0


@pytest.mark.slow
def test_the_running_desk_is_secluded(tmp_path: Path) -> None:
    """Master and worker alike: no core, and nothing of them is read by their own account, which reads any other process of it."""
    Desk(tmp_path)
    path = tmp_path / "d.sock"
    with running(["-c", PROGRAM, str(tmp_path), f"unix:{path}"], wrap=PLAIN) as desk:
        assert status(ask(path, "/login")) == b"200"
        master = desk.process.pid
        (worker,) = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        for pid in (master, int(worker)):
            limits = Path(f"/proc/{pid}/limits").read_text()
            (core,) = (line.split() for line in limits.splitlines() if line.startswith("Max core file size"))
            assert core[4:6] == ["0", "0"]
            assert not read_by_its_account(pid)
    with subprocess.Popen([*PLAIN, "sleep", "60"]) as other:
        assert read_by_its_account(other.pid)
        other.kill()


def test_headers_have_a_deadline_however_they_trickle() -> None:
    """A byte now and then is waited for so long in all; a body may take its time, and the socket keeps its own timeout."""
    assert HEADERS_SECONDS < 60
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(10)
        pace = Pace(ours, headers=0.3)
        pace.expect_headers()
        began = time.monotonic()
        with pytest.raises(TimeoutError):  # noqa: PT012 (each turn is one byte that comes)
            while True:
                theirs.send(b"x")
                pace.chunk()
                time.sleep(0.05)
        assert 0.2 < time.monotonic() - began < 2
        assert ours.gettimeout() == 10
        pace.expect_body()
        theirs.send(b"body")
        assert pace.chunk().endswith(b"body")
        pace.expect_headers()
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            pace.chunk()
        assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("announced", "bounded"),
    [
        (b"Content-Length: %d" % MAX_FORM, True),
        (b"Transfer-Encoding: chunked", True),
        (b"Content-Length: %d" % (MAX_FORM + 1), False),
    ],
    ids=["a form", "of unknown length", "an outbox"],
)
def test_a_form_that_needs_no_login_trickles_no_longer_than_its_headers(
    monkeypatch: pytest.MonkeyPatch, *, announced: bytes, bounded: bool
) -> None:
    """A login form of a byte now and then holds a thread for so long in all; what only a login may send takes its time."""
    monkeypatch.setattr("journalist_app.desk.worker.Pace", partial(Pace, headers=0.5))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        held = worker(10).connection(Config(), ours, "", "")
        held.init()
        theirs.send(b"POST /login HTTP/1.1\r\nHost: x\r\n" + announced + b"\r\n\r\n")
        posted = next(held.parser)
        held.begin(posted)
        trickling = threading.Thread(target=trickle, args=(theirs, b"1\r\nx\r\n" if b"chunked" in announced else b"x"))
        trickling.start()
        try:
            ended = posted.body.read() is None
        except TimeoutError:
            ended = True
        trickling.join()
        assert ended is bounded


def trickle(peer: socket.socket, piece: bytes) -> None:
    """A piece now and then for longer than headers may take, and an end."""
    for _ in range(30):
        peer.send(piece)
        time.sleep(0.05)
    peer.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("bind", ["unix:relative", "unix:/" + "x" * 107], ids=["relative", "long"])
def test_a_path_that_cannot_be_bound_is_refused(tmp_path: Path, bind: str) -> None:
    """Before anything starts."""
    with pytest.raises(SettingsError, match="absolute path of at most 107 bytes"):
        DeskSettings(store=tmp_path, keys=tmp_path, organisation="O", bind=bind)
