# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Writing down what `intake` found, and what is there already.

Everything of one transaction is written in bulk. To compute a thread costs as much as it is long, and a source decides how
long: so not every transaction computes the threads it touched. What was put off is noted in the same transaction, by the
batches its items came in, and a killed import leaves the note to the next one, or to whoever unlocks the vault first.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from crypto.canonical import Fields, decode, encode
from crypto.card import Card
from crypto.errors import CryptoError
from crypto.hidden import Hidden
from journalist_app.bundle.manifest import BatchItem
from journalist_app.vault import payloads
from journalist_app.vault.alarms import Alarm, raise_alarm
from journalist_app.vault.entries import keep
from journalist_app.vault.errors import VaultError
from journalist_app.vault.identity import held_cards, load_root, read_fact, write_fact
from journalist_app.vault.intake import Filed, Found, Intake, Kept
from journalist_app.vault.keystore import Vault
from journalist_app.vault.models import beforehand, bodies, items, kept, listed, passed
from journalist_app.vault.models import payloads as stored
from journalist_app.vault.projection import AT_ONCE, compute
from journalist_app.vault.run import settled_before

MAX_FILED = 4_096
# Why a place gave no item, where another copy of the batch may still give it. `without`: a person let it go.
RETRIED = ("erased", "refused", "without")
# The fact that names the batches of whose items the threads are still to be computed.
PUT_OFF: Final = "put off"


def write_found(connection: Connection, found: Sequence[Found | Kept], *, later: bool = False) -> int:
    """
    Write what one transaction holds, and compute the threads of it and of what was put off before.

    Args:
        connection: Inside a write.
        found: What it holds.
        later: Put the threads off. Whoever says so calls `compute_put_off` in the end.

    Returns:
        How many of them stay sealed.
    """
    good = [one for one in found if isinstance(one, Found)]
    late = _Lateness(connection)
    sealed = [one for one in found if isinstance(one, Kept)]
    written = {
        items: [one.row for one in good],
        bodies: [one.body for one in good if one.body is not None],
        beforehand: [one.beforehand for one in good if one.beforehand is not None],
    }
    for table, rows in written.items():
        if rows:
            connection.execute(insert(table), rows)
    _fill_gaps(connection, good, sealed)
    small = [{"item": one.row["item"], "payload": one.payload} for one in good if one.payload is not None]
    if small:
        connection.execute(upsert(stored).on_conflict_do_nothing(), small)
    lines = list(chain.from_iterable(one.listed for one in good))
    if lines:
        connection.execute(upsert(listed).on_conflict_do_nothing(), lines)
    for one in good:
        if one.entry is not None:
            keep(connection, one.entry, batch=one.row["batch"], revoked=late.revoked(one))
        if late.superseded(one):
            alarm = Alarm("old-card", one.row["item"].hex(), f"a {one.row['kind']}", thread=one.row["thread"])
            raise_alarm(connection, alarm, batch=one.row["batch"])
    for held in sealed:
        _write_kept(connection, held)
    _put_off(connection, {one.row["batch"] for one in good})
    if not later:
        compute_put_off(connection)
    return len(sealed)


def _fill_gaps(connection: Connection, good: Sequence[Found], sealed: Sequence[Kept]) -> None:
    # A place that gave nothing before and gives an item now is no gap any more.
    places = [{"of": one.row["batch"], "at": one.row["place"]} for one in good]
    places += [{"of": held.filed.batch, "at": held.filed.place} for held in sealed]
    if places:
        gap = (passed.c.batch == bindparam("of")) & (passed.c.place == bindparam("at"))
        connection.execute(delete(passed).where(gap), places)


def compute_put_off(connection: Connection) -> None:
    """
    Compute the threads that were put off, now or by an import that was killed.
    """
    batches = _batches_put_off(connection)
    if batches:
        came = select(items.c.thread).where(items.c.batch.in_(batches)).distinct()
        compute(connection, connection.execute(came).scalars().all())
        write_fact(connection, PUT_OFF, b"")


def _put_off(connection: Connection, batches: Collection[int]) -> None:
    before = _batches_put_off(connection)
    if not before.issuperset(batches):
        write_fact(connection, PUT_OFF, ",".join(map(str, sorted(before.union(batches)))).encode())


def _batches_put_off(connection: Connection) -> frozenset[int]:
    named = read_fact(connection, PUT_OFF)
    return frozenset(map(int, named.split(b","))) if named else frozenset()


class _Lateness:
    """
    What came under a card that a settled batch before it had replaced (spec R3).

    It asks what batch an item came in and what the batches before that stated, never what came first here: two vaults
    that imported the same batches agree.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._cards: dict[bytes, Card] | None = None
        self._newest: dict[int, Card | None] = {}

    def superseded(self, one: Found) -> bool:
        """
        Whether the item was sealed under an older card than the newest one settled before.
        """
        newest, under = self._stated(one), self._held().get(one.row["card"])
        return newest is not None and under is not None and under.sequence < newest.sequence

    def revoked(self, one: Found) -> bool:
        """
        Whether it is an entry of a key that this newest card does not have.
        """
        newest, under = self._stated(one), self._held().get(one.row["card"])
        if newest is None or under is None or one.entry is None or under.sequence >= newest.sequence:
            return False
        return all(seat.signing != under.seat(one.entry.seat).signing for seat in newest.seats)

    def _stated(self, one: Found) -> Card | None:
        batch = one.row["batch"]
        if batch not in self._newest:
            sequence = settled_before(self._connection, batch)[0]
            held = self._held().values()
            self._newest[batch] = next((card for card in held if card.sequence == sequence), None)
        return self._newest[batch]

    def _held(self) -> dict[bytes, Card]:
        if self._cards is None:
            cards = held_cards(self._connection, load_root(self._connection))
            self._cards = {card.digest: card for card in cards.values()}
        return self._cards


def places_done(connection: Connection, batch: int) -> frozenset[int]:
    """
    The places of a batch that need not be imported again: a good copy may still give what an earlier one did not.
    """
    settled = passed.c.reason.not_in(RETRIED)
    queries = (
        select(items.c.place).where(items.c.batch == batch),
        select(kept.c.place).where(kept.c.batch == batch),
        select(passed.c.place).where(passed.c.batch == batch, settled),
    )
    return frozenset(place for query in queries for place in connection.execute(query).scalars())


def write_passed(connection: Connection, batch: int, place: int, reason: str, server_thread: bytes) -> None:
    """
    Note that a place gave no item, and why.
    """
    row = {"batch": batch, "place": place, "reason": reason, "server_thread": server_thread}
    again = upsert(passed).values(row)
    connection.execute(again.on_conflict_do_update(index_elements=["batch", "place"], set_={"reason": reason}))


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
        if filed.item.card not in intake.cards:
            continue
        try:
            with vault.read() as connection:
                pieces = payloads.chunks(vault, connection, row.item)
                again = intake.take_again(filed, Hidden(row.file_key), pieces)
        except (CryptoError, VaultError) as error:
            with vault.write() as connection:
                raise_alarm(connection, Alarm("refused", row.item.hex(), str(error)), batch=row.batch)
            continue
        if isinstance(again, Found):
            with vault.write() as connection:
                connection.execute(delete(kept).where(kept.c.item == row.item))
                write_found(connection, [again], later=True)
            opened += 1
    with vault.write() as connection:
        compute_put_off(connection)
    return opened


def _write_kept(connection: Connection, held: Kept) -> None:
    item = held.filed.item
    row = {
        "item": item.item,
        "batch": held.filed.batch,
        "place": held.filed.place,
        "reason": held.reason,
        "file_key": bytes(held.file_key),
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
