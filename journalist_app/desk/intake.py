# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Taking in an outbox: checked whole first, then done whole, in one transaction.

The upload goes through the strict reader into an unnamed temporary file in the store's folder (ciphertext, gone with the
process): signature, sequence and every file's digest are checked on the way. Only then is it read again and applied: the
outbox's number, sheet, closed epochs, acknowledgement, replies, entries, deletions and the audit line are committed
together or not at all. A power cut before the commit leaves nothing; after it, a repeat has no effect.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO

from crypto import epochs
from crypto.age import Header
from crypto.card import Card
from crypto.sheet import Sheet
from journalist_app.bundle.chain import Standing
from journalist_app.bundle.errors import ForeignError
from journalist_app.bundle.outbox import OutboxReader, open_outbox
from journalist_app.bundle.outbox_manifest import OutboxManifest, read_acknowledgement
from journalist_app.bundle.records import (
    AcknowledgementRecord,
    ClosedRecord,
    DeletionRecord,
    EntryRecord,
    ReplyRecord,
    SheetRecord,
)
from journalist_app.bundle.ustar import Source
from journalist_app.desk.errors import UploadError
from journalist_app.desk.installing import install_sheet
from journalist_app.desk.keys import ServerKeys
from journalist_app.desk.organisation import Known, Organisation
from store import audit, deletions, items, replies, returns, seats, threads
from store.engine import Store
from store.errors import MissingError, StaleError


@dataclass(slots=True)
class Taken:
    """
    What an outbox did, for the page and the audit log.

    Args:
        seat: Whose it was.
        sequence: Its number.
        digest: Its digest, to be compared with the vault's screen.
        records: How many records it has, likewise.
        repeat: It had been taken in before; nothing was done.
        replies: Published.
        held: Kept back, because their authors had not seen the newest items.
        gone: Replies to threads that are not there any more.
        entries: Filed for all seats.
        deletions: Put in view.
        passed: Deletions that were not: of what is gone, ordered before, or more than one seat may have waiting.
        notes: What else happened, in words.
    """

    seat: int
    sequence: int
    digest: bytes
    records: int
    repeat: bool = False
    replies: int = 0
    held: int = 0
    gone: int = 0
    entries: int = 0
    deletions: int = 0
    passed: int = 0
    notes: list[str] = field(default_factory=list)


class _Copying:
    """
    A source that keeps what was read of another, and refuses to grow past a limit.
    """

    def __init__(self, source: Source, copy: IO[bytes], limit: int) -> None:
        self._source = source
        self._copy = copy
        self._left = limit

    def read(self, size: int, /) -> bytes:
        """
        Up to so many bytes, kept.
        """
        piece = self._source.read(size)
        self._left -= len(piece)
        if self._left < 0:
            raise UploadError("the outbox is longer than this desk takes")
        self._copy.write(piece)
        return piece


class Intake:
    """
    Takes in outboxes.

    Args:
        store: The store.
        keys: The server's keys.
        organisation: What is installed.
        limit: The most bytes an outbox may have.
        today: The server's day.
    """

    def __init__(
        self, store: Store, keys: ServerKeys, organisation: Organisation, *, limit: int, today: Callable[[], dt.date]
    ) -> None:
        self._store = store
        self._keys = keys
        self._organisation = organisation
        self._limit = limit
        self._today = today

    def take(self, source: Source, *, by: str) -> Taken:
        """
        Take in one outbox.

        Args:
            source: The archive, as it arrives.
            by: Who brings it.

        Raises:
            BundleError, CryptoError: It is refused; nothing of it was done.
            StoreError: As above; among them an entry below the floor (`EpochBelowFloorError`), an outbox of the same
                number and another digest (`ConflictError`), an outbox before it that is missing (`GapError`).
        """
        known = self._organisation.known()
        with tempfile.TemporaryFile(dir=self._store.folder / "incoming") as copy:
            reader = self._open(_Copying(source, copy, self._limit), known)
            repeat = self._place(reader) is Standing.REPEAT
            for _ in reader.files():
                pass
            if repeat:
                manifest = reader.manifest
                return Taken(manifest.seat, manifest.sequence, reader.digest, len(manifest.records), repeat=True)
            copy.seek(0)
            return self._apply(self._open(copy, known), known, by)

    def _open(self, source: Source, known: Known) -> OutboxReader:
        return open_outbox(source, self._keys.transfer, known.root.digest, known.card)

    def _place(self, reader: OutboxReader) -> Standing:
        manifest = reader.manifest
        last = returns.last_outbox(self._store, manifest.seat)
        if last is not None and manifest.sequence < last.sequence:
            # The store alone remembers older digests: it says whether this is the same one.
            returns.record_outbox(self._store, seat=manifest.seat, sequence=manifest.sequence, digest=reader.digest)
            return Standing.REPEAT
        taken = {} if last is None else {last.sequence: last.digest}
        return reader.standing(max(taken, default=0), taken.get)

    def _apply(self, reader: OutboxReader, known: Known, by: str) -> Taken:
        manifest = reader.manifest
        taken = Taken(manifest.seat, manifest.sequence, reader.digest, len(manifest.records))
        with self._store.write():
            # What was verified outside the gate must still hold inside it.
            if self._organisation.known().card.digest != known.card.digest:
                raise ForeignError("another card was installed at this moment: take the outbox in again")
            # First, so that of two people who bring the same outbox at once one is told it is a repeat.
            if not returns.record_outbox(
                self._store, seat=manifest.seat, sequence=manifest.sequence, digest=reader.digest
            ):
                taken.repeat = True
                return taken
            self._apply_documents(manifest, known, taken)
            for record, file in reader.files():
                if isinstance(record, ReplyRecord):
                    self._publish(record, file, taken)
                else:
                    self._file(record, file, known.card, taken)
            act = f"{by}: took in outbox {taken.sequence} of seat {taken.seat}, digest {taken.digest.hex()}"
            audit.append(self._store, act, day=self._today())
        return taken

    def _apply_documents(self, manifest: OutboxManifest, known: Known, taken: Taken) -> None:
        for record in manifest.records:
            match record:
                case SheetRecord(signed=signed):
                    self._sheet(signed.encode(), known, manifest.seat, taken)
                case ClosedRecord(through=through):
                    # spec E5: before the entries, so that nothing below the new floor is committed with it.
                    floor = seats.organisation(self._store).floor
                    raised = epochs.raise_floor(floor, through, self._today(), known.root.first_day)
                    taken.notes.append(f"the floor is now epoch {seats.raise_floor(self._store, raised)}")
                case AcknowledgementRecord(signed=signed):
                    self._acknowledge(signed, known.card, manifest.seat, taken)
                case DeletionRecord():
                    self._queue(record, manifest.seat, taken)
                case _:
                    continue

    def _sheet(self, raw: bytes, known: Known, seat: int, taken: Taken) -> None:
        sheet = Sheet.decode(raw, known.root, known.card)
        if sheet.seat != seat:
            raise ForeignError(f"seat {seat} carries a sheet of seat {sheet.seat}")
        try:
            taken.notes.append(install_sheet(self._store, raw))
        except StaleError as error:
            # A newer one was installed by hand meanwhile. The outbox was right when it was written.
            taken.notes.append(f"its sheet was passed over: {error}")

    def _acknowledge(self, signed: str, card: Card, seat: int, taken: Taken) -> None:
        found = read_acknowledgement(signed, seat=seat, key=card.seat(seat).signing)
        returns.record_acknowledgement(
            self._store, seat=seat, batch=found.batch, digest=found.digest, signed=signed.encode(), day=self._today()
        )
        taken.notes.append(f"batch {found.batch} acknowledged")

    def _queue(self, record: DeletionRecord, seat: int, taken: Taken) -> None:
        orders: tuple[tuple[deletions.Kind, tuple[bytes, ...]], ...] = (
            ("thread", record.threads),
            ("item", record.items),
        )
        for kind, targets in orders:
            queued = deletions.queue_deletion(self._store, seat=seat, kind=kind, targets=targets, day=self._today())
            taken.deletions += len(queued)
            taken.passed += len(targets) - len(queued)

    def _publish(self, record: ReplyRecord, file: bytes, taken: Taken) -> None:
        header, payload = Header.split(file)
        try:
            thread = threads.get(self._store, record.thread)
        except MissingError:
            # Its source forgot it, or its time came, while the answer travelled.
            taken.gone += 1
            return
        held = thread.items > record.sees
        reply = replies.NewReply(
            id=record.item,
            header=header.raw,
            payload=bytes(payload),
            expires=self._today() + dt.timedelta(days=record.expires_days),
            held=held,
        )
        replies.publish(self._store, record.thread, reply)
        if held:
            taken.held += 1
        else:
            taken.replies += 1

    def _file(self, record: EntryRecord, file: bytes, card: Card, taken: Taken) -> None:
        if record.card != card.sequence:
            raise ForeignError(f"an entry was sealed under card {record.card}, installed is card {card.sequence}")
        card.require_seats(record.seats)
        header, payload = Header.split(file)
        item = items.NewItem(
            id=record.item,
            lane="team",
            epoch=record.epoch,
            card_sequence=record.card,
            seats=record.seats,
            header=header.raw,
            payload=bytes(payload),
            length=len(payload),
        )
        items.deposit(self._store, locator=None, generation=0, items=[item], day=self._today())
        taken.entries += 1
