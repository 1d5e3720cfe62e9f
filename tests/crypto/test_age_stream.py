# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The payload: any split in, any split out, nothing altered, cut or moved passes, and no plaintext stays behind.
"""

from __future__ import annotations

import itertools
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.age import CHUNK_SIZE, PayloadOpener, PayloadSealer, new_file_key, payload_length
from crypto.errors import CryptoError, EnvelopeError, TamperedError
from crypto.hidden import Hidden

FILE_KEY = new_file_key()
SEALED = CHUNK_SIZE + 16
PATTERN = bytes(range(251)) * 1100
SIZES = [0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 2 * CHUNK_SIZE, 3 * CHUNK_SIZE + 5]

splits = st.lists(st.integers(0, len(PATTERN)), max_size=12)
sizes = st.sampled_from(SIZES) | st.integers(0, 4 * CHUNK_SIZE)


def flip_byte(raw: bytes, place: int) -> bytes:
    """The same bytes with one bit of one byte turned."""
    return raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]


def pieces(raw: bytes, cuts: list[int]) -> list[bytes]:
    """The same bytes, cut at these places, some pieces empty."""
    ends = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    return [raw[start:end] for start, end in itertools.pairwise(ends)]


def seal(plaintext: bytes, cuts: list[int] | None = None, key: Hidden = FILE_KEY) -> bytes:
    """A payload, written in pieces."""
    payload = bytearray()
    sealer = PayloadSealer(key, payload.extend)
    for piece in pieces(plaintext, cuts or []):
        sealer.write(piece)
    assert sealer.finish() == len(payload)
    return bytes(payload)


def release(parts: list[bytes], into: bytearray, key: Hidden = FILE_KEY) -> None:
    """Open a payload that comes in parts, keeping what is released even when it ends in an error."""
    opener = PayloadOpener(key)
    for part in parts:
        for chunk in opener.feed(part):
            into += chunk
    for chunk in opener.finish():
        into += chunk


def open_(payload: bytes, cuts: list[int] | None = None, key: Hidden = FILE_KEY) -> bytes:
    """Its plaintext, fed in pieces."""
    plaintext = bytearray()
    release(pieces(payload, cuts or []), plaintext, key)
    return bytes(plaintext)


@settings(max_examples=50)
@given(sizes, splits, splits)
def test_any_splits_give_the_plaintext_back(size, writes, feeds):
    """However the plaintext is written and the payload fed, what comes out is what went in, and as long as foretold."""
    plaintext = PATTERN[:size]
    payload = seal(plaintext, writes)
    assert len(payload) == payload_length(size)
    assert open_(payload, feeds) == plaintext


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_every_kind_of_buffer_is_taken(kind):
    """Bytes, a bytearray and a view of one are the same to both directions."""
    payload, plaintext = bytearray(), bytearray()
    sealer = PayloadSealer(FILE_KEY, payload.extend)
    sealer.write(kind(PATTERN))
    sealer.finish()
    release([kind(payload)], plaintext)
    assert plaintext == PATTERN


def test_a_flipped_bit_at_any_boundary_is_noticed():
    """First and last byte of the nonce, of each chunk and of each tag: nothing of that chunk is released."""
    payload = seal(PATTERN[: 2 * CHUNK_SIZE + 100])
    starts = [16, 16 + SEALED, 16 + 2 * SEALED, len(payload)]
    places = {0, 15} | {start + d for start in starts for d in (-17, -16, -1, 0)} - {-1, len(payload)}
    for place in sorted(place for place in places if place >= 0):
        released = bytearray()
        with pytest.raises(TamperedError):
            release([flip_byte(payload, place)], released)
        whole = max(0, (place - 16) // SEALED)
        assert released == PATTERN[: whole * CHUNK_SIZE]


@pytest.mark.parametrize("size", SIZES)
def test_a_payload_cut_anywhere_near_a_boundary_is_refused(size):
    """At, before and after every chunk's beginning, end and tag: what is left is never a whole payload."""
    payload = seal(PATTERN[:size])
    boundaries = [0, 16, *range(16 + SEALED, len(payload), SEALED), len(payload)]
    ends = {boundary + d for boundary in boundaries for d in (-17, -16, -15, -1, 0, 1, 16, 17)}
    for end in sorted(end for end in ends if 0 <= end < len(payload)):
        with pytest.raises(EnvelopeError if end < 16 else TamperedError):
            open_(payload[:end])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("extra", [b"\0", bytes(15), bytes(16), bytes(SEALED), bytes(SEALED + 1)], ids=len)
def test_bytes_after_the_last_chunk_are_refused(size, extra):
    """One byte or a whole chunk more, whatever the payload's length."""
    with pytest.raises(TamperedError):
        open_(seal(PATTERN[:size]) + extra)


def test_chunks_do_not_change_places():
    """Swapped, doubled, dropped, or taken from another payload of the same key: refused."""
    payload = seal(PATTERN[: 3 * CHUNK_SIZE])
    nonce, *chunks = payload[:16], *(payload[start : start + SEALED] for start in range(16, len(payload), SEALED))
    other = seal(PATTERN[: 3 * CHUNK_SIZE])[16 : 16 + SEALED]
    for order in (
        (chunks[1], chunks[0], chunks[2]),
        (chunks[0], chunks[0], chunks[1], chunks[2]),
        (chunks[1], chunks[2]),
        (chunks[0], chunks[2]),
        (other, chunks[1], chunks[2]),
        (chunks[2], chunks[0], chunks[1]),
    ):
        with pytest.raises(TamperedError):
            open_(nonce + b"".join(order))


def test_an_empty_last_chunk_is_refused_after_others():
    """It would be a second spelling of a payload of whole chunks."""
    payload = bytearray()
    sealer = PayloadSealer(FILE_KEY, payload.extend)
    sealer._seal(memoryview(PATTERN)[:CHUNK_SIZE], 0)
    sealer._seal(memoryview(b""), 256 | 1)
    with pytest.raises(TamperedError, match="empty"):
        open_(bytes(payload))


def test_another_file_key_opens_nothing():
    """Not even the first chunk."""
    with pytest.raises(TamperedError):
        open_(seal(b"words"), key=new_file_key())


def test_two_payloads_of_one_plaintext_share_nothing():
    """The nonce is fresh each time, so equal plaintexts do not show."""
    first, second = seal(b"the same words"), seal(b"the same words")
    assert first[:16] != second[:16]
    assert first[16:] != second[16:]


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_no_bytes_break_the_opener(noise):
    """Noise is refused as an envelope or as tampered with, and by no other error."""
    with pytest.raises(CryptoError):
        open_(noise)


def test_only_what_may_be_the_last_chunk_is_held_back():
    """A whole chunk leaves when the next byte arrives and not before, in both directions."""
    written: list[int] = []
    sealer = PayloadSealer(FILE_KEY, lambda part: written.append(len(part)))
    assert written == [16]
    sealer.write(PATTERN[:CHUNK_SIZE])
    assert written == [16]
    sealer.write(b"x")
    assert written == [16, SEALED]

    payload = seal(PATTERN[: CHUNK_SIZE + 1])
    opener = PayloadOpener(FILE_KEY)
    assert list(opener.feed(payload[: 16 + SEALED])) == []
    assert [bytes(chunk) for chunk in opener.feed(payload[16 + SEALED :])] == [PATTERN[:CHUNK_SIZE]]


def test_the_held_plaintext_is_cleared_at_the_end():
    """After finish and after discard no byte of plaintext is left in the sealer, nor in the opener once its last view was taken."""
    for end in (PayloadSealer.finish, PayloadSealer.discard):
        sealer = PayloadSealer(FILE_KEY, len)
        sealer.write(PATTERN)
        assert any(sealer._plain._room._buffer)
        end(sealer)
        assert not any(sealer._plain._room._buffer)
    opener = PayloadOpener(FILE_KEY)
    payload = seal(b"words")
    assert list(opener.feed(payload)) == []
    assert [bytes(chunk) for chunk in opener.finish()] == [b"words"]
    assert not any(opener._plain._buffer)


def test_a_short_payload_takes_little_memory():
    """Four kilobytes need no chunk of 64 in either direction: a page opens several of them."""
    short = PATTERN[:4096]
    payload = seal(short)
    for act in (lambda: seal(short), lambda: open_(payload)):
        tracemalloc.start()
        act()
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < 32 * 1024


def test_what_a_buffer_held_before_it_grew_is_overwritten():
    """Plaintext that comes in small pieces is moved to a larger buffer, and stays in none of the smaller ones."""
    sealer = PayloadSealer(FILE_KEY, len)
    left = []
    for start in range(0, CHUNK_SIZE, 1000):
        sealer.write(PATTERN[start : start + 1000])
        left.append(sealer._plain._room._buffer)
    now = sealer._plain._room._buffer
    assert len({len(buffer) for buffer in left}) > 3
    assert not any(any(buffer) for buffer in left if buffer is not now)


def test_whole_chunks_are_sealed_from_the_callers_own_buffer():
    """Of a large write only the tail is copied into the sealer."""
    sealer = PayloadSealer(FILE_KEY, len)
    sealer.write(b"\xaa" * (3 * CHUNK_SIZE) + b"\xbb" * 10)
    assert bytes(sealer._plain.last()) == b"\xbb" * 10
    assert b"\xaa" not in bytes(sealer._plain._room._buffer)


@pytest.mark.parametrize("verb", ["write", "finish"])
def test_a_finished_payload_takes_nothing_more(verb):
    """After finish, after discard and after a write that failed, going on is refused: no nonce is used twice."""

    def full(part: bytes | memoryview) -> None:
        if len(part) > 16:
            raise OSError("no space left")

    finished, discarded = PayloadSealer(FILE_KEY, len), PayloadSealer(FILE_KEY, len)
    failed = PayloadSealer(FILE_KEY, full)
    finished.finish()
    discarded.discard()
    with pytest.raises(OSError, match="no space"):
        failed.write(PATTERN)
    for sealer in (finished, discarded, failed):
        with pytest.raises(ValueError, match="finished"):
            sealer.write(b"more") if verb == "write" else sealer.finish()


def test_an_opener_refuses_to_go_on_when_chunks_were_dropped():
    """A feed whose chunks were not all taken, or one of whose chunks failed, ends the opening."""
    payload = seal(PATTERN)
    dropped, failed = PayloadOpener(FILE_KEY), PayloadOpener(FILE_KEY)
    dropped.feed(payload)
    with pytest.raises(TamperedError):
        list(failed.feed(flip_byte(payload, 20)))
    for opener in (dropped, failed):
        with pytest.raises(ValueError, match="taken"):
            opener.feed(b"")
        with pytest.raises(ValueError, match="taken"):
            opener.finish()


def test_the_end_is_checked_even_when_nobody_looks():
    """Finish raises at the call, not when its iterator is used; and it is called once."""
    opener = PayloadOpener(FILE_KEY)
    list(opener.feed(seal(b"words")[:-1]))
    with pytest.raises(TamperedError):
        opener.finish()
    with pytest.raises(ValueError, match="finished"):
        opener.finish()


@pytest.mark.parametrize("size", [0, 15, 17])
def test_only_a_file_key_is_taken(size):
    """Another size of key is the caller's mistake, and said before a byte leaves."""
    with pytest.raises(ValueError, match="file key"):
        PayloadSealer(Hidden(bytes(size)), len)
    with pytest.raises(ValueError, match="file key"):
        PayloadOpener(Hidden(bytes(size)))
