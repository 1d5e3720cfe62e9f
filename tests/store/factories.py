# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Ready-made parts for tests that need a store: folders, items, replies, an installed organisation.

Headers and payloads are random bytes of real sizes: the store never looks inside.
"""

from __future__ import annotations

import datetime
import secrets
from typing import TYPE_CHECKING

from sqlalchemy import select

from store import batches, seats
from store.engine import Store, open_store
from store.items import Deposited, Lane, NewItem, deposit
from store.models import ThreadRow
from store.replies import NewReply
from store.schema import migrate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from store.disk import Disk

DAY = datetime.date(2026, 11, 21)
# Three hybrid stanzas, the version line and the MAC.
HEADER_SIZE = 4_800
MESSAGE_SIZE = 16_416


def make_store(folder: Path, *, disk: Disk | None = None) -> Store:
    """
    A new store in *folder*.
    """
    migrate(folder)
    return open_store(folder, disk=disk)


def make_item(
    *,
    item: bytes | None = None,
    lane: Lane = "source",
    epoch: int = 3,
    header: bytes | None = None,
    payload: bytes | None = None,
    size: int = MESSAGE_SIZE,
) -> NewItem:
    """
    A sealed message, its payload in the row.
    """
    content = secrets.token_bytes(size) if payload is None else payload
    return NewItem(
        id=item or secrets.token_bytes(16),
        lane=lane,
        epoch=epoch,
        card_sequence=1,
        seats=(1, 2, 3),
        header=header or secrets.token_bytes(HEADER_SIZE),
        payload=content,
        length=len(content),
    )


def make_file(store: Store, *, item: bytes | None = None, epoch: int = 3, size: int = 100_000) -> NewItem:
    """
    A sealed file, its payload in a committed blob.
    """
    writer = store.blobs.create()
    writer.write(secrets.token_bytes(size))
    return NewItem(
        id=item or secrets.token_bytes(16),
        epoch=epoch,
        card_sequence=1,
        seats=(1, 2, 3),
        header=secrets.token_bytes(HEADER_SIZE),
        blob=writer.commit(),
        length=size,
    )


def make_locator() -> bytes:
    """
    A locator no thread has.
    """
    return secrets.token_bytes(32)


def make_reply(
    *, reply: bytes | None = None, expires: datetime.date = DAY + datetime.timedelta(days=60), held: bool = False
) -> NewReply:
    """
    A sealed reply.
    """
    return NewReply(
        id=reply or secrets.token_bytes(16),
        header=secrets.token_bytes(1_700),
        payload=secrets.token_bytes(MESSAGE_SIZE),
        expires=expires,
        held=held,
    )


def locator_of(store: Store, thread: bytes) -> bytes:
    """
    The locator of a thread; of one that is gone, one that no thread has.
    """
    with store.read() as connection:
        found = connection.execute(select(ThreadRow.locator).where(ThreadRow.id == thread)).scalar_one_or_none()
    return make_locator() if found is None else found


def make_thread(store: Store, *, items: Sequence[NewItem] | None = None, locator: bytes | None = None) -> Deposited:
    """
    A thread with one message, or with the items given.
    """
    return deposit(store, locator=locator or make_locator(), generation=1, items=items or [make_item()], day=DAY)


def install(store: Store, numbers: Sequence[int] = (1, 2, 3)) -> None:
    """
    A root, a card and a sheet for each seat, as documents the store cannot judge.
    """
    seats.install_root(store, b"signed root", number=1, digest=bytes(32))
    seats.install_card(store, b"signed card", sequence=1, digest=secrets.token_bytes(32), seats=numbers)
    for number in numbers:
        raw = f"signed sheet {number}".encode()
        seats.install_sheet(store, raw, seat=number, sequence=1, digest=secrets.token_bytes(32))


def take_out(store: Store, *, day: datetime.date = DAY, budget: int = 1 << 40) -> batches.Batch:
    """
    A batch of everything that waits, frozen.
    """
    waiting = batches.pending(store, budget=budget)
    batches.record_digest(store, [(item.id, secrets.token_bytes(32)) for item in waiting])
    number = batches.next_number(store)
    batches.record(
        store,
        number=number,
        digest=secrets.token_bytes(32),
        manifest=secrets.token_bytes(65_536),
        items=[item.id for item in waiting],
        day=day,
    )
    return batches.get(store, number)
