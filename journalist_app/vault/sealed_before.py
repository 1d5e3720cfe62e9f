# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What sources sealed beforehand, with age or OpenPGP: which of a page's items, as the import noted it, and what this seat's keys open.

What came in parts or volumes is what its first item begins. Nothing of it is handed out before it was opened to its end, like every other file (spec F3): opened once to see, then again while it goes;
constant memory, nothing on a disk. Only one layer comes off: an age file inside an OpenPGP message is handed out as the age file
that it is. Nothing is written down, here or in the team's lane.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, select

from crypto.age import Header
from crypto.hidden import Hidden
from journalist_app.vault import attachments, joining, pgp, sealed_age
from journalist_app.vault.epochs import seeds
from journalist_app.vault.errors import LockedError, NotFoundError
from journalist_app.vault.joining import Joinable
from journalist_app.vault.keystore import Vault
from journalist_app.vault.models import beforehand, items
from journalist_app.vault.pgp_key import own_secret
from journalist_app.vault.reading import Item
from journalist_app.vault.sealed_kind import Kind, block, inner_name

_MESSAGE: Final = "message.asc"


@dataclass(frozen=True, slots=True)
class Sealed:
    """
    Something that a source sealed beforehand.

    Args:
        item: The item that stands for it on the page.
        name: As the source sent it.
        kind: What it was sealed with.
        length: Bytes of it.
        epoch: Under which the server sealed what it came in.
        file_key: Of the inner age file, as it was found when it came; empty if it was not.
        read: Gives it from the beginning, as often as wanted.
    """

    item: bytes
    name: str
    kind: Kind
    length: int
    epoch: int
    file_key: Hidden
    read: Callable[[], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class Opened:
    """
    What was inside, opened to its end before.

    Args:
        item: The item that stands for it on the page.
        name: Of what was inside.
        length: Bytes of it.
        signed: The ids of keys that signatures inside name; nobody checked them.
        chunks: All of it, once.
    """

    item: bytes
    name: str
    length: int
    signed: tuple[str, ...]
    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Beginning:
    """
    The beginning of what was inside, opened to its end before.

    Args:
        raw: As many bytes as were asked for, or all.
        length: Bytes of the whole.
        signed: As above.
    """

    raw: bytes
    length: int
    signed: tuple[str, ...]


def noted(connection: Connection, shown: Sequence[Item]) -> Mapping[bytes, Kind]:
    """
    What a page shows that was sealed beforehand, by the item that stands for it.
    """
    firsts = {_first_item(one): one.row.item for one in shown}
    query = select(beforehand.c.item, beforehand.c.kind).where(beforehand.c.item.in_(firsts))
    return {firsts[row.item]: Kind(row.kind) for row in connection.execute(query)}


def sealed_item(vault: Vault, item: bytes) -> Sealed:
    """
    A message with an armored block in it, or a file that came whole.

    Raises:
        NotFoundError: It was not sealed beforehand.
    """
    row = _row(vault, item)
    if row.kind == "file":
        read: Callable[[], Iterator[bytes]] = partial(attachments.body, vault, item)
        return Sealed(item, row.name, Kind(row.beforehand), row.length, row.epoch, Hidden(row.inner), read)
    found = block(row.text)
    if found is None:
        raise _not_sealed()
    kind, raw = found
    return Sealed(item, _MESSAGE, kind, len(raw), row.epoch, Hidden(row.inner), lambda: iter((raw,)))


def sealed_whole(vault: Vault, whole: Joinable, unlocked: Callable[[], bool]) -> Sealed:
    """
    A file that came in parts or volumes.

    Raises:
        NotFoundError: It was not sealed beforehand.
    """
    row = _row(vault, whole.pieces[0])
    read = partial(joining.stream, vault, whole, unlocked)
    return Sealed(whole.item, whole.name, Kind(row.beforehand), whole.length, row.epoch, Hidden(row.inner), read)


def opened(vault: Vault, sealed: Sealed, unlocked: Callable[[], bool]) -> Opened:
    """
    Open something to its end, and make it ready to be handed out.

    Args:
        vault: With the keys.
        sealed: What to open.
        unlocked: Whether the vault still is: a lock ends a download.

    Raises:
        ForeignSealError, BrokenSealError: It does not open.
        ItemRefusedError: It unpacks to more than anybody would send.
        ProgramError: gpg is missing.
        CryptoError: What it came in was altered on this laptop's disk.
    """
    seen = beginning(vault, sealed, 0)
    chunks = _while(unlocked, _inside(vault, sealed, []))
    return Opened(sealed.item, inner_name(sealed.name), seen.length, seen.signed, chunks)


def beginning(vault: Vault, sealed: Sealed, most: int) -> Beginning:
    """
    Open something to its end, and keep the first bytes.

    Args:
        vault: With the keys.
        sealed: What to open.
        most: How many bytes to keep.

    Raises:
        As `opened`.
    """
    kept, length, signed = bytearray(), 0, list[str]()
    for chunk in _inside(vault, sealed, signed):
        kept += chunk[: max(0, most - length)]
        length += len(chunk)
    return Beginning(bytes(kept), length, tuple(signed))


def _inside(vault: Vault, sealed: Sealed, signed: list[str]) -> Iterator[bytes]:
    if sealed.kind is Kind.OPENPGP:
        return pgp.opened(own_secret(vault), sealed.read(), sealed.length, signed)
    raw = sealed.read()
    if sealed.kind is Kind.AGE_ARMOR:
        raw = sealed_age.unarmored(raw)
    return sealed_age.opened(raw, lambda header: _inner_key(vault, sealed, header))


def _inner_key(vault: Vault, sealed: Sealed, header: Header) -> Hidden:
    if sealed.file_key:
        return sealed.file_key
    with vault.read() as connection:
        held = seeds(connection)
    return sealed_age.find_key(header, held, sealed.epoch, sealed_age.MAX_TRIALS)


def _while(unlocked: Callable[[], bool], chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        if not unlocked():
            raise LockedError("the vault was locked")
        yield chunk


def _row(vault: Vault, item: bytes) -> Any:
    columns = (items.c.kind, items.c.name, items.c.text, items.c.length, items.c.epoch)
    about = (beforehand.c.kind.label("beforehand"), beforehand.c.file_key.label("inner"))
    joined = items.join(beforehand, beforehand.c.item == items.c.item)
    with vault.read() as connection:
        row = connection.execute(select(*columns, *about).select_from(joined).where(items.c.item == item)).first()
    if row is None:
        raise _not_sealed()
    return row


def _first_item(one: Item) -> bytes:
    """
    The item with which what stands on the page begins; empty if it cannot be handed out as a whole.
    """
    if one.file is None:
        return bytes(one.row.item)
    if (one.volumes or one.file).refusal:
        return b""
    file = one.file if one.volumes is None else one.volumes.here[0][1]
    return bytes(file.pieces[0].item)


def _not_sealed() -> NotFoundError:
    return NotFoundError("there is nothing here that its source sealed beforehand")
