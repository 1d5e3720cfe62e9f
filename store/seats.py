# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What is installed (root, card, sheets), the floor, and what each seat has sent back.

The store keeps signed documents as the exact bytes that were signed and cannot judge them: the caller has verified
every signature and passes the few facts the store needs to refuse what is older (spec R3, R4, E5). The installed
version rises with each change, so that a running app knows when to read again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from store.connections import spelled
from store.errors import ConflictError, NotInstalledError, StaleError
from store.models import AcknowledgementRow, DeletionRow, DocumentRow, OrganisationRow, OutboxRow

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from store.engine import Store

_NEWEST = (
    select(DocumentRow.sequence, DocumentRow.digest, DocumentRow.raw, DocumentRow.seats)
    .where(DocumentRow.kind == bindparam("kind"), DocumentRow.seat == bindparam("seat"))
    .order_by(DocumentRow.sequence.desc())
    .limit(1)
)
_SHEETS = select(DocumentRow.seat, DocumentRow.raw).where(DocumentRow.kind == "sheet").order_by(DocumentRow.seat)
_VERSION = spelled(select(OrganisationRow.version))
_BUMP = update(OrganisationRow).values(version=OrganisationRow.version + 1)


@dataclass(frozen=True, slots=True)
class Installed:
    """
    The organisation as this server knows it.

    Args:
        root: The newest signed root, or None before the first installation.
        card: The newest signed card, or None.
        sheets: The newest signed sheet of each seat on the card that has one.
        active: The numbers of the active seats, ascending (spec E3).
        floor: The lowest epoch anything may be sealed under (spec E5).
        version: Rises with each change.

    """

    root: bytes | None
    card: bytes | None
    sheets: Mapping[int, bytes]
    active: tuple[int, ...]
    floor: int
    version: int


def organisation(store: Store) -> Installed:
    """
    Everything installed, read in one snapshot.
    """
    with store.read() as connection:
        floor, version = connection.execute(select(OrganisationRow.floor, OrganisationRow.version)).one()
        root = connection.execute(_NEWEST, {"kind": "root", "seat": 0}).one_or_none()
        card = connection.execute(_NEWEST, {"kind": "card", "seat": 0}).one_or_none()
        sheets = {row.seat: row.raw for row in connection.execute(_SHEETS)}
        active = active_seats(connection)
    return Installed(
        None if root is None else root.raw, None if card is None else card.raw, sheets, active, floor, version
    )


def version(store: Store) -> int:
    """
    The installed version alone: one small read, for apps that keep what `organisation` told them.
    """
    ((found,),) = store.rows(_VERSION, {})
    return int(found)


def active_seats(connection: Connection) -> tuple[int, ...]:
    """
    The seats that are on the installed card and have a sheet installed (spec E3), ascending.
    """
    card = connection.execute(_NEWEST, {"kind": "card", "seat": 0}).one_or_none()
    if card is None:
        return ()
    with_sheet = set(connection.execute(select(DocumentRow.seat).where(DocumentRow.kind == "sheet")).scalars())
    return tuple(seat for seat in sorted(card.seats) if seat in with_sheet)


def install_root(store: Store, raw: bytes, *, number: int, digest: bytes) -> bool:
    """
    Install a verified root. Earlier roots stay, so that the chain of roots can be shown.

    Returns:
        Whether it was new; the same root again has no effect.

    Raises:
        StaleError: Its number is lower than the installed one's.
        ConflictError: The installed root of that number is another.

    """
    with store.write() as connection:
        return _install(connection, "root", 0, sequence=number, digest=digest, raw=raw)


def install_card(
    store: Store, raw: bytes, *, sequence: int, digest: bytes, seats: Sequence[int], replaced: Collection[int] = ()
) -> bool:
    """
    Install a verified card. Seats that are no longer on it lose their sheet, and with it everything sent by them is
    refused; what they ordered to be deleted no longer waits. Earlier cards stay, because replies name the card their
    author's key stood on (spec Y2).

    Args:
        sequence: The card's sequence.
        digest: The card's digest (spec S4).
        seats: The numbers of the seats on it.
        replaced: Those among them whose signing key is another than on the installed card: a new vault under an old
            number. Their sheet, outbox numbers and acknowledgements begin anew, and their orders are dropped.

    Returns:
        Whether it was new; the same card again has no effect.

    Raises:
        StaleError: Its sequence is lower than the installed one's.
        ConflictError: The installed card of that sequence is another.

    """
    with store.write() as connection:
        if not _install(connection, "card", 0, sequence=sequence, digest=digest, raw=raw, seats=tuple(sorted(seats))):
            return False
        kept = [seat for seat in seats if seat not in replaced]
        connection.execute(delete(DocumentRow).where(DocumentRow.kind == "sheet", DocumentRow.seat.not_in(kept)))
        connection.execute(delete(OutboxRow).where(OutboxRow.seat.not_in(kept)))
        connection.execute(delete(AcknowledgementRow).where(AcknowledgementRow.seat.not_in(kept)))
        # A laptop is often taken off the card because it was stolen: its orders must not outlive it.
        connection.execute(delete(DeletionRow).where(DeletionRow.seat.not_in(kept)))
    return True


def install_sheet(store: Store, raw: bytes, *, seat: int, sequence: int, digest: bytes) -> bool:
    """
    Install a verified sheet of a seat on the installed card; it takes the place of that seat's earlier one.

    Returns:
        Whether it was new; the same sheet again has no effect.

    Raises:
        NotInstalledError: The seat is not on the installed card.
        StaleError: Its sequence is lower than the installed one's.
        ConflictError: The installed sheet of that sequence is another.

    """
    with store.write() as connection:
        card = connection.execute(_NEWEST, {"kind": "card", "seat": 0}).one_or_none()
        if card is None or seat not in card.seats:
            raise NotInstalledError(f"seat {seat} is not on the installed card")
        if not _install(connection, "sheet", seat, sequence=sequence, digest=digest, raw=raw):
            return False
        older = delete(DocumentRow).where(DocumentRow.kind == "sheet", DocumentRow.seat == seat)
        connection.execute(older.where(DocumentRow.sequence < sequence))
    return True


def card_with(store: Store, digest: bytes) -> bytes | None:
    """
    The signed card of this digest, if this server ever installed it.
    """
    statement = select(DocumentRow.raw).where(DocumentRow.kind == "card", DocumentRow.digest == digest)
    with store.read() as connection:
        return connection.execute(statement).scalar_one_or_none()


def roots(store: Store) -> tuple[bytes, ...]:
    """
    Every signed root that was ever installed, in order.
    """
    statement = select(DocumentRow.raw).where(DocumentRow.kind == "root").order_by(DocumentRow.sequence)
    with store.read() as connection:
        return tuple(connection.execute(statement).scalars())


def raise_floor(store: Store, floor: int) -> int:
    """
    Raise the floor. It never falls: a lower number has no effect (spec E5).

    Returns:
        The floor that holds now.

    """
    with store.write() as connection:
        now = connection.execute(select(OrganisationRow.floor)).scalar_one()
        if floor <= now:
            return now
        connection.execute(update(OrganisationRow).values(floor=floor))
        connection.execute(_BUMP)
    return floor


def _install(
    connection: Connection,
    kind: str,
    seat: int,
    *,
    sequence: int,
    digest: bytes,
    raw: bytes,
    seats: tuple[int, ...] = (),
) -> bool:
    newest = connection.execute(_NEWEST, {"kind": kind, "seat": seat}).one_or_none()
    if newest is not None and sequence < newest.sequence:
        raise StaleError(f"{kind} {sequence} is older than the installed {newest.sequence}")
    if newest is not None and sequence == newest.sequence:
        if newest.digest != digest:
            raise ConflictError(f"another {kind} {sequence} is installed")
        return False
    row = {"kind": kind, "seat": seat, "sequence": sequence, "digest": digest, "seats": seats, "raw": raw}
    connection.execute(insert(DocumentRow), row)
    connection.execute(_BUMP)
    return True
