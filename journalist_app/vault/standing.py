# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Whether a batch may be imported now, and what it says of the world before its items are opened.

It refuses: a batch after a missing one, one that contradicts an earlier one, one with an older card than before. Each
refusal is kept as an alarm. What a good batch states (card, sheets, floor, acknowledgements, outboxes taken in) is
written down in one transaction.
"""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from crypto.card import Card
from crypto.epochs import number_on
from crypto.errors import CryptoError, FormatError, StaleError
from crypto.signing import SignedDocument
from journalist_app.bundle.batch import BatchReader
from journalist_app.bundle.errors import BundleError, ConflictError, GapError
from journalist_app.bundle.outbox_manifest import Acknowledgement, read_acknowledgement
from journalist_app.vault.alarms import Alarm, raise_alarm
from journalist_app.vault.errors import ForgedError, NotNowError, WithheldError
from journalist_app.vault.identity import (
    Identity,
    accept_card,
    accept_sheet,
    floor_stated,
    load,
    read_fact,
    server_day,
    write_fact,
)
from journalist_app.vault.keystore import Vault
from journalist_app.vault.models import batches, cards, items, outboxes, seats

SILENCE = timedelta(days=30)


def begin(vault: Vault, reader: BatchReader) -> bool:
    """
    Place a batch in the run and write down what it states.

    Returns:
        Whether there is anything left to import; False for a batch imported before.

    Raises:
        WithheldError: One before it is missing.
        ForgedError: It contradicts what was seen before.

    """
    try:
        with vault.write() as connection:
            if not _place(connection, reader):
                return False
            identity = load(connection)
            _install(connection, reader, identity)
            _note_batch(connection, reader)
            _note_outboxes(connection, reader, identity)
            for text in reader.manifest.acknowledgements:
                _note_acknowledgement(connection, reader, text)
    except _Refusal as refusal:
        with vault.write() as connection:
            raise_alarm(connection, refusal.alarm, batch=reader.manifest.number)
        raise refusal.error from None
    return True


def finish(connection: Connection, reader: BatchReader) -> None:
    """
    Mark a batch as imported whole, and look for seats that fell silent.
    """
    manifest = reader.manifest
    connection.execute(update(batches).where(batches.c.number == manifest.number).values(complete=1))
    _note_signs(connection, reader.card, manifest.day)
    _note_withdrawn(connection, reader)
    for row in connection.execute(select(seats.c.seat, seats.c.day)).all():
        listed = any(seat.number == row.seat for seat in reader.card.seats)
        if listed and manifest.day - date.fromisoformat(row.day) >= SILENCE:
            alarm = Alarm("silence", f"{row.seat} since {row.day}", f"seat {row.seat}: no sign since {row.day}")
            raise_alarm(connection, alarm, batch=manifest.number)


class _Refusal(Exception):  # noqa: N818 (carries an error across the rollback)
    def __init__(self, alarm: Alarm, error: Exception) -> None:
        super().__init__(str(error))
        self.alarm = alarm
        self.error = error


def _place(connection: Connection, reader: BatchReader) -> bool:
    number = reader.manifest.number
    last = connection.execute(select(func.max(batches.c.number)).where(batches.c.complete == 1)).scalar() or 0
    known = {row.number: row.digest for row in connection.execute(select(batches.c.number, batches.c.digest))}
    if not known:
        # The first batch a new seat sees may have any number: those before it were not sealed to it.
        return True
    first = min(known)
    if last == 0 and number != first:
        raise _Refusal(
            Alarm("withheld", str(first), f"batch {number} came before batch {first} was whole"),
            WithheldError(f"batch {first} is not imported whole yet: finish that one first, then batch {number}"),
        )
    if last == 0:
        # The pinned batch again. Its predecessor is unknown here, so the run cannot judge it.
        if known[number] != reader.digest:
            message = f"batch {number} was begun before with another digest"
            raise _Refusal(Alarm("batch-fork", str(number), message), ForgedError(message))
        return True
    try:
        reader.standing(last, known.get)
    except GapError as error:
        alarm = Alarm("withheld", str(last + 1), f"batch {number} came, batch {last + 1} did not")
        raise _Refusal(alarm, WithheldError(f"batch {last + 1} is missing; import it before batch {number}")) from error
    except ConflictError as error:
        if number < first:
            raise _Refusal(
                Alarm("batch-refused", f"{number} older", str(error)),
                NotNowError(f"batch {number} is older than batch {first}, the first one of this vault"),
            ) from error
        raise _Refusal(Alarm("batch-fork", str(number), str(error)), ForgedError(str(error))) from error
    return number > last


def _install(connection: Connection, reader: BatchReader, identity: Identity) -> None:
    manifest, card = reader.manifest, reader.card
    stated = connection.execute(select(func.max(batches.c.card))).scalar() or 0
    if card.sequence < stated:
        message = f"batch {manifest.number} has card {card.sequence}, an earlier one had card {stated}"
        raise _Refusal(Alarm("stale-card", str(manifest.number), message), ForgedError(message))
    try:
        # The ceremony may have given this vault a card that the server has not installed yet: then it must be one
        # that is held here.
        if card.sequence < identity.card.sequence:
            _require_held(connection, card)
        else:
            accept_card(connection, card)
        was_active = _own_sheet_known(connection)
        for sheet in reader.sheets:
            accept_sheet(connection, sheet, card)
    except StaleError as error:
        alarm = Alarm("other-server", str(manifest.number), str(error))
        raise _Refusal(alarm, ForgedError(f"batch {manifest.number}: {error}")) from error
    if not was_active and any(sheet.seat == identity.number for sheet in reader.sheets):
        # From the epoch after this one on, an item of this card that leaves the seat out is an alarm.
        epoch = max(number_on(manifest.day, identity.root.first_day), manifest.floor)
        write_fact(connection, "active", str(epoch).encode())


def _own_sheet_known(connection: Connection) -> bool:
    return read_fact(connection, "active") is not None


def _require_held(connection: Connection, card: Card) -> None:
    held = connection.execute(select(cards.c.sequence).where(cards.c.digest == card.digest)).scalar()
    if held is None:
        raise StaleError(f"card {card.sequence} is older than the one held, and was never seen here")


def _note_batch(connection: Connection, reader: BatchReader) -> None:
    manifest = reader.manifest
    number, floor, day = manifest.number, floor_stated(connection), server_day(connection)
    if manifest.floor < floor:
        message = f"floor {manifest.floor} after floor {floor}"
        raise_alarm(connection, Alarm("floor-fell", str(number), message), batch=number)
    if day is not None and manifest.day < day:
        message = f"{manifest.day} after {day}"
        raise_alarm(connection, Alarm("clock-back", str(number), message), batch=number)
    row = {
        "number": number,
        "digest": reader.digest,
        "day": manifest.day.isoformat(),
        "floor": max(floor, manifest.floor),
        "waiting": manifest.waiting,
        "card": reader.card.sequence,
        "audit": manifest.audit.hex(),
        "items": len(manifest.items),
        "complete": 0,
    }
    connection.execute(upsert(batches).values(row).on_conflict_do_nothing())


def _note_outboxes(connection: Connection, reader: BatchReader, identity: Identity) -> None:
    for taken in reader.manifest.outboxes:
        if taken.seat != identity.number:
            continue
        mine = connection.execute(select(outboxes.c.digest).where(outboxes.c.sequence == taken.sequence)).scalar()
        if mine != taken.digest:
            message = f"outbox {taken.sequence} was taken in as {taken.digest.hex()[:16]}…"
            alarm = Alarm("outbox-fork", str(taken.sequence), message)
            raise_alarm(connection, alarm, batch=reader.manifest.number)
            continue
        connection.execute(update(outboxes).where(outboxes.c.sequence <= taken.sequence).values(confirmed=1))


def _note_withdrawn(connection: Connection, reader: BatchReader) -> None:
    # At the end of a batch, when its own items are in: one of them may belong to the thread.
    for server_thread in reader.manifest.withdrawn:
        found = select(items.c.thread).where(items.c.server_thread == server_thread).distinct()
        for value in connection.execute(found).scalars().all():
            alarm = Alarm("withdrawn", value.hex(), thread=value)
            raise_alarm(connection, alarm, batch=reader.manifest.number)


def _note_acknowledgement(connection: Connection, reader: BatchReader, text: str) -> None:
    number = reader.manifest.number
    try:
        found = _read_acknowledgement(text, reader.card)
    except (CryptoError, BundleError) as error:
        raise_alarm(connection, Alarm("acknowledgement", str(number), str(error)), batch=number)
        return
    known = connection.execute(select(seats.c.batch).where(seats.c.seat == found.seat)).scalar() or 0
    if found.batch > known:
        _write_sign(connection, found.seat, reader.manifest.day, batch=found.batch, digest=found.digest)
    ours = connection.execute(select(batches.c.digest).where(batches.c.number == found.batch)).scalar()
    if ours is not None and ours != found.digest:
        message = f"seat {found.seat} has {found.digest.hex()[:16]}…, here it is {ours.hex()[:16]}…"
        raise_alarm(connection, Alarm("other-digest", f"{found.seat}:{found.batch}", message), batch=number)


def _read_acknowledgement(text: str, card: Card) -> Acknowledgement:
    claimed = SignedDocument.decode(text.encode()).contents("acknowledgement").get("seat")
    if not isinstance(claimed, int):
        raise FormatError("an acknowledgement that names no seat")
    return read_acknowledgement(text, seat=claimed, key=card.seat(claimed).signing)


def _note_signs(connection: Connection, card: Card, day: date) -> None:
    # A seat's silence is counted from the day this vault first saw it on a card.
    for seat in card.seats:
        row = {"seat": seat.number, "batch": 0, "digest": b"", "day": day.isoformat()}
        connection.execute(upsert(seats).values(row).on_conflict_do_nothing())


def _write_sign(connection: Connection, seat: int, day: date, *, batch: int, digest: bytes) -> None:
    row = {"seat": seat, "batch": batch, "digest": digest, "day": day.isoformat()}
    statement = upsert(seats).values(row)
    connection.execute(statement.on_conflict_do_update(index_elements=["seat"], set_=row))
