# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What the slip's page prints, pasted into real shells, with real curl, against a real server that is killed meanwhile.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from store.engine import Store
from tests.source_app.terminal import SHELLS, Said, Terminal, ended, printed, slip_of, stop
from tests.source_app.throwaway import Opened, Throwaway, new_store
from tests.source_app.visitor import Page, Running, Visitor, free_port, write_settings

PART = 1 << 18
ODD_NAMES = (
    "two words.bin",
    'it\'s "quoted" `twice` $HOME.bin',
    "a\nnew line.bin",
    "举报材料（一）.zip",
    "-rf *",
    "back\\slash%22;x=$(id).bin",
)


@dataclass
class Server:
    """A server that comes back under the same address, its store and who may read it."""

    folder: Path
    store: Store
    organisation: Throwaway
    running: Running

    def start(self) -> None:
        """Start it again."""
        self.running = Running(self.folder / "settings.toml")

    def slip(self) -> tuple[str, Page]:
        """A source who has written, and the function that is printed for them."""
        visitor = Visitor(self.running.origin)
        page = visitor.write("more is to come")
        form = page.form_to("slip")
        page = visitor.send(page, form)
        return printed(page.html), page

    def parts(self) -> list[Opened]:
        """All parts, as a reviewer reads them, in order."""
        found = (one for one in self.organisation.opened(self.store) if one.header.kind == "file")
        return sorted(found, key=lambda one: (str(one.header.fields["set"]), int(str(one.header.fields["part"]))))

    def joined(self) -> bytes:
        """What the parts make together, if none is missing or there twice."""
        parts = self.parts()
        assert [one.header.fields["part"] for one in parts] == list(range(1, len(parts) + 1))
        assert {one.header.fields["parts"] for one in parts} == {len(parts)}
        return b"".join(one.body for one in parts)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server with parts of 256 KiB."""
    store = new_store(tmp_path / "store")
    organisation = Throwaway(1)
    organisation.install(store)
    settings = write_settings(
        tmp_path / "settings.toml",
        tmp_path / "store",
        part_bytes=PART,
        bind=f"127.0.0.1:{free_port()}",
        workers=1,
        threads=8,
    )
    made = Server(tmp_path, store, organisation, Running(settings))
    yield made
    made.running.kill()
    store.close()


def received(said: Said) -> list[int]:
    """The parts of a run that were received."""
    return [part for part, word in said.sends if word == f"received {part}"]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_file_arrives_whole_and_is_not_sent_a_second_time(server: Server, tmp_path: Path, shell: str) -> None:
    """Five parts, the last one short; the second run asks once and sends nothing."""
    content = os.urandom(4 * PART + 1_000)
    (tmp_path / "leak.bin").write_bytes(content)
    text, _ = server.slip()
    said = Terminal(tmp_path / "one", shell).send(text, "leak.bin", cwd=tmp_path)
    assert said.status == 0, said
    assert received(said) == [1, 2, 3, 4, 5]
    assert "missing 1 2 3 4 5\n" in said.out
    assert said.out.endswith("complete\n")
    assert server.joined() == content
    again = Terminal(tmp_path / "two", shell).send(text, "leak.bin", cwd=tmp_path)
    assert (again.sends, again.out.splitlines()[-1]) == ([], "complete")


@pytest.mark.parametrize("shell", SHELLS)
def test_file_names_of_every_kind_arrive_unchanged(server: Server, tmp_path: Path, shell: str) -> None:
    """Quotes, a line end, Chinese, a leading dash, what a shell would expand. Folders stay behind."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    for number, name in enumerate(ODD_NAMES):
        (folder / name).write_bytes(f"content {number}".encode())
    text, _ = server.slip()
    said = Terminal(tmp_path / "one", shell).send(text, *(f"a folder/{name}" for name in ODD_NAMES), cwd=tmp_path)
    assert said.status == 0, said
    found = {str(one.header.fields["name"]): one.body for one in server.parts()}
    assert found == {name: f"content {number}".encode() for number, name in enumerate(ODD_NAMES)}


@pytest.mark.parametrize("shell", SHELLS)
def test_what_is_no_file_or_empty_or_has_a_name_that_is_no_text_stops_nothing(
    server: Server, tmp_path: Path, shell: str
) -> None:
    """A missing file and a folder are passed over; an empty file is one part; bytes that are no UTF-8 are marked."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").write_bytes(b"")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xb2\xe2\xca\xd4.txt")).write_bytes(b"old encoding")
    text, _ = server.slip()
    names = ("missing", "folder", "empty", os.fsdecode(b"\xb2\xe2\xca\xd4.txt"))
    said = Terminal(tmp_path / "one", shell).send(text, *names, cwd=tmp_path)
    assert said.status == 0, said
    bodies = {str(one.header.fields["name"]): one.body for one in server.parts()}
    assert bodies.pop("empty") == b""
    assert list(bodies.values()) == [b"old encoding"]
    assert "�" in next(iter(bodies))


@pytest.mark.parametrize("shell", SHELLS)
def test_a_server_killed_in_the_middle_costs_the_part_that_was_cut_and_nothing_else(
    server: Server, tmp_path: Path, shell: str
) -> None:
    """Twice: the whole group of processes dies while a part is half written, and comes back."""
    content = os.urandom(4 * PART)
    (tmp_path / "leak.bin").write_bytes(content)
    text, _ = server.slip()
    # Slow enough that a part is half there when the server dies.
    running = Terminal(tmp_path / "one", shell, more="--limit-rate 200k").start(text, "leak.bin", cwd=tmp_path)
    for _ in range(2):
        while_a_part_is_written(server)
        os.killpg(server.running.process.pid, signal.SIGKILL)
        server.running.kill()
        server.start()
    said = ended(running)
    assert said.status == 0, said
    cut = [part for part, word in said.sends if not word.startswith("received")]
    assert len(cut) == 2, said.out
    assert sorted(received(said)) == [1, 2, 3, 4]
    assert server.joined() == content


def while_a_part_is_written(server: Server) -> None:
    """Wait until a fresh half-written file has something in it."""
    incoming = server.folder / "store" / "incoming"
    dead = {one.name for one in incoming.iterdir()}
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        # It begins with the first 64 KiB of a part; the rest takes another second.
        if any(one.name not in dead for one in incoming.iterdir()):
            return
        time.sleep(0.02)
    raise TimeoutError("no part came")


@pytest.mark.parametrize("shell", SHELLS)
def test_neither_slip_nor_name_nor_hash_is_an_argument_of_any_program(
    server: Server, tmp_path: Path, shell: str
) -> None:
    """Other programs of the machine see arguments; curl's are written down here. No other program is given any word at all."""
    (tmp_path / "secret-name.bin").write_bytes(b"content")
    text, _ = server.slip()
    terminal = Terminal(tmp_path / "one", shell)
    assert terminal.send(text, "secret-name.bin", cwd=tmp_path).status == 0
    called = terminal.called.read_text()
    assert "--data-binary" in called
    set_ = str(server.parts()[0].header.fields["set"])
    for secret in (slip_of(text), "secret-name", set_):
        assert secret not in called


def test_two_shells_at_once_store_each_part_once(server: Server, tmp_path: Path) -> None:
    """The same file, the same moment, the same slip."""
    content = os.urandom(5 * PART + 7)
    (tmp_path / "leak.bin").write_bytes(content)
    text, _ = server.slip()
    pair = [Terminal(tmp_path / name, "dash").start(text, "leak.bin", cwd=tmp_path) for name in ("one", "two")]
    said = [ended(one) for one in pair]
    assert [one.status for one in said] == [0, 0], said
    assert server.joined() == content


def test_a_file_that_changes_while_it_is_sent_is_refused_and_the_run_ends(server: Server, tmp_path: Path) -> None:
    """It became shorter: no part of it is kept under a length that it has not."""
    file = tmp_path / "leak.bin"
    file.write_bytes(os.urandom(3 * PART))
    text, _ = server.slip()
    running = Terminal(tmp_path / "one", "dash", more="--limit-rate 200k").start(text, "leak.bin", cwd=tmp_path)
    while not server.parts():
        time.sleep(0.05)
    os.truncate(file, PART + 10)
    said = ended(running)
    assert said.status == 1
    assert said.out.endswith("refused file\n")
    assert all(len(one.body) == PART for one in server.parts())


def test_after_everything_was_deleted_the_function_stops_and_says_why(server: Server, tmp_path: Path) -> None:
    """The slip went with the thread; nothing begins it anew."""
    (tmp_path / "leak.bin").write_bytes(os.urandom(PART))
    visitor = Visitor(server.running.origin)
    page = visitor.write("first")
    page = visitor.send(page, page.form_to("slip"))
    text = printed(page.html)
    thread = visitor.get("/en/thread")
    sure = visitor.send(thread, thread.form_to("forget"))
    visitor.send(sure, sure.form_to("forget"), {"sure": "yes"})
    said = Terminal(tmp_path / "one", "dash").send(text, "leak.bin", cwd=tmp_path)
    assert said.status == 1
    assert said.out.endswith("refused slip\n")
    assert server.parts() == []


@pytest.mark.parametrize("shell", SHELLS)
def test_a_hostile_answer_runs_no_command_and_reaches_no_terminal(tmp_path: Path, shell: str) -> None:
    """Expansions, an index that bash would calculate, a control sequence: what is left are letters and digits."""
    hostile = b"missing 1 a[$(touch${IFS}owned)] `touch owned` $(touch owned) \x1b]0;title\x07 1+1\n"
    (tmp_path / "leak.bin").write_bytes(b"content")
    from source_app import shell as printing

    with _answering(hostile) as address:
        text = printing.function(host=address, slip="a" * 52, step=PART)
        running = Terminal(tmp_path / "one", shell).start(text, "leak.bin", cwd=tmp_path)
        time.sleep(3)
        stop(running)
        said = ended(running)
    assert "missing 1" in said.out
    assert "\x1b" not in said.out
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("shell", SHELLS)
def test_an_answer_without_end_is_cut_off(tmp_path: Path, shell: str) -> None:
    """A hostile server does not fill the memory of whoever sends: the shell holds what the longest honest answer needs."""
    (tmp_path / "leak.bin").write_bytes(b"content")
    from source_app import shell as printing

    with _answering(b"later " + b"7" * 500_000) as address:
        text = printing.function(host=address, slip="a" * 52, step=PART)
        held = text.replace("answer=$(ask);", 'answer=$(ask); echo "held ${#answer}";')
        running = Terminal(tmp_path / "one", shell).start(held, "leak.bin", cwd=tmp_path)
        time.sleep(2)
        stop(running)
        said = ended(running)
    lengths = [int(line.split()[1]) for line in said.out.splitlines() if line.startswith("held ")]
    assert lengths
    assert max(lengths) < 10_000


@pytest.mark.parametrize("shell", SHELLS)
def test_a_hostile_file_name_reaches_no_terminal(server: Server, tmp_path: Path, shell: str) -> None:
    """Files are passed on from others: a control sequence in a name is not printed, and arrives as it is."""
    name = "\x1b]0;title\x07\x1b[2J名单.bin"
    (tmp_path / name).write_bytes(b"content")
    text, _ = server.slip()
    said = Terminal(tmp_path / "one", shell).send(text, name, cwd=tmp_path)
    assert said.status == 0, said
    assert "\x1b" not in said.out + said.errors
    assert "名单.bin: 1 parts" in said.out
    assert [one.body for one in server.parts()] == [b"content"]


class _answering:  # noqa: N801 - reads as a word in a with statement
    """A server that says the same thing to every request."""

    def __init__(self, said: bytes) -> None:
        import http.server

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> str:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"127.0.0.1:{self._server.server_address[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
