# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Entries: what people do in a vault, as signed documents, each seat's in a chain of its own.

An entry names its seat, its number, the digest of the seat's entry before, a clock (one more than the highest seen) and
the person. Accepting one needs the signature of that seat's key on a card this vault holds. Order of arrival has no
say: entries are a set, and everything shown is computed from it (`projection`). Two entries of one seat with one number
are both kept and raise an alarm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import ColumnElement, Connection, func, select
from sqlalchemy.dialects.sqlite import insert as upsert

from crypto.canonical import JSON, Fields
from crypto.card import MAX_SEAT_NUMBER, Card
from crypto.hidden import Hidden
from crypto.signing import MAX_DOCUMENT, SignedDocument, sign_document, write_document
from journalist_app.vault.alarms import Alarm, raise_alarm
from journalist_app.vault.errors import InputError, ItemRefusedError
from journalist_app.vault.identity import Identity, read_fact
from journalist_app.vault.keystore import MAX_NAME, Vault
from journalist_app.vault.models import entries
from journalist_app.vault.projection import CLOCKS_END

NOTHING: Final = bytes(32)
MAX_TYPE = 32
MAX_CLOCK = 2**53 - 1
MAX_NUMBER = 2**31 - 1
# spec Y3, and the same for notes.
MAX_TEXT = 65_536

# What a thread can be in; the latest entry by (clock, seat) says which.
STATES: Final = ("new", "reading", "waiting", "verified", "unverifiable", "closed")
STATUSES: Final = ("read", "answered", "closed")


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One entry whose signature was checked.

    Args:
        seat: Whose chain it is in.
        number: Its place there, from 1.
        previous: The digest of number − 1, or 32 zero bytes.
        clock: For ordering states, if it is below CLOCKS_END.
        person: Who did it.
        day: On which day of their laptop.
        type: reply, status, note or state; others are kept and shown raw.
        thread: The thread value it belongs to.
        fields: What belongs to the type.
        signed: The document as it is stored.
    """

    seat: int
    number: int
    previous: bytes
    clock: int
    person: str
    day: date
    type: str
    thread: Hidden
    fields: Mapping[str, JSON]
    signed: SignedDocument


def write_entry(
    connection: Connection, vault: Vault, identity: Identity, *, kind: str, thread: bytes, fields: Mapping[str, JSON]
) -> Entry:
    """
    Make this seat's next entry, sign it and keep it. The caller sends it and computes the thread anew.
    """
    mine = entries.c.seat == identity.number
    # Whoever has this seat's key must not be able to silence it: there is always a number and a clock left.
    usable = mine & (entries.c.number < MAX_NUMBER)
    last = connection.execute(select(entries).where(usable).order_by(entries.c.number.desc()).limit(1)).first()
    clock = connection.execute(select(func.max(entries.c.clock)).where(entries.c.clock < CLOCKS_END)).scalar() or 0
    contents: dict[str, JSON] = {
        "seat": identity.number,
        "number": 1 if last is None else last.number + 1,
        "previous": (NOTHING if last is None else last.digest).hex(),
        "clock": min(clock + 1, CLOCKS_END - 1),
        "person": vault.person,
        "day": vault.clock().isoformat(),
        "type": kind,
        "thread": thread.hex(),
        **fields,
    }
    entry = parse_entry(sign_document("entry", write_document("entry", contents), [identity.signing]))
    keep(connection, entry, batch=0)
    return entry


def parse_entry(signed: SignedDocument) -> Entry:
    """
    Read an entry. Whose signature it carries is checked by `require_author`.

    Raises:
        FormatError: It is not an entry.
        NewerVersionError: It is one of a newer version.
    """
    fields = Fields(signed.contents("entry"), "entry")
    entry = Entry(
        seat=fields.number("seat", 1, MAX_SEAT_NUMBER),
        number=fields.number("number", 1, MAX_NUMBER),
        previous=fields.hex("previous", 32),
        clock=fields.number("clock", 1, MAX_CLOCK),
        person=fields.text("person", 4 * MAX_NAME),
        day=fields.day("day"),
        type=fields.text("type", MAX_TYPE),
        thread=Hidden(fields.hex("thread", 32)),
        fields=fields.rest(),
        signed=signed,
    )
    _check_type(entry)
    return entry


def open_entry(body: bytes, card: Card, thread: Hidden) -> Entry:
    """
    Read an entry out of its frame and check who wrote it.

    Args:
        body: The frame's body.
        card: The card the frame names.
        thread: The thread value the frame names.

    Raises:
        FormatError, SignatureError, NewerVersionError: As for signed documents.
        ItemRefusedError: Frame and document disagree about the thread.
    """
    signed = SignedDocument.decode(body, MAX_DOCUMENT)
    entry = parse_entry(signed)
    signed.require("entry", [card.seat(entry.seat).signing], 1)
    if entry.thread != thread:
        raise ItemRefusedError("the entry belongs to another thread than its frame says")
    return entry


def keep(connection: Connection, entry: Entry, *, batch: int, revoked: bool = False) -> None:
    """
    Add an entry to the set and compare it with its neighbours in the chain. The same entry again has no effect.

    Args:
        connection: Inside a write.
        entry: Checked.
        batch: In which batch it came; 0 for one that was written here.
        revoked: It came after its seat had left the card: it is shown, and orders nothing.
    """
    row = {
        "digest": entry.signed.digest,
        "seat": entry.seat,
        "number": entry.number,
        "previous": entry.previous,
        "clock": entry.clock,
        "person": entry.person,
        "day": entry.day.isoformat(),
        "type": entry.type,
        "value": str(entry.fields["state"]) if entry.type == "state" else "",
        "thread": bytes(entry.thread),
        "signed": entry.signed.encode(),
        "revoked": int(revoked),
        "batch": batch,
    }
    _note_stranger(connection, entry, batch)
    # The same entry by another way counts if one of its ways does: the order in which they came has no say.
    came = func.nullif(entries.c.batch, 0)
    first = func.coalesce(func.min(came, batch or None), came, batch)
    weaker = {"revoked": func.min(entries.c.revoked, int(revoked)), "batch": first}
    statement = upsert(entries).values(row).on_conflict_do_update(index_elements=["digest"], set_=weaker)
    connection.execute(statement)
    digest, subject = entry.signed.digest, f"{entry.seat}:{entry.number}"
    if entry.clock >= CLOCKS_END:
        raise_alarm(connection, Alarm("entry-clock", subject, thread=bytes(entry.thread)), batch=batch)
    if revoked:
        raise_alarm(connection, Alarm("old-seat", subject, thread=bytes(entry.thread)), batch=batch)
    # One row is enough to tell: a seat that forks ten thousand times must not make each import read them all.
    if _any(connection, entry.seat, entry.number, entries.c.digest != digest):
        raise_alarm(connection, Alarm("entry-fork", subject), batch=batch)
    # A neighbour that has not come yet says nothing: each pair is compared when its second half arrives.
    unfounded = entry.number == 1 and entry.previous != NOTHING
    if unfounded or _any(connection, entry.seat, entry.number - 1, entries.c.digest != entry.previous):
        raise_alarm(connection, Alarm("entry-chain", subject), batch=batch)
    if _any(connection, entry.seat, entry.number + 1, entries.c.previous != digest):
        raise_alarm(connection, Alarm("entry-chain", f"{entry.seat}:{entry.number + 1}"), batch=batch)


def _any(connection: Connection, seat: int, number: int, differs: ColumnElement[bool]) -> bool:
    query = select(entries.c.digest).where(entries.c.seat == seat, entries.c.number == number, differs).limit(1)
    return connection.execute(query).first() is not None


def _note_stranger(connection: Connection, entry: Entry, batch: int) -> None:
    if batch == 0 or read_fact(connection, "seat") != str(entry.seat).encode():
        return
    if connection.execute(select(entries.c.seat).where(entries.c.digest == entry.signed.digest)).first() is None:
        alarm = Alarm("own-entry", entry.signed.digest.hex(), f"number {entry.number}", thread=bytes(entry.thread))
        raise_alarm(connection, alarm, batch=batch)


def missing_entries(connection: Connection) -> Mapping[int, int]:
    """
    For each seat, how many of its entries up to the highest seen are not here.
    """
    rows = connection.execute(
        select(entries.c.seat, func.max(entries.c.number), func.count(entries.c.number.distinct())).group_by(
            entries.c.seat
        )
    )
    return {seat: highest - count for seat, highest, count in rows}


def checked_text(text: str) -> str:
    """
    A reply's or note's text as it may stand in an entry.

    Raises:
        InputError: Empty or too long.
    """
    # Browsers send CRLF; what is signed has one spelling of a line's end.
    plain = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not plain:
        raise InputError("the text is empty")
    if len(plain.encode()) > MAX_TEXT:
        raise InputError(f"the text has more than {MAX_TEXT} bytes")
    return plain


def _check_type(entry: Entry) -> None:
    fields = Fields(entry.fields, f"entry {entry.type}")
    if entry.type == "reply":
        fields.hex("item", 16)
        fields.text("text", MAX_TEXT)
        fields.text("lang", 35)
        fields.number("sees", 0, MAX_NUMBER)
    if entry.type == "status":
        fields.hex("item", 16)
        fields.choice("status", STATUSES)
    if entry.type == "note":
        fields.text("text", MAX_TEXT)
    if entry.type == "state":
        fields.choice("state", STATES)
        # The newest batch that was whole where it was written; an older version wrote none.
        if fields.has("through"):
            fields.number("through", 0, MAX_NUMBER)
