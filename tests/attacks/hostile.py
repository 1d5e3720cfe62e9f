# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A server in other hands: it has the server's two keys and everything that passes through, and may say whatever it likes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

from crypto.signing import SigningKey
from journalist_app.bundle.batch import BatchManifest, open_batch, pack_batch, seal_batch
from journalist_app.bundle.manifest import BatchItem
from journalist_app.desk.keys import ServerKeys
from journalist_app.vault.identity import load
from tests.journeys.world import World


@dataclasses.dataclass(frozen=True)
class Captured:
    """A batch that an honest server had made: what it says, and its items in the manifest's order."""

    manifest: BatchManifest
    raws: tuple[bytes, ...]

    def index(self, *, lane: str = "source", shortest: bool = True) -> int:
        """Where the shortest or longest item of a lane stands."""
        places = [number for number, item in enumerate(self.manifest.items) if item.lane == lane]
        return sorted(places, key=lambda number: self.manifest.items[number].length)[0 if shortest else -1]


def capture(world: World, path: Path) -> Captured:
    """What stands in a batch. A server knows its own manifests; here a seat's key reads it."""
    with world.vaults[1].read() as connection:
        identity = load(connection)
    reader = open_batch(io.BytesIO(path.read_bytes()), identity.bundle, identity.root)
    return Captured(reader.manifest, tuple(arrival.read(limit=1 << 30) for arrival in reader.items()))


def publish(
    world: World,
    name: str,
    manifest: BatchManifest,
    raws: Sequence[bytes],
    *,
    lie: bool = True,
    signing: SigningKey | None = None,
) -> Path:
    """
    Write a batch.

    Args:
        world: Whose keys to use.
        name: Of the file on the stick.
        manifest: What it says; its items' lengths and digests are made those of the bytes, if it is to lie well.
        raws: The items.
        lie: Whether the server signs for these bytes. If not, it is somebody who only carries the stick.
        signing: Who signs; the server if it is not said.
    """
    keys = ServerKeys.load(world.server / "keys" / "server.json")
    if lie:
        items = tuple(
            dataclasses.replace(item, length=len(raw), sha256=hashlib.sha256(raw).digest())
            for item, raw in zip(manifest.items, raws, strict=True)
        )
        manifest = dataclasses.replace(manifest, items=items)
    sealed = seal_batch(manifest, signing or keys.signing, [seat.recipient for seat in world.card.seats])
    path = world.stick / name
    path.write_bytes(b"".join(pack_batch(manifest.number, sealed, [(len(raw), [raw]) for raw in raws])))
    return path


def with_item(manifest: BatchManifest, at: int, **changed: object) -> BatchManifest:
    """A manifest in which one item is filed otherwise."""
    items: list[BatchItem] = list(manifest.items)
    items[at] = dataclasses.replace(items[at], **changed)  # type: ignore[arg-type]
    return dataclasses.replace(manifest, items=tuple(items))


def flipped(raw: bytes, at: int) -> bytes:
    """Bytes with one bit turned."""
    changed = bytearray(raw)
    changed[at] ^= 1
    return bytes(changed)
