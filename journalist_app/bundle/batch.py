# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Batches: what the server hands to every vault, numbered, signed, the same bytes for all seats.

The desk builds a `BatchManifest`, seals it and packs it with the items' bytes. The vault opens a batch with its bundle
identity and its root, places it in the run (`BatchReader.standing`), and walks over the items; an item that is not what
the manifest says is named and skipped, the others are good. What the items hold is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from cryptography.hazmat.primitives import hashes

from crypto.age import HybridIdentity, HybridRecipient
from crypto.card import Card
from crypto.root import Root
from crypto.sheet import Sheet
from crypto.signing import MAX_MANIFEST, SigningKey
from journalist_app.bundle import chain
from journalist_app.bundle.documents import Head, Progress, expect_end, read_head, read_manifest, seal_manifest
from journalist_app.bundle.errors import DocumentError, ForeignError, ItemError
from journalist_app.bundle.manifest import BatchItem, BatchManifest
from journalist_app.bundle.ustar import Archive, Member, Piece, Source, pack, packed_size, piece


def seal_batch(manifest: BatchManifest, signing: SigningKey, recipients: Sequence[HybridRecipient]) -> bytes:
    """
    Sign a batch's manifest with the server's key and seal it to the bundle recipients of all seats of the card.

    Returns:
        Member 1 of the batch: to be stored, so that every seat gets the same bytes (spec T20); sealing again gives others.
    """
    return seal_manifest("batch", manifest.document(), signing, recipients)


def batch_size(number: int, sealed_manifest: int, lengths: Iterable[int]) -> int:
    """
    How long the archive is, for a progress bar or a Content-Length, from the lengths of its members.
    """
    return packed_size([len(Head(kind="batch", number=number).encode()), sealed_manifest, *lengths])


def pack_batch(
    number: int, sealed_manifest: bytes, items: Iterable[tuple[int, Iterable[bytes | memoryview]]]
) -> Iterator[bytes | memoryview]:
    """
    Write a batch as a stream; item k is member 2 + k (spec T19).

    Args:
        number: The batch's number.
        sealed_manifest: What `seal_batch` returned.
        items: For each item in the manifest's order, its length and its bytes (header then payload); 0 and nothing for
            one that was erased since the batch was frozen (spec T21).

    Raises:
        ArchiveError: An item gave another number of bytes than announced.
    """
    head = [piece("json", Head(kind="batch", number=number).encode()), piece("age", sealed_manifest)]
    return pack(_chained(head, items))


def _chained(head: list[Piece], items: Iterable[tuple[int, Iterable[bytes | memoryview]]]) -> Iterator[Piece]:
    yield from head
    for length, chunks in items:
        yield Piece("age", length, chunks)


class Arrival:
    """
    One item as it comes out of a batch.

    Read it with `chunks` (any size) or `read` (small ones), once. If that raises ItemError, drop what was read and go
    on with the next arrival. An arrival that is not read is skipped, and then nothing is known about its bytes.
    """

    def __init__(self, place: BatchItem, index: int, member: Member, report: Callable[[], None]) -> None:
        self.place = place
        self.index = index
        self._member = member
        self._report = report

    @property
    def erased(self) -> bool:
        """
        Whether the item comes without its bytes (spec T21). Whoever carried the batch may have emptied it: only a later
        manifest or entry says that it was erased.
        """
        return self._member.size == 0

    def chunks(self, *, hashed: bool = True) -> Iterator[bytes]:
        """
        The item's bytes, header then payload, at most a MiB at a time.

        Args:
            hashed: Compare them with the manifest's digest. A vault that authenticates them under the item's own key leaves
                it out, and compares only what it refused: hashing costs more than opening.

        Raises:
            ItemError: Before the first byte: the length is not the manifest's. After the last: the digest is not.
            TruncatedError: The batch ends inside the item.
        """
        if self.erased:
            raise ItemError(f"item {self.place.item.hex()}: not in this copy of the batch, erased since or taken out")
        if self._member.size != self.place.length:
            raise ItemError(f"item {self.place.item.hex()}: {self._member.size} bytes, not {self.place.length}")
        digest = hashes.Hash(hashes.SHA256())
        for chunk in self._member.chunks():
            if hashed:
                digest.update(chunk)
            yield chunk
            self._report()
        if hashed and digest.finalize() != self.place.sha256:
            raise ItemError(f"item {self.place.item.hex()}: the bytes are not those the server signed")

    def read(self, *, limit: int) -> bytes:
        """
        The whole item.

        Args:
            limit: The most bytes it may have.

        Raises:
            ItemError: As in `chunks`, or it is longer than the limit.
            TruncatedError: The batch ends inside the item.
        """
        if self._member.size > limit:
            raise ItemError(f"item {self.place.item.hex()}: {self._member.size} bytes, allowed are {limit}")
        return b"".join(self.chunks())


class BatchReader:
    """
    An opened batch. Made by `open_batch`, which has checked everything but its place in the run.

    Attributes:
        manifest: What the server says.
        digest: Of the manifest document (spec T15): what an acknowledgement names.
        card: The card the server had installed, valid under the root. May be older or newer than the vault's.
        sheets: The sheets it had installed, each valid under that card.
    """

    def __init__(
        self,
        archive: Archive,
        manifest: BatchManifest,
        digest: bytes,
        trust: tuple[Card, tuple[Sheet, ...]],
        progress: Progress | None,
    ) -> None:
        self.manifest = manifest
        self.digest = digest
        self.card, self.sheets = trust
        self._archive = archive
        self._progress = progress
        self._size = packed_size((item.length for item in manifest.items), before=archive.position)

    def standing(self, last: int, taken: Callable[[int], bytes | None]) -> chain.Standing:
        """
        Place the batch in the run. See `chain.standing`.

        Raises:
            GapError: A batch before this one was withheld or not yet imported.
            ConflictError: A batch of this number was imported with another digest, or the run forked.
        """
        manifest = self.manifest
        return chain.standing(
            "batch",
            number=manifest.number,
            digest=self.digest,
            previous=manifest.previous,
            last=last,
            taken=taken,
        )

    def items(self, start: int = 0) -> Iterator[Arrival]:
        """
        Walk over the items in the manifest's order, once, from any of them on (spec T22).

        Args:
            start: How many items to pass over, because an import that was interrupted has them already.

        Raises:
            TruncatedError: The file ends too early. What was yielded and read before stands.
            ArchiveError: The framing does not hold from here on, or something follows after the last item.
        """
        for index, place in enumerate(self.manifest.items):
            member = self._archive.expect("age")
            if index >= start:
                yield Arrival(place, index, member, self._report)
            self._report()
        expect_end(self._archive)
        self._report()

    def _report(self) -> None:
        if self._progress is not None:
            self._progress(self._archive.position, self._size)


def open_batch(
    source: Source, identity: HybridIdentity, root: Root, *, progress: Progress | None = None
) -> BatchReader:
    """
    Read a batch up to its first item and check who made it. No byte of an item is read.

    Args:
        source: The archive, at its start. Seekable if items are to be passed over quickly.
        identity: The seat's bundle identity.
        root: The organisation's root, as this vault holds it.
        progress: Called now and then with bytes read and bytes in all; the last time they are equal.

    Raises:
        ArchiveError, TruncatedError, DocumentError, NewerBundleError: It is not a batch this program reads.
        ForeignError: It was made under another root.
        NoMatchError: It was sealed to other seats.
        SignatureError: The card, a sheet or the manifest is not signed by whom it must be.
        CryptoError: The manifest was altered.
    """
    archive = Archive(source)
    head = read_head(archive, "batch")
    signed = read_manifest(archive, identity, MAX_MANIFEST)
    manifest = BatchManifest.read(signed.contents("batch"))
    if manifest.number != head.number:
        raise DocumentError(f"the head says batch {head.number}, the manifest {manifest.number}")
    # spec T23: the root first, so that a batch of another organisation is named as one.
    if manifest.root != root.digest:
        raise ForeignError(f"batch {manifest.number} was made under another root")
    card = Card.decode(manifest.card.encode(), root)
    signed.require("batch", [card.server_signing], 1)
    sheets = tuple(Sheet.decode(text.encode(), root, card) for text in manifest.sheets)
    return BatchReader(archive, manifest, signed.digest, (card, sheets), progress)


__all__ = [
    "Arrival",
    "BatchItem",
    "BatchManifest",
    "BatchReader",
    "batch_size",
    "open_batch",
    "pack_batch",
    "seal_batch",
]
