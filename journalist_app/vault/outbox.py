# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Outboxes: what this seat sends, frozen under a number, signed, sealed to the server.

Freezing takes everything that waits, adds a renewed sheet and the newest acknowledgement, and writes the archive into
the vault under its number and digest, before the row that names them: a row that is rolled back leaves a file nobody names.
From there it goes to a stick, the same bytes as often as wanted, until a batch says that it was taken in.
An outbox that a batch shows to be hopeless (an entry below the floor, an older card than the server's) is sealed again
under the same number, and so are those after it: no server that has that floor or card can have taken it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from crypto.canonical import Fields, decode
from crypto.epochs import Addressees, addressees
from crypto.frame import entry_header
from crypto.seal import seal_frame
from crypto.signing import MAX_DOCUMENT, SignedDocument
from journalist_app.bundle.documents import MAX_DELETIONS
from journalist_app.bundle.outbox import seal_outbox
from journalist_app.bundle.outbox_manifest import Acknowledgement
from journalist_app.bundle.records import (
    AcknowledgementRecord,
    Carried,
    ClosedRecord,
    DeletionRecord,
    EntryRecord,
    ReplyRecord,
    SheetRecord,
)
from journalist_app.vault.entries import NOTHING, parse_entry
from journalist_app.vault.epochs import renew_sheet
from journalist_app.vault.errors import NotFoundError
from journalist_app.vault.files import replace
from journalist_app.vault.identity import Identity, floor_stated, load, reported_sheets, working_day
from journalist_app.vault.keystore import Vault
from journalist_app.vault.models import outboxes, pending
from journalist_app.vault.run import acknowledgeable

MAX_FIELDS = 4_096
# What the desk takes in at once without trouble; the rest waits for the next outbox.
MAX_RECORDS = 2_000
MAX_BYTES = 64 << 20
# What sealing adds to an entry at most: the bucket of a short one, and a stanza for each of sixteen seats.
SEALED_MORE = 48 << 10
# Stands for "no entry in it" among epochs.
NO_EPOCH = -1


@dataclass(frozen=True, slots=True)
class Frozen:
    """
    One outbox as the page shows it.

    Args:
        sequence: Its number.
        digest: What both machines show.
        records: How many records it has.
        day: When it was frozen, by the laptop.
        confirmed: Whether a batch said that it arrived.
    """

    sequence: int
    digest: bytes
    records: int
    day: date
    confirmed: bool


def waiting(connection: Connection) -> int:
    """
    How many records wait for the next outbox, the sheet and acknowledgement not among them.
    """
    return connection.execute(select(func.count()).select_from(pending).where(pending.c.outbox == 0)).scalar_one()


def every(connection: Connection) -> tuple[Frozen, ...]:
    """
    The outboxes, newest first.
    """
    rows = connection.execute(select(outboxes).order_by(outboxes.c.sequence.desc())).all()
    return tuple(
        Frozen(row.sequence, row.digest, row.records, date.fromisoformat(row.day), bool(row.confirmed)) for row in rows
    )


def freeze(vault: Vault) -> Frozen:
    """
    Freeze everything that waits into the next outbox.
    """
    with vault.write() as connection:
        _sweep(connection, vault)
        identity = load(connection)
        sequence = (connection.execute(select(func.max(outboxes.c.sequence))).scalar() or 0) + 1
        _gather(connection, vault, identity, sequence)
        _seal(connection, vault, identity, sequence)
        return next(one for one in every(connection) if one.sequence == sequence)


def write_to(vault: Vault, sequence: int, folder: Path) -> Path:
    """
    Copy an outbox to a stick.

    Returns:
        The file. It is whole and on the stick.

    Raises:
        NotFoundError: There is no such outbox.
    """
    with vault.read() as connection:
        seat = load(connection).number
        digest = connection.execute(select(outboxes.c.digest).where(outboxes.c.sequence == sequence)).scalar()
    source = None if digest is None else _path(vault, sequence, digest)
    if source is None or not source.is_file():
        raise NotFoundError(f"there is no outbox {sequence}")
    target = folder / f"outbox-{seat}-{sequence:08d}.tar"
    replace(target, source.read_bytes())
    return target


def seal_again(connection: Connection, vault: Vault, server_card: int) -> tuple[int, ...]:
    """
    Seal again, under their numbers, the outboxes that the server can no longer take.

    Args:
        connection: Inside a write, after a batch was imported whole.
        vault: Open.
        server_card: The sequence of the card that the batch says is installed.

    Returns:
        The numbers that were sealed again.
    """
    floor = floor_stated(connection)
    open_ones = connection.execute(
        select(outboxes).where(outboxes.c.confirmed == 0).order_by(outboxes.c.sequence)
    ).all()
    hopeless = [row.sequence for row in open_ones if NO_EPOCH < row.epoch < floor or row.card < server_card]
    if not hopeless:
        return ()
    identity = load(connection)
    again = tuple(row.sequence for row in open_ones if row.sequence >= hopeless[0])
    for sequence in again:
        connection.execute(delete(outboxes).where(outboxes.c.sequence == sequence))
        _seal(connection, vault, identity, sequence)
    return again


def _gather(connection: Connection, vault: Vault, identity: Identity, sequence: int) -> None:
    sheet = renew_sheet(connection, identity, working_day(connection, vault))
    _add(connection, "sheet", sheet.signed.encode())
    newest = acknowledgeable(connection)
    if newest is not None:
        text = Acknowledgement(seat=identity.number, batch=newest.number, digest=newest.digest).sign(identity.signing)
        _add(connection, "acknowledgement", text.encode())
    connection.execute(update(pending).where(pending.c.id.in_(_fitting(connection))).values(outbox=sequence))


def _fitting(connection: Connection) -> list[int]:
    # The oldest first, so that nothing waits for ever; the sheet and the acknowledgement are the newest rows there are.
    size = func.length(pending.c.header) + func.length(pending.c.payload) + 2 * func.length(pending.c.fields)
    query = select(pending.c.id, pending.c.kind, size.label("size")).where(pending.c.outbox == 0).order_by(pending.c.id)
    chosen, total, deletions = [], 0, 0
    for row in connection.execute(query).all():
        if row.kind in {"sheet", "acknowledgement"}:
            chosen.append(row.id)
            continue
        total += row.size + SEALED_MORE
        deletions += row.kind == "deletion"
        if len(chosen) < MAX_RECORDS and total <= MAX_BYTES and deletions <= MAX_DELETIONS:
            chosen.append(row.id)
    return chosen


def _add(connection: Connection, kind: str, fields: bytes) -> None:
    connection.execute(insert(pending).values(kind=kind, fields=fields, header=b"", payload=b"", outbox=0))


def _seal(connection: Connection, vault: Vault, identity: Identity, sequence: int) -> None:
    rows = connection.execute(select(pending).where(pending.c.outbox == sequence).order_by(pending.c.id)).all()
    carried = [*_closed(rows), *_deletions(rows)]
    to: Addressees | None = None
    for row in rows:
        if row.kind == "entry" and to is None:
            sheets = reported_sheets(connection, identity)
            day, floor = working_day(connection, vault), floor_stated(connection)
            to = addressees(identity.card, sheets, day, identity.root.first_day, floor)
        one = _carry(row, to)
        if one is not None:
            carried.append(one)
    before = connection.execute(select(outboxes.c.digest).where(outboxes.c.sequence == sequence - 1)).scalar()
    sealed = seal_outbox(
        seat=identity.number,
        sequence=sequence,
        previous=NOTHING if before is None else before,
        root=identity.root.digest,
        card=identity.card.digest,
        carried=carried,
        signing=identity.signing,
        transfer=identity.card.server_transfer,
    )
    replace(_path(vault, sequence, sealed.digest), b"".join(sealed.chunks()))
    made = {
        "sequence": sequence,
        "digest": sealed.digest,
        "epoch": NO_EPOCH if to is None else to.epoch,
        "card": identity.card.sequence,
        "records": len(carried),
        "day": vault.clock().isoformat(),
        "confirmed": 0,
    }
    connection.execute(insert(outboxes).values(made))


def _carry(row: Any, to: Addressees | None) -> Carried | None:
    if row.kind == "sheet":
        return Carried(record=SheetRecord(signed=row.fields.decode()))
    if row.kind == "acknowledgement":
        return Carried(record=AcknowledgementRecord(signed=row.fields.decode()))
    if row.kind == "reply":
        return _carry_reply(row)
    if row.kind == "entry" and to is not None:
        return _carry_entry(row.fields, to)
    return None


def _carry_reply(row: Any) -> Carried:
    file = row.header + row.payload
    fields = Fields(decode(row.fields, limit=MAX_FIELDS), "pending reply")
    record = ReplyRecord(
        thread=fields.hex("thread", 16),
        item=fields.hex("item", 16),
        expires_days=fields.number("expires_days", 1, 3_650),
        sees=fields.number("sees", 0, 2**31 - 1),
        length=len(file),
        sha256=hashlib.sha256(file).digest(),
    )
    return Carried(record=record, file=file)


def _carry_entry(signed: bytes, to: Addressees) -> Carried:
    entry = parse_entry(SignedDocument.decode(signed, MAX_DOCUMENT))
    item = secrets.token_bytes(16)
    header = entry_header(
        thread=entry.thread,
        item=item,
        submission=secrets.token_bytes(16),
        card=to.card_digest,
        epoch=to.epoch,
        seats=to.seats,
        lang="",
    )
    sealed = seal_frame(to.recipients, header, signed)
    file = sealed.header + sealed.payload
    record = EntryRecord(
        item=item,
        epoch=to.epoch,
        card=to.card_sequence,
        seats=to.seats,
        length=len(file),
        sha256=hashlib.sha256(file).digest(),
    )
    return Carried(record=record, file=file)


def _closed(rows: Sequence[Any]) -> list[Carried]:
    # Several announcements are one: the highest says what the others say.
    through = [
        Fields(decode(row.fields, limit=MAX_FIELDS), "pending closing").number("through", 0, 9_999)
        for row in rows
        if row.kind == "closed"
    ]
    return [Carried(record=ClosedRecord(through=max(through)))] if through else []


def _deletions(rows: Sequence[Any]) -> list[Carried]:
    found = {
        Fields(decode(row.fields, limit=MAX_FIELDS), "pending deletion").hex("thread", 16)
        for row in rows
        if row.kind == "deletion"
    }
    return [Carried(record=DeletionRecord(threads=tuple(sorted(found))))] if found else []


def _path(vault: Vault, sequence: int, digest: bytes) -> Path:
    return vault.outboxes / f"{sequence:08d}-{digest.hex()}.tar"


def _sweep(connection: Connection, vault: Vault) -> None:
    rows = connection.execute(select(outboxes.c.sequence, outboxes.c.digest)).all()
    named = {_path(vault, row.sequence, row.digest) for row in rows}
    for path in vault.outboxes.iterdir():
        if path not in named:
            path.unlink()
