# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Makes tests/vectors/trust: one file for each thing that roots, cards, sheets, items, replies and manifests must refuse.

    python -m tests.vectors.make_trust_vectors

Keys follow from names and Ed25519 is deterministic, so signed documents come out the same each time. Sealing is not:
those files change with every run and are made once. `tests/crypto/test_trust_vectors.py` reads them all.
"""

from __future__ import annotations

import base64
import dataclasses
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from crypto import padding
from crypto.age import HybridIdentity, HybridRecipient, PayloadSealer, Stanza, make_header, new_file_key
from crypto.age.keys import derive_key
from crypto.age.stanza import encode64
from crypto.canonical import JSON
from crypto.frame import FrameHeader, message_header, reply_header
from crypto.hidden import Hidden
from crypto.replies import seal_reply
from crypto.root import write_generation
from crypto.seal import Sealed, seal_frame
from crypto.signing import Label, SignedDocument, SigningKey, write_document
from crypto.transfer import seal_document
from tests.crypto.organisations import GENERATION, Organisation, seed

FOLDER = Path(__file__).parent / "trust"
ONE = Organisation.make(seats=3, threshold=2, keys=3, epochs=3)
TWO = Organisation.make(seats=3, threshold=2, keys=3, epochs=3, name="two")

Contents = dict[str, Any]
Vector = dict[str, Any]
Vectors = Iterator[tuple[str, Vector]]


def b64(raw: bytes) -> str:
    """Bytes as they stand in a vector."""
    return base64.b64encode(raw).decode("ascii")


def signed(label: Label, contents: Mapping[str, JSON], *keys: SigningKey, under: Label | None = None) -> str:
    """A signed document as text, signed under another label if one is given."""
    document = write_document(label, contents)
    return SignedDocument(document, tuple((k.public, k.sign(under or label, document)) for k in keys)).encode().decode()


def altered(contents: Contents, **changes: Any) -> Contents:
    """The contents with some fields replaced; a field set to None is taken out."""
    return {key: value for key, value in {**contents, **changes}.items() if value is not None}


def sign_list(text: str, change: Callable[[list[Any]], list[Any]]) -> str:
    """The signed document with its list of signatures changed."""
    value = json.loads(text)
    value["signatures"] = change(value["signatures"])
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def root_contents(organisation: Organisation = ONE) -> Contents:
    """What the organisation's root says."""
    return dict(organisation.root.signed.contents("root"))


def roots() -> Vectors:
    """Roots by themselves (spec R1, S3, S5)."""
    a, b, c = ONE.root_keys
    good = root_contents()
    text = signed("root", good, a, b)

    def refused(raw: str, error: str, fragment: str, comment: str) -> Vector:
        return {"action": "root", "raw": raw, "expect": error, "fragment": fragment, "comment": comment}

    yield "root-good", refused(text, "success", "", "two of three keys signed")
    yield (
        "root-one-signature-short",
        refused(signed("root", good, a), "SignatureError", "1 of the 2", "t - 1 signatures"),
    )
    yield (
        "root-key-signs-twice",
        refused(
            sign_list(text, lambda s: [s[0], s[0]]), "SignatureError", "each key signs once", "one key, counted twice"
        ),
    )
    yield (
        "root-wrong-label",
        refused(
            signed("root", good, a, b, under="card"),
            "SignatureError",
            "not this key's over this root",
            "signed as a card",
        ),
    )
    yield (
        "root-bad-signature-beside-enough",
        refused(
            sign_list(signed("root", good, a, b, c), lambda s: [*s[:2], {**s[2], "signature": s[0]["signature"]}]),
            "SignatureError",
            "signature 3 of 3",
            "two good ones would do, the third is wrong (S5)",
        ),
    )
    nine = [SigningKey(seed("stranger", n)) for n in range(9)]
    many = sign_list(text, lambda s: [json.loads(signed("root", good, key))["signatures"][0] for key in nine])
    yield "root-nine-signatures", refused(many, "SignatureError", "at most 8", "nine strangers signed")
    yield "root-is-a-card", refused(signed("card", good, a, b), "FormatError", "this document is card", "another kind")
    stranger = signed("root", good, a, *nine[:1])
    yield "root-stranger-signs", refused(stranger, "SignatureError", "1 of the 2", "the second signature is nobody's")

    def shaped(name: str, fragment: str, comment: str, **changes: Any) -> tuple[str, Vector]:
        raw = signed("root", altered(good, **changes), a, b)
        return name, refused(raw, "FormatError", fragment, comment)

    newer = text.replace('\\"version\\":1', '\\"version\\":2')
    yield "root-version-two", refused(newer, "NewerVersionError", "version 2", "a version from later")
    yield shaped("root-unknown-field", "1 unknown fields", "a field nobody asked for", colour="red")
    yield shaped("root-missing-day", "first_day", "a field is missing", first_day=None)
    yield shaped("root-threshold-above-keys", "threshold", "four of three", threshold=4)
    yield shaped("root-threshold-zero", "threshold", "none of three", threshold=0)
    yield shaped("root-key-listed-twice", "different keys", "one key on two lines", keys=[a.public.hex()] * 2)
    yield shaped("root-six-keys", "keys", "more than five", keys=[key.public.hex() for key in nine[:6]])
    yield shaped("root-other-suite", "suite", "signatures of another kind", suite="ml-dsa-65")
    yield shaped("root-day-outside-calendar", "first day", "epochs would leave the calendar", first_day="9999-12-31")
    entry = dict(write_generation(GENERATION))
    yield shaped("root-no-generation", "generations", "codenames could not be derived", generations=[])
    yield shaped("root-generation-twice", "ascending", "one number twice", generations=[entry, entry])
    yield shaped(
        "root-generation-out-of-bounds", "memory", "a KDF of 1 TiB (D2)", generations=[{**entry, "memory_kib": 2**30}]
    )
    loose = text.replace('\\"number\\":1', '\\"number\\": 1', 1)
    yield "root-not-canonical", refused(loose, "FormatError", "canonical", "a space inside the signed text")


def next_roots() -> Vectors:
    """Roots after another (spec R2)."""
    a, b, c = ONE.root_keys
    fresh = tuple(SigningKey(seed("next", n)) for n in range(3))
    good = altered(root_contents(), number=2, keys=[key.public.hex() for key in fresh])

    def step(name: str, error: str, fragment: str, comment: str, raw: str) -> tuple[str, Vector]:
        old = ONE.root.signed.encode().decode()
        return name, {
            "action": "next root",
            "root": old,
            "raw": raw,
            "expect": error,
            "fragment": fragment,
            "comment": comment,
        }

    everyone = (a, b, *fresh[:2])
    entry = dict(write_generation(GENERATION))
    second = {**entry, "number": 2}
    yield step("next-root-good", "success", "", "two of the old, two of the new", signed("root", good, *everyone))
    yield step(
        "next-root-with-new-generation",
        "success",
        "",
        "generation 2 beside the unaltered first",
        signed("root", altered(good, generations=[entry, second]), *everyone),
    )
    yield step(
        "next-root-without-old-threshold",
        "SignatureError",
        "1 of the 2",
        "one of the old keys only",
        signed("root", good, a, *fresh),
    )
    yield step(
        "next-root-without-own-threshold",
        "SignatureError",
        "1 of the 2",
        "all of the old, one of the new",
        signed("root", good, a, b, c, fresh[0]),
    )
    same = signed("root", altered(good, number=1), *everyone)
    yield step("next-root-same-number", "StaleError", "not newer", "a second root 1", same)
    late = signed("root", altered(good, number=3), *everyone)
    yield step("next-root-skips-one", "FormatError", "one between is missing", "3 after 1", late)
    moved = signed("root", altered(good, first_day="2026-01-06"), *everyone)
    yield step("next-root-moves-first-day", "FormatError", "first day", "every epoch would shift", moved)
    dearer = signed("root", altered(good, generations=[{**entry, "passes": 2}]), *everyone)
    yield step("next-root-alters-generation", "FormatError", "generation 1", "codenames would stop working", dearer)


def card_contents(organisation: Organisation = ONE) -> Contents:
    """What the organisation's card says."""
    return dict(organisation.card.signed.contents("card"))


def cards() -> Vectors:
    """Cards (spec R3)."""
    a, b, _ = ONE.root_keys
    good = card_contents()
    seats = good["seats"]

    def refused(
        name: str, error: str, fragment: str, comment: str, raw: str, installed: str = ""
    ) -> tuple[str, Vector]:
        return name, {
            "action": "card",
            "root": ONE.root.signed.encode().decode(),
            "raw": raw,
            "installed": "".join(installed),
            "expect": error,
            "fragment": fragment,
            "comment": comment,
        }

    def shaped(name: str, fragment: str, comment: str, **changes: Any) -> tuple[str, Vector]:
        return refused(name, "FormatError", fragment, comment, signed("card", altered(good, **changes), a, b))

    text = signed("card", good, a, b)
    second = signed("card", altered(good, sequence=2), a, b)
    yield refused("card-good", "success", "", "two of three keys signed", text)
    yield refused("card-newer", "success", "", "2 after 1", second, text)
    yield refused("card-again", "success", "", "the installed one once more", text, text)
    yield refused("card-older", "StaleError", "older", "1 after 2", text, second)
    fewer = signed("card", altered(good, seats=seats[:2]), a, b)
    yield refused("card-twin", "StaleError", "another card 1", "one sequence, two contents", fewer, text)
    yield refused(
        "card-one-signature-short", "SignatureError", "1 of the 2", "t - 1 signatures", signed("card", good, b)
    )
    wrong = signed("card", good, a, b, under="root")
    yield refused("card-wrong-label", "SignatureError", "over this card", "signed as a root", wrong)
    seat_signs = signed("card", good, a, ONE.signing[1])
    yield refused("card-signed-by-a-seat", "SignatureError", "1 of the 2", "a seat's key is no root key", seat_signs)
    yield shaped("card-of-another-root", "another root", "names the other organisation's", root=TWO.root.digest.hex())
    yield shaped("card-seats-out-of-order", "ascending", "3, 2, 1", seats=seats[::-1])
    yield shaped("card-seat-number-twice", "ascending", "1 and 1", seats=[seats[0], {**seats[1], "number": 1}])
    yield shaped("card-without-seats", "at least one", "nobody could read", seats=[])
    clone = {**seats[1], "signing": seats[0]["signing"]}
    yield shaped("card-signing-key-twice", "signing key twice", "one key for two seats", seats=[seats[0], clone])
    rooted = {**seats[0], "signing": a.public.hex()}
    yield shaped("card-seat-with-a-root-key", "root key", "a root key signs roots and cards only (R5)", seats=[rooted])
    server = {**good["server"], "signing": seats[0]["signing"]}
    yield shaped("card-server-with-a-seat-key", "signing key twice", "the server would speak for seat 1", server=server)
    double = {**seats[1], "recipient": seats[0]["recipient"]}
    yield shaped("card-recipient-twice", "recipient twice", "one laptop would read for two", seats=[seats[0], double])
    crowd = [{**seats[0], "number": n} for n in range(1, 18)]
    yield shaped("card-seventeen-seats", "seats", "more than sixteen", seats=crowd)


def sheets() -> Vectors:
    """Sheets (spec R4)."""
    good = dict(ONE.sheets[2].signed.contents("sheet"))
    key = ONE.signing[2]
    epochs: list[Any] = list(good["epochs"])  # type: ignore[arg-type]

    def refused(
        name: str, error: str, fragment: str, comment: str, raw: str, installed: str = ""
    ) -> tuple[str, Vector]:
        return name, {
            "action": "sheet",
            "root": ONE.root.signed.encode().decode(),
            "card": ONE.card.signed.encode().decode(),
            "raw": raw,
            "installed": "".join(installed),
            "expect": error,
            "fragment": fragment,
            "comment": comment,
        }

    def shaped(name: str, fragment: str, comment: str, **changes: Any) -> tuple[str, Vector]:
        return refused(name, "FormatError", fragment, comment, signed("sheet", altered(good, **changes), key))

    text = signed("sheet", good, key)
    second = signed("sheet", altered(good, sequence=2), key)
    yield refused("sheet-good", "success", "", "signed by its seat", text)
    yield refused("sheet-newer", "success", "", "2 after 1", second, text)
    yield refused("sheet-older", "StaleError", "older", "1 after 2", text, second)
    shorter = signed("sheet", altered(good, epochs=epochs[:2]), key)
    yield refused("sheet-twin", "StaleError", "another sheet 1", "one sequence, two contents", shorter, text)
    other = signed("sheet", good, ONE.signing[1])
    yield refused("sheet-signed-by-another-seat", "SignatureError", "0 of the 1", "seat 1 signs for seat 2", other)
    bare = signed("sheet", good)
    yield refused("sheet-unsigned", "SignatureError", "0 of the 1", "no signature at all", bare)
    wrong = signed("sheet", good, key, under="outbox")
    yield refused("sheet-wrong-label", "SignatureError", "over this sheet", "signed as an outbox", wrong)
    yield shaped("sheet-of-another-root", "another root", "the other organisation's", root=TWO.root.digest.hex())
    yield shaped("sheet-of-no-seat", "seat 9 is not on card 1", "the card lists 1 to 3", seat=9)
    yield shaped("sheet-epochs-not-consecutive", "consecutive", "0 and 2", epochs=[epochs[0], epochs[2]])
    yield shaped("sheet-epochs-descending", "consecutive", "2, 1, 0", epochs=epochs[::-1])
    yield shaped("sheet-without-epochs", "at least one", "nothing to seal to", epochs=[])
    shifted = [{**epochs[0], "last": "2026-01-19"}, *epochs[1:]]
    yield shaped("sheet-days-disagree", "epoch 0 is 2026-01-05 to 2026-01-18", "a span of fifteen days", epochs=shifted)
    same = [epochs[0], {**epochs[1], "recipient": epochs[0]["recipient"]}]
    yield shaped("sheet-recipient-twice", "recipient twice", "a seed that outlives its epoch (E2)", epochs=same)
    own = [{**epochs[0], "recipient": str(ONE.bundles[2].recipient)}]
    yield shaped("sheet-with-the-bundle-recipient", "the seat's own", "a key that is never destroyed", epochs=own)


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


def vectors() -> dict[str, Vector]:
    """Every vector, by the name of its file."""
    makers = (roots, next_roots, cards, sheets, envelopes, items, replies, documents)
    return {name: vector for maker in makers for name, vector in maker()}


def main() -> None:
    """Write the folder anew."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.json"):
        old.unlink()
    for name, vector in vectors().items():
        text = json.dumps(vector, ensure_ascii=False, indent=1, sort_keys=True)
        (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
