# SPDX-License-Identifier: AGPL-3.0-or-later
"""
tor's line: what is one, what is none, and what one circuit may hold.

The two apps read it in files of their own, so each test runs for both.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import NoMoreData, ParseException
from gunicorn.http.unreader import IterUnreader
from hypothesis import given
from hypothesis import strategies as st

import journalist_app.desk.circuits as of_desk
import source_app.circuits as of_source
from source_app.limits import CIRCUIT_LARGE, CIRCUIT_REQUESTS
from source_app.serve import SPARE_CONNECTIONS, options
from source_app.settings import SourceSettings
from tests.attacks.loopback import request
from tests.source_app.multipart_forms import CONTENT_TYPE
from tests.source_app.throwaway import Throwaway, new_store
from tests.source_app.visitor import ROOT, Running, write_settings

BOTH = pytest.mark.parametrize("room", [of_source, of_desk], ids=["source", "desk"])
LINE = b"PROXY TCP6 fc00:dead:beef:4dad::aabb:cc0d ::1 52237 80\r\n"


def line_of(circuit: int) -> bytes:
    """As tor writes it (`export_hs_client_circuit_id`)."""
    return b"PROXY TCP6 fc00:dead:beef:4dad::%x:%x ::1 %d 80\r\n" % (circuit >> 16, circuit & 0xFFFF, circuit & 0xFFFF)


@BOTH
@pytest.mark.parametrize(
    ("line", "circuit"),
    [
        (LINE, 0xAABBCC0D),
        (b"PROXY TCP6 fc00:dead:beef:4dad::0:1a ::1 26 80\r\n", 26),
        (b"PROXY TCP6 fc00:dead:beef:4dad::0:0 ::1 1 80\r\n", 0),
        (b"PROXY TCP6 fc00:dead:beef:4dad::ffff:ffff ::1 65535 65535\r\n", 0xFFFFFFFF),
    ],
    ids=["both parts", "a young tor", "none", "the longest"],
)
def test_tors_line_is_read(room: ModuleType, line: bytes, circuit: int) -> None:
    """The number stands in the two last groups of the address."""
    assert room.number_of(line) == circuit


WRONG = {
    "empty": b"",
    "a request": b"GET / HTTP/1.1\r\n",
    "no end": LINE[:-2],
    "bare LF": LINE[:-2] + b"\n",
    "bare CR": LINE[:-1],
    "something after it": LINE + b"G",
    "a space before it": b" " + LINE,
    "lower case": LINE.lower(),
    "IPv4": b"PROXY TCP4 127.0.0.1 127.0.0.1 5 80\r\n",
    "UNKNOWN": b"PROXY UNKNOWN\r\n",
    "another prefix": LINE.replace(b"4dad", b"4dae"),
    "another target": LINE.replace(b"::1", b"::2"),
    "three groups": LINE.replace(b"aabb", b"0:aabb"),
    "one group": LINE.replace(b"aabb:", b""),
    "five digits": LINE.replace(b"aabb", b"0aabb"),
    "leading zero": LINE.replace(b"cc0d", b"0c0d"),
    "capitals": LINE.replace(b"aabb", b"AABB"),
    "no hex": LINE.replace(b"aabb", b"aabg"),
    "port too large": LINE.replace(b"52237", b"65536"),
    "port of six digits": LINE.replace(b"52237", b"100000"),
    "port with a zero": LINE.replace(b" 80", b" 080"),
    "negative port": LINE.replace(b" 80", b" -80"),
    "no port": LINE.replace(b" 80", b""),
    "two spaces": LINE.replace(b" ::1", b"  ::1"),
    "tab": LINE.replace(b" ::1", b"\t::1"),
    "full-width digits": LINE.replace(b" 80", " ８０".encode()),
    "version 2": b"\r\n\r\n\x00\r\nQUIT\n" + bytes(60),
}


@BOTH
@pytest.mark.parametrize("line", WRONG.values(), ids=WRONG.keys())
def test_what_tor_would_not_write_is_refused(room: ModuleType, line: bytes) -> None:
    """One form is accepted, and the refusal repeats nothing of it."""
    with pytest.raises(room.LineError) as refused:
        room.number_of(line)
    assert isinstance(refused.value, ParseException)
    assert str(refused.value) in {"", "None"}


@BOTH
@given(circuit=st.integers(0, 2**32 - 1), cuts=st.lists(st.integers(1, 20), min_size=1), rest=st.binary(max_size=40))
def test_a_line_is_read_however_it_is_cut(room: ModuleType, circuit: int, cuts: list[int], rest: bytes) -> None:
    """What tor writes comes back as the same number, in whatever pieces it comes; what follows stays to be read."""
    whole = line_of(circuit) + rest
    pieces, at = [], 0
    while at < len(whole):
        step = cuts[len(pieces) % len(cuts)]
        pieces.append(whole[at : at + step])
        at += step
    source = IterUnreader(pieces)
    assert room.announced(source) == circuit
    left = b""
    while piece := source.read():
        left += piece
    assert left == rest


@BOTH
@given(noise=st.binary(max_size=200))
def test_no_noise_is_taken_for_a_line(room: ModuleType, noise: bytes) -> None:
    """It is refused, or found to be no whole line; nothing else happens."""
    with pytest.raises((room.LineError, NoMoreData)):
        room.announced(IterUnreader([noise] if noise else []))


@BOTH
def test_a_line_that_does_not_end_is_given_up(room: ModuleType) -> None:
    """After as many bytes as the longest line has, and not when memory is full."""

    def endless() -> Iterator[bytes]:
        for _ in range(20):
            yield b"PROXY " * 2
        raise AssertionError("read on and on")

    with pytest.raises(room.LineError):
        room.announced(IterUnreader(endless()))


@BOTH
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=60))
def test_places_are_counted_for_each_circuit(room: ModuleType, acts: list[tuple[bool, int]]) -> None:
    """Never more than the bound of one circuit, none denied below it, and a circuit that holds nothing is forgotten."""
    places, held = room.Places(2), dict.fromkeys(range(4), 0)
    for take, circuit in acts:
        if take:
            assert places.take(circuit) is (held[circuit] < 2)
            held[circuit] = min(2, held[circuit] + 1)
        elif held[circuit]:
            places.give(circuit)
            held[circuit] -= 1
        assert len(places) == sum(1 for number in held.values() if number)


def test_gunicorns_own_reader_is_off(tmp_path: Path) -> None:
    """It would take a connection without a line, and give pages the number as REMOTE_ADDR."""
    cfg = Config()
    for key, value in options(SourceSettings(store=tmp_path, organisation="O", circuits=True)).items():
        cfg.set(key, value)
    assert cfg.proxy_protocol == "off"
    assert cfg.worker_class.circuits is True


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """A source app on a unix socket behind a tor that tells circuits: its socket and its log."""
    folder = tmp_path_factory.mktemp("circuits")
    store = new_store(folder / "store")
    Throwaway(1).install(store)
    store.close()
    path, log = folder / "s.sock", folder / "log"
    settings = write_settings(
        folder / "s.toml", store.folder, workers=1, threads=60, bind=f"unix:{path}", circuits=True, silence_seconds=20
    )
    with log.open("wb") as errors, Running(settings, errors=errors):
        yield path, log


def connected(path: Path, first: bytes = b"") -> socket.socket:
    """A connection that begins with these bytes."""
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(30)
    made.connect(str(path))
    made.sendall(first)
    return made


def answer(peer: socket.socket) -> bytes:
    """All that comes until the other end closes, or one whole page."""
    said = b""
    while piece := peer.recv(65_536):
        said += piece
        if said.rstrip().endswith(b"</html>"):
            break
    return said


GET = request("GET", "/en/")
LARGE = ("Content-Type: " + CONTENT_TYPE, "Content-Length: 5000000")


@pytest.mark.slow
@pytest.mark.parametrize(
    "first", [b"", LINE.replace(b"4dad", b"4dae"), b"PROXY UNKNOWN\r\n"], ids=["none", "wrong", "other"]
)
def test_a_connection_without_tors_line_is_a_bad_request(served: tuple[Path, Path], first: bytes) -> None:
    """Our page, and nothing of the request."""
    with connected(served[0], first + GET) as peer:
        said = answer(peer)
    assert said.startswith(b"HTTP/1.1 400 ")
    assert b"dead:beef" not in said


@pytest.mark.slow
def test_one_line_serves_a_whole_connection(served: tuple[Path, Path]) -> None:
    """The second request of a kept connection needs none, and a line in its place is a bad request."""
    kept = GET.replace(b"Connection: close\r\n", b"")
    with connected(served[0], line_of(7) + kept) as peer:
        assert answer(peer).startswith(b"HTTP/1.1 200 ")
        peer.sendall(kept)
        assert answer(peer).startswith(b"HTTP/1.1 200 ")
        peer.sendall(line_of(7) + kept)
        assert answer(peer).startswith(b"HTTP/1.1 400 ")


@pytest.mark.slow
def test_a_line_alone_holds_no_thread(served: tuple[Path, Path]) -> None:
    """More connections than there are threads that send nothing after it: a page comes all the same."""
    with ExitStack() as open_at_once:
        for number in range(70):
            open_at_once.enter_context(connected(served[0], line_of(1_000 + number)))
        began = time.monotonic()
        with connected(served[0], line_of(5) + GET) as peer:
            assert answer(peer).startswith(b"HTTP/1.1 200 ")
        assert time.monotonic() - began < 4


@pytest.mark.slow
def test_lines_alone_do_not_keep_others_out(served: tuple[Path, Path]) -> None:
    """More connections than are kept open at once send nothing after it: the oldest gives way to one that asks for a page."""
    with ExitStack() as open_at_once:
        for number in range(60 + SPARE_CONNECTIONS + 20):
            open_at_once.enter_context(connected(served[0], line_of(2_000 + number // 10)))
        began = time.monotonic()
        with connected(served[0], line_of(5) + GET) as peer:
            assert answer(peer).startswith(b"HTTP/1.1 200 ")
        assert time.monotonic() - began < 5


@pytest.mark.slow
def test_a_browser_on_one_circuit_never_meets_the_bound(served: tuple[Path, Path]) -> None:
    """Six large forms on their way, and a page beside them."""
    with ExitStack() as open_at_once:
        for _ in range(6):
            peer = open_at_once.enter_context(connected(served[0]))
            peer.sendall(line_of(0x1234) + request("POST", "/en/write", *LARGE, body=b"--"))
        time.sleep(0.5)
        with connected(served[0], line_of(0x1234) + GET) as peer:
            assert answer(peer).startswith(b"HTTP/1.1 200 ")


@pytest.mark.slow
def test_six_pages_at_once_are_all_served(served: tuple[Path, Path]) -> None:
    """On six connections of one circuit, twenty times over."""
    said: list[bytes] = []

    def browse() -> None:
        for _ in range(20):
            with connected(served[0], line_of(0x77) + GET) as peer:
                said.append(answer(peer)[:12])

    threads = [threading.Thread(target=browse) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == [b"HTTP/1.1 200"] * 120


@pytest.mark.slow
def test_a_circuit_holds_so_many_large_forms_and_others_go_on(served: tuple[Path, Path]) -> None:
    """The next is told to come later; another circuit's is taken; when one ends there is room again."""
    post = request("POST", "/en/write", *LARGE, body=b"--")
    with ExitStack() as open_at_once:
        held = [open_at_once.enter_context(connected(served[0], line_of(0xBEE) + post)) for _ in range(CIRCUIT_LARGE)]
        time.sleep(0.5)
        with connected(served[0], line_of(0xBEE) + post) as peer:
            said = peer.recv(65_536)
        assert said.startswith(b"HTTP/1.1 503 ")
        assert "您的浏览器".encode() in said
        with connected(served[0], line_of(0xBEF) + post) as peer:
            peer.settimeout(1)
            with pytest.raises(TimeoutError):
                peer.recv(1)
        held[0].close()
        time.sleep(0.5)
        with connected(served[0], line_of(0xBEE) + post) as peer:
            peer.settimeout(1)
            with pytest.raises(TimeoutError):
                peer.recv(1)


@pytest.mark.slow
def test_a_circuit_holds_so_many_requests(served: tuple[Path, Path]) -> None:
    """Requests whose headers do not end count; the next of that circuit gets a page, others are served, and nothing stays held."""
    with ExitStack() as open_at_once:
        for _ in range(CIRCUIT_REQUESTS):
            open_at_once.enter_context(connected(served[0], line_of(0xFACE) + b"GET /en/ HTTP/1.1\r\n"))
        time.sleep(0.5)
        with connected(served[0], line_of(0xFACE) + GET) as peer:
            assert answer(peer).startswith(b"HTTP/1.1 503 ")
        with connected(served[0], line_of(0xFACF) + GET) as peer:
            assert answer(peer).startswith(b"HTTP/1.1 200 ")
    time.sleep(0.5)
    with connected(served[0], line_of(0xFACE) + GET) as peer:
        assert answer(peer).startswith(b"HTTP/1.1 200 ")


@pytest.mark.slow
def test_no_circuit_is_in_a_log(served: tuple[Path, Path]) -> None:
    """Not after all of the above, and not after a failure in the middle of a request."""
    with connected(served[0], line_of(0xABCDEF01) + b"GET /secret HTTP/9.9\r\n\r\n") as peer:
        answer(peer)
    written = served[1].read_bytes()
    for trace in (b"abcd", b"ef01", b"face", b"1234", b"dead", b"PROXY"):
        assert trace not in written


@pytest.mark.slow
def test_a_line_where_none_is_expected_is_a_bad_request(tmp_path: Path) -> None:
    """A server that is not behind such a tor believes nobody a circuit."""
    store = new_store(tmp_path / "store")
    Throwaway(1).install(store)
    store.close()
    path = tmp_path / "s.sock"
    with Running(write_settings(tmp_path / "s.toml", store.folder, workers=1, bind=f"unix:{path}")):
        with connected(path, LINE + GET) as peer:
            assert answer(peer).startswith(b"HTTP/1.1 400 ")
        with connected(path, GET) as peer:
            assert answer(peer).startswith(b"HTTP/1.1 200 ")


SEEN = """
import sys
from pathlib import Path
from source_app.serve import read_settings, run

def make():
    def app(environ, start):
        start("200 OK", [("Content-Type", "text/plain")])
        return ["".join(f"{key}={value!r}\\n" for key, value in sorted(environ.items())).encode()]
    return app

run(make, read_settings(Path(sys.argv[1])))
"""


@pytest.mark.slow
def test_a_page_is_told_nothing_of_the_circuit(tmp_path: Path) -> None:
    """What a page gets has no address at all."""
    path = tmp_path / "s.sock"
    store = new_store(tmp_path / "store").folder
    settings = write_settings(tmp_path / "s.toml", store, workers=1, bind=f"unix:{path}", circuits=True)
    command = [sys.executable, "-c", SEEN, str(settings)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("listening on ")
            with connected(path, line_of(0xABCDEF01) + GET) as peer:
                said = b""
                while piece := peer.recv(65_536):
                    said += piece
        finally:
            process.terminate()
            process.wait(30)
    assert b"REMOTE_ADDR=''" in said
    for trace in (b"abcd", b"ef01", b"PROXY", b"fc00", b"61185"):
        assert trace not in said


def test_the_bounds_are_above_what_a_browser_opens() -> None:
    """Six connections to one place, and one more."""
    assert CIRCUIT_REQUESTS > CIRCUIT_LARGE > 6
