# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Files that came in parts or volumes, as one: what may be joined, and a stream of it.

Each item is verified to its end before its first byte is handed on (spec F3), then read again while it goes. Nothing is
sealed again and nothing lies on the disk in the clear. Where an item no longer holds, the stream breaks off before its
length is reached, so that nobody takes what came for the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, select

from crypto.hidden import Hidden
from journalist_app.vault import payloads
from journalist_app.vault.attachments import body_of
from journalist_app.vault.errors import ItemRefusedError, LockedError, NotFoundError, NotNowError
from journalist_app.vault.gathered import File, file_of, volumes_of
from journalist_app.vault.keystore import Vault
from journalist_app.vault.models import items


@dataclass(frozen=True, slots=True)
class Joinable:
    """
    A file that can be handed out as one.

    Args:
        item: The first item shown for it.
        name: Of the whole, as the source sent it.
        length: Bytes of the whole.
        pieces: Its items, in their order.
        sha256: Of the whole; empty if it is not known.
    """

    item: bytes
    name: str
    length: int
    pieces: tuple[bytes, ...]
    sha256: bytes


def joined_parts(connection: Connection, lead: bytes) -> Joinable:
    """
    A file that came in parts, as one.

    Raises:
        NotFoundError: There is no such file.
        NotNowError: A part is missing, or came with two contents.
    """
    file = file_of(connection, lead)
    if file.refusal:
        raise NotNowError(f"The parts are not joined: {file.refusal}.")
    return joinable(file)


def joined_volumes(connection: Connection, lead: bytes) -> Joinable:
    """
    A file that came in volumes, as one.

    Raises:
        NotFoundError: There are no such volumes.
        NotNowError: One is missing or not whole, or they are not simply the pieces of one file.
    """
    volumes = volumes_of(connection, file_of(connection, lead))
    if volumes is None:
        raise NotFoundError("there are no such volumes")
    if volumes.refusal:
        raise NotNowError(f"The volumes are not joined: {volumes.refusal}.")
    pieces = tuple(piece.item for _, file in volumes.here for piece in file.pieces)
    return Joinable(lead, volumes.stem, volumes.length, pieces, b"")


def stream(vault: Vault, whole: Joinable, unlocked: Callable[[], bool]) -> Iterator[bytes]:
    """
    The body of the whole, item by item.

    Args:
        vault: Where the items lie.
        whole: What to hand out.
        unlocked: Whether the vault still is: a lock ends a download.

    Raises:
        LockedError: The vault was locked meanwhile.
        NotFoundError, CryptoError: An item is not here any more, or was altered on this laptop's disk.
        ItemRefusedError: The whole is not what it was after the import.
    """
    digest = hashlib.sha256()
    for item in whole.pieces:
        if not unlocked():
            raise LockedError("the vault was locked")
        for chunk in _piece(vault, item):
            digest.update(chunk)
            yield chunk
    if whole.sha256 and digest.digest() != whole.sha256:
        raise ItemRefusedError("the joined file is not the one whose digest the page shows")


def joinable(file: File) -> Joinable:
    """
    A file whose parts are all here.
    """
    pieces = tuple(piece.item for piece in file.pieces)
    sha256 = b"" if file.parts is None else file.parts.sha256
    return Joinable(file.lead.item, file.lead.name, file.length, pieces, sha256)


def _piece(vault: Vault, item: bytes) -> Iterator[bytes]:
    with vault.read() as connection:
        key = Hidden(connection.execute(select(items.c.file_key).where(items.c.item == item)).scalar_one())
        length = payloads.verify(key, payloads.chunks(vault, connection, item)).length
        again = payloads.chunks(vault, connection, item)
    yield from body_of(key, again, length)
