# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Sealing: an ordinary age file for every seat, of a size that says little, written as it arrives.
"""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.age import Header, PayloadOpener, payload_length
from crypto.errors import EnvelopeError, FrameError, TamperedError
from crypto.frame import FrameHeader, file_header, read_frame
from crypto.padding import large, small
from crypto.seal import ItemSealer, seal_frame
from crypto.unseal import SeatOpener
from tests.crypto.organisations import Organisation, place_of, seed

ONE = Organisation.make(epochs=2)
TO = ONE.addressees()
MESSAGE = ONE.message_header()


def file_of(name: str = "证据.jpg") -> FrameHeader:
    """The header of a file."""
    return file_header(
        name=name,
        thread=MESSAGE.thread,
        item=bytes(seed("file")[:16]),
        submission=MESSAGE.submission,
        card=MESSAGE.card,
        epoch=MESSAGE.epoch,
        seats=MESSAGE.seats,
        lang="",
    )


def opened(header: bytes, payload: bytes, frame: FrameHeader) -> bytes:
    """The plaintext inside, with stock steps of age."""
    key = SeatOpener(seat=1, seeds=ONE.seeds[1], last=1).file_key(header, place_of(frame))
    opener, plaintext = PayloadOpener(key), bytearray()
    for chunk in opener.feed(payload):
        plaintext += chunk
    for chunk in opener.finish():
        plaintext += chunk
    return bytes(plaintext)


@given(st.binary(max_size=40_000))
def test_what_is_sealed_opens_to_the_same_frame(body: bytes) -> None:
    """Header and body come back, and the size is the bucket's."""
    sealed = seal_frame(TO.recipients, MESSAGE, body)
    plaintext = opened(sealed.header, sealed.payload, MESSAGE)
    assert read_frame(plaintext) == (MESSAGE, body)
    assert len(plaintext) == small(len(plaintext.rstrip(b"\n")) + 1)
    assert len(sealed.payload) == payload_length(len(plaintext))


@given(st.lists(st.binary(max_size=90_000), max_size=6))
def test_a_file_sealed_in_pieces_is_the_file_sealed_whole(pieces: list[bytes]) -> None:
    """However the network cuts it; and the lengths that are told are the true ones."""
    frame, payload = file_of(), bytearray()
    sealer = ItemSealer(TO.recipients, frame, payload.extend)
    for piece in pieces:
        sealer.write(piece)
    length = sealer.finish()
    body = b"".join(pieces)
    assert length.payload == len(payload)
    assert length.body == len(body)
    plaintext = opened(sealer.header, bytes(payload), frame)
    assert read_frame(plaintext) == (frame, body)
    assert len(plaintext) >= large(len(body))


def test_there_is_one_hybrid_stanza_for_each_seat_in_order() -> None:
    """And no other (spec A6, U1)."""
    header = Header.parse(seal_frame(TO.recipients, MESSAGE, b"").header)
    assert [stanza.type for stanza in header.stanzas] == ["mlkem768x25519"] * 3
    for position, seat in enumerate(TO.seats):
        opener = SeatOpener(seat=seat, seeds=ONE.seeds[seat], last=1)
        assert opener.file_key(header.raw, place_of(MESSAGE))
        assert position == seat - 1


def test_messages_of_every_small_length_look_alike() -> None:
    """An empty one and one of twelve thousand bytes (spec B2)."""
    lengths = {len(seal_frame(TO.recipients, MESSAGE, b"x" * n).payload) for n in (0, 1, 500, 12_000)}
    assert len(lengths) == 1


def test_the_same_text_is_never_sealed_the_same_way() -> None:
    """A fresh file key and nonce each time."""
    one, two = (seal_frame(TO.recipients, MESSAGE, b"same") for _ in range(2))
    assert one.header != two.header
    assert one.payload[:16] != two.payload[:16]
    assert one.payload[16:64] != two.payload[16:64]


@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_a_frame_is_not_sealed_to_other_seats_than_it_names(count: int) -> None:
    """Every vault would refuse it; the source is told now, not never."""
    recipients = (*TO.recipients, ONE.source().recipient)[:count]
    with pytest.raises(EnvelopeError, match=f"{count} recipients for a frame that names 3"):
        seal_frame(recipients, MESSAGE, b"")


def test_a_header_that_no_reader_accepts_is_not_sealed() -> None:
    """A name of 1,025 bytes."""
    with pytest.raises(FrameError):
        ItemSealer(TO.recipients, file_of("a" * 1_025), bytearray().extend)
    with pytest.raises(FrameError):
        seal_frame(TO.recipients, dataclasses.replace(MESSAGE, lang="not a tag"), b"")


def test_an_unfinished_item_opens_for_nobody() -> None:
    """A circuit that dropped leaves an envelope without its last chunk."""
    frame, payload = file_of(), bytearray()
    sealer = ItemSealer(TO.recipients, frame, payload.extend)
    sealer.write(bytes(200_000))
    with pytest.raises(TamperedError):
        opened(sealer.header, bytes(payload), frame)


def test_no_plaintext_leaves_while_sealing() -> None:
    """Neither the name nor the body stands in what is written."""
    frame, payload = file_of("named.txt"), bytearray()
    sealer = ItemSealer(TO.recipients, frame, payload.extend)
    sealer.write(b"a sentence to be looked for" * 4_000)
    sealer.finish()
    assert b"sentence" not in payload
    assert b"named.txt" not in payload
    assert MESSAGE.thread.hex().encode() not in sealer.header + payload
