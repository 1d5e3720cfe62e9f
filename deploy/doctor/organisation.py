# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Judging what is installed: root, card and sheets, each verified anew, and how far ahead the sheets reach.

Signatures are checked here step by step, not taken from the apps, so that the one document that does not hold is named. What is said of a seat is
its number, never who sits at it.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from crypto.card import Card
from crypto.epochs import SPAN_DAYS, sealing_epoch, span
from crypto.errors import CryptoError
from crypto.root import Root
from crypto.sheet import Sheet
from deploy.doctor.finding import Finding, plain
from store.seats import Installed

#: DESIGN 6: a sheet is renewed at least this far ahead. Below it, half a year has passed without an outbox of that seat.
LEAST_AHEAD: Final = 13

WHY_DOCUMENTS = "Sources' words are sealed to the seats that root, card and sheets name. Without them intake is closed; with altered ones it would seal to strangers."
WHY_SEATS = "Nothing is sealed to a seat without a sheet: what arrives until then, its person will never read."
WHY_SHEETS = "Each outbox of a seat renews its sheet. When a sheet runs out its last key stays in use, and forward secrecy ends for everything sealed from then on."
WHY_ROOT = "Root keys decide which seats there are. Whoever can use enough of them can name a seat of their own and read what arrives from then on."


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """
    What of the installed documents holds.

    Args:
        root: The root, if its signatures hold.
        card: The card, if it is valid under the root.
        sheets: By seat: those valid under the card.
        floor: The lowest epoch anything may be sealed under.
        missing: The kinds that are not installed at all.
        faults: What did not hold, one sentence each.
    """

    root: Root | None
    card: Card | None
    sheets: Mapping[int, Sheet]
    floor: int
    missing: tuple[str, ...]
    faults: tuple[str, ...]


def standing(installed: Installed) -> Standing:
    """
    Verify what is installed: the root by itself, the card by the root, each sheet by the card.
    """
    faults: list[str] = []
    root = card = None
    sheets: dict[int, Sheet] = {}
    try:
        root = None if installed.root is None else Root.decode(installed.root)
    except CryptoError as error:
        faults.append(f"the root: {_words(error)}")
    if root is not None and installed.card is not None:
        try:
            card = Card.decode(installed.card, root)
        except CryptoError as error:
            faults.append(f"the card: {_words(error)}")
    if root is not None and card is not None:
        for seat, raw in sorted(installed.sheets.items()):
            try:
                sheets[seat] = Sheet.decode(raw, root, card)
            except CryptoError as error:
                faults.append(f"the sheet of seat {seat}: {_words(error)}")
    missing = tuple(kind for kind, raw in (("root", installed.root), ("card", installed.card)) if raw is None)
    return Standing(root=root, card=card, sheets=sheets, floor=installed.floor, missing=missing, faults=tuple(faults))


def documents(now: Standing, folder: str) -> Finding:
    """
    Whether root, card and sheets are there and hold.
    """
    what = "card and sheets"
    if now.missing:
        return Finding(
            what=what,
            ok=False,
            urgent=True,
            seen=f"No {' and no '.join(now.missing)} is installed: intake is closed.",
            why=WHY_DOCUMENTS,
            fix=f'Carry install.json of the ceremony here, then type: dengwen server install --dir {folder} install.json --fingerprint "…" (all 40 digits, from paper)',
        )
    if now.faults or now.root is None or now.card is None:
        return Finding(
            what=what,
            ok=False,
            urgent=True,
            seen=f"What is installed does not hold: {plain('; '.join(now.faults))}.",
            why=WHY_DOCUMENTS,
            fix="Somebody or something changed the database. Take the server off the network (systemctl stop tor@default), keep its disk as it is, "
            "tell the reviewers, and install anew from the ceremony's files on another machine.",
        )
    return Finding(
        what=what,
        ok=True,
        seen=f"Root {now.root.number}, card {now.card.sequence} and the sheets of {len(now.sheets)} seats are installed, and every signature holds.",
        why=WHY_DOCUMENTS,
    )


def seats(card: Card, sheets: Mapping[int, Sheet]) -> Finding:
    """
    Whether every seat on the card has a sheet, so that all of them are sealed to.
    """
    what = "seats with a sheet"
    without = tuple(one.number for one in card.seats if one.number not in sheets)
    if not without:
        seen = f"Every one of {len(card.seats)} seats on the card has a sheet."
        return Finding(what=what, ok=True, seen=seen, why=WHY_SEATS)
    fix = (
        f"The person of each such seat ({_numbers(without)}) writes an outbox in the vault and brings it to the desk. "
        "If the seat is not meant to be used any more, the ceremony makes a card without it."
    )
    if not sheets:
        seen = "No seat has a sheet that holds: there is nobody to seal to, and intake is closed."
    else:
        seen = f"Of {len(card.seats)} seats on the card, {len(without)} {'has' if len(without) == 1 else 'have'} no sheet that holds: {_numbers(without)}."
    return Finding(what=what, ok=False, urgent=not sheets, seen=seen, why=WHY_SEATS, fix=fix)


def sheets_ahead(root: Root, sheets: Mapping[int, Sheet], floor: int, day: datetime.date) -> Finding:
    """
    How far the sheets still reach; urgent when one has run out or its last epoch is in use.

    Args:
        root: For its first day.
        sheets: At least one.
        floor: The lowest epoch anything may be sealed under.
        day: The server's day.
    """
    what = "epochs ahead"
    epoch = sealing_epoch(day, root.first_day, floor)
    ahead = {seat: sheet.last - epoch for seat, sheet in sorted(sheets.items())}
    short = tuple(seat for seat, count in ahead.items() if count < LEAST_AHEAD)
    least = min(ahead.values())
    if not short:
        seen = f"Every sheet reaches at least {least} epochs ahead ({least * SPAN_DAYS} days)."
        return Finding(what=what, ok=True, seen=seen, why=WHY_SHEETS)
    out = tuple(seat for seat, count in ahead.items() if count < 0)
    last = tuple(seat for seat, count in ahead.items() if count == 0)
    said = [f"The sheet of {_numbers(out)} has run out and its last key stays in use."] * bool(out)
    if last:
        end = span(epoch, root.first_day)[1]
        said.append(f"The last epoch on the sheet of {_numbers(last)} is in use; it ends on {end}.")
    if not said:
        said.append(
            f"The sheet of {_numbers(short)} reaches fewer than {LEAST_AHEAD} epochs ahead; the shortest covers {least * SPAN_DAYS} more days."
        )
    fix = f"The person of each such seat ({_numbers(short)}) writes an outbox in the vault and brings it to the desk: it carries a new sheet, a year long."
    return Finding(what=what, ok=False, urgent=bool(out or last), seen=" ".join(said), why=WHY_SHEETS, fix=fix)


def root_keys(root: Root) -> Finding:
    """
    What the root's threshold means. One of one is allowed, and said for what it is.
    """
    total, threshold = len(root.keys), root.threshold
    if threshold == 1:
        seen = (
            f"One signature is enough (1 of {total}): whoever takes {'the' if total == 1 else 'any'} key's medium and its passphrase can name seats alone"
            + (", and if that medium is lost no card can ever be changed. " if total == 1 else ". ")
            + "For a real organisation 2 of 3, one on paper, is better; that is a new root."
        )
    else:
        spare = total - threshold
        seen = f"A card needs {threshold} of {total} root keys; {spare or 'none'} may be lost."
    return Finding(what="root keys", ok=True, seen=seen, why=WHY_ROOT)


def _numbers(seats: tuple[int, ...]) -> str:
    return ("seat " if len(seats) == 1 else "seats ") + ", ".join(map(str, seats))


def _words(error: CryptoError) -> str:
    return plain(str(error) or (error.__doc__ or ""))
