# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Whether a batch may be imported now, and what it says of the world before its items are opened.

It refuses: a batch after a missing one, one that contradicts an earlier one, one with an older card than before, one
whose day or floor cannot be. Each refusal is kept as an alarm. What a good batch states (card, sheets, floor,
acknowledgements, outboxes taken in) is written down in one transaction.

Where the run begins: the founder's at batch 1. A seat admitted later may begin with any, because those before may not have
been sealed to it; while that is not certain, earlier ones that follow on are taken backwards, and nothing is acknowledged.
"""

from __future__ import annotations

from datetime import date, timedelta
from enum import Enum
from typing import Any

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
from journalist_app.vault.errors import ForgedError, NotNowError, UnbelievableError, WithheldError
from journalist_app.vault.identity import (
    Identity,
    accept_card,
    accept_sheet,
    floor_stated,
    held_cards,
    keep_former_card,
    later,
    load,
    read_fact,
    server_day,
    write_fact,
)
from journalist_app.vault.keystore import Vault
from journalist_app.vault.models import batches, cards, items, outboxes, seats, withdrawn
from journalist_app.vault.run import day_of
from journalist_app.vault.silence import SILENCE, silent_days

# How far a batch's day may be ahead of the laptop's, whose clock may be behind by less, and of the batch before.
FAR_DAY = timedelta(days=400)


class Place(Enum):
    """
    Where a batch stands.
    """

    NEWEST = "newest"
    EARLIER = "earlier"
    WHOLE = "whole"


def begin(vault: Vault, reader: BatchReader, *, despite: bool = False) -> Place:
    """
    Place a batch in the run and write down what it states.

    Args:
        vault: Open.
        reader: The batch.
        despite: A person wants its items although its day or floor cannot be: neither is believed. Every later batch
            names this one as its predecessor, so without this one such batch would end the run.

    Returns:
        Whether it is the newest of the run, or an earlier one than the first so far, or was imported whole before.

    Raises:
        WithheldError: One before it is missing.
        ForgedError: It contradicts what was seen before.
        UnbelievableError: Its day or floor cannot be.
        NotNowError: It is older than the run.
    """
    try:
        with vault.write() as connection:
            identity = load(connection)
            place = _place(connection, reader, identity)
            if place is Place.EARLIER:
                _note_batch(connection, reader, reader.manifest.day, reader.manifest.floor)
                _install_former(connection, reader, identity)
            if place is Place.NEWEST:
                day, floor = _believed(connection, vault, reader, identity, despite=despite)
                _note_beginning(connection, reader, identity)
                _note_batch(connection, reader, day, floor)
                _install(connection, reader, identity)
                _note_outboxes(connection, reader, identity)
                for text in reader.manifest.acknowledgements:
                    _note_acknowledgement(connection, reader, text)
    except _Refusal as refusal:
        with vault.write() as connection:
            raise_alarm(connection, refusal.alarm, batch=reader.manifest.number)
        raise refusal.error from None
    return place


def finish(connection: Connection, reader: BatchReader) -> None:
    """
    Mark a batch as imported whole, and look for seats that fell silent.
    """
    manifest = reader.manifest
    connection.execute(update(batches).where(batches.c.number == manifest.number).values(complete=1))
    for server_thread in manifest.withdrawn:
        connection.execute(upsert(withdrawn).values(server_thread=server_thread).on_conflict_do_nothing())
    today = day_of(connection, manifest.number)
    _note_signs(connection, reader.card, today)
    _note_withdrawn(connection, reader)
    listed = {seat.number for seat in reader.card.seats}
    for seat, days in silent_days(connection, mine=load(connection).number, day=today).items():
        if seat in listed and days >= SILENCE.days:
            since = today - timedelta(days=days)
            alarm = Alarm("silence", f"{seat} since {since}", f"seat {seat}: no sign since {since}")
            raise_alarm(connection, alarm, batch=manifest.number)


class _Refusal(Exception):  # noqa: N818 (carries an error across the rollback)
    def __init__(self, alarm: Alarm, error: Exception) -> None:
        super().__init__(str(error))
        self.alarm = alarm
        self.error = error


def _is_founder(connection: Connection, identity: Identity) -> bool:
    # Then every batch there ever was is its own.
    first = held_cards(connection, identity.root).get(1)
    return first is not None and any(seat.signing == identity.signing.public for seat in first.seats)


def _place(connection: Connection, reader: BatchReader, identity: Identity) -> Place:
    number = reader.manifest.number
    run = connection.execute(select(batches.c.number, batches.c.digest, batches.c.previous, batches.c.complete)).all()
    last = max((row.number for row in run if row.complete), default=0)
    known = {row.number: row.digest for row in run}
    if not known:
        if number != 1 and _is_founder(connection, identity):
            raise _Refusal(
                Alarm("withheld", "1", f"batch {number} came first"),
                WithheldError(f"this seat founded the organisation: import batch 1 before batch {number}"),
            )
        # The first batch of a later seat may have any number: those before it may not have been sealed to it.
        return Place.NEWEST
    first = min(known)
    if number < first:
        return _place_earlier(reader, next(row for row in run if row.number == first))
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
        return Place.NEWEST
    try:
        reader.standing(last, known.get)
    except GapError as error:
        alarm = Alarm("withheld", str(last + 1), f"batch {number} came, batch {last + 1} did not")
        raise _Refusal(alarm, WithheldError(f"batch {last + 1} is missing; import it before batch {number}")) from error
    except ConflictError as error:
        raise _Refusal(Alarm("batch-fork", str(number), str(error)), ForgedError(str(error))) from error
    if number > last:
        return Place.NEWEST
    whole = any(row.number == number and row.complete for row in run)
    return Place.WHOLE if whole else Place.EARLIER


def _place_earlier(reader: BatchReader, first: Any) -> Place:
    number = reader.manifest.number
    if number != first.number - 1 or not first.complete:
        wanted = f"batch {first.number - 1}" if first.complete else f"the rest of batch {first.number}"
        raise _Refusal(
            Alarm("batch-refused", f"{number} older", f"the run begins with batch {first.number}"),
            NotNowError(
                f"batch {number} is older than batch {first.number}, the first one here: import {wanted} first"
            ),
        )
    if reader.digest != first.previous:
        message = f"batch {first.number} names another batch {number} than this one"
        raise _Refusal(Alarm("batch-fork", str(number), message), ForgedError(message))
    return Place.EARLIER


def _note_beginning(connection: Connection, reader: BatchReader, identity: Identity) -> None:
    first = connection.execute(select(batches.c.number).limit(1)).first() is None
    if first and all(sheet.seat != identity.number for sheet in reader.sheets):
        # spec E3: this seat was not active yet, so no item of an earlier batch was sealed to it.
        write_fact(connection, "begins", str(reader.manifest.number).encode())


def _believed(
    connection: Connection, vault: Vault, reader: BatchReader, identity: Identity, *, despite: bool
) -> tuple[date, int]:
    manifest, before = reader.manifest, server_day(connection)
    begun = connection.execute(
        select(batches.c.day, batches.c.floor).where(batches.c.number == manifest.number)
    ).first()
    if begun is not None:
        return date.fromisoformat(begun.day), begun.floor
    number, day, floor, mine = manifest.number, manifest.day, manifest.floor, vault.clock()
    known = mine if before is None else max(mine, before)
    if day > later(known, FAR_DAY):
        message = f"batch {number} says {day}, this laptop {mine}: one of the two clocks is wrong"
        _refuse(connection, Alarm("far-day", str(number), message), UnbelievableError(message), despite=despite)
        day = known
    # spec E5: an epoch closes after its end, so no floor is ahead of its day; it stays where it was if a clock goes back.
    highest = max(number_on(day, identity.root.first_day), floor_stated(connection))
    if floor > highest:
        message = f"batch {number} states floor {floor}; on {day} none is above {highest}"
        _refuse(connection, Alarm("far-floor", str(number), message), UnbelievableError(message), despite=despite)
        floor = highest
    return day, floor


def _refuse(connection: Connection, alarm: Alarm, error: Exception, *, despite: bool) -> None:
    if not despite:
        raise _Refusal(alarm, error)
    raise_alarm(connection, alarm, batch=int(alarm.subject))


def _install_former(connection: Connection, reader: BatchReader, identity: Identity) -> None:
    manifest = reader.manifest
    later_cards = connection.execute(select(batches.c.card).where(batches.c.number > manifest.number)).scalars().all()
    if any(card < reader.card.sequence for card in later_cards):
        message = f"batch {manifest.number} has card {reader.card.sequence}, a later one an older card"
        raise _Refusal(Alarm("stale-card", str(manifest.number), message), ForgedError(message))
    try:
        keep_former_card(connection, reader.card)
    except StaleError as error:
        alarm = Alarm("other-server", str(manifest.number), str(error))
        raise _Refusal(alarm, ForgedError(f"batch {manifest.number}: {error}")) from error
    if any(sheet.seat == identity.number for sheet in reader.sheets):
        _note_active(connection, reader, identity)


def _install(connection: Connection, reader: BatchReader, identity: Identity) -> None:
    manifest, card = reader.manifest, reader.card
    earlier = batches.c.number < manifest.number
    stated = connection.execute(select(func.max(batches.c.card)).where(earlier)).scalar() or 0
    if card.sequence < stated:
        message = f"batch {manifest.number} has card {card.sequence}, an earlier one had card {stated}"
        raise _Refusal(Alarm("stale-card", str(manifest.number), message), ForgedError(message))
    try:
        # The ceremony may have given this vault a card that the server has not installed yet: then it must be one
        # that is held here.
        if card.sequence < identity.card.sequence:
            _require_held(connection, card)
        elif accept_card(connection, card):
            raise_alarm(
                connection, Alarm("new-card", str(card.sequence), _changes(identity.card, card)), batch=manifest.number
            )
        for sheet in reader.sheets:
            accept_sheet(connection, sheet, card)
    except StaleError as error:
        alarm = Alarm("other-server", str(manifest.number), str(error))
        raise _Refusal(alarm, ForgedError(f"batch {manifest.number}: {error}")) from error
    if any(sheet.seat == identity.number for sheet in reader.sheets):
        _note_active(connection, reader, identity)


def _changes(before: Card, after: Card) -> str:
    old = {seat.number: (seat.signing, str(seat.recipient)) for seat in before.seats}
    new = {seat.number: (seat.signing, str(seat.recipient)) for seat in after.seats}
    told = {
        "added": sorted(new.keys() - old.keys()),
        "removed": sorted(old.keys() - new.keys()),
        "with other keys": sorted(number for number in old.keys() & new.keys() if old[number] != new[number]),
    }
    said = [f"{word}: seat {', '.join(map(str, numbers))}" for word, numbers in told.items() if numbers]
    if (before.server_signing, before.server_transfer) != (after.server_signing, after.server_transfer):
        said.append("the server has other keys")
    return f"card {after.sequence} after card {before.sequence}; " + ("; ".join(said) or "the same seats")


def _note_active(connection: Connection, reader: BatchReader, identity: Identity) -> None:
    manifest = reader.manifest
    # From the epoch after this one on, an item of this card that leaves the seat out is an alarm.
    row = connection.execute(select(batches.c.day, batches.c.floor).where(batches.c.number == manifest.number)).one()
    today = number_on(date.fromisoformat(row.day), identity.root.first_day)
    _lower(connection, "active", max(today, row.floor))
    if manifest.waiting == 0:
        # Whatever comes later than this batch was sealed while the seat was active, whatever epoch it names.
        _lower(connection, "active since batch", manifest.number)


def _lower(connection: Connection, name: str, number: int) -> None:
    known = read_fact(connection, name)
    if known is None or number < int(known):
        write_fact(connection, name, str(number).encode())


def _require_held(connection: Connection, card: Card) -> None:
    held = connection.execute(select(cards.c.sequence).where(cards.c.digest == card.digest)).scalar()
    if held is None:
        raise StaleError(f"card {card.sequence} is older than the one held, and was never seen here")


def _note_batch(connection: Connection, reader: BatchReader, stated: date, lowest: int) -> None:
    manifest = reader.manifest
    number = manifest.number
    earlier = batches.c.number < number
    floor = connection.execute(select(func.max(batches.c.floor)).where(earlier)).scalar() or 0
    before = connection.execute(
        select(batches.c.day).where(earlier).order_by(batches.c.number.desc()).limit(1)
    ).scalar()
    day = None if before is None else date.fromisoformat(before)
    if lowest < floor:
        message = f"floor {lowest} after floor {floor}"
        raise_alarm(connection, Alarm("floor-fell", str(number), message), batch=number)
    if day is not None and stated < day:
        message = f"{stated} after {day}"
        raise_alarm(connection, Alarm("clock-back", str(number), message), batch=number)
    row = {
        "number": number,
        "digest": reader.digest,
        "previous": manifest.previous,
        "day": stated.isoformat(),
        "floor": max(floor, lowest),
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
        _write_sign(connection, found.seat, day_of(connection, number), batch=found.batch, digest=found.digest)
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
