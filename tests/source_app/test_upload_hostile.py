# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Forms no browser sends: each gets one clear error, and nothing of it is half written.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_app.errors import (
    BadFormError,
    LengthMissingError,
    MessageTooLongError,
    TokenError,
    TooManyError,
    UploadError,
)
from source_app.filenames import shorten
from source_app.limits import DEPTH, FIELD_BYTES, FILE_HEADERS_BYTES, FILES, FORM_BYTES, NAME_BYTES, Limits
from source_app.outcome import Cut, Reason, Refused
from source_app.upload import receive
from tests.source_app.multipart_forms import BOUNDARY, CONTENT_TYPE, Shelf, Stream, body, file, text

LIMITS = Limits(message=1_000, file=4 << 20)
TOKEN = text("token", "t")
DISPOSITION = b"Content-Disposition: form-data; "


def refused(raw: bytes, error: type[UploadError], shelf: Shelf, content_type: str = CONTENT_TYPE) -> UploadError:
    with pytest.raises(error) as caught:
        receive(Stream(raw), content_type, len(raw), limits=LIMITS, open_file=shelf)
    assert shelf.all_ended()
    return caught.value


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        "multipart/form-data; boundary=" + "b" * 201,
        "multipart/form-data; boundary=\u8bc1",
        "multipart/mixed; boundary=b",
        "application/x-www-form-urlencoded",
        "text/plain; boundary=b",
    ],
)
def test_a_form_without_a_usable_boundary_is_refused(content_type: str) -> None:
    """Only multipart/form-data with a boundary of sane length is read at all."""
    stream = Stream(b"--b\r\n")
    with pytest.raises(BadFormError):
        receive(stream, content_type, 5, limits=LIMITS, open_file=Shelf())
    assert stream.asked == []


def test_a_form_of_unknown_length_is_refused() -> None:
    """Chunked bodies have no Content-Length: no browser sends a form so, and no byte is read."""
    stream = Stream(body(TOKEN))
    with pytest.raises(LengthMissingError):
        receive(stream, CONTENT_TYPE, None, limits=LIMITS, open_file=Shelf())
    assert stream.asked == []


BAD = {
    "an empty body": b"",
    "a preamble": b"\r\nhello\r\n" + body(TOKEN),
    "another boundary": body(TOKEN, boundary=b"other"),
    "a missing end": body(TOKEN, end=False),
    "nothing but the end": b"--" + BOUNDARY + b"--\r\n",
    "bytes behind a boundary": b"--" + BOUNDARY + b"x\r\n" + TOKEN,
    "a megabyte header": body(TOKEN, DISPOSITION + b'name="files"; filename="' + b"n" * (1 << 20) + b'"\r\n\r\n'),
    "twenty headers": body(TOKEN, DISPOSITION + b'name="x"\r\n' + b"A: b\r\n" * 20 + b"\r\nv"),
    "a header without a colon": body(TOKEN, b"nonsense\r\n\r\nv"),
    "a bare line feed": body(TOKEN, DISPOSITION + b'name="x"\nA: b\n\nv'),
    "no disposition": body(TOKEN, b"Content-Type: text/plain\r\n\r\nv"),
    "another disposition": body(TOKEN, b'Content-Disposition: attachment; filename="x"\r\n\r\nv'),
    "a field without a name": body(TOKEN, DISPOSITION + b'x="y"\r\n\r\nv'),
    "a field with an empty name": body(TOKEN, text("", "v")),
    "two tokens": body(TOKEN, TOKEN),
    "two messages": body(TOKEN, text("message", "a"), text("message", "b")),
    "a file where a field belongs": body(TOKEN, file("x", b"v", field="message")),
    "a field where a file belongs": body(TOKEN, text("files", "v")),
    "a field that is not UTF-8": body(TOKEN, text("message", b"\xff\xfe")),
    "a long field": body(TOKEN, text("codename", "v" * (FIELD_BYTES + 1))),
    "a part that lies about its length": body(TOKEN, DISPOSITION + b'name="x"\r\nContent-Length: 9\r\n\r\nv'),
}


@pytest.mark.parametrize("raw", BAD.values(), ids=BAD)
def test_a_malformed_form_is_refused(raw: bytes) -> None:
    """Each of these is one error, whatever it was meant to confuse."""
    assert refused(raw, UploadError, Shelf()).received.arrived == ()


def test_a_malformed_end_keeps_whole_files() -> None:
    """What arrived before the form went wrong is kept; the open file is gone and named."""
    shelf = Shelf()
    error = refused(body(TOKEN, file("a", b"1"), file("b", b"2" * 100), end=False)[:-2], BadFormError, shelf)
    assert shelf.kept() == [("a", b"1")]
    assert error.received.cut == (Cut("b"),)


def test_ten_thousand_files_are_refused() -> None:
    """Each would take 64 KiB of disk: their number is bounded; those before the bound are kept whole, and the next is named."""
    shelf = Shelf()
    raw = body(TOKEN, *[file(f"{n}", b"x") for n in range(10_000)])
    error = refused(raw, TooManyError, shelf)
    assert len(shelf.kept()) == len(error.received.arrived) == FILES
    assert error.received.refused == (Refused(f"{FILES}", Reason.TOO_MANY),)


def test_as_many_files_as_one_form_may_bring_are_taken_beside_a_field_where_nothing_was_chosen() -> None:
    """The part of an empty field is no file, wherever it stands; names may be as long as a frame takes."""
    shelf = Shelf()
    name = "n" * (NAME_BYTES - 4)
    raw = body(TOKEN, file("", b""), *[file(f"{name}{n:04}", b"x") for n in range(FILES)], file("", b""))
    taken = receive(Stream(raw), CONTENT_TYPE, len(raw), limits=Limits(), open_file=shelf)
    assert len(taken.arrived) == len(shelf.kept()) == FILES


@pytest.mark.parametrize("name", ["a/" * (DEPTH + 1) + "b.txt", "/" * 500, "\\a/" + "../" * DEPTH + "b"])
def test_a_file_too_deep_in_its_folder_is_refused(name: str) -> None:
    """Files before it are kept; the rest of the form is not looked at."""
    shelf = Shelf()
    error = refused(body(TOKEN, file("a", b"1"), file(name, b"2"), file("c", b"3")), TooManyError, shelf)
    assert shelf.kept() == [("a", b"1")]
    assert error.received.refused == (Refused(name, Reason.TOO_MANY),)


def test_a_folder_comes_with_the_ways_to_its_files_as_their_names() -> None:
    """As deep as allowed; dots and turned slashes are kept as written, for a name is no path here."""
    shelf = Shelf()
    names = ["案卷/一月/照片.jpg", "案卷/一月/../b", "案卷/..\\c", "d/" * DEPTH + "e"]
    raw = body(TOKEN, *[file(name, b"x") for name in names])
    receive(Stream(raw), CONTENT_TYPE, len(raw), limits=Limits(), open_file=shelf)
    assert [name for name, _ in shelf.kept()] == names


def test_ten_thousand_fields_are_refused() -> None:
    """A form of ours has eight names; the first other one ends it."""
    error = refused(body(TOKEN, *[text(f"{n}", "x") for n in range(10_000)]), BadFormError, Shelf())
    assert dict(error.received.fields) == {"token": "t"}


def test_headers_that_add_up_are_refused() -> None:
    """Each is within its own bound; together they are not, and the rest is not read."""
    padding = b"Content-Type: " + b"x" * 7_900 + b"\r\n"
    parts = [padding + file("", b"") for _ in range(FILE_HEADERS_BYTES // 7_900 + 1)]
    stream = Stream(body(TOKEN, *parts), runs=(16_384,))
    with pytest.raises(BadFormError, match="together"):
        receive(stream, CONTENT_TYPE, len(stream.raw), limits=Limits(), open_file=Shelf())
    assert stream.position < len(stream.raw)


def test_a_message_a_little_over_the_limit_is_read_for_its_page_and_a_much_longer_one_is_not() -> None:
    """The words are in the outcome as far as four times the limit, and are handed to nobody."""
    told: list[str] = []
    for length, kept in ((1_001, 1_001), (4_000, 4_000), (4_001, 0)):
        raw = body(TOKEN, text("message", "m" * length))
        with pytest.raises(MessageTooLongError) as caught:
            receive(
                Stream(raw),
                CONTENT_TYPE,
                len(raw),
                limits=Limits(message=1_000),
                open_file=Shelf(),
                on_field=lambda name, _: told.append(name),
            )
        assert len(caught.value.received.fields.get("message", "")) == kept
    assert told == ["token"] * 3


@pytest.mark.parametrize(
    "raw",
    [
        body(file("a", b"1"), TOKEN),
        body(text("message", "m"), TOKEN),
        body(file("a", b"1", field="token")),
        body(text("message", "m")),
    ],
    ids=["a file before it", "a message before it", "a file in its place", "none"],
)
def test_the_token_comes_first(raw: bytes) -> None:
    """Nothing is opened or told for a form that does not begin with its token."""
    shelf = Shelf()
    told: list[str] = []
    with pytest.raises(TokenError):
        receive(
            Stream(raw),
            CONTENT_TYPE,
            len(raw),
            limits=LIMITS,
            open_file=shelf,
            on_field=lambda name, _: told.append(name),
        )
    assert (shelf.sinks, told) == ([], [])


def test_a_long_message_is_refused_as_that() -> None:
    """The message has its own error, so that the page can say how many characters fit."""
    refused(body(TOKEN, text("message", "m" * 1_001)), MessageTooLongError, Shelf())


NAMES = {
    "Chinese": "证据.jpg",
    "a way up": "..\\..\\x",
    "a way up, Unix": "../../etc/passwd",
    "a Windows path": "C:\\fakepath\\x.doc",
    "a share": "\\\\server\\x",
    "a bidi override": "photo\u202egpj.exe",
    "NUL": "a\x00b.txt",
    "quotes": 'say "no".txt',
    "a line end": "a\r\nb.txt",
    "a disguised parameter": "x; filename*=UTF-8''evil",
    "a combining sequence": "e\u0301.txt",
    "only spaces": "  ",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_is_kept_as_it_is(name: str) -> None:
    """A name is evidence: it is neither cleaned nor shortened to its last part."""
    shelf = Shelf()
    raw = body(TOKEN, file(name, b"x"))
    received = receive(Stream(raw), CONTENT_TYPE, len(raw), limits=LIMITS, open_file=shelf)
    assert [one.name for one in received.arrived] == [name]


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (b"name=\"files\"; filename*=UTF-8''%E8%AF%81%E6%8D%AE.jpg", "证据.jpg"),
        (b'name="files"; filename="x.jpg"; filename*=utf-8\'zh\'%E8%AF%81.jpg', "证.jpg"),
        (b"name=\"files\"; filename*=ISO-8859-1''caf%E9", "café"),
        (b"name=files; filename=plain.txt", "plain.txt"),
        (b'name="files"; filename="\xff\xfe.txt"', "\ufffd\ufffd.txt"),
    ],
)
def test_other_ways_to_write_a_name_are_read(header: bytes, name: str) -> None:
    """RFC 5987 names, bare words and bytes that are not UTF-8 do not cost the file."""
    shelf = Shelf()
    raw = body(TOKEN, DISPOSITION + header + b"\r\n\r\nx")
    received = receive(Stream(raw), CONTENT_TYPE, len(raw), limits=LIMITS, open_file=shelf)
    assert [one.name for one in received.arrived] == [name]


@given(st.text(max_size=800), st.text(max_size=50))
def test_a_long_name_is_cut_between_characters(stem: str, extension: str) -> None:
    """A name never exceeds its bytes, loses no half character, and keeps a short extension."""
    name = f"{stem}{stem}.{extension}".encode("utf-8", "replace").decode()
    short = shorten(name)
    assert len(short.encode()) <= NAME_BYTES
    if len(name.encode()) <= NAME_BYTES:
        assert short == name
    else:
        assert len(short.encode()) > NAME_BYTES - 4
        suffix = name[name.rindex(".") :]
        if len(suffix.encode()) <= 32:
            assert short.endswith(suffix)


@given(st.binary(max_size=600))
def test_noise_is_refused_or_taken_never_half_kept(noise: bytes) -> None:
    """Any bytes after a token end as one of our errors or as a form; every sink is ended exactly once."""
    shelf = Shelf()
    raw = b"--" + BOUNDARY + b"\r\n" + TOKEN + b"\r\n--" + BOUNDARY + noise
    try:
        received = receive(Stream(raw, runs=(37,)), CONTENT_TYPE, len(raw), limits=LIMITS, open_file=shelf)
    except UploadError as error:
        received = error.received
    assert len(received.arrived) == len(shelf.kept())
    assert shelf.all_ended()


def test_what_follows_the_end_is_not_kept_in_memory() -> None:
    """Bytes after the last boundary are read past, up to the form's stated length, and mean nothing."""
    raw = body(TOKEN, file("a", b"1")) + bytes(FORM_BYTES)
    shelf = Shelf()
    assert len(receive(Stream(raw), CONTENT_TYPE, len(raw), limits=LIMITS, open_file=shelf).arrived) == 1
