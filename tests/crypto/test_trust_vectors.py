# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The committed must-fail vectors: each is refused with its own class and its own words, and the honest ones are not.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from crypto import errors
from crypto.age import HybridIdentity
from crypto.card import Card
from crypto.hidden import Hidden
from crypto.replies import open_reply
from crypto.root import Root
from crypto.sheet import Sheet
from crypto.transfer import open_document
from crypto.unseal import ItemPlace, open_file_key, open_frame
from tests.vectors import make_trust_vectors

FOLDER = Path(make_trust_vectors.__file__).parent / "trust"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
SIGNED_ONLY = {"root", "next root", "card", "sheet"}


def load(name: str) -> dict[str, Any]:
    """A committed vector."""
    vector: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return vector


def read_card(vector: dict[str, Any]) -> None:
    """As a server installs it."""
    root = Root.decode(vector["root"].encode())
    old = Card.decode(vector["installed"].encode(), root) if vector["installed"] else None
    Card.decode(vector["raw"].encode(), root).replaces(old)


def read_sheet(vector: dict[str, Any]) -> None:
    """As a server installs it."""
    root = Root.decode(vector["root"].encode())
    card = Card.decode(vector["card"].encode(), root)
    old = Sheet.decode(vector["installed"].encode(), root, card) if vector["installed"] else None
    Sheet.decode(vector["raw"].encode(), root, card).replaces(old)


def read_item(vector: dict[str, Any]) -> None:
    """As a vault imports it."""
    told = vector["place"]
    place = ItemPlace(
        item=bytes.fromhex(told["item"]),
        card=bytes.fromhex(told["card"]),
        epoch=told["epoch"],
        seats=tuple(told["seats"]),
    )
    seeds = {int(epoch): Hidden(bytes.fromhex(value)) for epoch, value in vector["seeds"].items()}
    header = base64.b64decode(vector["header"])
    key = open_file_key(header, seat=vector["seat"], place=place, seeds=seeds, last=vector["last"])
    open_frame(key, base64.b64decode(vector["payload"]), place)


def read_reply(vector: dict[str, Any]) -> None:
    """As the source's page opens it and a vault verifies it."""
    header, payload = base64.b64decode(vector["header"]), base64.b64decode(vector["payload"])
    identity = HybridIdentity(Hidden(bytes.fromhex(vector["seed"])))
    open_reply(header, payload, identity).verify(bytes.fromhex(vector["key"]))


def read_document(vector: dict[str, Any]) -> None:
    """As the desk takes it in."""
    identity = HybridIdentity(Hidden(bytes.fromhex(vector["seed"])))
    document = open_document(base64.b64decode(vector["age_file"]), identity, vector["limit"])
    document.require("outbox", [bytes.fromhex(vector["key"])], 1)


ACTIONS = {
    "root": lambda vector: Root.decode(vector["raw"].encode()),
    "next root": lambda vector: Root.decode(vector["root"].encode()).accept_next(vector["raw"].encode()),
    "card": read_card,
    "sheet": read_sheet,
    "item": read_item,
    "reply": read_reply,
    "document": read_document,
}


def judge(vector: dict[str, Any]) -> None:
    """Compare what happens with what the vector names."""
    if vector["expect"] == "success":
        ACTIONS[vector["action"]](vector)
        return
    with pytest.raises(errors.CryptoError) as caught:
        ACTIONS[vector["action"]](vector)
    assert type(caught.value) is getattr(errors, vector["expect"]), str(caught.value)
    assert vector["fragment"] in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_each_committed_vector_gets_its_own_answer(name: str) -> None:
    """A committed vector is refused with the class and the words it names, or accepted if it is an honest one."""
    judge(load(name))


def test_the_script_makes_the_committed_vectors() -> None:
    """The script gives the same names; what is only signed comes out byte for byte, what is sealed judges the same."""
    made = make_trust_vectors.vectors()
    assert sorted(made) == NAMES
    for name, vector in made.items():
        committed = load(name)
        if vector["action"] in SIGNED_ONLY:
            assert vector == committed, name
        else:
            judge(vector)


def test_every_action_has_an_honest_vector_and_mostly_bad_ones() -> None:
    """A reader that refused everything, or accepted everything, would not pass."""
    found = [load(name) for name in NAMES]
    for action in ACTIONS:
        outcomes = [vector["expect"] == "success" for vector in found if vector["action"] == action]
        assert any(outcomes)
        assert outcomes.count(False) > outcomes.count(True)


def test_messages_carry_no_secret() -> None:
    """No refusal prints a seed, in hex or as bytes."""
    for name in NAMES:
        vector = load(name)
        secrets = [*vector.get("seeds", {}).values(), vector.get("seed", "")]
        if vector["expect"] != "success":
            with pytest.raises(errors.CryptoError) as caught:
                ACTIONS[vector["action"]](vector)
            assert not any(secret and secret in repr(caught.value) for secret in secrets)
