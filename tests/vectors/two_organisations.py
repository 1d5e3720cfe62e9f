# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What vectors of trust are made of: two organisations whose keys follow from their names, and documents signed by whom one likes.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from crypto.canonical import JSON
from crypto.signing import Label, SignedDocument, SigningKey, write_document
from tests.crypto.organisations import Organisation

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
