# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The seat's epochs: made ahead, announced on sheets, closed by a person, destroyed when every rule of spec E6 allows it.

A seed is 32 fresh random bytes that exist in the encrypted database and nowhere else. Destroying one deletes its row,
then empties the write-ahead log; copies in the vault's backups live on, and the page says so. Which seeds may go is
decided by `crypto.epochs.destroyable` alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, delete, func, insert, select

from crypto.age import HybridIdentity
from crypto.canonical import encode
from crypto.epochs import MAX_EPOCH, destroyable, number_on, settled_floor, span
from crypto.errors import EpochError
from crypto.hidden import Hidden
from crypto.issue import make_sheet
from crypto.sheet import MAX_EPOCHS, Sheet
from journalist_app.vault.errors import NotNowError
from journalist_app.vault.identity import (
    Identity,
    floor_stated,
    load,
    newest_own_sheet,
    reported_sheets,
    server_day,
    working_day,
)
from journalist_app.vault.keystore import Vault
from journalist_app.vault.models import epochs, own_sheets, pending
from journalist_app.vault.run import any_unexplained, awaited, settled_run

# A new sheet reaches this many epochs past the current one: a year.
AHEAD = 26
# Below this many the pages complain.
LEAST_AHEAD = 13
# A sheet begins one epoch back, for a server whose clock is behind.
BEHIND = 1


@dataclass(frozen=True, slots=True)
class Epoch:
    """
    One epoch as the page shows it.

    Args:
        number: Its number.
        first: Its first day.
        last: Its last day.
        held: Whether its seed is here.
        closable: Whether it has ended and is not below the floor.
        destroyable: Whether its seed may go now.

    """

    number: int
    first: date
    last: date
    held: bool
    closable: bool
    destroyable: bool


def seeds(connection: Connection) -> Mapping[int, Hidden]:
    """
    Every seed still held, by epoch.
    """
    return {number: Hidden(seed) for number, seed in connection.execute(select(epochs.c.number, epochs.c.seed))}


def fallback_epochs(connection: Connection) -> tuple[int, ...]:
    """
    The epochs whose keys a server may have fallen back to (spec E4): the ends of the sheets this seat ever signed.

    The newest sheets first, each epoch once. The sheets are read as they were signed: a newer card changes nothing
    about what was sealed with their keys.
    """
    rows = connection.execute(select(own_sheets.c.last, own_sheets.c.first).order_by(own_sheets.c.sequence.desc()))
    return tuple(dict.fromkeys(epoch for row in rows for epoch in row))


def extend(connection: Connection, identity: Identity, day: date) -> None:
    """
    Make the seeds that are missing, up to a year ahead, and never more at once than a sheet can announce.
    """
    current = number_on(day, identity.root.first_day)
    highest = connection.execute(select(func.max(epochs.c.number))).scalar()
    # A destroyed epoch is never made again: only numbers above all held ones are new.
    first = max(0, current - BEHIND, floor_stated(connection)) if highest is None else highest + 1
    end = min(current + AHEAD, MAX_EPOCH) + 1
    for number in range(max(first, end - MAX_EPOCHS), end):
        connection.execute(insert(epochs).values(number=number, seed=bytes(HybridIdentity.generate().seed)))


def renew_sheet(connection: Connection, identity: Identity, day: date) -> Sheet:
    """
    Sign the next sheet: the epochs held, from the oldest to the last, or as many of them as a sheet can have.

    The oldest one is there for a server whose clock went back: it seals with the sheet's first key (spec E4).

    Raises:
        NotNowError: No seed is held.

    """
    extend(connection, identity, day)
    held = seeds(connection)
    current = number_on(day, identity.root.first_day)
    if not held:
        raise NotNowError("this vault holds no epoch to announce")
    wanted = {number: HybridIdentity(held[number]).recipient for number in _window(held, current)}
    former = newest_own_sheet(connection, identity)
    sequence = 1 if former is None else former.sequence + 1
    signed = make_sheet(
        root=identity.root,
        card=identity.card,
        seat=identity.number,
        sequence=sequence,
        recipients=wanted,
        key=identity.signing,
    )
    row = {"sequence": sequence, "digest": signed.digest, "first": min(wanted), "last": max(wanted)}
    connection.execute(insert(own_sheets).values(**row, signed=signed.encode()))
    return Sheet.decode(signed.encode(), identity.root, identity.card)


def _window(held: Collection[int], current: int) -> tuple[int, ...]:
    # The newest run of consecutive epochs that still reaches back to the current one. Seeds far ahead (a clock was
    # wrong once) are left out rather than let the sheet fail.
    end = max(number for number in held if number < max(current, min(held)) + MAX_EPOCHS)
    start = end
    while start - 1 in held and end - start + 1 < MAX_EPOCHS:
        start -= 1
    return tuple(range(start, end + 1))


def close_through(vault: Vault, epoch: int) -> None:
    """
    Put the announcement "epochs up to this one close" into the next outbox.

    Raises:
        NotNowError: The epoch has not ended by the server's day, or is closed already.

    """
    with vault.write() as connection:
        root = load(connection).root
        stated = server_day(connection)
        # Whichever of the two clocks is ahead by mistake, the other one holds the announcement back.
        day = None if stated is None else min(stated, vault.clock())
        try:
            last = span(epoch, root.first_day)[1]
        except EpochError as error:
            raise NotNowError(str(error)) from error
        # spec E5: the server would refuse the whole outbox.
        if day is None or day <= last:
            raise NotNowError(
                f"epoch {epoch} has not ended by the server's day and this laptop's: import a newer batch first"
            )
        if epoch < floor_stated(connection):
            raise NotNowError(f"epoch {epoch} is closed already")
        row = {"kind": "closed", "fields": encode({"through": epoch}), "header": b"", "payload": b"", "outbox": 0}
        connection.execute(insert(pending).values(row))


def destroy(vault: Vault) -> tuple[int, ...]:
    """
    Destroy every seed that may go, and empty the log.

    Returns:
        The epochs that are gone.

    """
    with vault.write() as connection:
        gone = ready(connection, vault)
        connection.execute(delete(epochs).where(epochs.c.number.in_(gone)))
    if gone:
        vault.database.settle()
    return gone


def ready(connection: Connection, vault: Vault) -> tuple[int, ...]:
    """
    The epochs whose seeds may be destroyed now (spec E6).
    """
    identity = load(connection)
    stated = server_day(connection)
    if stated is None:
        return ()
    # spec E6: an earlier batch of this seat, or an item that came without its bytes, may still need the seed.
    complete = settled_run(connection)
    if awaited(connection) is not None or any_unexplained(connection):
        return ()
    # spec E6: while the server holds items back for later batches, one of them may need the seed.
    if not complete or complete[-1].waiting:
        return ()
    # A seat admitted late: those before its first batch were not sealed to it, so the run begins there.
    before = complete[0].number - 1
    installed = reported_sheets(connection, identity).get(identity.number)
    return destroyable(
        seeds(connection),
        settled=settled_floor({row.number - before: row.floor for row in complete}),
        installed_last=None if installed is None else installed.last,
        # Whichever of the two clocks is ahead by mistake, the other one holds the seeds back.
        day=min(stated, vault.clock()),
        first_day=identity.root.first_day,
    )


def overview(connection: Connection, vault: Vault) -> tuple[Epoch, ...]:
    """
    The epochs from the oldest held to the newest.
    """
    identity = load(connection)
    held = seeds(connection)
    stated, floor, going = server_day(connection), floor_stated(connection), ready(connection, vault)
    found = []
    for number in sorted(held):
        first, last = span(number, identity.root.first_day)
        found.append(
            Epoch(number, first, last, True, stated is not None and last < stated and number >= floor, number in going)
        )
    return tuple(found)


def ahead(connection: Connection, vault: Vault) -> int:
    """
    How many epochs past the current one the sheet that the server reports still reaches.
    """
    identity = load(connection)
    installed = reported_sheets(connection, identity).get(identity.number)
    current = number_on(working_day(connection, vault), identity.root.first_day)
    return 0 if installed is None else max(0, installed.last - current)
