# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The line that tor begins each connection with. It comes over a socket that only tor may connect to, and is read as if it did not.

A refusal, or the one line that names the number, in the one spelling that tor uses, with nothing after it lost.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gunicorn.http.errors import NoMoreData
from gunicorn.http.unreader import IterUnreader
from hypothesis import strategies as st

from source_app.circuits import LineError, announced
from tests.fuzz.parser import Parser, must

WORDS: Final = (
    b"PROXY TCP6 ",
    b"PROXY TCP4 ",
    b"PROXY UNKNOWN",
    b"fc00:dead:beef:4dad::",
    b" ::1 ",
    b"ffff:ffff",
    b"\r\n",
    b"\n",
    b"\r\n\r\n\x00\r\nQUIT\n",
    b"65535",
    b"65536",
    b"0",
)


def take(raw: bytes) -> None:
    """The first byte says how large the pieces are that the connection gives."""
    size, line = (raw[0] % 64 + 1, raw[1:]) if raw else (1, b"")
    source = IterUnreader(iter([line[at : at + size] for at in range(0, len(line), size)]))
    try:
        number = announced(source)
    except (LineError, NoMoreData):
        return
    must(0 <= number < 1 << 32, "no number of 32 bits")
    first, _, after = line.partition(b"\r\n")
    start = f"PROXY TCP6 fc00:dead:beef:4dad::{number >> 16:x}:{number & 0xFFFF:x} ::1 ".encode()
    must(first.startswith(start), "a second spelling of a circuit's number")
    left = b""
    while piece := source.read():
        left += piece
    must(left == after, "bytes after the line were lost")


SHAPES: Final = st.builds(
    lambda size, head, high, low, rest: bytes([size]) + head + high + b":" + low + rest,
    st.integers(0, 63),
    st.sampled_from(
        [b"PROXY TCP6 fc00:dead:beef:4dad::", b"PROXY TCP6 FC00:dead:beef:4dad::", b"PROXY  TCP6 fc00:dead:beef:4dad::"]
    ),
    st.sampled_from([b"0", b"ffff", b"00ff", b"FFFF", b"10000", b"a", b""]),
    st.sampled_from([b"0", b"1", b"beef", b"-1", b"0x1"]),
    st.sampled_from(
        [
            b" ::1 1 2\r\n",
            b" ::1 65535 80\r\nGET / HTTP/1.1\r\n\r\n",
            b" ::1 65536 1\r\n",
            b" ::2 1 1\r\n",
            b" ::1 01 1\r\n",
            b" ::1 1 1\n",
            b" ::1 1 1 \r\n",
        ]
    ),
)


def make(_folder: Path) -> Parser:
    """Nothing to make ready."""
    seeds = (
        b"\x3fPROXY TCP6 fc00:dead:beef:4dad::ffff:ffff ::1 65535 65535\r\nGET / HTTP/1.1\r\n\r\n",
        b"\x00PROXY TCP6 fc00:dead:beef:4dad::0:9 ::1 9 80\r\n",
        b"\x10PROXY UNKNOWN\r\n",
        b"\x10GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    )
    return Parser(take=take, seeds=seeds, words=WORDS, shapes=SHAPES, most=300)
