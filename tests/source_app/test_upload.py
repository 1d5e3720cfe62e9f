# SPDX-License-Identifier: AGPL-3.0-or-later
"""
One form, read once: what comes whole is kept, what ends it is named, whatever the pieces.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_app import limits
from source_app.body import pieces_of
from source_app.errors import DisconnectedError, MessageTooLongError, NoSpaceError, TooLargeError, TroubleError
from source_app.limits import FIELD_BYTES, Limits
from source_app.outcome import Cut, Reason, Received, Refused
from source_app.upload import receive
from tests.source_app.multipart_forms import BOUNDARY, CONTENT_TYPE, Shelf, Sink, Stream, body, file, runs, text

SMALL = Limits(message=1_000, file=100_000)
#: Nearly a boundary, again and again.
TRICKY = b"\r\n--" + BOUNDARY[:-1] + b"\r\n--\r\n" * 40
FORM = body(
    text("token", "t" * 40),
    text("message", "他们昨夜带走了他。"),
    file("证据.jpg", b"\xff\xd8" + bytes(range(256)) * 8),
    file("", b""),
    file("empty.txt", b""),
    file("b.pdf", TRICKY),
)
#: Where each file of FORM is complete: at the two bytes after the boundary that ends it.
ENDS = [
    FORM.index(b"\r\n--" + BOUNDARY, FORM.index(name)) + len(BOUNDARY) + 6 for name in (b".jpg", b"empty", b"b.pdf")
]


def taken(raw: bytes, shelf: Shelf, **stream: object) -> Received:
    return receive(Stream(raw, **stream), CONTENT_TYPE, len(raw), limits=SMALL, open_file=shelf)  # type: ignore[arg-type]


def test_a_form_arrives_whole() -> None:
    """Fields and files come out as they went in, in order; a part where nothing was chosen is nothing."""
    shelf = Shelf()
    received = taken(FORM, shelf)
    assert dict(received.fields) == {"token": "t" * 40, "message": "他们昨夜带走了他。"}
    assert [(file.name, file.length) for file in received.arrived] == [
        ("证据.jpg", 2050),
        ("empty.txt", 0),
        ("b.pdf", len(TRICKY)),
    ]
    assert shelf.kept()[0] == ("证据.jpg", b"\xff\xd8" + bytes(range(256)) * 8)
    assert shelf.kept()[2] == ("b.pdf", TRICKY)
    assert (received.cut, received.refused) == ((), ())


def test_a_sink_is_opened_with_the_fields_before_it() -> None:
    """What stands before a file is known when it opens; what stands behind it is not waited for."""
    shelf = Shelf()
    taken(body(text("token", "t"), text("message", "m"), file("a", b"1"), text("only", "x")), shelf)
    assert shelf.fields == [{"token": "t", "message": "m"}]


def test_a_field_is_told_when_it_ends() -> None:
    """The message can be stored before the first byte of a file is read."""
    told: list[object] = []
    shelf = Shelf()

    def open_file(fields: Mapping[str, str], name: str) -> Sink:
        told.append(name)
        return shelf(fields, name)

    def on_field(name: str, value: str) -> None:
        told.append((name, value))

    receive(Stream(FORM), CONTENT_TYPE, len(FORM), limits=SMALL, open_file=open_file, on_field=on_field)
    assert told[:3] == [("token", "t" * 40), ("message", "他们昨夜带走了他。"), "证据.jpg"]


@given(st.lists(st.integers(1, 400), max_size=40))
def test_pieces_do_not_matter(lengths: list[int]) -> None:
    """However a form is cut into reads, the same comes out."""
    shelf, whole = Shelf(), Shelf()
    assert taken(FORM, shelf, runs=runs(lengths)) == taken(FORM, whole)
    assert shelf.kept() == whole.kept()


@given(st.integers(0, len(FORM) - 1), st.integers(1, 300), st.booleans())
def test_a_cut_at_any_byte_keeps_whole_files_only(cut: int, run: int, reset: bool) -> None:  # noqa: FBT001
    """A file whose end was seen is kept, the open one is aborted and named, and the source is told it was cut."""
    shelf = Shelf()
    if cut >= len(FORM) - 2:
        # Only the line end behind the last boundary is missing: everything was seen.
        cut = len(FORM) - 3
    with pytest.raises(DisconnectedError) as caught:
        taken(FORM, shelf, cut=cut, runs=(run,), reset=reset)
    received = caught.value.received
    assert shelf.all_ended()
    assert len(received.arrived) == len(shelf.kept()) == sum(cut >= end for end in ENDS)
    aborted = [sink.name for sink in shelf.sinks if sink.ended == ["aborted"]]
    assert [cut.name for cut in received.cut] in (aborted, ["empty.txt"], ["证据.jpg"], ["b.pdf"])
    assert len(received.cut) <= 1
    assert received.refused == ()


def test_a_file_over_its_limit_is_refused_by_name() -> None:
    """Files before it stay, nothing of it is kept, and what follows is not read."""
    shelf = Shelf()
    raw = body(text("token", "t"), file("a", b"1"), file("big", bytes(100_001)), file("c", b"3"))
    with pytest.raises(TooLargeError) as caught:
        taken(raw, shelf)
    assert shelf.kept() == [("a", b"1")]
    assert shelf.all_ended()
    assert caught.value.received.refused == (Refused("big", Reason.TOO_LARGE),)


def test_a_file_exactly_at_its_limit_is_taken() -> None:
    """The limit is the last length that is taken."""
    shelf = Shelf()
    taken(body(text("token", "t"), file("big", bytes(100_000))), shelf)
    assert len(shelf.kept()[0][1]) == 100_000


def test_a_form_that_says_it_is_too_large_is_read_as_far_as_its_first_file() -> None:
    """Content-Length alone is enough to refuse the file unopened: the words before it are told, and nothing behind it."""
    raw = body(text("token", "t"), text("message", "m"), file("a", bytes(SMALL.request)))
    stream, shelf = Stream(raw), Shelf()
    told: list[str] = []
    with pytest.raises(TooLargeError) as caught:
        receive(
            stream, CONTENT_TYPE, len(raw), limits=SMALL, open_file=shelf, on_field=lambda name, _: told.append(name)
        )
    assert (told, shelf.sinks, len(stream.asked)) == (["token", "message"], [], 1)
    assert dict(caught.value.received.fields) == {"token": "t", "message": "m"}
    assert [one.name for one in caught.value.received.refused] == ["a"]


def test_a_full_disk_refuses_the_open_file_and_keeps_the_others() -> None:
    """What the sink says ends the form; the file it happened to is named with the reason."""
    shelf = Shelf(trouble={1: NoSpaceError("full")})
    with pytest.raises(NoSpaceError) as caught:
        taken(body(text("token", "t"), file("a", b"1"), file("b", b"2"), file("c", b"3")), shelf)
    assert shelf.kept() == [("a", b"1")]
    assert caught.value.received.refused == (Refused("b", Reason.FULL),)
    assert caught.value.received.cut == ()
    assert shelf.all_ended()


def test_any_other_failure_leaves_nothing_open() -> None:
    """A fault of our own ends the form as trouble that says what arrived, but not before the open file is gone."""
    shelf = Shelf()

    def fail(*_: object) -> None:
        if shelf.sinks:
            raise RuntimeError

    raw = body(text("token", "t"), file("a", b"1" * 50), text("only", "y"), file("b", b"2" * 50))
    with pytest.raises(TroubleError, match="RuntimeError") as caught:
        receive(Stream(raw), CONTENT_TYPE, len(raw), limits=SMALL, open_file=shelf, on_field=fail)
    assert shelf.all_ended()
    assert [one.name for one in caught.value.received.arrived] == ["a"]


def test_a_cut_before_a_files_first_byte_names_it() -> None:
    """A file whose header came and nothing else is named as cut, though nothing was opened for it."""
    raw = body(text("token", "t"), file("a", b"1"))
    shelf = Shelf()
    with pytest.raises(DisconnectedError) as caught:
        taken(raw, shelf, cut=raw.index(b"stream\r\n\r\n") + 10)
    assert caught.value.received.cut == (Cut("a"),)
    assert shelf.sinks == []


def test_reads_grow_while_they_come_back_fast() -> None:
    """Reads begin at 1 KiB and double up to 1 MiB."""
    stream = Stream(bytes(8 << 20))
    assert sum(len(piece) for piece in pieces_of(stream, 8 << 20)) == 8 << 20
    assert stream.asked[:8] == [1024 << step for step in range(8)]
    assert max(stream.asked) == limits.READ_MOST


def test_reads_shrink_when_they_come_back_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A circuit that turns slow is asked for less, never for less than 1 KiB: there it is seen to move every second."""
    clock = iter(moment for step in range(2000) for moment in (step * 10, step * 10 + (0.01 if step < 3 else 2)))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    stream = Stream(bytes(1 << 20))
    for _ in pieces_of(stream, 1 << 20):
        pass
    assert [size >> 10 for size in stream.asked[:8]] == [1, 2, 4, 8, 4, 2, 1, 1]


@pytest.mark.parametrize("script", ["a", "é", "证", "𠮷", "🙏"])
def test_a_hundred_thousand_characters_fit_in_any_script(script: str) -> None:
    """The message's limit is measured in bytes and holds its characters in any script."""
    raw = body(text("token", "t"), text("message", script * limits.MESSAGE_CHARACTERS))
    received = receive(Stream(raw), CONTENT_TYPE, len(raw), limits=Limits(), open_file=Shelf())
    assert received.fields["message"] == script * 100_000


def test_fields_behind_a_message_over_its_limit_are_kept_and_told_to_nobody() -> None:
    """The page can show the whole form again; a file behind them is not opened."""
    raw = body(
        text("token", "t"), text("message", "m" * 1_001), text("danger", "yes"), file("a", b"1"), text("only", "x")
    )
    shelf = Shelf()
    told: list[str] = []
    with pytest.raises(MessageTooLongError) as caught:
        receive(
            Stream(raw),
            CONTENT_TYPE,
            len(raw),
            limits=SMALL,
            open_file=shelf,
            on_field=lambda name, _: told.append(name),
        )
    assert (told, shelf.sinks) == (["token"], [])
    assert dict(caught.value.received.fields) == {"token": "t", "message": "m" * 1_001, "danger": "yes"}


def test_fields_have_a_limit_of_their_own() -> None:
    """A field that is not the message holds FIELD_BYTES."""
    assert taken(body(text("token", "t" * FIELD_BYTES)), Shelf()).fields["token"] == "t" * FIELD_BYTES
