# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What batch and outbox manifests have in common: the clear head, the bounds, the sealing, the parts.

Everything here is bytes in, bytes out. Which keys count is decided in `batch` and `outbox`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crypto import canonical, transfer
from crypto.age import HybridIdentity, HybridRecipient
from crypto.canonical import Fields
from crypto.signing import MAX_MANIFEST, Label, SignedDocument, SigningKey, sign_document
from journalist_app.bundle.errors import ArchiveError, DocumentError, NewerBundleError
from journalist_app.bundle.ustar import Archive

VERSION = 1
# spec T10: the head is a few dozen bytes.
MAX_HEAD = 1_024
# spec T13: a signed manifest; padding (B4), the age header and tags add less than SEALING.
MAX_OUTBOX_MANIFEST = 16 << 20
SEALING = 256 << 10
# spec T14: what one manifest may list.
MAX_ITEMS = 100_000
MAX_RECORDS = 20_000
# What one outbox may order to be deleted, threads and items together: more than anyone reads through in a week.
MAX_DELETIONS = 500
# A seat number, a card's or outbox's sequence, an epoch: all far below this.
MAX_NUMBER = 2**31 - 1
MAX_SEATS = 16
# An item: header and payload. The largest file, its bucket and its chunks' tags.
MAX_ITEM_LENGTH = 8**12 - 1

# Bytes read of the bundle so far, and bytes it has in all.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """
    What anyone may read of a bundle.

    Args:
        kind: `batch` or `outbox`.
        number: A batch's number; None for an outbox, whose seat and sequence are sealed.
        part: Which part of the bundle this archive is, from 1.
        parts: How many there are.
    """

    kind: str
    number: int | None
    part: int = 1
    parts: int = 1

    def encode(self) -> bytes:
        """
        The head's bytes.
        """
        head: dict[str, canonical.JSON] = {
            "kind": self.kind,
            "version": VERSION,
            "part": self.part,
            "parts": self.parts,
        }
        if self.number is not None:
            head["number"] = self.number
        return canonical.encode(head)


def read_head(archive: Archive, kind: str) -> Head:
    """
    Read the first member and check that this is the kind of bundle that is expected.

    Raises:
        ArchiveError: There is no head, or this is no bundle.
        DocumentError: The head is not well formed, or this is the other kind of bundle.
        NewerBundleError: Its version is not 1, or it is a part of several.
    """
    raw = archive.expect("json").read(limit=MAX_HEAD)
    fields = Fields.decode(raw, "head", limit=MAX_HEAD, error=DocumentError)
    if fields.text("kind", 16) != kind:
        raise DocumentError(f"this file is not of kind {kind}")
    check_version(fields.number("version", 1, MAX_NUMBER), f"this {kind}")
    head = Head(
        kind=kind,
        number=fields.number("number", 1, MAX_NUMBER) if kind == "batch" else None,
        part=fields.number("part", 1, MAX_NUMBER),
        parts=fields.number("parts", 1, MAX_NUMBER),
    )
    fields.done()
    check_parts(head.part, head.parts)
    return head


def check_version(version: int, what: str) -> None:
    """
    Refuse what a newer version wrote, by name.

    Raises:
        NewerBundleError: The version is not 1.
    """
    if version != VERSION:
        raise NewerBundleError(f"{what} has version {version}; this program reads version {VERSION}")


def check_parts(part: int, parts: int) -> None:
    """
    The format numbers parts; this version takes whole bundles only (spec T11).

    Raises:
        DocumentError: The part is beyond the last.
        NewerBundleError: The bundle has more than one part.
    """
    if part > parts:
        raise DocumentError(f"part {part} of {parts}")
    if parts != 1:
        raise NewerBundleError(f"this is part {part} of {parts}; this program reads bundles in one part")


def seal_manifest(label: Label, document: bytes, signing: SigningKey, recipients: Sequence[HybridRecipient]) -> bytes:
    """
    Sign a manifest and seal it, as member 1 (spec T12).

    Raises:
        DocumentError: It is longer than a manifest may be.
    """
    signed = sign_document(label, document, [signing])
    limit = MAX_MANIFEST if label == "batch" else MAX_OUTBOX_MANIFEST
    if len(signed.encode()) > limit:
        raise DocumentError(f"the manifest has more than {limit} bytes: make the {label} smaller")
    return transfer.seal_document(signed, recipients)


def read_manifest(archive: Archive, identity: HybridIdentity, limit: int) -> SignedDocument:
    """
    Read the second member and open it. Nothing about its signature is checked here.

    Args:
        archive: Standing before it.
        identity: One of those it was sealed to.
        limit: The most bytes the signed document may have.

    Raises:
        ArchiveError: It is missing or too long.
        NoMatchError: It was sealed to others.
        EnvelopeError, TamperedError, FormatError: It was altered, or is no signed document.
    """
    raw = archive.expect("age").read(limit=limit + SEALING)
    return transfer.open_document(raw, identity, limit)


def expect_end(archive: Archive) -> None:
    """
    The archive must end here.

    Raises:
        ArchiveError: Another member follows, or the ending is not as it must be.
    """
    member = archive.next()
    if member is not None:
        raise ArchiveError(f"{member.name} is not in the manifest")
