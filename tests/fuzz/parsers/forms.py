# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The form: `upload.receive` over any body, in pieces of any size.

However a body is cut into pieces, the outcome is the same; a file is kept whole or not at all; nothing is opened before a token; nothing
is over its limit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hypothesis import strategies as st

from source_app import limits as at_most
from source_app.errors import TroubleError, UploadError
from source_app.limits import Limits
from source_app.upload import FIELDS, TOKEN, receive
from tests.fuzz.parser import Parser, must
from tests.source_app.multipart_forms import Shelf, Stream, body, file, text

LIMITS: Final = Limits(message=2_000, file=3_000, reserve=0, drain=0)
BOUNDARY: Final = b"b"
RUNS: Final = ((1 << 20,), (1,), (7, 1, 300), (64,), (1, 2, 3, 5, 8, 13, 21, 34, 55, 89))
WORDS: Final = (
    b"--b",
    b"\r\n--b\r\n",
    b"\r\n--b--\r\n",
    b'Content-Disposition: form-data; name="',
    b'"; filename="',
    b"filename*=utf-8''",
    b"Content-Type: ",
    b"Content-Transfer-Encoding: base64",
    b"\r\n\r\n",
    b"%0D%0A",
    b"%22",
    b"\x00",
    b"\xff\xfe",
    *(name.encode() for name in sorted(FIELDS)),
    b"files",
)


def outcome(raw: bytes, runs: tuple[int, ...]) -> tuple[object, ...]:
    """What a body comes to, and that it keeps every promise on the way."""
    shelf, told = Shelf(), []
    refusal = None
    try:
        received = receive(
            Stream(raw, runs),
            "multipart/form-data; boundary=b",
            len(raw),
            limits=LIMITS,
            open_file=shelf,
            on_field=lambda name, value: told.append((name, value)),
        )
    except TroubleError as error:
        raise AssertionError("a stranger's bytes are called our failure") from error.__cause__
    except UploadError as error:
        refusal, received = type(error), error.received
    must(shelf.all_ended(), "a file was left open, or ended twice")
    must(len(shelf.sinks) <= at_most.FILES, "more files than a form may have")
    must(all(len(sink.content) <= LIMITS.file for sink in shelf.sinks), "a file over its limit")
    must(all(TOKEN in fields for fields in shelf.fields), "a file was opened before a token")
    must(not told or told[0][0] == TOKEN, "a field was told before the token")
    must({name for name, _ in told} <= FIELDS, "a field that no page has")
    must(len(dict(told)) == len(told), "a field was told twice")
    must(
        all(len(value.encode()) <= LIMITS.message for name, value in told if name == "message"),
        "a message over its limit",
    )
    must([one.name for one in received.arrived] == [name for name, _ in shelf.kept()], "arrived is not what was kept")
    must(all(len(name.encode()) <= at_most.NAME_BYTES for name, _ in shelf.kept()), "a name over its limit")
    return refusal, tuple(shelf.kept()), tuple(told), received.cut, received.refused


def take(raw: bytes) -> None:
    """The first byte says how the rest comes in; then the same at once."""
    runs, form = RUNS[raw[0] % len(RUNS)] if raw else RUNS[0], raw[1:]
    must(outcome(form, runs) == outcome(form, RUNS[0]), "the outcome depends on how the body was cut into pieces")


def _head(name: bytes, filename: bytes | None, more: bytes) -> bytes:
    named = b"" if filename is None else b'; filename="' + filename + b'"'
    return b'Content-Disposition: form-data; name="' + name + b'"' + named + more + b"\r\n\r\n"


_CONTENT = st.lists(st.sampled_from([*WORDS, b"a", b"\r", b"\n", "字".encode(), b"x" * 1_500]), max_size=8).map(
    b"".join
)
_NAMES = st.sampled_from([TOKEN, "files", *sorted(FIELDS), "other", ""]).map(str.encode)
_MORE = st.sampled_from(
    [
        b"",
        b"",
        b"\r\nContent-Type: a/b",
        b"; x=y",
        b"\r\nX: " + b"y" * 900,
        b"\r\n folded",
        b"\r\nContent-Disposition: x",
    ]
)
_PARTS = st.lists(
    st.builds(lambda head, content: head + content, st.builds(_head, _NAMES, st.none() | _CONTENT, _MORE), _CONTENT),
    max_size=6,
)
#: What may follow a token, to the end of a form.
PARTS: Final = st.builds(
    lambda parts, end: body(*parts, end=end, boundary=BOUNDARY), _PARTS, st.booleans() | st.just(True)
)
SHAPES: Final = st.builds(
    lambda run, token, parts, end, after: (
        bytes([run]) + body(*([text(TOKEN, "t")] if token else []), *parts, end=end, boundary=BOUNDARY) + after
    ),
    st.integers(0, len(RUNS) - 1),
    st.booleans() | st.just(True),
    _PARTS,
    st.booleans() | st.just(True),
    st.sampled_from([b"", b"", b"after", b"\r\n"]),
)


def _seed(*parts: bytes, end: bool = True) -> bytes:
    return b"\x02" + body(text(TOKEN, "t" * 112), *parts, end=end, boundary=BOUNDARY)


#: Fields that pages have, beyond those of the first form.
SEED_FIELDS: Final = _seed(
    text("slot", "1"), text("part", "2"), text("item", "00" * 16), text("sure", "yes"), text("codename", "abandon")
)


def make(_folder: Path) -> Parser:
    """Nothing to make ready."""
    seeds = (
        _seed(text("message", "words"), file("a.jpg", b"\xff\xd8" + b"x" * 50)),
        _seed(text("codename", "abandon ability able")),
        _seed(text("message", ""), file("", b"")),
        _seed(text("slot", "1"), text("part", "2"), text("item", "00" * 16), text("sure", "yes")),
        _seed(file("目录/名.zip", b"PK"), file("b", b"\r\n--"), file("c", b"\r\n--b"), end=False),
        _seed(text("message", "字" * 700)),
        b"\x00" + body(text("message", "first"), boundary=BOUNDARY),
    )
    return Parser(take=take, seeds=seeds, words=WORDS, shapes=SHAPES, most=4_000)
