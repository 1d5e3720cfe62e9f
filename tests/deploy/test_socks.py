# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The way through tor: strict against what answers, bounded in time and length. The other side here is a script of bytes.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy import socks
from deploy.errors import SocksError

ONION = "a" * 56 + ".onion"
HELLO, KNOWN = b"\x05\x02", b"\x01\x00"
GRANTED = b"\x05\x00\x00\x01" + bytes(6)


@contextmanager
def answering(*answers: bytes, hold: bool = False) -> Iterator[tuple[socks.Proxy, list[bytes]]]:
    """A listener that answers what is sent, one piece each, and hangs up."""
    asked: list[bytes] = []
    done = threading.Event()

    def serve(listener: socket.socket) -> None:
        with listener.accept()[0] as one:
            one.settimeout(5)
            for answer in answers:
                asked.append(one.recv(65_536))
                one.sendall(answer)
            if hold:
                done.wait(5)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield listener.getsockname()[:2], asked
        done.set()
        thread.join()


def test_a_connection_is_asked_for_by_name_on_a_circuit_of_its_own() -> None:
    """The proxy is told the onion's name and port, and a name of ours that keeps circuits apart."""
    with answering(HELLO, KNOWN, GRANTED) as (proxy, asked), closing(socks.connect(proxy, ONION, 80, timeout=5)):
        pass
    assert asked[0] == b"\x05\x01\x02"
    assert asked[1].startswith(b"\x01\x20")
    assert asked[1].endswith(b"\x01-")
    assert asked[2] == b"\x05\x01\x00\x03\x3e" + ONION.encode() + b"\x00\x50"


def test_two_connections_never_share_a_circuit_unless_told_to() -> None:
    """The isolating name is new each time, and the caller's where one is given."""
    words = []
    for isolation in ("", "", "doctor", "doctor"):
        with (
            answering(HELLO, KNOWN, GRANTED) as (proxy, asked),
            closing(socks.connect(proxy, ONION, 80, timeout=5, isolation=isolation)),
        ):
            pass
        words.append(asked[1])
    assert words[0] != words[1]
    assert words[2] == words[3]


@pytest.mark.parametrize("code", sorted(socks.REPLIES))
def test_what_tor_refuses_is_said_in_words_with_its_code(code: int) -> None:
    """Every refusal of RFC 1928 and of tor's ExtendedErrors has a sentence."""
    with (
        answering(HELLO, KNOWN, bytes([5, code]) + bytes(8)) as (proxy, _),
        pytest.raises(SocksError, match=socks.REPLIES[code]) as caught,
    ):
        socks.connect(proxy, ONION, 80, timeout=5)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        pytest.param([b"HT"], "not tor's SOCKS port", id="another server"),
        pytest.param([b"\x05\xff"], "not tor's SOCKS port", id="no method"),
        pytest.param([b"\x05"], "hung up", id="half a greeting"),
        pytest.param([HELLO, b"\x01\x01"], "refused a name", id="name refused"),
        pytest.param([HELLO, KNOWN, b"\x04\x00\x00\x01" + bytes(6)], "not tor's SOCKS port", id="version 4"),
        pytest.param([HELLO, KNOWN, b"\x05\x00\x01\x01" + bytes(6)], "not tor's SOCKS port", id="reserved byte"),
        pytest.param([HELLO, KNOWN, b"\x05\x00\x00\x03" + bytes(6)], "not tor's SOCKS port", id="name for an address"),
        pytest.param([HELLO, KNOWN, b"\x05\x00\x00\x01\x00"], "hung up", id="half an address"),
        pytest.param([HELLO, KNOWN, b"\x05\x77" + bytes(8)], "nobody knows, 0x77", id="unknown code"),
    ],
)
def test_an_answer_that_is_not_socks_is_refused(answers: list[bytes], said: str) -> None:
    """Whatever differs from the protocol by one byte is an error, not a connection."""
    with answering(*answers) as (proxy, _), pytest.raises(SocksError, match=said):
        socks.connect(proxy, ONION, 80, timeout=5)


@given(st.binary(max_size=40))
def test_no_answer_makes_anything_but_a_socks_error(raw: bytes) -> None:
    """Any bytes for a greeting: a SocksError, and soon."""
    if raw.startswith(HELLO):
        return
    with answering(raw) as (proxy, _), pytest.raises(SocksError):
        socks.connect(proxy, ONION, 80, timeout=5)


@pytest.mark.parametrize(
    ("host", "port"), [("", 80), ("é.onion", 80), ("a" * 256, 80), (ONION, 0), (ONION, 65_536)], ids=str
)
def test_names_and_ports_have_bounds(host: str, port: int) -> None:
    """What does not fit the protocol is not sent."""
    with pytest.raises(SocksError, match="1 to 255"):
        socks.connect(("127.0.0.1", 9), host, port, timeout=1)


def test_silence_ends_by_the_deadline() -> None:
    """A proxy that takes the connection and says nothing is left in time."""
    began = time.monotonic()
    with answering(HELLO, hold=True) as (proxy, _), pytest.raises(SocksError, match="in time"):
        socks.connect(proxy, ONION, 80, timeout=0.3)
    assert time.monotonic() - began < 3


def test_a_tor_that_is_not_there_is_named() -> None:
    """Nobody listens: the message says where."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = listener.getsockname()[:2]
    with pytest.raises(SocksError, match=f"does not listen on 127.0.0.1:{proxy[1]}"):
        socks.connect(proxy, ONION, 80, timeout=1)


def test_a_page_is_read_to_its_end() -> None:
    """Status and body come out as they were sent."""
    page = b"HTTP/1.1 503 Closed\r\nContent-Type: text/html\r\n\r\nlater"
    with answering(HELLO, KNOWN, GRANTED, page) as (proxy, asked):
        assert socks.fetch(ONION, "/health", proxy, timeout=5) == socks.Page(503, b"later")
    assert asked[3].startswith(f"GET /health HTTP/1.0\r\nHost: {ONION}\r\n".encode())


@pytest.mark.parametrize(
    ("page", "said"),
    [
        pytest.param(b"SSH-2.0-OpenSSH\r\n\r\n", "not a web server", id="ssh"),
        pytest.param(b"HTTP/1.1 200 OK\r\nno end", "not a web server", id="half a head"),
        pytest.param(b"HTTP/1.1 2000 OK\r\n\r\n", "not a web server", id="four digits"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 101, "longer than 100", id="long page"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"x" * 20_000, "longer than", id="endless head"),
        pytest.param(b"", "not a web server", id="nothing"),
    ],
)
def test_a_page_that_is_none_is_refused(page: bytes, said: str) -> None:
    """Only a whole HTTP answer within its bounds is a page."""
    with answering(HELLO, KNOWN, GRANTED, page) as (proxy, _), pytest.raises(SocksError, match=said):
        socks.fetch(ONION, "/", proxy, timeout=5, limit=100)


@pytest.mark.parametrize("path", ["", "x", "/a b", "/a\r\nX: y", "/é"])
def test_a_path_cannot_carry_a_second_request(path: str) -> None:
    """Spaces, line ends and other than ASCII are refused before anything is sent."""
    with pytest.raises(SocksError, match="path"):
        socks.fetch(ONION, path, ("127.0.0.1", 9), timeout=1)
