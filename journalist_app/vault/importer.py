# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Importing a batch from a stick.

It promises: batches in their order, none skipped; nothing named before it is whole and authentic; an import that is
interrupted anywhere can be repeated and takes only what is missing; the good items of a bad batch are imported and each
bad one is named. A batch is whole (and acknowledged in the next outbox) when every item is in, or was refused although
its bytes are those the server signed. An item damaged on the way keeps it open: copy the batch again, or finish without.
One that came without its bytes lets the run go on, but is not acknowledged until somebody says why. No place that gave
no item is final: the same batch again, from a better copy, still gives it.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from sqlalchemy import update

from crypto.errors import CryptoError, NoMatchError
from crypto.unseal import SeatOpener
from journalist_app.bundle.batch import Arrival, BatchReader, open_batch
from journalist_app.bundle.documents import read_head
from journalist_app.bundle.errors import ArchiveError, BundleError, ItemError
from journalist_app.bundle.ustar import Archive
from journalist_app.vault import payloads, run, standing
from journalist_app.vault.alarms import Alarm, raise_alarm
from journalist_app.vault.counted import Counted
from journalist_app.vault.digests import adopt, catch_up
from journalist_app.vault.epochs import fallback_epochs, seeds
from journalist_app.vault.errors import ItemRefusedError, NotNowError
from journalist_app.vault.files import open_regular
from journalist_app.vault.found import compute_put_off, known_ids, open_kept, places_done, write_found, write_passed
from journalist_app.vault.identity import Identity, held_cards, load, read_fact, reported_sheets
from journalist_app.vault.intake import Filed, Found, Intake, Kept
from journalist_app.vault.keystore import Vault
from journalist_app.vault.models import passed
from journalist_app.vault.outbox import seal_again

# A transaction is closed after so many items, or so many bytes of small payloads.
AT_ONCE = 500
AT_ONCE_BYTES = 32 << 20
# The threads are computed when the first items of a batch are in, then whenever it has so many times as many, and at the end:
# each time costs as much as the threads are long.
SHOWN_AGAIN = 8

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
    vault: Vault,
    path: Path,
    *,
    progress: Progress | None = None,
    without_damaged: bool = False,
    despite: bool = False,
) -> Report:
    """
    Import one batch file.

    Args:
        vault: Open.
        path: The batch, on the stick.
        progress: Called with the bytes read so far.
        without_damaged: Call the batch whole even if items were damaged on the way or came without their bytes: the
            server has no better copy.
        despite: Take it although its day or floor cannot be, and believe neither.

    Raises:
        WithheldError, ForgedError, NotNowError: It may not be imported, or not now.
        BundleError, CryptoError: It is not a batch for this seat, or was altered. What came before stands.
    """
    # What was there before is not searched for garbage meanwhile: that search finds nothing, and costs a twentieth of the import.
    gc.freeze()
    try:
        adopt(vault)
        report = _import(vault, path, progress=progress, without_damaged=without_damaged, despite=despite)
        catch_up(vault)
    finally:
        gc.unfreeze()
    return report


def _import(vault: Vault, path: Path, *, progress: Progress | None, without_damaged: bool, despite: bool) -> Report:
    with open_regular(path) as source:
        with vault.read() as connection:
            identity = load(connection)
        reader = _open(vault, identity, Counted(source, progress), path.name)
        report = Report(number=reader.manifest.number, items=len(reader.manifest.items))
        place = standing.begin(vault, reader, despite=despite)
        payloads.sweep(vault)
        with vault.write() as connection:
            compute_put_off(connection)
        walk = _Run(vault, path, reader, report)
        if place is standing.Place.WHOLE and walk.nothing_left:
            report.whole = True
            report.before = report.items
            return report
        try:
            for arrival in reader.items():
                walk.take(arrival)
        finally:
            # A copy that is cut somewhere gives what it has up to there.
            walk.flush(last=True)
        walk.finish(place, without_damaged=without_damaged)
    return report


def _open(vault: Vault, identity: Identity, source: Counted, name: str) -> BatchReader:
    try:
        return open_batch(source, identity.bundle, identity.root)
    except NoMatchError:
        with vault.write() as connection:
            run.begin_here(connection, number=_claimed(source))
        raise NotNowError("this batch was made before this seat was on the card: begin with a later one") from None
    except ArchiveError:
        # A file cut on the stick is copied again; it accuses nobody.
        raise
    except (CryptoError, BundleError) as error:
        with vault.write() as connection:
            raise_alarm(connection, Alarm("batch-refused", name, str(error)), batch=0)
        raise


def _claimed(source: Counted) -> int:
    # The head of a batch that does not open is anybody's word. It decides only from where on this seat may acknowledge.
    source.seek(0)
    return read_head(Archive(source), "batch").number or 0


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
        with vault.read() as connection:
            self._day = run.day_of(connection, self._number).isoformat()
            self._identity = load(connection)
            own = reported_sheets(connection, self._identity).get(self._identity.number)
            held = seeds(connection)
            # spec U2, E4: if sheets ran out, the server sealed with the last key of the sheet it had installed.
            last = max(held, default=0) if own is None else own.last
            others = fallback_epochs(connection)
            opener = SeatOpener(seat=self._identity.number, seeds=held, last=last, others=others)
            self._intake = Intake(vault, opener, held, held_cards(connection, self._identity.root))
            self._done = places_done(connection, self._number)
            self._known = known_ids(connection, [item.item for item in reader.manifest.items])
            active, since = read_fact(connection, "active"), read_fact(connection, "active since batch")
            self._floor = run.settled_before(connection, self._number)[1]
        self._active = None if active is None else int(active)
        self._since = None if since is None else int(since)
        self._found: list[Found | Kept] = []
        self._passed: list[tuple[Arrival, str, Alarm | None]] = []
        self._low: list[Alarm] = []
        self._bytes = 0
        self._written = 0
        self._shown = AT_ONCE

    @property
    def nothing_left(self) -> bool:
        """
        Whether every place of the batch is dealt with for good.
        """
        return len(self._done) >= len(self._reader.manifest.items)

    def take(self, arrival: Arrival) -> None:
        """
        Import one item, or note why not.
        """
        if arrival.index in self._done:
            self._report.before += 1
            return
        item = arrival.place
        name = item.item.hex()
        if item.epoch < self._floor:
            # spec E5: nothing below the floor is committed, and a settled batch left nothing to come later.
            self._low.append(Alarm("below-floor", name, f"epoch {item.epoch}, floor {self._floor}"))
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

    def flush(self, *, last: bool = False) -> None:
        """
        Write down what was collected, in one transaction.

        Args:
            last: The threads are computed in any case.
        """
        self._written += len(self._found)
        show = last or self._written >= self._shown
        if show:
            self._shown = SHOWN_AGAIN * self._written
        with self._vault.write() as connection:
            kept_now = write_found(connection, self._found, later=not show)
            for low in self._low:
                raise_alarm(connection, low, batch=self._number)
            for arrival, reason, alarm in self._passed:
                write_passed(connection, self._number, arrival.index, reason, arrival.place.thread)
                if alarm is not None:
                    raise_alarm(connection, alarm, batch=self._number)
        self._report.imported += len(self._found) - kept_now
        self._report.kept += kept_now
        self._found, self._passed, self._low, self._bytes = [], [], [], 0

    def finish(self, place: standing.Place, *, without_damaged: bool) -> None:
        """
        Close the batch if nothing is missing.
        """
        report = self._report
        gone = (passed.c.batch == self._number) & (passed.c.reason == "erased")
        with self._vault.write() as connection:
            for name, error in report.damaged:
                raise_alarm(connection, Alarm("damaged", name, error), batch=self._number)
            if report.damaged and not without_damaged:
                return
            if without_damaged and (report.damaged or report.erased):
                lost = len(report.damaged) + len(report.erased)
                raise_alarm(
                    connection, Alarm("without-damaged", str(self._number), f"{lost} items"), batch=self._number
                )
                connection.execute(update(passed).where(gone).values(reason="without"))
            standing.finish(connection, self._reader)
        report.whole = True
        if place is standing.Place.NEWEST:
            self._seal_again()
        open_kept(self._vault, self._intake)

    def _seal_again(self) -> None:
        # Apart from the import, which stands whatever becomes of this; the next import tries again.
        try:
            with self._vault.write() as connection:
                seal_again(connection, self._vault, self._reader.card.sequence)
        except Exception as error:  # noqa: BLE001 (what a batch states decides what can go wrong here)
            alarm = Alarm("outbox-stuck", str(self._number), f"{type(error).__name__}: {error}")
            with self._vault.write() as connection:
                raise_alarm(connection, alarm, batch=self._number)

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
            # The bytes are good now; if the first reading was not, the second one opens.
            self._found.append(_again(self._path, self._identity, arrival.index, partial(self._intake.take, filed)))

    def _pass(self, arrival: Arrival, reason: str, alarm: Alarm | None) -> None:
        self._passed.append((arrival, reason, alarm))

    def _left_out(self, arrival: Arrival) -> Alarm | None:
        item = arrival.place
        card = self._intake.cards.get(item.card)
        listed_there = card is not None and any(seat.number == self._identity.number for seat in card.seats)
        by_epoch = listed_there and self._active is not None and item.epoch > self._active
        # An old epoch or an old card in the manifest hides nothing: the batch it comes in cannot be old.
        by_batch = self._since is not None and self._number > self._since
        if not by_epoch and not by_batch:
            return None
        return Alarm("not-for-us", item.item.hex(), f"sealed to seats {item.seats} in epoch {item.epoch}")


def _compare(path: Path, identity: Identity, index: int) -> None:
    """
    Read one item of a batch again and compare it with the digest that the server signed.

    Raises:
        ItemError: It was damaged on the way.
    """
    with open_regular(path) as source:
        arrival = next(open_batch(source, identity.bundle, identity.root).items(index))
        for _ in arrival.chunks():
            pass


def _again(path: Path, identity: Identity, index: int, take: Callable[[Iterator[bytes]], Found | Kept]) -> Found | Kept:
    with open_regular(path) as source:
        arrival = next(open_batch(source, identity.bundle, identity.root).items(index))
        return take(arrival.chunks(hashed=False))
