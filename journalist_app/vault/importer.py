# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Importing a batch from a stick.

It promises: batches in their order, none skipped; nothing named before it is whole and authentic; an import that is
interrupted anywhere can be repeated and takes only what is missing; the good items of a bad batch are imported and each
bad one is named. A batch is whole (and acknowledged in the next outbox) when every item is in, or was refused although
its bytes are those the server signed. An item damaged on the way keeps it open: copy the batch again, or finish without.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import insert

from crypto.errors import CryptoError, NoMatchError
from crypto.unseal import SeatOpener
from journalist_app.bundle.batch import Arrival, BatchReader, open_batch
from journalist_app.bundle.errors import ArchiveError, BundleError, ItemError
from journalist_app.vault import payloads, standing
from journalist_app.vault.alarms import Alarm, raise_alarm
from journalist_app.vault.counted import Counted
from journalist_app.vault.epochs import seeds
from journalist_app.vault.errors import ItemRefusedError, NotNowError
from journalist_app.vault.found import known_ids, open_kept, places_done, write_found
from journalist_app.vault.identity import Identity, held_cards, load, read_fact, reported_sheets
from journalist_app.vault.intake import Filed, Found, Intake, Kept
from journalist_app.vault.keystore import Vault
from journalist_app.vault.models import passed
from journalist_app.vault.outbox import seal_again

# A transaction is closed after so many items, or so many bytes of small payloads.
AT_ONCE = 500
AT_ONCE_BYTES = 32 << 20

Progress = Callable[[int], None]


@dataclass(slots=True)
class Report:
    """
    What an import did.

    Args:
        number: The batch's number; 0 until it is known.
        items: How many items it has.
        imported: How many came in now.
        before: How many were there already.
        erased: Items that came without their bytes: their source erased them since, or the copy was tampered with.
        repeated: Ids that came a second time, dropped.
        others: Items that were not sealed to this seat.
        kept: Items kept sealed.
        refused: Items refused, with the reason.
        damaged: Items damaged on the way, with the reason.
        whole: Whether the batch is complete now.

    """

    number: int = 0
    items: int = 0
    imported: int = 0
    before: int = 0
    erased: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    others: int = 0
    kept: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    damaged: list[tuple[str, str]] = field(default_factory=list)
    whole: bool = False


def import_batch(
    vault: Vault, path: Path, *, progress: Progress | None = None, without_damaged: bool = False
) -> Report:
    """
    Import one batch file.

    Args:
        vault: Open.
        path: The batch, on the stick.
        progress: Called with the bytes read so far.
        without_damaged: Call the batch whole even if items were damaged on the way: the server's own copy is bad.

    Raises:
        WithheldError, ForgedError, NotNowError: It may not be imported, or not now.
        BundleError, CryptoError: It is not a batch for this seat, or was altered. What came before stands.

    """
    with path.open("rb", buffering=0) as source:
        with vault.read() as connection:
            identity = load(connection)
        reader = _open(vault, identity, Counted(source, progress), path.name)
        report = Report(number=reader.manifest.number, items=len(reader.manifest.items))
        if not standing.begin(vault, reader):
            report.whole = True
            report.before = report.items
            return report
        payloads.sweep(vault)
        run = _Run(vault, path, reader, report)
        for arrival in reader.items():
            run.take(arrival)
        run.flush()
        run.finish(without_damaged=without_damaged)
    return report


def _open(vault: Vault, identity: Identity, source: Counted, name: str) -> BatchReader:
    try:
        return open_batch(source, identity.bundle, identity.root)
    except NoMatchError:
        raise NotNowError("this batch was made before this seat was on the card: begin with a later one") from None
    except ArchiveError:
        # A file cut on the stick is copied again; it accuses nobody.
        raise
    except (CryptoError, BundleError) as error:
        with vault.write() as connection:
            raise_alarm(connection, Alarm("batch-refused", name, str(error)), batch=0)
        raise


class _Run:
    """
    One pass over a batch.
    """

    def __init__(self, vault: Vault, path: Path, reader: BatchReader, report: Report) -> None:
        self._vault = vault
        self._path = path
        self._reader = reader
        self._report = report
        self._number = reader.manifest.number
        self._day = reader.manifest.day.isoformat()
        with vault.read() as connection:
            self._identity = load(connection)
            own = reported_sheets(connection, self._identity).get(self._identity.number)
            held = seeds(connection)
            # spec U2, E4: if sheets ran out, the server sealed with the last key of the sheet it had installed.
            last = max(held, default=0) if own is None else own.last
            opener = SeatOpener(seat=self._identity.number, seeds=held, last=last)
            self._intake = Intake(vault, opener, held_cards(connection, self._identity.root))
            self._done = places_done(connection, self._number)
            self._known = known_ids(connection, [item.item for item in reader.manifest.items])
            active = read_fact(connection, "active")
        self._active = None if active is None else int(active)
        self._found: list[Found | Kept] = []
        self._passed: list[tuple[int, str, Alarm | None]] = []
        self._bytes = 0

    def take(self, arrival: Arrival) -> None:
        """
        Import one item, or note why not.
        """
        if arrival.index in self._done:
            self._report.before += 1
            return
        item = arrival.place
        name = item.item.hex()
        if item.item in self._known:
            self._report.repeated.append(name)
            self._pass(arrival, "repeated", Alarm("repeated", name))
            return
        if self._identity.number not in item.seats:
            self._report.others += 1
            self._pass(arrival, "others", self._left_out(arrival))
            return
        if arrival.erased:
            self._report.erased.append(name)
            self._pass(arrival, "erased", Alarm("erased", name))
            return
        self._known.add(item.item)
        try:
            self._open(arrival)
        except ItemError as error:
            self._known.discard(item.item)
            self._report.damaged.append((name, str(error)))
        except (CryptoError, ItemRefusedError) as error:
            self._report.refused.append((name, str(error)))
            self._pass(arrival, "refused", Alarm("refused", name, str(error)))
        if len(self._found) + len(self._passed) >= AT_ONCE or self._bytes >= AT_ONCE_BYTES:
            self.flush()

    def flush(self) -> None:
        """
        Write down what was collected, in one transaction.
        """
        with self._vault.write() as connection:
            kept_now = write_found(connection, self._found)
            for place, reason, alarm in self._passed:
                connection.execute(insert(passed).values(batch=self._number, place=place, reason=reason))
                if alarm is not None:
                    raise_alarm(connection, alarm, batch=self._number)
        self._report.imported += len(self._found) - kept_now
        self._report.kept += kept_now
        self._found, self._passed, self._bytes = [], [], 0

    def finish(self, *, without_damaged: bool) -> None:
        """
        Close the batch if nothing is missing.
        """
        report = self._report
        with self._vault.write() as connection:
            for name, error in report.damaged:
                raise_alarm(connection, Alarm("damaged", name, error), batch=self._number)
            if report.damaged and not without_damaged:
                return
            if report.damaged:
                alarm = Alarm("without-damaged", str(self._number), f"{len(report.damaged)} items")
                raise_alarm(connection, alarm, batch=self._number)
            standing.finish(connection, self._reader)
            seal_again(connection, self._vault, self._reader.card.sequence)
        report.whole = True
        open_kept(self._vault, self._intake)

    def _open(self, arrival: Arrival) -> None:
        filed = Filed(batch=self._number, place=arrival.index, day=self._day, item=arrival.place)
        if arrival.place.length <= payloads.SMALL:
            raw = arrival.read(limit=payloads.SMALL)
            self._bytes += len(raw)
            self._found.append(self._intake.take(filed, iter((raw,))))
            return
        try:
            self._found.append(self._intake.take(filed, arrival.chunks(hashed=False)))
        except (CryptoError, ItemRefusedError):
            # The stick or the server? Only a refusal is worth hashing gigabytes for.
            _compare(self._path, self._identity, arrival.index)
            raise

    def _pass(self, arrival: Arrival, reason: str, alarm: Alarm | None) -> None:
        self._passed.append((arrival.index, reason, alarm))

    def _left_out(self, arrival: Arrival) -> Alarm | None:
        item = arrival.place
        card = self._intake.cards.get(item.card)
        listed_there = card is not None and any(seat.number == self._identity.number for seat in card.seats)
        if not listed_there or self._active is None or item.epoch <= self._active:
            return None
        return Alarm("not-for-us", item.item.hex(), f"sealed to seats {item.seats} in epoch {item.epoch}")


def _compare(path: Path, identity: Identity, index: int) -> None:
    """
    Read one item of a batch again and compare it with the digest that the server signed.

    Raises:
        ItemError: It was damaged on the way.
    """
    with path.open("rb", buffering=0) as source:
        arrival = next(open_batch(source, identity.bundle, identity.root).items(index))
        for _ in arrival.chunks():
            pass
