# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Batches, from the desk's manifest to the vault's items, whole and damaged.
"""

from __future__ import annotations

import dataclasses
import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.errors import CryptoError, NoMatchError, SignatureError
from journalist_app.bundle.batch import BatchReader, batch_size, open_batch, seal_batch
from journalist_app.bundle.chain import NOTHING, Standing
from journalist_app.bundle.errors import (
    ArchiveError,
    BundleError,
    ConflictError,
    DocumentError,
    ForeignError,
    GapError,
    ItemError,
    NewerBundleError,
    TruncatedError,
)
from journalist_app.bundle.manifest import BatchItem, BatchManifest, TakenOutbox
from journalist_app.bundle.outbox_manifest import Acknowledgement
from tests.journalist_app.bundle.organisation import Organisation, item, stick


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    """Root, card, server and three seats."""
    return Organisation()


@pytest.fixture(scope="module")
def items() -> list[tuple[BatchItem, bytes]]:
    """Four items, small and large, of both lanes."""
    return [item(700), item(16_500), item(1, team=True), item(2_500_000)]


@pytest.fixture(scope="module")
def batch(organisation, items) -> bytes:
    """A batch, packed."""
    return organisation.batch(organisation.manifest(1, NOTHING, items), items)


def opened(organisation: Organisation, raw: bytes, seat: int = 1) -> BatchReader:
    """What a reader with the right key makes of it."""
    return open_batch(stick(raw), organisation.laptops[seat].bundle, organisation.root)


def sort(reader: BatchReader, start: int = 0) -> tuple[list[bytes], list[str]]:
    """Import: the good items and what was said of the bad ones."""
    good, bad = [], []
    for arrival in reader.items(start):
        try:
            good.append(b"".join(arrival.chunks()))
        except ItemError as error:
            bad.append(str(error))
    return good, bad


def test_every_seat_reads_the_same_batch(organisation, items, batch) -> None:
    """What the desk packed comes out of every vault, with the installed card and sheets."""
    for seat in organisation.laptops:
        reader = opened(organisation, batch, seat)
        assert reader.manifest.number == 1
        assert reader.card == organisation.card
        assert reader.sheets == tuple(organisation.sheets.values())
        assert sort(reader) == ([raw for _, raw in items], [])


def test_the_length_is_known_before_a_byte_is_sent(organisation, items, batch) -> None:
    """So that a download shows how far it is."""
    manifest = organisation.manifest(1, NOTHING, items)
    sealed = seal_batch(manifest, organisation.server_signing, [seat.recipient for seat in organisation.card.seats])
    assert batch_size(1, len(sealed), [len(raw) for _, raw in items]) == len(batch)


def test_an_import_goes_on_where_it_was_interrupted(organisation, items, batch) -> None:
    """The first k items are passed over; the rest are all there."""
    for start in range(len(items) + 1):
        good, bad = sort(opened(organisation, batch), start)
        assert (good, bad) == ([raw for _, raw in items[start:]], [])


def test_progress_grows_to_the_whole(organisation, items, batch) -> None:
    """Reports never fall, come inside a long item too, and the last one is the whole archive."""
    seen: list[tuple[int, int]] = []
    reader = open_batch(
        stick(batch),
        organisation.laptops[2].bundle,
        organisation.root,
        progress=lambda *step: seen.append(step),
    )
    sort(reader)
    assert len(seen) > len(items) + 3
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (len(batch), len(batch))


def test_a_small_item_is_read_at_once_and_a_long_one_is_not(organisation, items, batch) -> None:
    """The limit is judged before the bytes are read."""
    arrivals = opened(organisation, batch).items()
    assert next(arrivals).read(limit=700) == items[0][1]
    with pytest.raises(ItemError, match="allowed are 16499"):
        next(arrivals).read(limit=16_499)


@given(st.data())
@settings(max_examples=40)
def test_a_changed_byte_spoils_one_item_or_the_framing_and_is_named(organisation, items, batch, data) -> None:
    """The good items of a bad batch still come out, and nothing altered does."""
    raw = bytearray(batch)
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    genuine = [content for _, content in items]
    good: list[bytes] = []
    named: list[str] = []
    try:
        for arrival in opened(organisation, bytes(raw)).items():
            try:
                good.append(b"".join(arrival.chunks()))
            except ItemError as error:
                named.append(str(error))
    except (BundleError, CryptoError) as error:
        named.append(str(error))
    assert named
    assert all(content in genuine for content in good)


def test_a_bad_item_does_not_keep_the_others_away(organisation, items, batch) -> None:
    """Item 1 is altered: items 0, 2 and 3 are imported and item 1 is named."""
    at = batch.index(items[1][1]) + 99
    raw = batch[:at] + bytes([batch[at] ^ 1]) + batch[at + 1 :]
    good, bad = sort(opened(organisation, raw))
    assert good == [items[0][1], items[2][1], items[3][1]]
    assert len(bad) == 1
    assert items[1][0].item.hex() in bad[0]


def test_reordered_items_are_named(organisation, items) -> None:
    """Two items that changed places are both refused, by id."""
    swapped = [items[1], items[0], *items[2:]]
    raw = organisation.batch(organisation.manifest(1, NOTHING, items), swapped)
    good, bad = sort(opened(organisation, raw))
    assert good == [items[2][1], items[3][1]]
    assert [items[0][0].item.hex() in bad[0], items[1][0].item.hex() in bad[1]] == [True, True]


def test_what_was_read_before_the_cut_stands(organisation, items, batch) -> None:
    """A stick that was pulled out gives the items before the cut, and the error says where it ends."""
    cut = batch.index(items[3][1]) + 1_000_000
    arrivals = opened(organisation, batch[:cut]).items()
    assert [b"".join(next(arrivals).chunks()) for _ in range(3)] == [raw for _, raw in items[:3]]
    with pytest.raises(TruncatedError, match=r"00000005\.age"):
        list(next(arrivals).chunks())


def test_a_withheld_item_is_noticed(organisation, items) -> None:
    """A batch with one member fewer than its manifest lists is refused where it is missing."""
    raw = organisation.batch(organisation.manifest(1, NOTHING, items), items[:3])
    with pytest.raises(ArchiveError, match="ends before member 5"):
        sort(opened(organisation, raw))


def test_an_item_erased_since_leaves_an_empty_place(organisation, items) -> None:
    """The others are imported, and the empty one is named: erased, or taken out on the way."""
    manifest = organisation.manifest(1, NOTHING, items)
    raw = organisation.batch(manifest, [items[0], (items[1][0], b""), *items[2:]])
    good, bad = sort(opened(organisation, raw))
    assert good == [items[0][1], items[2][1], items[3][1]]
    assert "erased since or taken out" in bad[0]
    assert [arrival.erased for arrival in opened(organisation, raw).items()] == [False, True, False, False]


def test_an_added_item_is_refused(organisation, items) -> None:
    """A member that the manifest does not list is no item."""
    raw = organisation.batch(organisation.manifest(1, NOTHING, items[:3]), items)
    with pytest.raises(ArchiveError, match=r"00000005\.age is not in the manifest"):
        sort(opened(organisation, raw))


def test_a_foreign_batch_is_named_as_foreign(organisation, items) -> None:
    """One that is sealed to our seats, but made under another root."""
    other = Organisation()
    manifest = other.manifest(1, NOTHING, items)
    sealed_to_us = [seat.recipient for seat in organisation.card.seats]
    other.card = dataclasses.replace(other.card, seats=organisation.card.seats)
    assert [seat.recipient for seat in other.card.seats] == sealed_to_us
    with pytest.raises(ForeignError, match="another root"):
        opened(organisation, other.batch(manifest, items))


def test_a_batch_for_others_does_not_open(organisation, items) -> None:
    """A batch of another organisation, sealed to its own seats."""
    other = Organisation()
    with pytest.raises(NoMatchError):
        opened(organisation, other.batch(other.manifest(1, NOTHING, items), items))


def test_only_the_server_of_the_card_signs_batches(organisation, items) -> None:
    """A seat's key, or a stranger's, makes no batch."""
    manifest = organisation.manifest(1, NOTHING, items)
    recipients = [seat.recipient for seat in organisation.card.seats]
    sealed = seal_batch(manifest, organisation.laptops[1].signing, recipients)
    with pytest.raises(SignatureError):
        opened(organisation, _packed(sealed, items))


def test_a_card_without_its_signatures_makes_no_batch(organisation, items) -> None:
    """T − 1 signatures on the card inside the manifest."""
    weak = organisation.by_root(organisation.card.signed.__class__(organisation.card.signed.document, ()), 1)
    manifest = dataclasses.replace(organisation.manifest(1, NOTHING, items), card=weak.encode().decode())
    with pytest.raises(SignatureError, match="1 of the 2"):
        opened(organisation, organisation.batch(manifest, items))


def test_a_sheet_of_another_hand_makes_no_batch(organisation, items) -> None:
    """Every sheet inside is checked under the card inside."""
    other = Organisation()
    foreign = other.sheets[2].signed.encode().decode()
    manifest = dataclasses.replace(organisation.manifest(1, NOTHING, items), sheets=(foreign,))
    with pytest.raises(SignatureError):
        opened(organisation, organisation.batch(manifest, items))


def test_head_and_manifest_name_the_same_number(organisation, items) -> None:
    """The clear number is a convenience, not a claim."""
    manifest = organisation.manifest(2, secrets.token_bytes(32), items)
    sealed = seal_batch(manifest, organisation.server_signing, [seat.recipient for seat in organisation.card.seats])
    with pytest.raises(DocumentError, match="the head says batch 1"):
        opened(organisation, _packed(sealed, items))


def test_a_repeated_id_is_refused(organisation, items) -> None:
    """One item cannot stand for two."""
    twice = [items[0], items[0]]
    with pytest.raises(DocumentError, match="twice"):
        opened(organisation, organisation.batch(organisation.manifest(1, NOTHING, twice), twice))


def test_a_part_of_several_is_refused_by_name(organisation, items) -> None:
    """The format knows parts; this version reads whole bundles."""
    manifest = dataclasses.replace(organisation.manifest(1, NOTHING, items), parts=2)
    with pytest.raises(NewerBundleError, match="part 1 of 2"):
        opened(organisation, organisation.batch(manifest, items))
    with pytest.raises(DocumentError, match="part 2 of 1"):
        manifest.read({**_contents(manifest), "part": 2, "parts": 1})


def test_an_outbox_is_not_a_batch(organisation) -> None:
    """The head says which it is, and the label says it again."""
    outbox = organisation.outbox(1, [])
    with pytest.raises(DocumentError, match="not of kind batch"):
        opened(organisation, b"".join(bytes(chunk) for chunk in outbox.chunks()))


def test_batches_are_taken_in_their_order(organisation, items) -> None:
    """Next, repeated, withheld, forked, forged: each has its own answer."""
    first = organisation.manifest(1, NOTHING, items)
    reader_1 = opened(organisation, organisation.batch(first, items))
    run = {1: reader_1.digest}
    second = organisation.manifest(2, reader_1.digest, [])
    reader_2 = opened(organisation, organisation.batch(second, []))
    assert reader_1.standing(0, {}.get) is Standing.NEXT
    assert reader_1.standing(1, run.get) is Standing.REPEAT
    assert reader_2.standing(1, run.get) is Standing.NEXT
    with pytest.raises(GapError, match="number 1 is missing, this is 2"):
        reader_2.standing(0, {}.get)
    other = opened(organisation, organisation.batch(organisation.manifest(1, NOTHING, []), []))
    with pytest.raises(ConflictError, match="taken before with another digest"):
        other.standing(1, run.get)
    fork = opened(organisation, organisation.batch(organisation.manifest(2, bytes(31) + b"1", []), []))
    with pytest.raises(ConflictError, match="names another number 1"):
        fork.standing(1, run.get)
    with pytest.raises(ConflictError, match="never taken"):
        reader_1.standing(1, {}.get)


ids = st.binary(min_size=16, max_size=16)
entries = st.builds(
    BatchItem,
    item=ids,
    thread=st.just(b""),
    lane=st.just("team"),
    card=st.integers(1, 99),
    epoch=st.integers(0, 99),
    seats=st.sets(st.integers(1, 20), min_size=1, max_size=16).map(lambda seats: tuple(sorted(seats))),
    length=st.integers(1, 8**12 - 1),
    sha256=st.binary(min_size=32, max_size=32),
)
filed = st.builds(lambda entry, thread: dataclasses.replace(entry, lane="source", thread=thread), entries, ids)


def _contents(manifest: BatchManifest):
    """What a signed manifest says, without kind and version."""
    from crypto.signing import SignedDocument

    return SignedDocument(manifest.document(), ()).contents("batch")


@given(
    st.lists(entries | filed, max_size=6, unique_by=lambda entry: entry.item),
    st.lists(
        st.builds(
            TakenOutbox,
            seat=st.integers(1, 99),
            sequence=st.integers(1, 99),
            digest=st.binary(min_size=32, max_size=32),
        ),
        max_size=4,
        unique_by=lambda outbox: outbox.seat,
    ),
    st.lists(st.tuples(st.sampled_from((1, 2, 3)), st.integers(1, 99)), max_size=3, unique_by=lambda one: one[0]),
)
def test_a_manifest_reads_back_as_it_was_written(organisation, listed, outboxes, said) -> None:
    """Every field, through the exact text that is signed."""
    manifest = dataclasses.replace(
        organisation.manifest(7, bytes(32), []),
        items=tuple(listed),
        outboxes=tuple(sorted(outboxes, key=lambda outbox: outbox.seat)),
        acknowledgements=tuple(_acknowledgement(organisation, seat, batch) for seat, batch in sorted(said)),
        floor=3,
        withdrawn=tuple(sorted({entry.item for entry in listed})),
        audit=secrets.token_bytes(32),
    )
    assert BatchManifest.read(_contents(manifest)) == manifest


BAD = {
    "item in the team lane with a thread": {"items": [{"lane": "team", "thread": "00" * 16}]},
    "item of the source lane without": {"items": [{"lane": "source", "thread": ""}]},
    "other lane": {"items": [{"lane": "both"}]},
    "no seats": {"items": [{"seats": []}]},
    "seats out of order": {"items": [{"seats": [2, 1]}]},
    "empty item": {"items": [{"length": 0}]},
    "more in an item": {"items": [{"name": "x"}]},
    "more in the manifest": {"greeting": "hello"},
    "outboxes out of order": {"outboxes": [2, 1]},
    "withdrawn out of order": {"withdrawn": ["02" * 16, "01" * 16]},
    "number zero": {"number": 0},
    "day": {"day": "2026-1-1"},
    "sheet that is no text": {"sheets": [1]},
}


@pytest.mark.parametrize("change", BAD.values(), ids=BAD.keys())
def test_a_manifest_has_one_form(organisation, items, change) -> None:
    """What is not as the clauses say is refused, field by field."""
    contents = dict(_contents(organisation.manifest(1, NOTHING, items[:1])))
    change = dict(change)
    if "items" in change:
        change["items"] = [{**contents["items"][0], **change["items"][0]}]
    if "outboxes" in change:
        change["outboxes"] = [{"seat": seat, "sequence": 1, "digest": "00" * 32} for seat in change["outboxes"]]
    with pytest.raises(DocumentError):
        BatchManifest.read({**contents, **change})


@pytest.mark.parametrize("seats", [(2, 1), (1, 1), (3, 3, 1)], ids=str)
def test_each_seat_stands_once_and_in_order(organisation, seats) -> None:
    """Sheets and acknowledgements: another order would carry a message, a second one would be chosen from."""
    contents = dict(_contents(organisation.manifest(1, NOTHING, [])))
    sheets = [organisation.sheets[seat].signed.encode().decode() for seat in seats]
    with pytest.raises(DocumentError, match="sheets are not in seat order"):
        BatchManifest.read({**contents, "sheets": sheets})
    words = [_acknowledgement(organisation, seat, 1) for seat in seats]
    with pytest.raises(DocumentError, match="acknowledgements are not in seat order"):
        BatchManifest.read({**contents, "acknowledgements": words})
    with pytest.raises(DocumentError, match="no sheet"):
        BatchManifest.read({**contents, "sheets": words[:1]})


def _acknowledgement(organisation, seat: int, batch: int) -> str:
    """A seat's signed word."""
    return Acknowledgement(seat=seat, batch=batch, digest=bytes(32)).sign(organisation.laptops[seat].signing)


def _packed(sealed: bytes, items: list[tuple[BatchItem, bytes]]) -> bytes:
    """A batch around a manifest that was sealed elsewhere."""
    from journalist_app.bundle.batch import pack_batch

    return b"".join(bytes(chunk) for chunk in pack_batch(1, sealed, [(len(raw), [raw]) for _, raw in items]))
