# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Outboxes: what one seat sends to the server and, through it, to the other seats.

The vault gives `seal_outbox` its records with their age files; the desk opens the archive with the server's transfer
identity. An outbox is all or nothing: the first thing wrong refuses it whole. Applying the records is the desk's work.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from crypto.age import HybridIdentity, HybridRecipient
from crypto.card import Card
from crypto.signing import SigningKey
from journalist_app.bundle import chain
from journalist_app.bundle.documents import (
    MAX_OUTBOX_MANIFEST,
    Head,
    expect_end,
    read_head,
    read_manifest,
    seal_manifest,
)
from journalist_app.bundle.errors import DocumentError, ForeignError, ItemError
from journalist_app.bundle.outbox_manifest import OutboxManifest, check_deletions
from journalist_app.bundle.records import MAX_FILE, Carried, Filed, record_key
from journalist_app.bundle.ustar import Archive, Piece, Source, pack, packed_size, piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbox:
    """
    A sealed outbox, ready to be written to a stick. Keep it: sealing again gives other bytes, though the same digest.

    Args:
        manifest: What it says; `records` sorted.
        digest: Of the manifest document (spec T15): shown on both machines.
        sealed: The sealed manifest.
        files: The age files of the replies and entries, in the manifest's order.
    """

    manifest: OutboxManifest
    digest: bytes
    sealed: bytes
    files: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """
        How long the archive is.
        """
        return packed_size(member.size for member in self._pieces())

    def chunks(self) -> Iterator[bytes | memoryview]:
        """
        The archive.
        """
        return pack(self._pieces())

    def _pieces(self) -> list[Piece]:
        head = piece("json", Head(kind="outbox", number=None).encode())
        return [head, piece("age", self.sealed), *(piece("age", file) for file in self.files)]


def seal_outbox(
    *,
    seat: int,
    sequence: int,
    previous: bytes,
    root: bytes,
    card: bytes,
    carried: Sequence[Carried],
    signing: SigningKey,
    transfer: HybridRecipient,
) -> Outbox:
    """
    Sort the records, sign the manifest with the seat's key and seal it to the server.

    Args:
        seat: The seat that writes.
        sequence: Its outbox's number, from 1.
        previous: The digest of its outbox sequence − 1, or `chain.NOTHING`.
        root: The digest of the root.
        card: The digest of the card the vault has installed.
        carried: Records, those of kinds reply and entry with their age file.
        signing: The seat's key.
        transfer: The server's transfer recipient, from the card.

    Raises:
        DocumentError: The records say what no desk would accept, or a file is missing or not the one its record names.
    """
    ordered = sorted(carried, key=lambda one: record_key(one.record))
    for one in ordered:
        _check_carried(one)
    check_deletions([one.record for one in ordered])
    manifest = OutboxManifest(
        seat=seat,
        sequence=sequence,
        previous=previous,
        root=root,
        card=card,
        records=tuple(one.record for one in ordered),
    )
    document = manifest.document()
    sealed = seal_manifest("outbox", document, signing, [transfer])
    files = tuple(one.file for one in ordered if one.file is not None)
    return Outbox(manifest=manifest, digest=hashlib.sha256(document).digest(), sealed=sealed, files=files)


def _check_carried(carried: Carried) -> None:
    record, file = carried.record, carried.file
    if not isinstance(record, Filed):
        if file is not None:
            raise DocumentError(f"a {type(record).__name__} brings no file")
    elif file is None or len(file) != record.length or hashlib.sha256(file).digest() != record.sha256:
        raise DocumentError(f"the file of item {record.item.hex()} is not the one its record names")


class OutboxReader:
    """
    An opened outbox. Made by `open_outbox`, which has checked everything but its place in the run and its files.

    Attributes:
        manifest: What the seat says.
        digest: Of the manifest document (S4).
    """

    def __init__(self, archive: Archive, manifest: OutboxManifest, digest: bytes) -> None:
        self.manifest = manifest
        self.digest = digest
        self._archive = archive

    def standing(self, last: int, taken: Callable[[int], bytes | None]) -> chain.Standing:
        """
        Place the outbox in its seat's run. See `chain.standing`.

        Raises:
            GapError: An outbox before this one is missing.
            ConflictError: One of this number was taken with another digest, or the run forked.
        """
        manifest = self.manifest
        return chain.standing(
            f"outbox of seat {manifest.seat}",
            number=manifest.sequence,
            digest=self.digest,
            previous=manifest.previous,
            last=last,
            taken=taken,
        )

    def files(self) -> Iterator[tuple[Filed, bytes]]:
        """
        The age files in the manifest's order; each is checked before it is yielded, the ending after the last.

        Raises:
            ItemError: A file is not what the manifest says.
            ArchiveError, TruncatedError: The framing does not hold.
        """
        for record in self.manifest.filed:
            member = self._archive.expect("age")
            if member.size != record.length:
                raise ItemError(f"item {record.item.hex()}: {member.size} bytes, not {record.length}")
            file = member.read(limit=MAX_FILE)
            if hashlib.sha256(file).digest() != record.sha256:
                raise ItemError(f"item {record.item.hex()}: the bytes are not those the seat signed")
            yield record, file
        expect_end(self._archive)


def open_outbox(source: Source, identity: HybridIdentity, root: bytes, card: Card) -> OutboxReader:
    """
    Read an outbox up to its first file and check who made it.

    Args:
        source: The archive, at its start.
        identity: The server's transfer identity.
        root: The digest of the installed root.
        card: The installed card.

    Raises:
        ForeignError: Another root, a seat that is not on the card, or another card than the installed one.
        SignatureError: Not signed by the seat's key.
        NoMatchError: Sealed to another server.
        ArchiveError, TruncatedError, DocumentError, NewerBundleError, CryptoError: As for batches.
    """
    archive = Archive(source)
    read_head(archive, "outbox")
    signed = read_manifest(archive, identity, MAX_OUTBOX_MANIFEST)
    contents = signed.contents("outbox")
    manifest = OutboxManifest.read(contents)
    # spec T29: whose it claims to be, then whether that seat signed it, then what it was written under.
    if manifest.root != root:
        raise ForeignError("this outbox was written under another root")
    keys = [seat.signing for seat in card.seats if seat.number == manifest.seat]
    if not keys:
        raise ForeignError(f"seat {manifest.seat} is not on card {card.sequence}")
    signed.require("outbox", keys, 1)
    if manifest.card != card.digest:
        raise ForeignError(
            f"outbox {manifest.sequence} of seat {manifest.seat} was written under another card than card "
            f"{card.sequence}, which is installed: import the newest batch and write it again"
        )
    return OutboxReader(archive, manifest, signed.digest)
