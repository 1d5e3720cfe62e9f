# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Makes tests/vectors/trust: one file for each thing that roots, cards, sheets, items, replies and manifests must refuse.

    python -m tests.vectors.make_trust_vectors

Keys follow from names and Ed25519 is deterministic, so signed documents come out the same each time. Sealing is not:
those files change with every run and are made once. `tests/crypto/test_trust_vectors.py` reads them all.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crypto.root import write_generation
from crypto.signing import SigningKey
from tests.crypto.organisations import GENERATION, Organisation, seed
from tests.vectors.sealed_things import documents, envelopes, items, replies
from tests.vectors.two_organisations import ONE, TWO, Contents, Vector, Vectors, altered, signed

FOLDER = Path(__file__).parent / "trust"


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
