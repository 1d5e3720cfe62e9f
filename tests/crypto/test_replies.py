# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Replies and statuses: what a seat signed for one thread is what that source reads, or nothing is.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.age import Header
from crypto.errors import CryptoError, EnvelopeError, FormatError, NoMatchError, SignatureError, TamperedError
from crypto.padding import small
from crypto.replies import MAX_TEXT, STATUSES, Reply, Status, open_reply, seal_reply
from crypto.seal import Sealed
from tests.crypto.organisations import Organisation, seed

ONE = Organisation.make(epochs=1)
SOURCE = ONE.source()
THREAD = seed("thread")
ITEM = bytes(seed("item")[:16])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


def sealed(text: str | None = None, status: Status | None = None, seat: int = 1, lang: str = "zh-Hans") -> Sealed:
    """A reply by a seat to the source."""
    return seal_reply(
        recipient=SOURCE.recipient,
        thread=THREAD,
        item=ITEM,
        seat=seat,
        key=ONE.signing[seat],
        card=ONE.card.digest,
        epoch=3,
        lang=lang,
        text=text,
        status=status,
    )


def opened(reply: Sealed) -> Reply:
    """As the source's page opens it."""
    return open_reply(reply.header, reply.payload, SOURCE)


@given(TEXT, st.sampled_from([1, 2, 3]), st.sampled_from(["", "zh-Hans", "ug", "bo"]))
def test_a_reply_reads_as_it_was_written(text: str, seat: int, lang: str) -> None:
    """In any script, by any seat, and the seat's key of the card verifies it."""
    reply = opened(sealed(text, seat=seat, lang=lang))
    assert (reply.text, reply.status) == (text, None)
    assert (reply.item, reply.thread, reply.seat, reply.lang) == (ITEM, THREAD, seat, lang)
    assert reply.card == ONE.card.digest
    reply.verify(ONE.card.seat(reply.seat).signing)


@pytest.mark.parametrize("status", STATUSES)
def test_a_status_reads_as_it_was_set(status: Status) -> None:
    """Three words, sealed like a reply."""
    reply = opened(sealed(status=status))
    assert (reply.text, reply.status) == (None, status)
    reply.verify(ONE.signing[1].public)


def test_statuses_and_short_replies_look_alike() -> None:
    """The server sees neither which it is nor how long."""
    sizes = {len(sealed("x").payload), len(sealed("x" * 10_000).payload), len(sealed(status="read").payload)}
    assert len(sizes) == 1


def test_a_reply_has_one_hybrid_stanza() -> None:
    """To the source and nobody else."""
    assert [stanza.type for stanza in Header.parse(sealed("x").header).stanzas] == ["mlkem768x25519"]


@pytest.mark.parametrize("text", ["a" * MAX_TEXT, "\x01" * MAX_TEXT, "\\" * MAX_TEXT, "汉" * (MAX_TEXT // 3)])
def test_the_longest_reply_is_read_again(text: str) -> None:
    """Sixty-four KiB, also of characters that JSON escapes twice."""
    reply = sealed(text)
    assert opened(reply).text == text
    assert len(reply.payload) >= small(MAX_TEXT)


@pytest.mark.parametrize("text", ["a" * (MAX_TEXT + 1), "汉" * (MAX_TEXT // 3 + 1)])
def test_a_longer_reply_is_refused_before_it_is_sealed(text: str) -> None:
    """Counted in bytes (spec Y3)."""
    with pytest.raises(FormatError, match="65536"):
        sealed(text)


def test_text_and_status_exclude_each_other() -> None:
    """One of them, never both, never neither."""
    for text, status in (("x", "read"), (None, None)):
        with pytest.raises(FormatError, match="one of them"):
            sealed(text, status)  # type: ignore[arg-type]


def test_a_status_of_another_word_is_refused() -> None:
    """A page has words for three."""
    with pytest.raises(FormatError, match="read, answered, closed"):
        sealed(status="lost")  # type: ignore[arg-type]


def test_another_codename_opens_nothing() -> None:
    """It is no error worth more than that."""
    reply = sealed("x")
    with pytest.raises(NoMatchError, match="another source"):
        open_reply(reply.header, reply.payload, ONE.source("another"))


def test_the_key_of_another_seat_does_not_verify() -> None:
    """Seat 2 did not write it."""
    with pytest.raises(SignatureError, match="0 of the 1"):
        opened(sealed("x")).verify(ONE.signing[2].public)


def test_an_oversized_reply_is_refused_unopened() -> None:
    """A page is drawn within bounded memory."""
    with pytest.raises(EnvelopeError, match="at most"):
        open_reply(sealed("x").header, bytes(1024 * 1024 + 1), SOURCE)


def test_neither_thread_nor_text_stands_in_a_printed_reply() -> None:
    """A traceback with it in a frame says nothing."""
    printed = repr(opened(sealed("a sentence")))
    assert "sentence" not in printed
    assert THREAD.hex() not in printed


def test_a_reply_under_anothers_mac_is_refused() -> None:
    """The stanza opens, but somebody changed what stands around it."""
    header = sealed("x").header
    borrowed = sealed("y")
    with pytest.raises(TamperedError, match="MAC"):
        open_reply(borrowed.header[:-44] + header[-44:], borrowed.payload, SOURCE)


@given(st.data())
def test_no_altered_byte_of_a_reply_goes_unnoticed(data: st.DataObject) -> None:
    """Header or payload: a named refusal."""
    reply = sealed("x")
    halves = [bytearray(reply.header), bytearray(reply.payload)]
    half = halves[data.draw(st.integers(0, 1))]
    half[data.draw(st.integers(0, len(half) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(CryptoError):
        open_reply(bytes(halves[0]), bytes(halves[1]), SOURCE)
