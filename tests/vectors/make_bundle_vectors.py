# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Makes tests/vectors/bundle: batches and outboxes, and above all those that must be refused.

Run from the checkout: `python -m tests.vectors.make_bundle_vectors`. Sealing is random, so a run replaces the whole folder with
new keys. `organisation.json` holds what a reader needs (all keys are throwaway); each other file is one scenario:

    comment   what was done to it
    expect    `next`, `repeat`, `bad items`, or the class of the error
    message   a part of what the error says, or the indices of the bad items
    base      the archive it is made from: a file NAME.tar.gz
    splices   [offset, bytes removed, hex inserted], applied from the last to the first
    taken     {number: digest} of what the reader took before
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

from crypto.padding import to_step
from crypto.signing import SignedDocument, SigningKey, write_document
from crypto.transfer import seal_document
from journalist_app.bundle.batch import BatchItem, BatchManifest, pack_batch, seal_batch
from journalist_app.bundle.chain import NOTHING
from journalist_app.bundle.ustar import member_header
from tests.journalist_app.bundle.organisation import Organisation, item
from tests.vectors.outbox_scenarios import outbox_scenarios
from tests.vectors.scenarios import Vectors

FOLDER = Path(__file__).parent / "bundle"

Items = list[tuple[BatchItem, bytes]]


def header_with(index: int, size: int, at: int, value: bytes) -> bytes:
    """A header with one other field and a right checksum."""
    block = bytearray(member_header(index, "age", size))
    block[at : at + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = f"{sum(block):06o}\0 ".encode()
    return bytes(block)


def archive_scenarios(vectors: Vectors, base: str, items: Items) -> None:
    """What breaks the framing."""
    raw = vectors.bases[base]
    size = items[0][0].length
    first = raw.index(items[0][1])
    header = first - 512
    second = raw.index(items[1][1])
    third = raw.index(items[2][1])
    end = raw.index(items[-1][1]) + items[-1][0].length
    block = raw[second - 512 : third - 512]

    def refuse(name: str, comment: str, error: str, message: str, *splices: tuple[int, int, bytes]) -> None:
        vectors.scenario(f"archive-{name}", base, comment, error, message, splices=list(splices))

    fields = {
        "mode": (100, b"0000644\0"),
        "owner": (108, b"0001750\0"),
        "size-base-256": (124, b"\x80" + bytes(9) + size.to_bytes(2)),
        "size-with-end-mark": (124, f"{size:011o}".encode() + b"\0"),
        "mtime": (136, b"14000000000\0"),
        "link": (156, b"2"),
        "pax": (156, b"x"),
        "old-magic": (257, b"ustar  \0"),
        "owner-name": (265, b"root"),
        "prefix": (345, b".."),
        "path": (0, b"../00000.age"),
        "name-out-of-order": (0, b"00000003.age"),
        "extension": (0, b"00000002.exe"),
    }
    for name, (at, value) in fields.items():
        changed = header_with(2, size, at, value)
        refuse(f"header-{name}", f"header field changed: {name}", "ArchiveError", "member 2", (header, 512, changed))
    refuse("checksum", "a digit of the checksum changed", "ArchiveError", "member 2", (header + 150, 1, b"9"))
    refuse("padding", "one byte of a member's padding is not zero", "ArchiveError", "padding", (first + size, 1, b"\1"))
    refuse("ending-not-zero", "a byte in the ending", "ArchiveError", "zeros", (len(raw) - 1, 1, b"\1"))
    refuse(
        "ending-short", "one step too short", "TruncatedError", "ends after", (end + 1_024, len(raw) - end - 1_024, b"")
    )
    refuse("trailing-zero", "one zero more", "ArchiveError", "after the end", (len(raw), 0, b"\0"))
    refuse("trailing-archive", "an archive after it", "ArchiveError", "after the end", (len(raw), 0, raw[:1_024]))
    refuse("cut-in-header", "cut inside a header", "TruncatedError", "ends after", (header + 99, len(raw), b""))
    refuse("cut-in-item", "cut inside an item", "TruncatedError", "00000002.age", (first + 9, len(raw), b""))
    refuse("cut-before-ending", "cut after the last item", "TruncatedError", "ends after", (end, len(raw), b""))
    refuse("empty", "no bytes at all", "TruncatedError", "0 bytes", (0, len(raw), b""))
    refuse("withheld-member", "one member taken out", "ArchiveError", "member 3", (second - 512, len(block), b""))
    refuse("doubled-member", "one member twice", "ArchiveError", "member 4", (second - 512, 0, block))
    refuse(
        "head-other-version",
        "the head says version 2",
        "NewerBundleError",
        "version 2",
        *splice(raw, b'"version":1', b'"version":2'),
    )
    refuse(
        "head-not-canonical",
        "the head's keys in another order",
        "DocumentError",
        "canonical",
        *splice(raw, b'"part":1,"parts":1', b'"parts":1,"part":1'),
    )
    refuse(
        "head-second-part",
        "the head says part 1 of 3",
        "NewerBundleError",
        "part 1 of 3",
        *splice(raw, b'"parts":1', b'"parts":3'),
    )
    refuse(
        "head-other-number",
        "the head says batch 9",
        "DocumentError",
        "batch 9",
        *splice(raw, b'"number":1', b'"number":9'),
    )


def splice(raw: bytes, old: bytes, new: bytes) -> list[tuple[int, int, bytes]]:
    """A change of the first place where these bytes stand."""
    return [(raw.index(old), len(old), new)]


def item_scenarios(vectors: Vectors, base: str, items: Items) -> None:
    """What spoils items and leaves the framing whole."""
    raw = vectors.bases[base]
    spots = [raw.index(content) for _, content in items]
    flipped = bytes([items[1][1][5] ^ 1])
    vectors.scenario("item-tampered", base, "one bit of item 1", "bad items", [1], splices=[(spots[1] + 5, 1, flipped)])
    swap = [(spots[0], 700, items[2][1]), (spots[2], 700, items[0][1])]
    vectors.scenario("item-reordered", base, "items 0 and 2 changed places", "bad items", [0, 2], splices=swap)
    shorter = member_header(3, "age", 699) + items[1][1][:699]
    at = spots[1] - 512
    vectors.scenario(
        "item-shortened",
        base,
        "item 1 lost its last byte",
        "bad items",
        [1],
        splices=[(at, 512 + 700, shorter + b"\0")],
    )
    vectors.scenario(
        "item-spliced",
        base,
        "item 0's bytes in item 1's place",
        "bad items",
        [1],
        splices=[(spots[1], 700, items[0][1])],
    )


def batch_scenarios(vectors: Vectors, ours: Organisation, theirs: Organisation) -> None:
    """What is wrong with a batch's manifest, or its place."""
    items = [item(700), item(700), item(700, team=True)]
    first = ours.manifest(1, NOTHING, items)
    vectors.base("batch-1", ours.batch(first, items))
    digest = hashlib.sha256(first.document()).digest()
    vectors.base("batch-2", ours.batch(ours.manifest(2, digest, items[:1]), items[:1]))
    vectors.scenario("batch-first", "batch-1", "the first batch", "next")
    vectors.scenario("batch-second", "batch-2", "the second after the first", "next", taken={1: digest})
    vectors.scenario("batch-replayed", "batch-1", "the first again", "repeat", taken={1: digest})
    vectors.scenario("batch-withheld", "batch-2", "the first never came", "GapError", "number 1 is missing")
    vectors.scenario(
        "batch-other-digest",
        "batch-1",
        "another first was taken",
        "ConflictError",
        "another digest",
        taken={1: NOTHING},
    )
    vectors.scenario(
        "batch-fork", "batch-2", "after another first", "ConflictError", "another number 1", taken={1: bytes(31) + b"1"}
    )
    archive_scenarios(vectors, "batch-1", items)
    item_scenarios(vectors, "batch-1", items)

    recipients = [seat.recipient for seat in ours.card.seats]

    def refuse(name: str, sealed: bytes, comment: str, error: str, message: str) -> None:
        chunks = pack_batch(1, sealed, [(700, [raw]) for _, raw in items])
        vectors.base(name, b"".join(bytes(chunk) for chunk in chunks))
        vectors.scenario(name, name, comment, error, message)

    def changed(**changes: object) -> bytes:
        return seal_batch(dataclasses.replace(first, **changes), ours.server_signing, recipients)

    def signed(document: bytes, label: str, key: SigningKey) -> bytes:
        return seal_document(SignedDocument(document, ((key.public, key.sign(label, document)),)), recipients)

    server, document = ours.server_signing, first.document()
    weak = SignedDocument(ours.card.signed.document, ours.card.signed.signatures[:1]).encode().decode()
    foreign = theirs.manifest(1, NOTHING, items)
    refuse(
        "batch-foreign",
        seal_batch(foreign, theirs.server_signing, recipients),
        "another organisation's, sealed to us",
        "ForeignError",
        "another root",
    )
    refuse(
        "batch-for-others",
        seal_batch(first, server, [theirs.card.seats[0].recipient]),
        "sealed to other seats",
        "NoMatchError",
        "",
    )
    refuse(
        "batch-wrong-key",
        signed(document, "batch", ours.laptops[2].signing),
        "signed by a seat",
        "SignatureError",
        "0 of the 1",
    )
    refuse(
        "batch-wrong-label",
        signed(document, "outbox", server),
        "signed under another label",
        "SignatureError",
        "over this batch",
    )
    refuse(
        "batch-wrong-kind",
        signed(write_document("entry", {"seat": 1}), "entry", server),
        "an entry signed by the server",
        "FormatError",
        "entry",
    )
    refuse(
        "batch-newer",
        signed(document.replace(b'"version":1,"waiting"', b'"version":2,"waiting"'), "batch", server),
        "manifest of version 2",
        "NewerVersionError",
        "version 2",
    )
    refuse("batch-weak-card", changed(card=weak), "t − 1 signatures on the card inside", "SignatureError", "1 of the 2")
    refuse(
        "batch-foreign-sheet",
        changed(sheets=(theirs.sheets[1].signed.encode().decode(),)),
        "another organisation's sheet inside",
        "SignatureError",
        "",
    )
    refuse(
        "batch-item-twice", changed(items=(first.items[0], first.items[0])), "one id twice", "DocumentError", "twice"
    )
    refuse("batch-part", changed(parts=2), "manifest says part 1 of 2", "NewerBundleError", "part 1 of 2")
    refuse(
        "batch-padding",
        padded_with(first, server, ours),
        "the manifest's padding is not zero",
        "FormatError",
        "padding",
    )


def padded_with(manifest: BatchManifest, key: SigningKey, organisation: Organisation) -> bytes:
    """A sealed manifest with one byte that is not zero in its padding."""
    from crypto.age import PayloadSealer, make_header, new_file_key

    document = manifest.document()
    signed = SignedDocument(document, ((key.public, key.sign("batch", document)),))
    padded = bytearray(to_step(signed.encode()))
    padded[-1] = 1
    file_key = new_file_key()
    out = bytearray(make_header(file_key, [seat.recipient for seat in organisation.card.seats]))
    sealer = PayloadSealer(file_key, out.extend)
    sealer.write(padded)
    sealer.finish()
    return bytes(out)


def main() -> None:
    """Write them all."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    ours, theirs = Organisation(), Organisation()
    vectors = Vectors(FOLDER)
    batch_scenarios(vectors, ours, theirs)
    outbox_scenarios(vectors, ours, theirs)
    keys = {
        "root": ours.root.signed.encode().decode(),
        "card": ours.card.signed.encode().decode(),
        "bundle_identity": bytes(ours.laptops[1].bundle.seed).hex(),
        "transfer_identity": bytes(ours.server_transfer.seed).hex(),
    }
    (FOLDER / "organisation.json").write_text(json.dumps(keys, indent=1) + "\n")


if __name__ == "__main__":
    main()
