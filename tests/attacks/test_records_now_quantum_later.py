# SPDX-License-Identifier: AGPL-3.0-or-later
"""
DESIGN §2: somebody records disks and bundles now, and owns a quantum computer later.

They learn sizes and days. Everything that was sealed, on the disk and on the stick, in both directions, is sealed to hybrid recipients and
to nothing else: there is no stanza that X25519 alone would open.
"""

from __future__ import annotations

import io
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing

from crypto.age import Header, X25519Identity
from crypto.age.recipients import HYBRID
from journalist_app.bundle.ustar import Archive
from tests.attacks.busy import Busy

AGE = re.compile(rb"age-encryption\.org/v1\n.*?\n--- [A-Za-z0-9+/]{43}\n", re.DOTALL)
STANZA = re.compile(rb"^-> (\S+)", re.MULTILINE)


def _rows(busy: Busy) -> Iterator[tuple[str, bytes, int]]:
    """Every sealed row: what it is, its bytes, and how many it is sealed to."""
    queries = {
        "an item": "SELECT header, length(seats) / 2 + 1 FROM envelopes e JOIN items i ON i.id = e.item_id",
        "a reply": "SELECT header, 1 FROM replies",
        "a batch's manifest": "SELECT manifest, 3 FROM batches",
    }
    with closing(sqlite3.connect(busy.taken / "store" / "dengwen.db")) as database:
        for what, query in queries.items():
            for raw, seats in database.execute(query):
                yield what, raw, seats


def _members(busy: Busy) -> Iterator[tuple[str, bytes]]:
    """Every sealed member of every bundle on the stick."""
    for path in sorted(busy.world.stick.iterdir()):
        archive = Archive(io.BytesIO(path.read_bytes()))
        while (member := archive.next()) is not None:
            raw = member.read(limit=1 << 24)
            if member.extension == "age":
                yield f"{path.name} {member.name}", raw


def test_every_row_is_sealed_to_hybrid_recipients_only(busy: Busy) -> None:
    """One stanza for each seat, one for a source, each of the hybrid kind."""
    seen = set()
    for what, raw, seats in _rows(busy):
        kinds = [stanza.type for stanza in Header.split(raw)[0].stanzas]
        assert kinds == [HYBRID] * seats, what
        seen.add(what)
    assert seen == {"an item", "a reply", "a batch's manifest"}


def test_every_member_on_the_stick_is_sealed_to_hybrid_recipients_only(busy: Busy) -> None:
    """Manifests and files, of batches and of outboxes."""
    names = set()
    for name, raw in _members(busy):
        if not raw:
            continue
        assert {stanza.type for stanza in Header.split(raw)[0].stanzas} == {HYBRID}, name
        names.add(name.split("-")[0])
    assert names == {"batch", "outbox"}


def test_no_classical_stanza_stands_anywhere_on_the_server_or_the_stick(busy: Busy) -> None:
    """Not even in a page of the database that is no longer used."""
    found: set[bytes] = set()
    for path in [*busy.everything(), *busy.world.stick.iterdir()]:
        raw = path.read_bytes()
        for header in AGE.findall(raw):
            found.update(STANZA.findall(header))
        assert b"-> X25519 " not in raw, path
    assert found == {HYBRID.encode()}


def test_our_code_cannot_write_a_classical_stanza() -> None:
    """X25519 identities are read with, for the vectors; there is no recipient to wrap to."""
    import crypto.age

    assert not hasattr(X25519Identity, "wrap")
    assert not hasattr(X25519Identity, "recipient")
    assert [name for name in crypto.age.__all__ if "X25519" in name] == ["X25519Identity"]
