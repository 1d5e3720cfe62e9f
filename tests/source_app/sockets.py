# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What an app has to do with sockets, as tests for whichever app: a class that each room's tests inherit.
"""

from __future__ import annotations

import socket
import stat
import threading
import time
from abc import ABC, abstractmethod
from pathlib import Path

import pytest

from tests.source_app.listeners import ROOT, Program, ask, listening, running, status

#: In a file that Python imports before anything else.
SLOW_TO_BEGIN = """
import time
from gunicorn.workers.gthread import ThreadWorker

begin = ThreadWorker.init_process


def late(worker):
    time.sleep(1)
    begin(worker)


ThreadWorker.init_process = late
"""


class OnUnixSockets(ABC):
    """
    Attributes:
        page: an address that answers 200.
    """

    page: str

    @abstractmethod
    def arguments(self, folder: Path, bind: str) -> list[str]:
        """The app's command line after `python`, its store in that folder."""

    def test_it_listens_on_a_socket_file_of_its_account_and_takes_it_away(self, tmp_path: Path) -> None:
        """The one line names it, nobody else may connect, and after the end there is none."""
        path = tmp_path / "app.sock"
        with running(self.arguments(tmp_path, f"unix:{path}")) as app:
            assert app.line == f"listening on unix:{path}"
            assert stat.S_IMODE(path.stat().st_mode) == 0o700
            assert status(ask(path, self.page)) == b"200"
            assert app.stop() == ""
            assert not path.exists()

    def test_a_dead_servers_socket_file_is_replaced(self, tmp_path: Path) -> None:
        """After a power cut it starts as if there were none."""
        path = tmp_path / "app.sock"
        command = self.arguments(tmp_path, f"unix:{path}")
        with running(command) as app:
            app.kill()
            assert path.is_socket()
            with running(command) as again:
                assert again.line == f"listening on unix:{path}"
                assert status(ask(path, self.page)) == b"200"

    def test_a_living_servers_socket_file_is_not_taken(self, tmp_path: Path) -> None:
        """The second does not start and says why in one line; the first goes on."""
        path = tmp_path / "app.sock"
        command = self.arguments(tmp_path, f"unix:{path}")
        with running(command), running(command) as second:
            assert second.line == ""
            said = second.process.communicate(timeout=30)[1]
            assert second.process.returncode != 0
            assert "somebody listens on" in said.splitlines()[-1]
            assert status(ask(path, self.page)) == b"200"

    def test_what_is_no_socket_is_left_alone(self, tmp_path: Path) -> None:
        """A file under that name is not removed."""
        path = tmp_path / "app.sock"
        path.write_text("precious")
        with running(self.arguments(tmp_path, f"unix:{path}")) as app:
            assert app.line == ""
            assert "is no socket" in app.process.communicate(timeout=30)[1]
        assert path.read_text() == "precious"

    def test_a_socket_is_handed_over(self, tmp_path: Path) -> None:
        """Its name is announced, not the settings'; nothing is made at the settings' address, and the file stays at the end."""
        path, other = tmp_path / "held.sock", tmp_path / "other.sock"
        with listening(path) as held, running(self.arguments(tmp_path, f"unix:{other}"), handed=held) as app:
            assert app.line == f"listening on unix:{path}"
            assert status(ask(path, self.page)) == b"200"
            assert not other.exists()
            assert app.stop() == ""
            assert path.is_socket()

    @pytest.mark.parametrize("killed", [True, False], ids=["killed", "stopped"])
    def test_what_comes_while_the_app_is_away_is_answered(self, tmp_path: Path, *, killed: bool) -> None:
        """Requests wait in the socket that somebody else holds, over three restarts."""
        path = tmp_path / "held.sock"
        command = self.arguments(tmp_path, "127.0.0.1:0")
        with listening(path) as held:
            app = Program(command, handed=held)
            try:
                for _ in range(3):
                    assert status(ask(path, self.page)) == b"200"
                    app.kill() if killed else app.stop()
                    waiting = [ask(path, self.page) for _ in range(12)]
                    app = Program(command, handed=held)
                    assert [status(peer) for peer in waiting] == [b"200"] * 12
            finally:
                app.kill()

    def test_what_comes_while_the_app_restarts_is_answered(self, tmp_path: Path) -> None:
        """A visitor that asks on and on through an orderly restart gets every page."""
        path = tmp_path / "held.sock"
        command = self.arguments(tmp_path, "127.0.0.1:0")
        said: list[bytes] = []
        over = threading.Event()

        def visit() -> None:
            while not over.is_set():
                said.append(status(ask(path, self.page)))

        with listening(path) as held:
            app = Program(command, handed=held)
            visitor = threading.Thread(target=visit)
            visitor.start()
            try:
                app.stop()
                app = Program(command, handed=held)
                before = len(said)
                while len(said) < before + 5:
                    assert visitor.is_alive()
            finally:
                over.set()
                visitor.join(60)
                app.kill()
        assert set(said) == {b"200"}

    def test_a_worker_that_is_told_to_end_while_it_begins_ends(self, tmp_path: Path) -> None:
        """A second passes between its fork and its own handlers, and in that second the end comes. Deaf, it would stay until the grace is over."""
        (tmp_path / "sitecustomize.py").write_text(SLOW_TO_BEGIN)
        over = ["env", f"PYTHONPATH={tmp_path}:{ROOT}"]
        app = Program(self.arguments(tmp_path, f"unix:{tmp_path}/app.sock"), wrap=over)
        try:
            assert app.line.startswith("listening on")
            began = time.monotonic()
            assert app.stop() == ""
            assert 1 < time.monotonic() - began < 15
        finally:
            app.kill()

    def test_a_tcp_socket_is_handed_over_too(self, tmp_path: Path) -> None:
        """The line then names its address."""
        with socket.create_server(("127.0.0.1", 0)) as held:
            command = self.arguments(tmp_path, f"unix:{tmp_path}/other.sock")
            with running(command, handed=held) as app:
                assert app.line == f"listening on http://127.0.0.1:{held.getsockname()[1]}"

    @pytest.mark.parametrize(
        ("variable", "value"), [("LISTEN_PID", "1"), ("LISTEN_FDS", "0")], ids=["for another process", "none"]
    )
    def test_a_socket_that_is_not_ours_is_not_taken(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
    ) -> None:
        """The settings' address counts then."""
        path = tmp_path / "app.sock"
        monkeypatch.setenv("LISTEN_FDS", "1")
        monkeypatch.setenv(variable, value)
        with running(self.arguments(tmp_path, f"unix:{path}")) as app:
            assert app.line == f"listening on unix:{path}"
