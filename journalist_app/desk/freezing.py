# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Making the next batch: what waits is hashed, listed in random order, signed, sealed and frozen under its number.

The sealed manifest is stored, so that every seat gets the same bytes for ever. A freeze that is interrupted has frozen
nothing; one that another overtook is refused by the store and begun again by whoever pressed the button.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes

from journalist_app.bundle.batch import batch_size, pack_batch, seal_batch
from journalist_app.bundle.chain import NOTHING
from journalist_app.bundle.manifest import BatchItem, BatchManifest, TakenOutbox
from journalist_app.desk.acknowledged import acknowledged
from journalist_app.desk.keys import ServerKeys
from journalist_app.desk.organisation import Known
from store import audit, batches, erase, returns, seats
from store.engine import Store
from store.errors import ConflictError

# One manifest stays far below its limit of 64 MiB.
MOST_ITEMS = 20_000
# Digests are kept this often while a long batch is hashed, so that an interrupted one goes on where it stopped.
KEEP_EVERY = 500


def freeze(
    store: Store, keys: ServerKeys, known: Known, *, number: int, budget: int, by: str, day: dt.date
) -> batches.BatchSummary:
    """
    Freeze what waits as the batch of this number.

    Args:
        store: The store.
        keys: The server's keys.
        known: What is installed.
        number: The next number, as the page said it. A batch that exists already under it is returned as it is: a form
            sent twice makes one batch.
        budget: Bytes of items.
        by: Who takes it out.
        day: The server's day.

    Raises:
        ConflictError: It is not the next number, or something waiting was erased or installed meanwhile.
        DamagedError: A file or an acknowledgement is not what was stored.
        FullError: The disk takes no more.
    """
    newest = batches.newest(store, limit=1)
    last = newest[0].number if newest else 0
    if number == last:
        return newest[0]
    if number != last + 1:
        raise ConflictError(f"the next batch is {last + 1}, not {number}: load the page again")
    items = _hashed(store, batches.pending(store, budget=budget, most=MOST_ITEMS))
    # spec T18: the order would otherwise tell sizes and days.
    secrets.SystemRandom().shuffle(items)
    withdrawn = tuple(sorted(one.thread for one in erase.withdrawn(store)))
    untold = returns.untold_outboxes(store)
    manifest = _manifest(store, known, items, withdrawn, number, newest[0].digest if newest else NOTHING, day)
    sealed = seal_batch(manifest, keys.signing, [seat.recipient for seat in known.card.seats])
    digest = hashlib.sha256(manifest.document()).digest()
    with store.write():
        # Hashing takes a while. What was installed meanwhile would not be in this batch, nor a removed seat out of it.
        if seats.version(store) != known.version:
            raise ConflictError("a card, a sheet or a floor changed at this moment: load the page again")
        batches.record(
            store,
            number=number,
            digest=digest,
            manifest=sealed,
            items=[item.item for item in items],
            day=day,
            withdrawn=withdrawn,
            outboxes=[(one.seat, one.sequence) for one in untold],
        )
        audit.append(store, f"{by}: took out batch {number}, {len(items)} items, digest {digest.hex()}", day=day)
    return batches.BatchSummary(number, digest, day, len(items))


def _hashed(store: Store, waiting: Iterable[batches.BatchItem]) -> list[BatchItem]:
    found: list[BatchItem] = []
    fresh: list[tuple[bytes, bytes]] = []
    for one in waiting:
        sha256 = one.sha256
        if sha256 is None:
            digest = hashes.Hash(hashes.SHA256())
            for piece in batches.read(store, one.id):
                digest.update(piece)
            sha256 = digest.finalize()
            fresh.append((one.id, sha256))
        if len(fresh) >= KEEP_EVERY:
            batches.record_digest(store, fresh)
            fresh = []
        found.append(
            BatchItem(
                item=one.id,
                thread=one.thread or b"",
                lane=one.lane,
                card=one.card_sequence,
                epoch=one.epoch,
                seats=one.seats,
                length=one.length,
                sha256=sha256,
            )
        )
    if fresh:
        batches.record_digest(store, fresh)
    return found


def _manifest(
    store: Store,
    known: Known,
    items: list[BatchItem],
    withdrawn: tuple[bytes, ...],
    number: int,
    previous: bytes,
    day: dt.date,
) -> BatchManifest:
    numbers = [seat.number for seat in known.card.seats]
    last = {number: returns.last_outbox(store, number) for number in numbers}
    return BatchManifest(
        waiting=max(0, batches.waiting(store) - len(items)),
        number=number,
        previous=previous,
        day=day,
        root=known.root.digest,
        card=known.card.signed.encode().decode(),
        sheets=tuple(sheet.signed.encode().decode() for _, sheet in sorted(known.sheets.items())),
        floor=known.floor,
        items=tuple(items),
        acknowledgements=tuple(one.signed for one in acknowledged(store, known.card).values()),
        outboxes=tuple(
            TakenOutbox(seat=one.seat, sequence=one.sequence, digest=one.digest)
            for one in last.values()
            if one is not None
        ),
        withdrawn=withdrawn,
        audit=audit.head(store),
    )


@dataclass(frozen=True, slots=True)
class Parcel:
    """
    A frozen batch, ready to be sent.

    Args:
        batch: As the store has it.
        items: For each place of the manifest, the item's id and length; None and 0 where it was erased since.
        size: Bytes of the archive.
    """

    batch: batches.Batch
    items: tuple[tuple[bytes | None, int], ...]
    size: int

    def chunks(self, store: Store) -> Iterator[bytes | memoryview]:
        """
        The archive, in constant memory.

        Raises:
            MissingError: An item was erased while it was being sent; sending it again gives an archive without it.
        """
        contents = ((length, () if item is None else batches.read(store, item)) for item, length in self.items)
        return pack_batch(self.batch.number, self.batch.manifest, contents)


def parcel(store: Store, number: int) -> Parcel:
    """
    Look up what is still here of a batch.

    Raises:
        MissingError: There is no batch of that number.
    """
    batch = batches.get(store, number)
    lengths = {item.id: item.length for item in batch.items}
    places = {item.place: item.id for item in batch.items}
    # spec T21: what was erased leaves an empty member, so that the places of the others hold.
    items = tuple((places.get(at), lengths.get(places.get(at, b""), 0)) for at in range(batch.count))
    return Parcel(batch, items, batch_size(number, len(batch.manifest), [length for _, length in items]))
