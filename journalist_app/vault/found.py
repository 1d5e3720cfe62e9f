# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Writing down what `intake` found, and what is there already.

Everything of one transaction is written in bulk; then the threads it touched are computed anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from crypto.canonical import Fields, decode, encode
from crypto.errors import CryptoError
from journalist_app.bundle.manifest import BatchItem
from journalist_app.vault import payloads
from journalist_app.vault.alarms import Alarm, raise_alarm
from journalist_app.vault.entries import keep
from journalist_app.vault.errors import VaultError
from journalist_app.vault.intake import Filed, Found, Intake, Kept
from journalist_app.vault.keystore import Vault
from journalist_app.vault.models import items, kept, listed, passed
from journalist_app.vault.models import payloads as stored
from journalist_app.vault.projection import AT_ONCE, compute

MAX_FILED = 4_096


def write_found(connection: Connection, found: Sequence[Found | Kept]) -> int:
    """
    Write what one transaction holds.

    Returns:
        How many of them stay sealed.

    """
    good = [one for one in found if isinstance(one, Found)]
    sealed = [one for one in found if isinstance(one, Kept)]
    if good:
        connection.execute(insert(items), [one.row for one in good])
    small = [{"item": one.row["item"], "payload": one.payload} for one in good if one.payload is not None]
    if small:
        connection.execute(upsert(stored).on_conflict_do_nothing(), small)
    lines = list(chain.from_iterable(one.listed for one in good))
    if lines:
        connection.execute(upsert(listed).on_conflict_do_nothing(), lines)
    for one in good:
        if one.entry is not None:
            keep(connection, one.entry, batch=one.row["batch"])
    for held in sealed:
        _write_kept(connection, held)
    compute(connection, [one.row["thread"] for one in good])
    return len(sealed)


def places_done(connection: Connection, batch: int) -> frozenset[int]:
    """
    The places of a batch that need not be imported again.
    """
    return frozenset(
        place
        for table in (items, kept, passed)
        for place in connection.execute(select(table.c.place).where(table.c.batch == batch)).scalars()
    )


def known_ids(connection: Connection, ids: Sequence[bytes]) -> set[bytes]:
    """
    Which of these item ids the vault has.
    """
    known: set[bytes] = set()
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        for table in (items, kept):
            known.update(connection.execute(select(table.c.item).where(table.c.item.in_(some))).scalars())
    return known


def open_kept(vault: Vault, intake: Intake) -> int:
    """
    Try again what stayed sealed: perhaps the card came, or this is the newer vault.

    Returns:
        How many could be read now.

    """
    with vault.read() as connection:
        rows = connection.execute(select(kept)).all()
    opened = 0
    for row in rows:
        filed = _read_filed(row.batch, row.place, row.filed)
        try:
            with vault.read() as connection:
                pieces: Iterator[bytes] = chain((row.header,), payloads.chunks(vault, connection, row.item))
                again = intake.take(filed, pieces)
        except (CryptoError, VaultError) as error:
            with vault.write() as connection:
                raise_alarm(connection, Alarm("refused", row.item.hex(), str(error)), batch=row.batch)
            continue
        if isinstance(again, Found):
            with vault.write() as connection:
                connection.execute(delete(kept).where(kept.c.item == row.item))
                write_found(connection, [again])
            opened += 1
    return opened


def _write_kept(connection: Connection, held: Kept) -> None:
    item = held.filed.item
    row = {
        "item": item.item,
        "batch": held.filed.batch,
        "place": held.filed.place,
        "reason": held.reason,
        "header": held.header,
        "filed": encode({**item.written(), "day": held.filed.day}),
    }
    connection.execute(insert(kept).values(row))
    if held.payload is not None:
        connection.execute(insert(stored).values(item=item.item, payload=held.payload))
    raise_alarm(connection, Alarm(held.reason, item.item.hex()), batch=held.filed.batch)


def _read_filed(batch: int, place: int, raw: bytes) -> Filed:
    fields = Fields(decode(raw, limit=MAX_FILED), "filed")
    day = fields.text("day", 10)
    item = BatchItem(
        item=fields.hex("item", 16),
        thread=fields.blob("thread", 16),
        lane="team" if fields.choice("lane", ("source", "team")) == "team" else "source",
        card=fields.number("card", 1, 2**31),
        epoch=fields.number("epoch", 0, 2**31),
        seats=fields.numbers("seats", 16, 1, 2**31),
        length=fields.number("length", 1, 2**53 - 1),
        sha256=fields.hex("sha256", 32),
    )
    fields.done()
    return Filed(batch=batch, place=place, day=day, item=item)
