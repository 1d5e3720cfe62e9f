# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The document a batch's manifest is: what it says, field by field, with its bounds.

Parsing accepts exactly what building gives. Whether it is signed, and by whom, is judged in `batch`.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

from crypto.canonical import JSON, Fields
from crypto.epochs import MAX_EPOCH
from crypto.errors import FormatError
from crypto.signing import MAX_DOCUMENT, Label, SignedDocument, write_document
from journalist_app.bundle.documents import MAX_ITEM_LENGTH, MAX_ITEMS, MAX_NUMBER, MAX_SEATS, check_parts
from journalist_app.bundle.errors import DocumentError

Lane = Literal["source", "team"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchItem:
    """
    One item, as the server filed it.

    Args:
        item: Its id, 16 bytes.
        thread: The server's thread id, 16 bytes; empty in the team lane.
        lane: `source` or `team`.
        card: The sequence of the card it was sealed under.
        epoch: The epoch it was sealed for.
        seats: The seats it was sealed to, ascending.
        length: Bytes of header and payload together.
        sha256: Of header and payload together, 32 bytes.
    """

    item: bytes
    thread: bytes
    lane: Lane
    card: int
    epoch: int
    seats: tuple[int, ...]
    length: int
    sha256: bytes

    def written(self) -> dict[str, JSON]:
        """
        The item as it stands in the manifest.
        """
        return {
            "item": self.item.hex(),
            "thread": self.thread.hex(),
            "lane": self.lane,
            "card": self.card,
            "epoch": self.epoch,
            "seats": list(self.seats),
            "length": self.length,
            "sha256": self.sha256.hex(),
        }

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """
        Read one item of the list.

        Raises:
            DocumentError: It is not in the one accepted form.
        """
        lane: Lane = "source" if fields.choice("lane", ("source", "team")) == "source" else "team"
        item = cls(
            item=fields.hex("item", 16),
            # spec T17: a thread in the source lane, none in the team lane.
            thread=fields.hex("thread", 16 if lane == "source" else 0),
            lane=lane,
            card=fields.number("card", 1, MAX_NUMBER),
            epoch=fields.number("epoch", 0, MAX_EPOCH),
            seats=read_seats(fields),
            length=fields.number("length", 1, MAX_ITEM_LENGTH),
            sha256=fields.hex("sha256", 32),
        )
        fields.done()
        return item


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOutbox:
    """
    The newest outbox of a seat that the desk took in: how a vault learns that its outbox arrived.
    """

    seat: int
    sequence: int
    digest: bytes

    def written(self) -> dict[str, JSON]:
        """
        The outbox as it stands in the manifest.
        """
        return {"seat": self.seat, "sequence": self.sequence, "digest": self.digest.hex()}

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """
        Read one outbox of the list.

        Raises:
            DocumentError: It is not in the one accepted form.
        """
        outbox = cls(
            seat=fields.number("seat", 1, MAX_NUMBER),
            sequence=fields.number("sequence", 1, MAX_NUMBER),
            digest=fields.hex("digest", 32),
        )
        fields.done()
        return outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchManifest:
    """
    What the server says in one batch (spec T16).

    Args:
        number: 1, 2, …
        previous: The digest of batch number − 1, or 32 zero bytes.
        day: The server's day when the batch was frozen.
        root: The digest of the installed root.
        card: The installed card, signed, as text.
        sheets: The installed sheets of its seats, signed, as texts, in seat order.
        floor: Nothing is sealed for an epoch below this any more.
        waiting: How many items were left for later batches. Only a batch that leaves none lets seeds be destroyed (spec E6).
        items: In random order.
        acknowledgements: The newest of each seat, signed, as texts, in seat order.
        outboxes: The newest of each seat, in seat order.
        withdrawn: Server ids of threads that their sources have forgotten since the batch before, ascending.
        audit: The head of the desk's audit chain, 32 bytes.
        part: This archive's part, from 1.
        parts: Into how many archives the batch is split.
    """

    number: int
    previous: bytes
    day: dt.date
    root: bytes
    card: str
    sheets: tuple[str, ...]
    floor: int
    items: tuple[BatchItem, ...]
    waiting: int = 0
    acknowledgements: tuple[str, ...] = ()
    outboxes: tuple[TakenOutbox, ...] = ()
    withdrawn: tuple[bytes, ...] = ()
    audit: bytes = bytes(32)
    part: int = 1
    parts: int = 1

    def document(self) -> bytes:
        """
        The exact text to be signed (S3).
        """
        return write_document(
            "batch",
            {
                "number": self.number,
                "part": self.part,
                "parts": self.parts,
                "previous": self.previous.hex(),
                "day": self.day.isoformat(),
                "root": self.root.hex(),
                "card": self.card,
                "sheets": list(self.sheets),
                "floor": self.floor,
                "waiting": self.waiting,
                "items": [item.written() for item in self.items],
                "acknowledgements": list(self.acknowledgements),
                "outboxes": [outbox.written() for outbox in self.outboxes],
                "withdrawn": [thread.hex() for thread in self.withdrawn],
                "audit": self.audit.hex(),
            },
        )

    @classmethod
    def read(cls, contents: Mapping[str, JSON]) -> Self:
        """
        Read what a signed document of kind `batch` says.

        Raises:
            DocumentError: It is not in the one accepted form, or lists an item or a seat twice.
            NewerBundleError: It is one part of several.
        """
        fields = Fields(contents, "manifest", error=DocumentError)
        manifest = cls(
            number=fields.number("number", 1, MAX_NUMBER),
            part=fields.number("part", 1, MAX_NUMBER),
            parts=fields.number("parts", 1, MAX_NUMBER),
            previous=fields.hex("previous", 32),
            day=fields.day("day"),
            root=fields.hex("root", 32),
            card=fields.text("card", MAX_DOCUMENT),
            sheets=read_texts(fields, "sheets"),
            floor=fields.number("floor", 0, MAX_EPOCH + 1),
            waiting=fields.number("waiting", 0, MAX_NUMBER),
            items=tuple(BatchItem.read(item) for item in fields.objects("items", MAX_ITEMS)),
            acknowledgements=read_texts(fields, "acknowledgements"),
            outboxes=tuple(TakenOutbox.read(outbox) for outbox in fields.objects("outboxes", MAX_SEATS)),
            withdrawn=read_ids(fields, "withdrawn", MAX_ITEMS),
            audit=fields.hex("audit", 32),
        )
        fields.done()
        check_parts(manifest.part, manifest.parts)
        # spec T18: a repeated id would let one item stand for two.
        if len({item.item for item in manifest.items}) != len(manifest.items):
            raise DocumentError("the manifest lists an item twice")
        # spec T16: one order, and no seat twice.
        _require_seat_order("outboxes", [outbox.seat for outbox in manifest.outboxes])
        _require_seat_order("sheets", [_seat_of(text, "sheet") for text in manifest.sheets])
        _require_seat_order(
            "acknowledgements", [_seat_of(text, "acknowledgement") for text in manifest.acknowledgements]
        )
        return manifest


def _require_seat_order(name: str, seats: list[int]) -> None:
    if seats != sorted(set(seats)):
        raise DocumentError(f"the manifest's {name} are not in seat order")


def _seat_of(text: str, label: Label) -> int:
    # Whose it says it is; whether that seat signed it is judged by who reads it.
    try:
        contents = SignedDocument.decode(text.encode(), MAX_DOCUMENT).contents(label)
    except FormatError as error:
        raise DocumentError(f"one of the manifest's texts is no {label}: {error}") from None
    return Fields({"seat": contents.get("seat")}, label, error=DocumentError).number("seat", 1, MAX_NUMBER)


def read_seats(fields: Fields) -> tuple[int, ...]:
    """
    The seats an item was sealed to: at least one, ascending.

    Raises:
        DocumentError: It was sealed to nobody, or the list is not in order.
    """
    seats = fields.numbers("seats", MAX_SEATS, 1, MAX_NUMBER)
    if not seats:
        raise DocumentError("an item is sealed to nobody")
    return seats


def read_ids(fields: Fields, key: str, limit: int) -> tuple[bytes, ...]:
    """
    Ids of 16 bytes, ascending.

    Raises:
        DocumentError: One is no id, or they are not in order, or there are more than the limit.
    """
    ids = tuple(Fields({key: value}, "list", error=DocumentError).hex(key, 16) for value in fields.list(key, limit))
    if any(after <= before for before, after in itertools.pairwise(ids)):
        raise DocumentError(f"{key} are not in ascending order")
    return ids


def read_texts(fields: Fields, key: str) -> tuple[str, ...]:
    """
    Signed documents of the seats, as texts.

    Raises:
        DocumentError: One is no text, or is too long, or there are more than seats.
    """
    return tuple(
        Fields({key: value}, "manifest", error=DocumentError).text(key, MAX_DOCUMENT)
        for value in fields.list(key, MAX_SEATS)
    )
