# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The outboxes of tests/vectors/bundle.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from crypto.signing import SignedDocument, SigningKey, write_document
from journalist_app.bundle.chain import NOTHING
from journalist_app.bundle.documents import seal_manifest
from journalist_app.bundle.outbox import Outbox
from journalist_app.bundle.records import Carried, ClosedRecord, EntryRecord, ReplyRecord
from tests.journalist_app.bundle.organisation import Organisation, archive, item
from tests.vectors.scenarios import Vectors


def outbox_scenarios(vectors: Vectors, ours: Organisation, theirs: Organisation) -> None:
    """What is wrong with an outbox."""
    carried = [
        filed(ReplyRecord, thread=bytes(16), expires_days=30, sees=1),
        filed(EntryRecord, epoch=1, card=1, seats=(1, 2)),
    ]
    first = ours.outbox(1, [*carried, Carried(record=ClosedRecord(through=0))])
    vectors.base("outbox-1", archive(first))
    vectors.base("outbox-4", archive(ours.outbox(1, [], sequence=4, previous=bytes(31) + b"3")))
    vectors.scenario("outbox-first", "outbox-1", "the first outbox", "next")
    vectors.scenario("outbox-replayed", "outbox-1", "the first again", "repeat", taken={1: first.digest})
    vectors.scenario(
        "outbox-withheld",
        "outbox-4",
        "the second and third never came",
        "GapError",
        "number 2 is missing",
        taken={1: first.digest},
    )
    vectors.scenario(
        "outbox-other-digest",
        "outbox-1",
        "another first was taken",
        "ConflictError",
        "another digest",
        taken={1: NOTHING},
    )
    vectors.scenario(
        "outbox-fork", "outbox-4", "after another third", "ConflictError", "another number 3", taken={3: NOTHING}
    )

    def refuse(name: str, raw: bytes, comment: str, error: str, message: str) -> None:
        vectors.base(name, raw)
        vectors.scenario(name, name, comment, error, message)

    def resealed(seat: int = 1, **changes: object) -> bytes:
        manifest = dataclasses.replace(first.manifest, **changes)
        return signed(manifest.document(), ours.laptops[seat].signing)

    def signed(document: bytes, key: SigningKey) -> bytes:
        sealed = seal_manifest("outbox", document, key, [ours.server_transfer.recipient])
        return archive(dataclasses.replace(first, sealed=sealed))

    def record(**changes: object) -> bytes:
        contents = {**SignedDocument(first.manifest.document(), ()).contents("outbox")}
        contents["records"] = [{"record": "closed", "version": 1, "through": 0, **changes}]
        return signed(write_document("outbox", contents), ours.laptops[1].signing)

    refuse("outbox-wrong-key", resealed(seat=2), "signed by another seat", "SignatureError", "0 of the 1")
    refuse("outbox-foreign", resealed(root=theirs.root.digest), "another root", "ForeignError", "another root")
    refuse("outbox-other-card", resealed(card=bytes(32)), "written under another card", "ForeignError", "another card")
    refuse(
        "outbox-no-seat",
        signed(dataclasses.replace(first.manifest, seat=9).document(), ours.laptops[1].signing),
        "a seat that is not on the card",
        "ForeignError",
        "seat 9",
    )
    refuse(
        "outbox-unknown-kind",
        record(record="incantation"),
        "a record of an unknown kind",
        "NewerBundleError",
        "'incantation'",
    )
    refuse("outbox-unknown-version", record(version=2), "a record of a newer version", "NewerBundleError", "version 2")
    refuse(
        "outbox-unsorted",
        resealed(records=first.manifest.records[::-1]),
        "records in another order",
        "DocumentError",
        "ascending",
    )
    refuse(
        "outbox-file-tampered",
        archive(with_files(first, lambda files: (files[0], files[1][:-1] + b"!"))),
        "a changed file",
        "ItemError",
        "not those the seat signed",
    )
    refuse(
        "outbox-files-swapped",
        archive(with_files(first, lambda files: files[::-1])),
        "files changed places",
        "ItemError",
        "",
    )
    refuse(
        "outbox-file-withheld",
        archive(with_files(first, lambda files: files[:1])),
        "a file taken out",
        "ArchiveError",
        "ends before",
    )
    refuse(
        "outbox-file-added",
        archive(with_files(first, lambda files: (*files, b"x"))),
        "a file added",
        "ArchiveError",
        "not in the manifest",
    )


def filed(kind: Callable[..., ReplyRecord | EntryRecord], **fields: object) -> Carried:
    """A record with a file of random bytes."""
    place, raw = item(600)
    return Carried(record=kind(item=place.item, length=600, sha256=place.sha256, **fields), file=raw)


def with_files(outbox: Outbox, change: Callable[[tuple[bytes, ...]], tuple[bytes, ...]]) -> Outbox:
    """The same outbox with other files."""
    return dataclasses.replace(outbox, files=change(outbox.files))
