# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The Content-Type of a form, which names the boundary that everything after depends on.

Whatever it says: a refusal, or exactly the form that lies between the boundary it names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hypothesis import strategies as st

from source_app import limits as at_most
from source_app.errors import TroubleError, UploadError
from source_app.limits import Limits
from source_app.upload import receive
from tests.fuzz.parser import Parser, must
from tests.source_app.multipart_forms import CONTENT_TYPE, Shelf, Stream, body, text

WORDS: Final = (
    b"multipart/form-data",
    b"boundary=",
    b'boundary="',
    b";",
    b'"',
    b"\\",
    b"boundary*=utf-8''",
    b"boundary*0=",
    b"charset=",
    b"--",
    b"\xe5",
    b"MULTIPART",
    b", ",
)
# What may stand without quotes (RFC 2045).
_PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'+_-.")


def take(raw: bytes) -> None:
    """The header as gunicorn gives it: bytes as Latin-1. The body is made with what stands after `boundary=`."""
    header = raw.decode("latin-1")
    named = header.rpartition("boundary=")[2].strip('"').encode("latin-1")
    form = body(text("token", "t"), text("message", "m"), boundary=named)
    shelf = Shelf()
    try:
        received = receive(Stream(form), header, len(form), limits=Limits(reserve=0), open_file=shelf)
    except TroubleError as error:
        raise AssertionError("a stranger's header is called our failure") from error.__cause__
    except UploadError:
        received = None
    must(not shelf.sinks, "a file where there was none")
    if received is not None:
        must(dict(received.fields) == {"token": "t", "message": "m"}, "the fields are not those between the boundaries")
        must(0 < len(named) <= at_most.BOUNDARY_BYTES, "a boundary of no length, or too long")
        must(named.isascii(), "a boundary that is not ASCII")
    elif header == f"multipart/form-data; boundary={named.decode('latin-1')}" and 0 < len(named) <= 70:
        must(not set(named) <= _PLAIN, "an ordinary boundary was refused")


SHAPES: Final = st.lists(st.sampled_from([*WORDS, b"b", b" ", b"x" * 210, b"\t", b"=", b"'"]), max_size=9).map(
    lambda pieces: b"multipart/form-data; " + b"".join(pieces)
)


def make(_folder: Path) -> Parser:
    """Nothing to make ready."""
    seeds = (
        CONTENT_TYPE.encode(),
        b"multipart/form-data; boundary=b",
        b'multipart/form-data; boundary="b b"',
        b"multipart/form-data; charset=utf-8; boundary=----WebKitFormBoundaryAAAAAAAAAAAAAAAA",
        b"application/x-www-form-urlencoded",
        b"multipart/mixed; boundary=b",
    )
    return Parser(take=take, seeds=seeds, words=WORDS, shapes=SHAPES, most=500)
