# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What a person does with a thread: reply, tell the source a status, note, set a state.

Each is a signed entry; a reply or status is also sealed to the source, to the pinned reply recipient and to no other.
Both wait for the next outbox. A reply names how many items of the thread its author had seen; its entry names the
recipient, so that the other seats notice if theirs is another (`recipients`).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from crypto.age import HybridRecipient
from crypto.canonical import JSON, encode
from crypto.epochs import sealing_epoch
from crypto.errors import FormatError
from crypto.hidden import Hidden
from crypto.replies import Status, seal_reply
from crypto.seal import Sealed
from journalist_app.bundle.documents import MAX_DELETIONS
from journalist_app.vault.entries import STATES, Entry, checked_text, write_entry
from journalist_app.vault.errors import InputError, NotFoundError, NotNowError
from journalist_app.vault.identity import Identity, floor_stated, load, working_day
from journalist_app.vault.keystore import Vault
from journalist_app.vault.models import batches, items, pending, threads
from journalist_app.vault.projection import compute
from journalist_app.vault.recipients import named, standing

# How long the server keeps a reply for its source, and how many days more at most: were it a fixed number, the day on which
# a reply goes would say on which day it came.
EXPIRES_DAYS = 90
MORE_DAYS = 14

_LANG = re.compile(r"(?:[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)?")
MAX_LANG = 35


def reply(vault: Vault, thread: bytes, text: str, lang: str = "") -> Entry:
    """
    Answer a source.

    Raises:
        NotFoundError: There is no such thread.
        NotNowError: The thread has no reply recipient yet, or another seat seals to another one.
        InputError: The text is empty or too long, or the language is no language tag.

    """
    plain = checked_text(text)
    if len(lang) > MAX_LANG or _LANG.fullmatch(lang) is None:
        raise InputError("the language is not a language tag, such as zh-Hans or ug")
    with vault.write() as connection:
        identity = load(connection)
        item, sees, to = _send(connection, vault, identity, thread, lang=lang, text=plain)
        fields: dict[str, JSON] = {"item": item.hex(), "text": plain, "lang": lang, "sees": sees, "to": to}
        return _enter(connection, vault, kind="reply", thread=thread, fields=fields)


def tell_status(vault: Vault, thread: bytes, status: Status) -> Entry:
    """
    Tell the source that the report was read, answered or closed.

    Raises:
        NotFoundError, NotNowError: As for `reply`.

    """
    with vault.write() as connection:
        identity = load(connection)
        item, _, to = _send(connection, vault, identity, thread, lang="", status=status)
        fields: dict[str, JSON] = {"item": item.hex(), "status": status, "to": to}
        return _enter(connection, vault, kind="status", thread=thread, fields=fields)


def note(vault: Vault, thread: bytes, text: str) -> Entry:
    """
    Write a note for the team. Notes only add.

    Raises:
        NotFoundError: There is no such thread.
        InputError: The text is empty or too long.

    """
    plain = checked_text(text)
    with vault.write() as connection:
        _thread(connection, thread)
        return _enter(connection, vault, kind="note", thread=thread, fields={"text": plain})


def set_state(vault: Vault, thread: bytes, state: str) -> Entry:
    """
    Say what state a thread is in. The latest counts, the others stay in its history.

    Raises:
        NotFoundError: There is no such thread.
        InputError: That is no state.

    """
    if state not in STATES:
        raise InputError(f"a state is one of: {', '.join(STATES)}")
    with vault.write() as connection:
        _thread(connection, thread)
        # What its author can have seen: a danger that a later batch brings is not covered by an earlier closing.
        whole = select(func.max(batches.c.number)).where(batches.c.complete == 1)
        through = connection.execute(whole).scalar() or 0
        return _enter(connection, vault, kind="state", thread=thread, fields={"state": state, "through": through})


def keep_recipient(vault: Vault, thread: bytes) -> Entry:
    """
    Answer at the recipient pinned here although another seat answers at another one. Who says so is written down.

    Raises:
        NotFoundError: There is no such thread.
        NotNowError: No seat answers at another one, or this was said already.
    """
    with vault.write() as connection:
        row, identity = _thread(connection, thread), load(connection)
        if not row.recipient or not standing(connection, thread, row.recipient, seat=identity.number).blocked:
            raise NotNowError("there is nothing to choose: no other seat answers this thread at another recipient")
        return _enter(connection, vault, kind="recipient", thread=thread, fields={"to": named(row.recipient)})


def ask_deletion(vault: Vault, thread: bytes) -> Entry:
    """
    Ask the server to delete a thread: it waits seven days, in view of every seat.

    Raises:
        NotFoundError: There is no such thread.
        NotNowError: The server's id of the thread is not known, or as many wait as one outbox takes.
    """
    with vault.write() as connection:
        row = _thread(connection, thread)
        if not row.server_thread:
            raise NotNowError("no item of this thread has arrived yet: there is nothing to delete")
        waiting = select(func.count()).select_from(pending).where(pending.c.kind == "deletion", pending.c.outbox == 0)
        if connection.execute(waiting).scalar_one() >= MAX_DELETIONS:
            raise NotNowError(f"{MAX_DELETIONS} deletions wait for the next outbox already: write that one first")
        fields = encode({"thread": row.server_thread.hex()})
        waits = {"kind": "deletion", "fields": fields, "header": b"", "payload": b"", "outbox": 0}
        connection.execute(insert(pending).values(waits))
        return _enter(connection, vault, kind="deletion", thread=thread, fields={})


def _enter(connection: Connection, vault: Vault, *, kind: str, thread: bytes, fields: Mapping[str, JSON]) -> Entry:
    entry = write_entry(connection, vault, load(connection), kind=kind, thread=thread, fields=fields)
    row = {"kind": "entry", "fields": entry.signed.encode(), "header": b"", "payload": b"", "outbox": 0}
    connection.execute(insert(pending).values(row))
    compute(connection, [thread])
    return entry


def _send(
    connection: Connection,
    vault: Vault,
    identity: Identity,
    thread: bytes,
    *,
    lang: str,
    text: str | None = None,
    status: Status | None = None,
) -> tuple[bytes, int, str]:
    row = _thread(connection, thread)
    if not row.recipient or not row.server_thread:
        raise NotNowError("no message of this thread has arrived yet, so there is nobody to seal to")
    found = standing(connection, thread, row.recipient, seat=identity.number)
    if found.blocked:
        raise NotNowError(
            f"seat {found.others[0]} answers this thread at another recipient than the one pinned here, and one of the two "
            "is not the source's: compare with the other seats, then say on this page which to keep"
        )
    try:
        recipient = HybridRecipient.parse(row.recipient)
    except FormatError as error:
        raise NotNowError("the source's reply recipient is damaged: this thread cannot be answered") from error
    item = secrets.token_bytes(16)
    day, floor = working_day(connection, vault), floor_stated(connection)
    sealed = seal_reply(
        recipient=recipient,
        thread=Hidden(thread),
        item=item,
        seat=identity.number,
        key=identity.signing,
        card=identity.card.digest,
        epoch=sealing_epoch(day, identity.root.first_day, floor),
        lang=lang,
        text=text,
        status=status,
    )
    sees = connection.execute(
        select(func.count())
        .select_from(items)
        .where(items.c.thread == thread, items.c.kind != "entry", items.c.server_thread == row.server_thread)
    ).scalar_one()
    _wait(connection, row.server_thread, item, sees, sealed)
    return item, sees, named(row.recipient)


def _wait(connection: Connection, server_thread: bytes, item: bytes, sees: int, sealed: Sealed) -> None:
    fields: dict[str, JSON] = {
        "thread": server_thread.hex(),
        "item": item.hex(),
        "expires_days": EXPIRES_DAYS + secrets.randbelow(MORE_DAYS + 1),
        "sees": sees,
    }
    row = {
        "kind": "reply",
        "fields": encode(fields),
        "header": sealed.header,
        "payload": sealed.payload,
        "outbox": 0,
    }
    connection.execute(insert(pending).values(row))


def _thread(connection: Connection, thread: bytes) -> Row[Any]:
    row = connection.execute(select(threads).where(threads.c.thread == thread)).first()
    if row is None:
        raise NotFoundError("there is no such thread")
    return row
