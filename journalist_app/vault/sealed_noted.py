# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What an import notes of what sources sealed beforehand: its kind, and the key of an inner age file.

The key is found when the item comes, and kept beside the item's own: a seed is destroyed whether or not a person has opened what
was sealed to it. Nothing is opened here, and nothing is refused: what cannot be read is told to whoever asks for it.
Bounded, because a stranger may send ten thousand of them: `MAX_TRIALS` is what an honest one can need.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from crypto.age import Header
from crypto.age.armor import ArmorReader
from crypto.errors import CryptoError
from crypto.hidden import Hidden
from journalist_app.vault.errors import BrokenSealError, ForeignSealError
from journalist_app.vault.sealed_age import find_key
from journalist_app.vault.sealed_kind import Kind, block, kind_of

# Of a body: more than the header of an age file for sixteen seats, armored.
BEGINNING: Final = 65_536
# Sixteen seats in four epochs: the one after the server's, its own and two before. A quarter of a millisecond each.
MAX_TRIALS: Final = 64


def file_note(row: Mapping[str, Any], body: bytes, seeds: Mapping[int, Hidden]) -> Mapping[str, Any] | None:
    """
    What the beforehand table says of a file; None if it was not sealed beforehand.

    Args:
        row: Its row of the items table.
        body: Its body, or the beginning of it.
        seeds: Every seed held, by epoch.
    """
    kind = kind_of(body[:BEGINNING])
    return None if kind is None else _note(row, kind, body[:BEGINNING], seeds)


def message_note(row: Mapping[str, Any], seeds: Mapping[int, Hidden]) -> Mapping[str, Any] | None:
    """
    The same of a message, for the first armored block in it.
    """
    found = block(row["text"])
    return None if found is None else _note(row, found[0], found[1][:BEGINNING], seeds)


def _note(row: Mapping[str, Any], kind: Kind, beginning: bytes, seeds: Mapping[int, Hidden]) -> Mapping[str, Any]:
    key = b"" if kind is Kind.OPENPGP else _inner_key(kind, beginning, seeds, row["epoch"])
    return {"item": row["item"], "kind": kind.value, "file_key": key}


def _inner_key(kind: Kind, beginning: bytes, seeds: Mapping[int, Hidden], epoch: int) -> bytes:
    try:
        raw = ArmorReader().feed(beginning) if kind is Kind.AGE_ARMOR else beginning
        return bytes(find_key(Header.split(raw)[0], seeds, epoch, MAX_TRIALS))
    except (CryptoError, ForeignSealError, BrokenSealError):
        return b""
