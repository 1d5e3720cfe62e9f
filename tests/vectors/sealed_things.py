# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The sealed half of tests/vectors/trust: envelopes, items, replies and manifests as somebody else would have them.
"""

from __future__ import annotations

import dataclasses
import hmac
from typing import Any

from crypto import padding
from crypto.age import HybridIdentity, HybridRecipient, PayloadSealer, Stanza, make_header, new_file_key
from crypto.age.keys import derive_key
from crypto.age.stanza import encode64
from crypto.frame import FrameHeader, message_header, reply_header
from crypto.hidden import Hidden
from crypto.replies import seal_reply
from crypto.seal import Sealed, seal_frame
from crypto.signing import Label, SignedDocument, SigningKey
from crypto.transfer import seal_document
from tests.crypto.organisations import seed
from tests.vectors.two_organisations import ONE, TWO, Contents, Vector, Vectors, altered, b64, signed


def header_of(file_key: Hidden, stanzas: list[Stanza]) -> bytes:
    """An age header of any stanzas, with a good MAC: what a hostile server could write."""
    head = b"age-encryption.org/v1\n" + "".join(stanza.encode() for stanza in stanzas).encode() + b"---"
    mac = hmac.digest(derive_key(file_key, salt=None, info=b"header"), head, "sha256")
    return head + f" {encode64(mac)}\n".encode()


def x25519_stanza() -> Stanza:
    """A well-formed X25519 stanza for somebody unknown."""
    return Stanza("X25519", (encode64(bytes(seed("share"))),), bytes(seed("wrapped")))


def item(sealed: Sealed, place: FrameHeader, error: str, fragment: str, comment: str, *, seat: int = 1) -> Vector:
    """An item as a manifest would place it."""
    return {
        "action": "item",
        "header": b64(sealed.header),
        "payload": b64(sealed.payload),
        "seat": seat,
        "place": {
            "item": place.item.hex(),
            "card": place.card.hex(),
            "epoch": place.epoch,
            "seats": list(place.seats),
        },
        "seeds": {str(epoch): value.hex() for epoch, value in ONE.seeds[seat].items()},
        "last": 2,
        "expect": error,
        "fragment": fragment,
        "comment": comment,
    }


def envelopes() -> Vectors:
    """Envelopes of another shape than spec U1 gives; refused before the payload is looked at, so there is none."""
    header = ONE.message_header()
    everyone = ONE.addressees().recipients
    key = new_file_key()
    stanzas = [recipient.wrap(key) for recipient in everyone]

    def shape(name: str, error: str, fragment: str, comment: str, raw: bytes, **changes: Any) -> tuple[str, Vector]:
        place = dataclasses.replace(header, **changes)
        return name, item(Sealed(raw, b""), place, error, fragment, comment)

    stranger = HybridIdentity(seed("stranger")).recipient
    yield shape(
        "item-extra-stanza",
        "EnvelopeError",
        "4 stanzas (4 mlkem768x25519) where 3",
        "a reader nobody was told of",
        make_header(key, [*everyone, stranger]),
    )
    yield shape(
        "item-stanza-missing", "EnvelopeError", "2 stanzas", "seat 3 was left out", make_header(key, everyone[:2])
    )
    yield shape(
        "item-x25519-beside-hybrid",
        "EnvelopeError",
        "4 stanzas (1 X25519, 3 mlkem768x25519)",
        "an X25519 stanza undoes the hybrid ones beside it",
        header_of(key, [*stanzas, x25519_stanza()]),
    )
    yield shape(
        "item-x25519-instead",
        "EnvelopeError",
        "3 stanzas (1 X25519, 2 mlkem768x25519)",
        "the count is right, a kind is not",
        header_of(key, [*stanzas[:2], x25519_stanza()]),
    )
    yield shape(
        "item-grease",
        "EnvelopeError",
        "1 another kind",
        "age ignores unknown stanzas, an item has none",
        header_of(key, [*stanzas, Stanza("grease", ("a",), b"b")]),
    )
    yield shape(
        "item-wrong-seat-order",
        "NoMatchError",
        "seat 1's stanza",
        "3, 2, 1: only the own place is tried",
        header_of(key, stanzas[::-1]),
    )
    yield shape(
        "item-of-another-organisation",
        "NoMatchError",
        "seat 1's stanza",
        "three stanzas, none for these seats",
        make_header(key, TWO.addressees().recipients),
    )
    yield shape(
        "item-epoch-named-too-late",
        "NoMatchError",
        "epochs [1, 2]",
        "sealed in epoch 0, the manifest says 1",
        header_of(key, stanzas),
        epoch=1,
    )
    yield shape(
        "item-not-for-this-seat",
        "NoMatchError",
        "this is seat 1",
        "sealed to seats 2 and 3",
        make_header(key, everyone[1:]),
        seats=(2, 3),
    )
    whole = header_of(key, stanzas)
    yield shape(
        "item-header-mac-altered",
        "TamperedError",
        "MAC",
        "the MAC of another header",
        whole[:-44] + make_header(new_file_key(), everyone)[-44:],
    )


def items() -> Vectors:
    """Payloads and places (spec A5, U3)."""
    header = ONE.message_header()
    sealed = ONE.seal(header, "一份报告".encode())
    yield "item-good", item(sealed, header, "success", "", "an honest item")
    cut = Sealed(sealed.header, sealed.payload[:-1])
    yield "item-cut", item(cut, header, "TamperedError", "chunk 0", "the last byte is missing")
    flipped = Sealed(sealed.header, sealed.payload[:20] + bytes([sealed.payload[20] ^ 1]) + sealed.payload[21:])
    yield "item-altered", item(flipped, header, "TamperedError", "chunk 0", "one bit of the text")
    other = ONE.seal(ONE.message_header(2), b"two")
    yield (
        "item-payload-of-another",
        item(
            Sealed(sealed.header, other.payload),
            header,
            "TamperedError",
            "chunk 0",
            "two items with payloads exchanged",
        ),
    )
    yield "item-spliced", item(other, header, "FrameError", "item id", "item 2 in the place of item 1")

    def misplaced(name: str, fragment: str, comment: str, **changes: Any) -> tuple[str, Vector]:
        frame = ONE.seal(dataclasses.replace(header, **changes), b"x")
        return name, item(frame, header, "FrameError", fragment, comment)

    yield misplaced(
        "item-of-a-stale-card", "another card", "sealed under a card the manifest does not name", card=bytes(32)
    )
    yield misplaced("item-of-another-epoch", "names epoch 2", "the frame says another epoch", epoch=2)
    yield misplaced("item-for-other-seats", "names seats (1, 2, 4)", "frame and manifest disagree", seats=(1, 2, 4))


def reply_vector(sealed: Sealed, error: str, fragment: str, comment: str, key: bytes | None = None) -> Vector:
    """A reply as the source's page would open it, and a vault verify it."""
    return {
        "action": "reply",
        "header": b64(sealed.header),
        "payload": b64(sealed.payload),
        "seed": ONE.source().seed.hex(),
        "key": (key or ONE.signing[1].public).hex(),
        "expect": error,
        "fragment": fragment,
        "comment": comment,
    }


def reply_around(contents: Contents, header: FrameHeader, *keys: SigningKey, under: Label = "reply") -> Sealed:
    """A reply frame around whatever was signed."""
    body = signed("reply", contents, *keys, under=under).encode()
    return seal_frame([ONE.source().recipient], header, body)


def replies() -> Vectors:
    """Replies and statuses (spec Y)."""
    key = ONE.signing[1]
    thread, mark = seed("thread"), bytes(seed("item")[:16])
    common: Any = {"thread": thread, "item": mark, "submission": bytes(16), "card": ONE.card.digest, "epoch": 0}
    header = reply_header(**common, seats=(), lang="zh")
    good: Contents = {"thread": thread.hex(), "item": mark.hex(), "seat": 1, "lang": "zh", "text": "我们读了"}
    to: Any = {"recipient": ONE.source().recipient, "thread": thread, "item": mark, "seat": 1, "key": key}
    rest: Any = {"card": ONE.card.digest, "epoch": 0, "lang": "zh"}
    yield "reply-good", reply_vector(seal_reply(**to, **rest, text="我们读了"), "success", "", "an honest reply")
    yield "status-good", reply_vector(seal_reply(**to, **rest, status="read"), "success", "", "an honest status")
    stranger = {**to, "recipient": ONE.source("another").recipient}
    foreign = seal_reply(**stranger, **rest, text="x")
    yield "reply-to-another-source", reply_vector(foreign, "NoMatchError", "another source", "not this codename's")

    def refused(name: str, error: str, fragment: str, comment: str, sealed: Sealed) -> tuple[str, Vector]:
        return name, reply_vector(sealed, error, fragment, comment)

    moved = dataclasses.replace(header, thread=seed("other thread"))
    yield refused(
        "reply-in-another-thread", "FrameError", "another thread", "a spliced frame", reply_around(good, moved, key)
    )
    renamed = dataclasses.replace(header, item=bytes(16))
    yield refused(
        "reply-of-another-item", "FrameError", "another item", "a spliced frame", reply_around(good, renamed, key)
    )
    tongue = dataclasses.replace(header, lang="bo")
    yield refused("reply-in-another-language", "FrameError", "another language", "", reply_around(good, tongue, key))
    wrong = reply_around(good, header, key, under="entry")
    yield refused("reply-wrong-label", "SignatureError", "over this reply", "signed as an entry", wrong)
    other = reply_around(good, header, ONE.signing[2])
    yield refused("reply-signed-by-another-seat", "SignatureError", "0 of the 1", "seat 2 signs as seat 1", other)
    both = reply_around(good, header, key, ONE.signing[2])
    yield refused("reply-signed-twice", "SignatureError", "2 signatures", "a reply has one", both)
    shy = reply_around(good, header)
    yield refused("reply-unsigned", "SignatureError", "0 signatures", "a reply has one", shy)
    mute = reply_around(altered(good, text=None, status="read"), header, key)
    yield refused("reply-without-text", "FrameError", "text is missing", "a status in a reply's frame", mute)
    odd = reply_around(altered(good, text=None, status="lost"), dataclasses.replace(header, kind="status"), key)
    yield refused("status-unknown", "FrameError", "a status is one of", "a word that is none of the three", odd)
    long = reply_around(altered(good, text="a" * 65_537), header, key)
    yield refused("reply-too-long", "FrameError", "65536", "one byte above 64 KiB (Y3)", long)
    two = [ONE.source().recipient, TWO.source().recipient]
    spare = dataclasses.replace(ONE.message_header(), seats=(1, 2))
    doubled = seal_frame(two, spare, b"x")
    yield refused("reply-with-two-stanzas", "EnvelopeError", "2 stanzas", "somebody else reads along", doubled)
    asked = message_header(**common, seats=(1,), lang="", reply_to=str(ONE.source().recipient))
    posing = seal_frame([ONE.source().recipient], asked, b"x")
    yield refused("reply-is-a-message", "FrameError", "of kind message", "another kind of frame", posing)


def document_vector(age_file: bytes, error: str, fragment: str, comment: str, limit: int = 2**20) -> Vector:
    """A manifest as the desk would open it, from seat 1."""
    return {
        "action": "document",
        "age_file": b64(age_file),
        "seed": ONE.server_transfer.seed.hex(),
        "limit": limit,
        "key": ONE.signing[1].public.hex(),
        "expect": error,
        "fragment": fragment,
        "comment": comment,
    }


def sealed_bytes(padded: bytes, recipient: HybridRecipient) -> bytes:
    """An age file of any bytes."""
    key, out = new_file_key(), bytearray()
    out += make_header(key, [recipient])
    sealer = PayloadSealer(key, out.extend)
    sealer.write(padded)
    sealer.finish()
    return bytes(out)


def documents() -> Vectors:
    """Manifests that travel by themselves (spec B4, S1)."""
    contents: Contents = {"seat": 1, "sequence": 1}
    encoded = signed("outbox", contents, ONE.signing[1]).encode()
    document = SignedDocument.decode(encoded)
    to = ONE.server_transfer.recipient
    good = seal_document(document, [to])
    yield "document-good", document_vector(good, "success", "", "an honest manifest")

    def refused(name: str, error: str, fragment: str, comment: str, age_file: bytes) -> tuple[str, Vector]:
        return name, document_vector(age_file, error, fragment, comment)

    foreign = seal_document(document, [TWO.server_transfer.recipient])
    yield refused("document-for-another-server", "NoMatchError", "none of 1 identities", "", foreign)
    dirty = bytearray(padding.to_step(encoded))
    dirty[-9] = 1
    marked = sealed_bytes(bytes(dirty), to)
    yield refused("document-padding-not-zero", "FormatError", "padding", "one byte of the padding is 1", marked)
    unpadded = sealed_bytes(encoded + b"\n", to)
    yield refused("document-wrong-bucket", "FormatError", "padding", "no multiple of 65,536", unpadded)
    wrong = seal_document(
        SignedDocument.decode(signed("outbox", contents, ONE.signing[1], under="batch").encode()), [to]
    )
    yield refused("document-wrong-label", "SignatureError", "over this outbox", "signed as a batch", wrong)
    other = seal_document(SignedDocument.decode(signed("outbox", contents, ONE.signing[2]).encode()), [to])
    yield refused("document-signed-by-another-seat", "SignatureError", "0 of the 1", "", other)
    key = new_file_key()
    mixed = header_of(key, [to.wrap(key), x25519_stanza()])
    yield refused("document-x25519-beside-hybrid", "EnvelopeError", "not all of them", "", mixed + bytes(32))
    yield "document-over-the-limit", document_vector(good, "EnvelopeError", "at most", "cut off before opening", -1)
    yield refused("document-cut", "TamperedError", "chunk", "the last byte is missing", good[:-1])
