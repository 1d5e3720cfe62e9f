# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Outboxes: all or nothing, in each seat's order, every refusal by name.
"""

from __future__ import annotations

import dataclasses
import hashlib
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.age import HybridIdentity
from crypto.errors import CryptoError, NoMatchError, SignatureError
from crypto.signing import SignedDocument, write_document
from journalist_app.bundle.chain import NOTHING, Standing
from journalist_app.bundle.documents import seal_manifest
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
from journalist_app.bundle.outbox import Outbox, OutboxReader, open_outbox
from journalist_app.bundle.outbox_manifest import Acknowledgement, OutboxManifest, read_acknowledgement
from journalist_app.bundle.records import (
    AcknowledgementRecord,
    Carried,
    ClosedRecord,
    DeletionRecord,
    EntryRecord,
    Record,
    ReplyRecord,
    SheetRecord,
    record_key,
)
from tests.journalist_app.bundle.organisation import Organisation, archive, stick


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    """Root, card, server and three seats."""
    return Organisation()


def reply(size: int = 900) -> Carried:
    """A reply with its file."""
    raw = secrets.token_bytes(size)
    record = ReplyRecord(
        thread=secrets.token_bytes(16),
        item=secrets.token_bytes(16),
        expires_days=30,
        sees=2,
        length=size,
        sha256=hashlib.sha256(raw).digest(),
    )
    return Carried(record=record, file=raw)


def entry(size: int = 800) -> Carried:
    """An entry with its file."""
    raw = secrets.token_bytes(size)
    record = EntryRecord(
        item=secrets.token_bytes(16),
        epoch=1,
        card=1,
        seats=(1, 2, 3),
        length=size,
        sha256=hashlib.sha256(raw).digest(),
    )
    return Carried(record=record, file=raw)


@pytest.fixture(scope="module")
def carried(organisation) -> list[Carried]:
    """A record of every kind."""
    laptop = organisation.laptops[1]
    acknowledgement = Acknowledgement(seat=1, batch=3, digest=bytes(32)).sign(laptop.signing)
    return [
        reply(),
        entry(),
        entry(),
        Carried(record=AcknowledgementRecord(signed=acknowledgement)),
        Carried(record=ClosedRecord(through=2)),
        Carried(record=SheetRecord(signed=organisation.new_sheet(1, 2).signed.encode().decode())),
        Carried(record=DeletionRecord(threads=(bytes(16),), items=(bytes(16), b"\1" * 16))),
    ]


@pytest.fixture(scope="module")
def outbox(organisation, carried) -> Outbox:
    """An outbox of one seat."""
    return organisation.outbox(1, carried)


def opened(organisation: Organisation, raw: bytes) -> OutboxReader:
    """What a reader with the right key makes of it."""
    return open_outbox(stick(raw), organisation.server_transfer, organisation.root.digest, organisation.card)


def resealed(organisation: Organisation, outbox: Outbox, seat: int = 1, **changes: object) -> bytes:
    """The same outbox with another manifest, signed and sealed as well as ever."""
    manifest = dataclasses.replace(outbox.manifest, **changes)
    sealed = seal_manifest(
        "outbox",
        manifest.document(),
        organisation.laptops[seat].signing,
        [organisation.server_transfer.recipient],
    )
    return archive(dataclasses.replace(outbox, sealed=sealed))


def test_an_outbox_arrives_as_it_was_written(organisation, carried, outbox) -> None:
    """Every record and every file, in the order of the records' digests, and the same digest on both machines."""
    raw = archive(outbox)
    assert len(raw) == outbox.size
    reader = opened(organisation, raw)
    assert reader.digest == outbox.digest
    assert sorted(map(record_key, reader.manifest.records)) == sorted(record_key(one.record) for one in carried)
    expected = {one.record.item: one.file for one in carried if one.file is not None}
    assert {record.item: file for record, file in reader.files()} == expected


def test_the_order_of_writing_does_not_show(organisation, carried) -> None:
    """The same records in any order have the same digest."""
    assert organisation.outbox(1, carried[::-1]).digest == organisation.outbox(1, carried).digest


def test_only_the_server_opens_it(organisation, outbox) -> None:
    """Another transfer identity does not."""
    with pytest.raises(NoMatchError):
        open_outbox(stick(archive(outbox)), HybridIdentity.generate(), organisation.root.digest, organisation.card)


def test_the_wrong_seat_key_is_refused(organisation, outbox) -> None:
    """Seat 2 cannot write as seat 1."""
    raw = resealed(organisation, outbox, seat=2)
    with pytest.raises(SignatureError):
        opened(organisation, raw)


def test_a_foreign_root_is_named(organisation, outbox) -> None:
    """An outbox under another root is not for this server."""
    with pytest.raises(ForeignError, match="another root"):
        opened(organisation, resealed(organisation, outbox, root=secrets.token_bytes(32)))


def test_a_removed_seat_is_refused(organisation, outbox) -> None:
    """A seat that the installed card does not list writes no outboxes."""
    card = organisation.new_card(2, (2, 3))
    with pytest.raises(ForeignError, match="seat 1 is not on card 2"):
        open_outbox(stick(archive(outbox)), organisation.server_transfer, organisation.root.digest, card)


def test_an_outbox_under_another_card_is_refused(organisation, outbox) -> None:
    """Its entries would be sealed to seats that may have been removed."""
    card = organisation.new_card(2)
    with pytest.raises(ForeignError, match="another card than card 2"):
        open_outbox(stick(archive(outbox)), organisation.server_transfer, organisation.root.digest, card)


def test_a_wrong_label_is_refused(organisation, outbox) -> None:
    """A document signed as something else is no outbox, whoever signed it."""
    document = write_document("entry", {"seat": 1})
    key = organisation.laptops[1].signing
    sealed = seal_manifest("entry", document, key, [organisation.server_transfer.recipient])
    with pytest.raises(CryptoError, match=r"entry, where .*outbox was expected"):
        opened(organisation, archive(dataclasses.replace(outbox, sealed=sealed)))


def test_a_signature_under_another_label_is_refused(organisation, outbox) -> None:
    """The outbox's text under the label of an entry does not verify."""
    document = outbox.manifest.document()
    key = organisation.laptops[1].signing
    signed = SignedDocument(document, ((key.public, key.sign("entry", document)),))
    from crypto.transfer import seal_document

    sealed = seal_document(signed, [organisation.server_transfer.recipient])
    with pytest.raises(SignatureError):
        opened(organisation, archive(dataclasses.replace(outbox, sealed=sealed)))


def test_outboxes_are_taken_in_their_order(organisation) -> None:
    """A gap, a repeat and a fork have each their answer."""
    first = opened(organisation, archive(organisation.outbox(1, [])))
    fourth = organisation.outbox(1, [], sequence=4, previous=first.digest)
    assert first.standing(0, {}.get) is Standing.NEXT
    assert first.standing(1, {1: first.digest}.get) is Standing.REPEAT
    with pytest.raises(GapError, match="outbox of seat 1: number 2 is missing, this is 4"):
        opened(organisation, archive(fourth)).standing(1, {1: first.digest}.get)
    with pytest.raises(ConflictError):
        first.standing(1, {1: bytes(32)}.get)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"record": "incantation"}, "'incantation'"),
        ({"record": "closed", "version": 2}, "version 2"),
    ],
    ids=["kind", "version"],
)
def test_unknown_records_are_refused_by_name(organisation, outbox, change, named) -> None:
    """A desk that skipped one would report as done what it did not do."""
    contents = dict(SignedDocument(outbox.manifest.document(), ()).contents("outbox"))
    contents["records"] = [{"version": 1, "through": 1, **change}]
    with pytest.raises(NewerBundleError, match=named):
        OutboxManifest.read(contents)


def test_records_out_of_order_are_refused(organisation, outbox) -> None:
    """One order only, and nothing twice."""
    with pytest.raises(DocumentError, match="ascending order"):
        opened(organisation, resealed(organisation, outbox, records=outbox.manifest.records[::-1]))
    twice = (outbox.manifest.records[0],) * 2
    with pytest.raises(DocumentError, match="ascending order"):
        opened(organisation, resealed(organisation, outbox, records=twice))


def test_two_sheets_in_one_outbox_are_refused(organisation, outbox) -> None:
    """Which of them counts would depend on their order."""
    records = sorted((SheetRecord(signed="a"), SheetRecord(signed="b")), key=record_key)
    with pytest.raises(DocumentError, match="more than one SheetRecord"):
        opened(organisation, resealed(organisation, outbox, records=tuple(records)))


def test_one_item_cannot_be_brought_twice(organisation, outbox) -> None:
    """Two records with one id are refused."""
    one = reply().record
    other = dataclasses.replace(one, thread=bytes(16))
    records = tuple(sorted((one, other), key=record_key))
    with pytest.raises(DocumentError, match="same item"):
        opened(organisation, resealed(organisation, outbox, records=records))


def test_a_changed_file_refuses_the_outbox(organisation, outbox) -> None:
    """The first bad file ends it, named."""
    files = (outbox.files[0], outbox.files[1][:-1] + b"!", *outbox.files[2:])
    reader = opened(organisation, archive(dataclasses.replace(outbox, files=files)))
    with pytest.raises(ItemError, match=outbox.manifest.filed[1].item.hex()):
        list(reader.files())


def test_swapped_missing_and_added_files_are_refused(organisation, outbox) -> None:
    """Reordered, withheld, added: three different errors."""
    files = outbox.files
    cases = {
        ItemError: (files[1], files[0], *files[2:]),
        ArchiveError: (*files, b"more"),
    }
    for error, changed in cases.items():
        with pytest.raises(error):
            list(opened(organisation, archive(dataclasses.replace(outbox, files=changed))).files())
    with pytest.raises(ArchiveError, match="ends before"):
        list(opened(organisation, archive(dataclasses.replace(outbox, files=files[:-1]))).files())


def test_a_cut_outbox_is_named_as_cut(organisation, outbox) -> None:
    """Wherever it is cut."""
    raw = archive(outbox)
    for at in range(0, len(raw), 33_333):
        with pytest.raises(TruncatedError):
            list(opened(organisation, raw[:at]).files())


def test_a_vault_does_not_write_what_no_desk_would_take(organisation) -> None:
    """A file that is not its record's, a missing one, or one too many."""
    good = reply()
    for bad in (
        dataclasses.replace(good, file=b"x"),
        dataclasses.replace(good, file=None),
        Carried(record=ClosedRecord(through=1), file=b"x"),
    ):
        with pytest.raises(DocumentError):
            organisation.outbox(1, [bad])


def test_an_acknowledgement_speaks_for_its_own_seat(organisation) -> None:
    """Signed by that seat, about that seat."""
    key = organisation.laptops[2].signing
    text = Acknowledgement(seat=2, batch=9, digest=b"d" * 32).sign(key)
    assert read_acknowledgement(text, seat=2, key=key.public).batch == 9
    with pytest.raises(SignatureError):
        read_acknowledgement(text, seat=2, key=organisation.laptops[1].signing.public)
    with pytest.raises(ForeignError):
        read_acknowledgement(text, seat=1, key=key.public)


sixteen = st.binary(min_size=16, max_size=16)
digests = st.binary(min_size=32, max_size=32)
some_ids = st.sets(sixteen, max_size=3).map(lambda found: tuple(sorted(found)))
records: st.SearchStrategy[Record] = st.one_of(
    st.builds(
        ReplyRecord,
        thread=sixteen,
        item=sixteen,
        expires_days=st.integers(1, 3_650),
        sees=st.integers(0, 99),
        length=st.integers(1, 9_999),
        sha256=digests,
    ),
    st.builds(
        EntryRecord,
        item=sixteen,
        epoch=st.integers(0, 9_999),
        card=st.integers(1, 9),
        seats=st.just((1, 4)),
        length=st.integers(1, 9_999),
        sha256=digests,
    ),
    st.builds(ClosedRecord, through=st.integers(0, 9_999)),
    st.builds(DeletionRecord, threads=some_ids, items=some_ids).filter(lambda one: bool(one.threads or one.items)),
)


@given(st.lists(records, max_size=6, unique_by=(record_key, lambda one: getattr(one, "item", record_key(one)))))
def test_a_manifest_reads_back_as_it_was_written(found: list[Record]) -> None:
    """Every kind of record, through the exact text that is signed."""
    manifest = OutboxManifest(
        seat=4,
        sequence=2,
        previous=NOTHING,
        root=bytes(32),
        card=bytes(32),
        records=tuple(sorted(found, key=record_key)),
    )
    assert OutboxManifest.read(SignedDocument(manifest.document(), ()).contents("outbox")) == manifest


@given(st.binary(max_size=3_000))
def test_noise_is_refused_with_one_of_our_errors(organisation, noise: bytes) -> None:
    """Whatever is uploaded, the reader raises what the desk knows how to say."""
    with pytest.raises((BundleError, CryptoError)):
        opened(organisation, noise)


def test_an_outbox_orders_no_more_deletions_than_can_be_read(organisation) -> None:
    """Five hundred in all records together are written and read; one more is refused on either side."""
    ids = [number.to_bytes(16) for number in range(501)]
    some = [
        Carried(record=DeletionRecord(threads=tuple(ids[:300]))),
        Carried(record=DeletionRecord(items=tuple(ids[300:500]))),
    ]
    made = organisation.outbox(1, some)
    contents = SignedDocument(made.manifest.document(), ()).contents("outbox")
    assert OutboxManifest.read(contents) == made.manifest
    more = [*some, Carried(record=DeletionRecord(items=tuple(ids[500:])))]
    with pytest.raises(DocumentError, match="501 deletions"):
        organisation.outbox(1, more)
    records = sorted((one.record for one in more), key=record_key)
    long = dataclasses.replace(made.manifest, records=tuple(records))
    with pytest.raises(DocumentError, match="501 deletions"):
        OutboxManifest.read(SignedDocument(long.document(), ()).contents("outbox"))
