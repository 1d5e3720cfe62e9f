# SPDX-License-Identifier: AGPL-3.0-or-later
"""
One reading of each body, however the circuit cuts it into pieces.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multipart import MultipartError, PushMultipartParser

from source_app.errors import BadFormError
from source_app.limits import Limits
from source_app.strict_parser import StrictParser
from source_app.upload import receive
from tests.source_app.multipart_forms import CONTENT_TYPE, Shelf, Stream, body, text

HEADS = {
    "in a value": b'Content-Disposition: form-data; name="files";\n filename="a"',
    "before a name": b'\nContent-Disposition: form-data; name="files"; filename="a"',
    "in a second header": b'Content-Disposition: form-data; name="files"; filename="a"\r\nX: y\nContent-Type: a/b',
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS.keys())
@given(lengths=st.lists(st.integers(1, 400), min_size=1, max_size=12))
def test_a_line_feed_within_a_header_is_refused_however_the_body_is_cut(head: bytes, lengths: list[int]) -> None:
    """Whole, byte by byte, or anything between: no file, the same refusal."""
    raw = body(text("token", "t"), head + b"\r\n\r\ncontent")
    for runs in ((1 << 20,), (1,), tuple(lengths)):
        shelf = Shelf()
        with pytest.raises(BadFormError):
            receive(Stream(raw, runs), CONTENT_TYPE, len(raw), limits=Limits(reserve=0), open_file=shelf)
        assert shelf.sinks == []


def test_the_librarys_own_parser_would_have_taken_it() -> None:
    """So that we hear of it when this file is no longer needed."""
    raw = b'--b\r\nContent-Disposition: form-data; name="files";\n filename="a"\r\n\r\nx\r\n--b--\r\n'
    assert list(PushMultipartParser(b"b").parse(raw))
    with pytest.raises(MultipartError, match="line feed"):
        list(StrictParser(b"b").parse(raw))
