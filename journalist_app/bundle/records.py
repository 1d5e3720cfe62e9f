# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What an outbox says, record by record, with its bounds.

Every record has a kind and a version (spec T25); one that is not known here refuses the outbox by name, because a desk that skipped
it would report as done what it did not do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from crypto import canonical
from crypto.canonical import JSON, Fields
from crypto.epochs import MAX_EPOCH
from crypto.signing import MAX_DOCUMENT
from journalist_app.bundle.documents import MAX_DELETIONS, MAX_NUMBER, VERSION, check_version
from journalist_app.bundle.errors import DocumentError, NewerBundleError
from journalist_app.bundle.manifest import read_ids, read_seats

# spec T26: an outbox carries text only; a reply is at most 64 KiB (Y3), an entry's document at most 1 MiB (S3).
MAX_FILE = 1_310_720
MAX_DAYS = 3_650


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRecord:
    """
    A reply or status for a source: the server publishes the file in the thread.

    Args:
        thread: The server's thread id, 16 bytes.
        item: The reply's own id, 16 bytes.
        expires_days: After how many days the server drops it.
        sees: How many items of the thread its author had seen.
        length: Bytes of the age file.
        sha256: Of the age file.
    """

    thread: bytes
    item: bytes
    expires_days: int
    sees: int
    length: int
    sha256: bytes

    def written(self) -> dict[str, JSON]:
        """
        The record as it stands in the manifest.
        """
        return {
            "record": "reply",
            "version": VERSION,
            "thread": self.thread.hex(),
            "item": self.item.hex(),
            "expires_days": self.expires_days,
            "sees": self.sees,
            "length": self.length,
            "sha256": self.sha256.hex(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRecord:
    """
    An entry, sealed to every active seat: the server deposits the file in the team lane.

    Args:
        item: Its id, 16 bytes.
        epoch: The epoch it was sealed for.
        card: The sequence of the card it was sealed under.
        seats: The seats it was sealed to.
        length: Bytes of the age file.
        sha256: Of the age file.
    """

    item: bytes
    epoch: int
    card: int
    seats: tuple[int, ...]
    length: int
    sha256: bytes

    def written(self) -> dict[str, JSON]:
        """
        The record as it stands in the manifest.
        """
        return {
            "record": "entry",
            "version": VERSION,
            "item": self.item.hex(),
            "epoch": self.epoch,
            "card": self.card,
            "seats": list(self.seats),
            "length": self.length,
            "sha256": self.sha256.hex(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgementRecord:
    """
    The signed acknowledgement of the newest batch imported, as text.
    """

    signed: str

    def written(self) -> dict[str, JSON]:
        """
        The record as it stands in the manifest.
        """
        return {"record": "acknowledgement", "version": VERSION, "signed": self.signed}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedRecord:
    """
    The seat announces every epoch up to this one closed.
    """

    through: int

    def written(self) -> dict[str, JSON]:
        """
        The record as it stands in the manifest.
        """
        return {"record": "closed", "version": VERSION, "through": self.through}


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetRecord:
    """
    The seat's next sheet, signed, as text.
    """

    signed: str

    def written(self) -> dict[str, JSON]:
        """
        The record as it stands in the manifest.
        """
        return {"record": "sheet", "version": VERSION, "signed": self.signed}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionRecord:
    """
    Threads and single items to be deleted after seven days in view. Ids of 16 bytes, ascending; not both lists empty.
    """

    threads: tuple[bytes, ...] = ()
    items: tuple[bytes, ...] = ()

    def written(self) -> dict[str, JSON]:
        """
        The record as it stands in the manifest.
        """
        return {
            "record": "deletion",
            "version": VERSION,
            "threads": [thread.hex() for thread in self.threads],
            "items": [item.hex() for item in self.items],
        }


Record = ReplyRecord | EntryRecord | AcknowledgementRecord | ClosedRecord | SheetRecord | DeletionRecord
# The records that bring a file.
Filed = ReplyRecord | EntryRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """
    A record on its way into an outbox, with its age file (header ‖ payload) if it is a reply or an entry.
    """

    record: Record
    file: bytes | None = None


def record_key(record: Record) -> bytes:
    """
    What records are sorted by: the SHA-256 of their canonical text. The order says nothing about when they were made.
    """
    return hashlib.sha256(canonical.encode(record.written())).digest()


def read_record(fields: Fields) -> Record:
    """
    Read one record of the list.

    Raises:
        DocumentError: It is not in the one accepted form.
        NewerBundleError: Its kind or version is not known here.
    """
    kind = fields.text("record", 64)
    reader = _READERS.get(kind)
    if reader is None:
        raise NewerBundleError(f"records of kind {kind!r} are not known to this program")
    check_version(fields.number("version", 1, MAX_NUMBER), f"the record of kind {kind!r}")
    record = reader(fields)
    fields.done()
    return record


def _read_reply(fields: Fields) -> ReplyRecord:
    return ReplyRecord(
        thread=fields.hex("thread", 16),
        item=fields.hex("item", 16),
        expires_days=fields.number("expires_days", 1, MAX_DAYS),
        sees=fields.number("sees", 0, MAX_NUMBER),
        length=fields.number("length", 1, MAX_FILE),
        sha256=fields.hex("sha256", 32),
    )


def _read_entry(fields: Fields) -> EntryRecord:
    return EntryRecord(
        item=fields.hex("item", 16),
        epoch=fields.number("epoch", 0, MAX_EPOCH),
        card=fields.number("card", 1, MAX_NUMBER),
        seats=read_seats(fields),
        length=fields.number("length", 1, MAX_FILE),
        sha256=fields.hex("sha256", 32),
    )


def _read_acknowledgement(fields: Fields) -> AcknowledgementRecord:
    return AcknowledgementRecord(signed=fields.text("signed", MAX_DOCUMENT))


def _read_closed(fields: Fields) -> ClosedRecord:
    return ClosedRecord(through=fields.number("through", 0, MAX_EPOCH))


def _read_sheet(fields: Fields) -> SheetRecord:
    return SheetRecord(signed=fields.text("signed", MAX_DOCUMENT))


def _read_deletion(fields: Fields) -> DeletionRecord:
    record = DeletionRecord(
        threads=read_ids(fields, "threads", MAX_DELETIONS), items=read_ids(fields, "items", MAX_DELETIONS)
    )
    if not record.threads and not record.items:
        raise DocumentError("a deletion names nothing")
    return record


_READERS: Final[Mapping[str, Callable[[Fields], Record]]] = {
    "reply": _read_reply,
    "entry": _read_entry,
    "acknowledgement": _read_acknowledgement,
    "closed": _read_closed,
    "sheet": _read_sheet,
    "deletion": _read_deletion,
}
