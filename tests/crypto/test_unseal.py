# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Opening in the vault: the own stanza, the named epoch, the right place; and one decapsulation when nothing is wrong.
"""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.age import HybridIdentity, Stanza
from crypto.epochs import addressees
from crypto.errors import CryptoError, EnvelopeError, FrameError, NoMatchError, TamperedError
from crypto.hidden import Hidden
from crypto.seal import seal_frame
from crypto.unseal import FrameOpener, SeatOpener, open_file_key, open_frame
from tests.crypto.organisations import FIRST_DAY, Organisation, place_of, seed, sheet_of
from tests.crypto.test_epochs import day_of

ONE = Organisation.make(epochs=26)
HEADER = ONE.message_header()
SEALED = ONE.seal(HEADER, "我看见了".encode())
PLACE = place_of(HEADER)


@pytest.fixture
def unwrapped(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Counts decapsulations by listing them."""
    calls: list[str] = []
    real = HybridIdentity.unwrap

    def counting(self: HybridIdentity, stanza: Stanza) -> Hidden | None:
        calls.append(stanza.type)
        return real(self, stanza)

    monkeypatch.setattr(HybridIdentity, "unwrap", counting)
    return calls


@pytest.mark.parametrize("seat", [1, 2, 3])
def test_each_seat_opens_the_item_with_its_own_seed(seat: int) -> None:
    """And all find the same file key."""
    key = open_file_key(SEALED.header, seat=seat, place=PLACE, seeds=ONE.seeds[seat], last=25)
    assert open_frame(key, SEALED.payload, PLACE) == (HEADER, "我看见了".encode())
    assert key == open_file_key(SEALED.header, seat=1, place=PLACE, seeds=ONE.seeds[1], last=25)


@pytest.mark.parametrize("seat", [1, 2, 3])
@pytest.mark.parametrize("epoch", [0, 7, 25])
def test_the_normal_case_costs_one_decapsulation(seat: int, epoch: int, unwrapped: list[str]) -> None:
    """Of three stanzas and 26 epochs, exactly one is tried."""
    header = ONE.message_header(day=day_of(epoch))
    sealed = ONE.seal(header, b"x", day=day_of(epoch))
    open_file_key(sealed.header, seat=seat, place=place_of(header), seeds=ONE.seeds[seat], last=25)
    assert len(unwrapped) == 1


def test_an_item_sealed_after_the_sheet_ran_out_opens_with_its_last_key(unwrapped: list[str]) -> None:
    """The named epoch has no seed; the last one is the second thing tried, and the first that can be."""
    header = ONE.message_header(day=day_of(40))
    sealed = ONE.seal(header, b"late", day=day_of(40))
    place = place_of(header)
    assert place.epoch == 40
    key = open_file_key(sealed.header, seat=2, place=place, seeds=ONE.seeds[2], last=25)
    assert open_frame(key, sealed.payload, place)[1] == b"late"
    assert len(unwrapped) == 1


def test_an_item_sealed_to_a_run_out_sheet_opens_when_the_vault_has_newer_seeds(unwrapped: list[str]) -> None:
    """The vault made seeds the server had not heard of: the named epoch's fails, the last installed one opens."""
    header = ONE.message_header(day=day_of(26))
    sealed = ONE.seal(header, b"late", day=day_of(26))
    seeds = {**ONE.seeds[1], 26: seed("newer", 26), 27: seed("newer", 27)}
    assert open_file_key(sealed.header, seat=1, place=place_of(header), seeds=seeds, last=25)
    assert len(unwrapped) == 2


@pytest.mark.parametrize("older", [False, True])
def test_an_item_sealed_before_the_sheet_begins_opens_with_its_first_key(older: bool) -> None:  # noqa: FBT001
    """A server whose clock is behind uses a late sheet's first key (spec E4), whether or not the vault has the older."""
    held = {epoch: seed("late", epoch) for epoch in range(5, 9)}
    sheets = {**ONE.sheets, 3: sheet_of(ONE.root, ONE.card, 3, held, ONE.signing[3], sequence=2)}
    to = addressees(ONE.card, sheets, day_of(4), FIRST_DAY, 0)
    header = dataclasses.replace(HEADER, epoch=to.epoch)
    sealed = seal_frame(to.recipients, header, b"early")
    seeds = {**held, 4: seed("late", 4)} if older else held
    assert open_file_key(sealed.header, seat=3, place=place_of(header), seeds=seeds, last=8)


def test_an_item_sealed_with_a_key_of_an_earlier_sheet_opens(unwrapped: list[str]) -> None:
    """The sheet was renewed before the item arrived: the ends of the earlier ones are tried after the named epoch."""
    header = ONE.message_header(day=day_of(30))
    sealed = ONE.seal(header, b"late", day=day_of(30))
    seeds = {**ONE.seeds[1], **{epoch: seed("newer", epoch) for epoch in range(26, 57)}}
    others = (56, 25, 0)
    assert open_file_key(sealed.header, seat=1, place=place_of(header), seeds=seeds, last=56, others=others)
    assert len(unwrapped) == 3


def test_an_envelope_that_nothing_opens_costs_eighteen_tries_however_many_sheets_there_were(
    unwrapped: list[str],
) -> None:
    """The named epoch, sixteen ends of sheets, and the lowest epoch above the named one."""
    stranger = Organisation.make(epochs=26, name="two").seal(HEADER, b"x")
    seeds = {epoch: seed("many", epoch) for epoch in range(64)}
    place = dataclasses.replace(PLACE, epoch=2)
    with pytest.raises(NoMatchError):
        open_file_key(stranger.header, seat=1, place=place, seeds=seeds, last=63, others=range(62, 5, -1))
    assert len(unwrapped) == 18


def test_at_most_three_keys_are_ever_tried(unwrapped: list[str]) -> None:
    """A stranger's envelope does not cost a vault all its epochs."""
    stranger = Organisation.make(epochs=26, name="two").seal(HEADER, b"x")
    with pytest.raises(NoMatchError, match=r"seat 1's stanza does not open with the keys of epochs \[0, 25, 1\]"):
        open_file_key(stranger.header, seat=1, place=PLACE, seeds=ONE.seeds[1], last=25)
    assert len(unwrapped) == 3


def test_a_destroyed_seed_is_said_to_be_gone() -> None:
    """So that nobody looks for an attack."""
    seeds = {epoch: value for epoch, value in ONE.seeds[1].items() if epoch > 3}
    with pytest.raises(NoMatchError, match="the seed of epoch 0 is not held"):
        open_file_key(SEALED.header, seat=1, place=PLACE, seeds=seeds, last=25)


def test_a_vault_without_seeds_opens_nothing() -> None:
    """And says so."""
    with pytest.raises(NoMatchError, match=r"epochs \[\]; the seed of epoch 0"):
        open_file_key(SEALED.header, seat=1, place=PLACE, seeds={}, last=25)


def test_a_seat_that_was_not_active_is_told_so() -> None:
    """It joined later; nothing is tried."""
    with pytest.raises(NoMatchError, match=r"sealed to seats \(1, 2, 3\); this is seat 4"):
        open_file_key(SEALED.header, seat=4, place=PLACE, seeds=ONE.seeds[1], last=25)


def test_the_manifest_and_the_envelope_agree_on_the_count() -> None:
    """A manifest that names two seats for three stanzas is not believed."""
    with pytest.raises(EnvelopeError, match=r"3 stanzas \(3 mlkem768x25519\) where 2"):
        open_file_key(
            SEALED.header, seat=1, place=dataclasses.replace(PLACE, seats=(1, 2)), seeds=ONE.seeds[1], last=25
        )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"item": bytes(16)}, "item id"),
        ({"card": bytes(32)}, "another card"),
        ({"epoch": 3}, "names epoch 0, the manifest epoch 3"),
        ({"seats": (1, 2, 4)}, r"names seats \(1, 2, 3\), the manifest seats \(1, 2, 4\)"),
    ],
)
def test_a_frame_in_anothers_place_is_refused(change: dict[str, object], words: str) -> None:
    """Item, card, epoch and seats each (spec U1, U3)."""
    key = open_file_key(SEALED.header, seat=1, place=PLACE, seeds=ONE.seeds[1], last=25)
    with pytest.raises(FrameError, match=words):
        open_frame(key, SEALED.payload, dataclasses.replace(PLACE, **change))  # type: ignore[arg-type]


def test_a_file_key_of_another_item_opens_nothing() -> None:
    """Payloads cannot be exchanged between rows."""
    other = ONE.seal(ONE.message_header(2), b"two")
    key = open_file_key(other.header, seat=1, place=PLACE, seeds=ONE.seeds[1], last=25)
    with pytest.raises(TamperedError, match="chunk 0"):
        open_frame(key, SEALED.payload, PLACE)


@given(st.data())
def test_no_altered_byte_of_a_header_goes_unnoticed(data: st.DataObject) -> None:
    """Flip any bit anywhere: a named refusal, never another key, never another exception."""
    raw = bytearray(SEALED.header)
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(CryptoError):
        open_file_key(bytes(raw), seat=2, place=PLACE, seeds=ONE.seeds[2], last=25)


@given(st.data())
def test_no_altered_byte_of_a_payload_goes_unnoticed(data: st.DataObject) -> None:
    """Nor a byte more or less at the end."""
    key = open_file_key(SEALED.header, seat=1, place=PLACE, seeds=ONE.seeds[1], last=25)
    raw = bytearray(SEALED.payload)
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    for wrong in (bytes(raw), SEALED.payload[:-1], SEALED.payload + b"\0", SEALED.payload[:20]):
        with pytest.raises(TamperedError):
            open_frame(key, wrong, PLACE)
    for nothing in (b"", SEALED.payload[:15]):
        with pytest.raises(EnvelopeError):
            open_frame(key, nothing, PLACE)


@given(st.lists(st.integers(1, 9_000), min_size=1, max_size=12))
def test_an_item_opens_the_same_however_it_is_cut(cuts: list[int]) -> None:
    """The vault reads from a stick in any pieces; the sink gets body, zeros and trailer, the frame says how much is body."""
    key = open_file_key(SEALED.header, seat=1, place=PLACE, seeds=ONE.seeds[1], last=25)
    sink = bytearray()
    opener = FrameOpener(key, PLACE, sink.extend)
    start = 0
    for cut in cuts:
        opener.feed(SEALED.payload[start : start + cut])
        start += cut
    opener.feed(SEALED.payload[start:])
    frame = opener.finish()
    assert frame.header == HEADER
    assert bytes(sink[: frame.length]) == "我看见了".encode()


def test_an_opener_keeps_what_it_expanded() -> None:
    """An import of thousands expands each seed once, and finds the same keys as one at a time."""
    opener = SeatOpener(seat=1, seeds=ONE.seeds[1], last=25)
    for number in (1, 2, 3):
        header = ONE.message_header(number)
        sealed = ONE.seal(header, b"x")
        place = place_of(header)
        single = open_file_key(sealed.header, seat=1, place=place, seeds=ONE.seeds[1], last=25)
        assert opener.file_key(sealed.header, place) == single
    assert len(opener._identities) == 1
