# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Handing out a file's body: on demand, and only after the whole of it has verified (spec F3).

A download is read twice: once to its end, then again while it is sent. Saving writes a `.part` and names it when the
last chunk held. Both are plaintext from then on, outside the vault's protection; the page says so.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, select

from crypto.hidden import Hidden
from crypto.unseal import FrameOpener
from journalist_app.vault import payloads
from journalist_app.vault.errors import NotFoundError, NotNowError
from journalist_app.vault.files import create_new, sync_folder
from journalist_app.vault.keystore import Vault
from journalist_app.vault.models import items
from journalist_app.vault.names import disk_name


@dataclass(frozen=True, slots=True)
class Attachment:
    """
    A file that verified to its end.

    Args:
        item: Its id.
        name: As the source sent it.
        length: Bytes of its body.
        chunks: The body, once.
    """

    item: bytes
    name: str
    length: int
    chunks: Iterator[bytes]


def attachment(vault: Vault, item: bytes) -> Attachment:
    """
    Verify a file and open it for sending.

    Raises:
        NotFoundError: There is no such file.
        CryptoError: The payload was altered on this laptop's disk.
    """
    with vault.read() as connection:
        row = _file(connection, item)
        key = Hidden(row.file_key)
        length = payloads.verify(key, payloads.chunks(vault, connection, item)).length
        again = payloads.chunks(vault, connection, item)
    return Attachment(item, row.name, length, body_of(key, again, length))


def save(vault: Vault, item: bytes, folder: Path) -> Path:
    """
    Write a file's body into a folder.

    Returns:
        Where it is.

    Raises:
        NotFoundError: There is no such file.
        NotNowError: It was saved before.
        CryptoError: The payload was altered on this laptop's disk.
    """
    found = attachment(vault, item)
    return write_down(found.chunks, folder, disk_name(found.name, item))


def write_down(chunks: Iterator[bytes], folder: Path, name: str) -> Path:
    """
    Write a body into a folder, for its owner alone.

    Raises:
        NotNowError: There is something of that name.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / name
    if target.is_symlink() or target.exists():
        raise NotNowError(f"{target.name} is there already")
    part = folder / f".{secrets.token_hex(16)}.part"
    try:
        with create_new(part) as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        part.rename(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(folder)
    return target


def body(vault: Vault, item: bytes) -> Iterator[bytes]:
    """
    A file's body in one reading: believe nothing of it before it has come to its end (spec F3).

    Raises:
        NotFoundError: There is no such file.
        CryptoError: The payload was altered on this laptop's disk.
    """
    with vault.read() as connection:
        row = _file(connection, item)
        pieces = payloads.chunks(vault, connection, item)
    yield from body_of(Hidden(row.file_key), pieces, row.length)


def body_of(key: Hidden, pieces: Iterator[bytes], length: int) -> Iterator[bytes]:
    """
    The body of a payload, piece by piece. Whoever has not verified it before believes nothing of it until it has come to its end.

    Args:
        key: Its key.
        pieces: The payload.
        length: Of the body, as it was found when it was verified or imported.

    Raises:
        CryptoError: It was altered since.
    """
    held = bytearray()
    opener = FrameOpener(key, None, held.extend)
    left = length
    for piece in pieces:
        opener.feed(piece)
        if left:
            yield bytes(held[:left])
        left -= min(left, len(held))
        held.clear()
    opener.finish()
    if left:
        yield bytes(held[:left])


def _file(connection: Connection, item: bytes) -> Row[Any]:
    row = connection.execute(select(items).where(items.c.item == item, items.c.kind == "file")).first()
    if row is None:
        raise NotFoundError("there is no such file")
    return row
