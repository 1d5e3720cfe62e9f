# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The document an outbox's manifest is, and the acknowledgement of a batch.

Parsing accepts exactly what building gives. Whether they are signed, and by whom, is judged in `outbox` and by
`read_acknowledgement`.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from crypto.canonical import JSON, Fields
from crypto.signing import MAX_DOCUMENT, SignedDocument, SigningKey, sign_document, write_document
from journalist_app.bundle.documents import MAX_DELETIONS, MAX_NUMBER, MAX_RECORDS, check_parts
from journalist_app.bundle.errors import DocumentError, ForeignError
from journalist_app.bundle.records import (
    AcknowledgementRecord,
    DeletionRecord,
    Filed,
    Record,
    SheetRecord,
    read_record,
    record_key,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxManifest:
    """
    What one outbox says (spec T24).

    Args:
        seat: Who writes.
        sequence: 1, 2, …, for each seat.
        previous: The digest of the seat's outbox before, or 32 zero bytes.
        root: The digest of the root.
        card: The digest of the card the vault had installed.
        records: Sorted by `record_key`.
        part: This archive's part, from 1.
        parts: Into how many archives the outbox is split.
    """

    seat: int
    sequence: int
    previous: bytes
    root: bytes
    card: bytes
    records: tuple[Record, ...]
    part: int = 1
    parts: int = 1

    @property
    def filed(self) -> tuple[Filed, ...]:
        """
        The records that bring a file, in order: the first one's is member 2 of the archive (spec T28).
        """
        return tuple(record for record in self.records if isinstance(record, Filed))

    def document(self) -> bytes:
        """
        The exact text to be signed (S3).
        """
        return write_document(
            "outbox",
            {
                "seat": self.seat,
                "sequence": self.sequence,
                "part": self.part,
                "parts": self.parts,
                "previous": self.previous.hex(),
                "root": self.root.hex(),
                "card": self.card.hex(),
                "records": [record.written() for record in self.records],
            },
        )

    @classmethod
    def read(cls, contents: Mapping[str, JSON]) -> Self:
        """
        Read what a signed document of kind `outbox` says.

        Raises:
            DocumentError: It is not in the one accepted form, not sorted, or says twice what may be said once.
            NewerBundleError: It holds a record that is not known here, or is one part of several.
        """
        fields = Fields(contents, "manifest", error=DocumentError)
        manifest = cls(
            seat=fields.number("seat", 1, MAX_NUMBER),
            sequence=fields.number("sequence", 1, MAX_NUMBER),
            part=fields.number("part", 1, MAX_NUMBER),
            parts=fields.number("parts", 1, MAX_NUMBER),
            previous=fields.hex("previous", 32),
            root=fields.hex("root", 32),
            card=fields.hex("card", 32),
            records=tuple(read_record(record) for record in fields.objects("records", MAX_RECORDS)),
        )
        fields.done()
        check_parts(manifest.part, manifest.parts)
        _check_records(manifest.records)
        return manifest


def _check_records(records: tuple[Record, ...]) -> None:
    keys = [record_key(record) for record in records]
    # spec T27: one order, so that it carries no message and nothing stands twice.
    if any(after <= before for before, after in itertools.pairwise(keys)):
        raise DocumentError("the records are not in ascending order of their digests")
    items = [record.item for record in records if isinstance(record, Filed)]
    if len(set(items)) != len(items):
        raise DocumentError("two records bring the same item")
    for kind in (SheetRecord, AcknowledgementRecord):
        if sum(isinstance(record, kind) for record in records) > 1:
            raise DocumentError(f"the outbox has more than one {kind.__name__}")
    check_deletions(records)


def check_deletions(records: Sequence[Record]) -> None:
    """
    Refuse more deletions than one outbox may order (spec T25).

    Raises:
        DocumentError: There are more.
    """
    ordered = sum(len(record.threads) + len(record.items) for record in records if isinstance(record, DeletionRecord))
    if ordered > MAX_DELETIONS:
        raise DocumentError(f"the outbox orders {ordered} deletions, more than {MAX_DELETIONS}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """
    A seat says: "I imported this batch, and every one before it" (spec T34).

    Args:
        seat: Who imported it.
        batch: Its number.
        digest: The digest of its manifest document.
    """

    seat: int
    batch: int
    digest: bytes

    def sign(self, signing: SigningKey) -> str:
        """
        The signed document, as text.
        """
        contents: dict[str, JSON] = {"seat": self.seat, "batch": self.batch, "digest": self.digest.hex()}
        return (
            sign_document("acknowledgement", write_document("acknowledgement", contents), [signing]).encode().decode()
        )


def read_acknowledgement(text: str, *, seat: int, key: bytes) -> Acknowledgement:
    """
    Read a signed acknowledgement.

    Args:
        text: The signed document.
        seat: Whose it must be.
        key: That seat's public key.

    Raises:
        SignatureError: It is not signed by that seat.
        ForeignError: It speaks for another seat.
        FormatError: It is no acknowledgement.
    """
    contents = SignedDocument.decode(text.encode(), MAX_DOCUMENT).require("acknowledgement", [key], 1)
    fields = Fields(contents, "acknowledgement", error=DocumentError)
    found = Acknowledgement(
        seat=fields.number("seat", 1, MAX_NUMBER),
        batch=fields.number("batch", 1, MAX_NUMBER),
        digest=fields.hex("digest", 32),
    )
    fields.done()
    if found.seat != seat:
        raise ForeignError(f"seat {seat} carries an acknowledgement of seat {found.seat}")
    return found
