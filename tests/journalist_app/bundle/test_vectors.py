# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The committed vectors: what must be read, and everything that must be refused, each by its own name.
"""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pytest

from crypto.age import HybridIdentity
from crypto.card import Card
from crypto.errors import CryptoError
from crypto.hidden import Hidden
from crypto.root import Root
from journalist_app.bundle.batch import open_batch
from journalist_app.bundle.errors import BundleError, ItemError
from journalist_app.bundle.outbox import open_outbox

FOLDER = Path(__file__).parents[2] / "vectors" / "bundle"
SCENARIOS = sorted(path for path in FOLDER.glob("*.json") if path.name != "organisation.json")
MUST_BE_READ = {"next", "repeat"}


@pytest.fixture(scope="module")
def keys() -> dict[str, str]:
    """What a reader of the vectors needs."""
    return json.loads((FOLDER / "organisation.json").read_text())


def spliced(scenario) -> bytes:
    """A base archive with the scenario's changes."""
    raw = bytearray(gzip.decompress((FOLDER / f"{scenario['base']}.tar.gz").read_bytes()))
    for at, removed, inserted in sorted(scenario["splices"], reverse=True):
        raw[at : at + removed] = bytes.fromhex(inserted)
    return bytes(raw)


def taken_batch(raw: bytes, keys, last: int, known) -> tuple[str, list[int]]:
    """What a vault would say of it, and which items are bad."""
    root = Root.decode(keys["root"].encode())
    identity = HybridIdentity(Hidden(bytes.fromhex(keys["bundle_identity"])))
    reader = open_batch(io.BytesIO(raw), identity, root)
    standing = reader.standing(last, known)
    bad = []
    for arrival in reader.items():
        try:
            arrival.read(limit=1_000)
        except ItemError:
            bad.append(arrival.index)
    return standing.value, bad


def taken_outbox(raw: bytes, keys, last: int, known) -> tuple[str, list[int]]:
    """What a desk would say of it."""
    root = Root.decode(keys["root"].encode())
    identity = HybridIdentity(Hidden(bytes.fromhex(keys["transfer_identity"])))
    reader = open_outbox(io.BytesIO(raw), identity, root.digest, Card.decode(keys["card"].encode(), root))
    standing = reader.standing(last, known)
    list(reader.files())
    return standing.value, []


@pytest.mark.parametrize("path", SCENARIOS, ids=[path.stem for path in SCENARIOS])
def test_each_scenario_ends_as_it_must(path: Path, keys) -> None:
    """Read, repeated, partly bad, or refused under the class and with the words that are written down."""
    scenario = json.loads(path.read_text())
    raw = spliced(scenario)
    known = {int(number): bytes.fromhex(digest) for number, digest in scenario["taken"].items()}
    take = taken_outbox if scenario["base"].startswith("outbox") else taken_batch
    expect = scenario["expect"]
    if expect in MUST_BE_READ:
        assert take(raw, keys, max(known, default=0), known.get) == (expect, [])
    elif expect == "bad items":
        assert take(raw, keys, max(known, default=0), known.get) == ("next", scenario["message"])
    else:
        with pytest.raises((BundleError, CryptoError)) as caught:
            take(raw, keys, max(known, default=0), known.get)
        assert type(caught.value).__name__ == expect
        assert scenario["message"] in str(caught.value)


def test_most_scenarios_must_fail() -> None:
    """Refusals are what the vectors are for; and no base lies there unused."""
    scenarios = [json.loads(path.read_text()) for path in SCENARIOS]
    refused = [one for one in scenarios if one["expect"] not in MUST_BE_READ]
    assert len(refused) >= 50
    assert {one["base"] for one in scenarios} == {path.name.removesuffix(".tar.gz") for path in FOLDER.glob("*.gz")}
