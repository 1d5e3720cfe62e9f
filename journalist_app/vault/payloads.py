# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Where payloads lie: small ones in the database, large ones as files in V/items, both as they arrived (spec U4).

A large payload gets its name only when it is whole, authentic and on the disk; until then it is a `.part` that the next
import removes. Reading verifies again: nothing of a body is handed on before its last chunk held (spec F3).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection, select

from crypto.frame import Frame
from crypto.hidden import Hidden
from crypto.unseal import FrameOpener, ItemPlace
from journalist_app.vault.errors import NotFoundError
from journalist_app.vault.files import create_new, sync_folder
from journalist_app.vault.keystore import Vault
from journalist_app.vault.models import payloads

# Items up to this many bytes, header and payload, are opened in memory and lie in the database.
SMALL = 1 << 20
READ = 1 << 20


def path_of(vault: Vault, item: bytes) -> Path:
    """
    The file of a large payload.
    """
    return vault.items / item.hex()


@contextmanager
def arriving(vault: Vault, item: bytes) -> Iterator[BinaryIO]:
    """
    Write a large payload: on leaving it is synced and named; on any error it is gone.
    """
    part = vault.items / f"{item.hex()}.part"
    try:
        # A part of this name is one that a killed import left.
        part.unlink(missing_ok=True)
        with create_new(part) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.rename(path_of(vault, item))
        sync_folder(vault.items)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def sweep(vault: Vault) -> None:
    """
    Remove what an interrupted import left.
    """
    for part in vault.items.glob("*.part"):
        part.unlink()


def chunks(vault: Vault, connection: Connection, item: bytes) -> Iterator[bytes]:
    """
    A payload as it arrived.

    Raises:
        NotFoundError: It is not here.

    """
    stored = connection.execute(select(payloads.c.payload).where(payloads.c.item == item)).scalar()
    if stored is not None:
        return iter((stored,))
    path = path_of(vault, item)
    if not path.is_file():
        raise NotFoundError(f"the payload of item {item.hex()} is not in the vault")
    return file_chunks(path)


def file_chunks(path: Path) -> Iterator[bytes]:
    """
    A file, a MiB at a time.
    """
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(READ):
            yield chunk


def verify(
    file_key: Hidden,
    pieces: Iterable[bytes],
    place: ItemPlace | None = None,
    body: Callable[[memoryview], object] | None = None,
) -> Frame:
    """
    Open a payload to its end.

    Args:
        file_key: Its key.
        pieces: The payload, in pieces of any size.
        place: What the manifest said; None for what this vault checked before.
        body: Takes the body; padding and trailer follow it.

    Raises:
        CryptoError: It was altered or cut, or is not a frame, or not the one for this place.

    """
    opener = FrameOpener(file_key, place, body)
    for piece in pieces:
        opener.feed(piece)
    return opener.finish()
