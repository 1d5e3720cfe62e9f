# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The name of a file, from the header of its part to the frame that is sealed and the line that is listed.

Any bytes are a name of at most 1,024; it goes into a frame's header and comes out as it went in, and into a visit's list without costing the
other lines.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from hypothesis import strategies as st
from multipart import MultipartError, MultipartSegment

from crypto.frame_header import FrameHeader, file_header
from crypto.hidden import Hidden
from source_app import visit
from source_app.filenames import HEADER_CHARSET, file_name
from source_app.limits import NAME_BYTES, PART_HEADER_BYTES
from source_app.memory import Memory
from source_app.outcome import Arrived, Received
from source_app.strict_parser import StrictParser
from tests.fuzz.parser import Parser, must

WORDS: Final = (
    b'form-data; name="files"; filename="',
    b"filename*=utf-8''",
    b"filename*=iso-8859-1''",
    b"%22",
    b"%0D%0A",
    b"%",
    b'\\"',
    b"\\",
    b"../",
    b"\x00",
    "\u202e".encode(),
    "目录/".encode(),
    b"\xff",
    b"\xed\xa0\x80",
    b".tar.gz",
    b"{{7*7}}%(name)s",
)


class _Names:
    def __init__(self) -> None:
        self._memory = Memory()
        self._others = visit.Entry(visit.State.ARRIVED, "other", 1, b"othe")

    def take(self, raw: bytes) -> None:
        """The bytes stand after `Content-Disposition: `."""
        name = self._named(raw)
        if name is None:
            return
        coded = name.encode("utf-8")
        must(len(coded) <= NAME_BYTES, "a name over its limit")
        header = file_header(
            name=name,
            thread=Hidden(bytes(32)),
            item=bytes(16),
            submission=bytes(16),
            card=bytes(32),
            epoch=0,
            seats=(1,),
            lang="en",
        )
        again = FrameHeader.decode(header.encode())
        must(again.fields["name"] == name, "a frame gives another name back")
        key = hashlib.blake2b(raw, digest_size=16).digest()
        visit.add(self._memory, key, (self._others,))
        visit.add(
            self._memory, key, visit.entries_of(Received(arrived=(Arrived(name=name, length=1, item=b"n" * 16),)))
        )
        lines, more = visit.listed(self._memory, key)
        must(len(lines) == 2, "a line was lost")
        must(not more, "the list says that lines are gone")
        must(lines[1] == self._others, "a name changed another line")
        must(lines[0].name is not None and len(lines[0].name) <= visit.NAME, "a listed name is too long")

    @staticmethod
    def _named(raw: bytes) -> str | None:
        body = b"--b\r\nContent-Disposition: " + raw + b"\r\n\r\nx\r\n--b--\r\n"
        parser = StrictParser(
            b"b", content_length=len(body), max_header_size=PART_HEADER_BYTES, header_charset=HEADER_CHARSET
        )
        try:
            for event in parser.parse(body):
                if isinstance(event, MultipartSegment):
                    return file_name(event)
        except MultipartError:
            return None
        return None


SHAPES: Final = st.builds(
    lambda start, middle, end: start + b"".join(middle) + end,
    st.sampled_from(
        [
            b'form-data; name="files"; filename="',
            b"form-data; name=files; filename=",
            b"form-data; name=files; filename*=",
        ]
    ),
    st.lists(
        st.sampled_from(WORDS)
        | st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass"))
        | st.binary(max_size=12),
        max_size=40,
    ),
    st.sampled_from([b'"', b"", b"\"; filename*=utf-8''x.txt", b'"; filename="y"']),
)


def make(_folder: Path) -> Parser:
    """A memory for lists."""
    seeds = (
        b'form-data; name="files"; filename="a.jpg"',
        'form-data; name="files"; filename="目录/名.pdf"'.encode(),
        b'form-data; name="files"; filename="C:\\\\x\\y.doc"',
        b"form-data; name=\"files\"; filename*=utf-8''%E4%BD%A0.txt",
        b'form-data; name="files"; filename="' + b"n" * 1_100 + b'.tar.gz"',
        b'form-data; name="files"; filename=""',
    )
    return Parser(take=_Names().take, seeds=seeds, words=WORDS, shapes=SHAPES, most=2_500)
