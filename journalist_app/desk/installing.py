# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Installing roots, cards and sheets: signatures decide, whoever brings the file.

All documents given together are installed in one transaction, roots first, then cards, then sheets; the first that is
refused refuses all. The very first root is accepted only with its fingerprint, typed from what the ceremony printed, and
any root only if its codenames cost what production asks for (spec D2): costs for tests never reach a server.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Final

from crypto.canonical import Fields
from crypto.card import MAX_SEAT_NUMBER, MAX_SEATS, Card
from crypto.errors import CryptoError, FormatError
from crypto.root import Root
from crypto.sheet import Sheet
from crypto.signing import KEY_SIZE, MAX_DOCUMENT, Label, SignedDocument
from journalist_app.desk.errors import InstallError
from journalist_app.desk.organisation import verified
from journalist_app.desk.wording import count
from store import audit, deletions, seats
from store.engine import Store

KINDS: Final[tuple[Label, ...]] = ("root", "card", "sheet")
# A root, a card and a sheet of every seat, twice over.
MAX_DOCUMENTS = 40
MAX_FILE = 4 << 20


def install(store: Store, raws: Sequence[bytes], *, by: str, day: dt.date, fingerprint: str = "") -> tuple[str, ...]:
    """
    Install signed documents, all or none.

    Args:
        store: The store.
        raws: The documents, in any order.
        by: Who installs them, for the audit log.
        day: The server's day.
        fingerprint: Of the first root; not looked at when a root is installed already.

    Returns:
        What was done, a line for each document.

    Raises:
        InstallError: The fingerprint is not the root's, its codenames are too cheap, or a document is none of the
            three kinds.
        StaleError, ConflictError: Something newer, or another of the same number, is installed.
        CryptoError: A signature is missing or wrong.
        NotInstalledError: A sheet of a seat that is not on the card.
    """
    if not 1 <= len(raws) <= MAX_DOCUMENTS:
        raise InstallError(f"1 to {MAX_DOCUMENTS} documents at a time")
    ordered = sorted(((kind_of(raw), raw) for raw in raws), key=lambda one: KINDS.index(one[0]))
    done: list[str] = []
    with store.write():
        for kind, raw in ordered:
            if kind == "root":
                done.append(_install_root(store, raw, fingerprint))
            elif kind == "card":
                done.append(_install_card(store, raw))
            else:
                done.append(install_sheet(store, raw))
        _require_whole(store)
        for line in done:
            audit.append(store, f"{by}: {line}", day=day)
    return tuple(done)


def _require_whole(store: Store) -> None:
    installed = seats.organisation(store)
    if installed.root is None or installed.card is None:
        return
    try:
        verified(installed)
    except CryptoError as error:
        # A new root leaves the old card and sheets without one: sealing would stop.
        raise InstallError(f"card and sheets must be installed together with the new root: {error}") from None


def unpack(raw: bytes) -> tuple[bytes, ...]:
    """
    The signed documents in a file: one, or those of an `install.json` that the ceremony wrote.

    Raises:
        InstallError: It is neither.
    """
    fields = Fields.decode(raw.strip(), "file", limit=MAX_FILE)
    if fields.has("document"):
        return (raw.strip(),)
    try:
        texts = [fields.text("root", MAX_DOCUMENT), fields.text("card", MAX_DOCUMENT)]
        sheets = fields.list("sheets", MAX_SEATS)
        texts.extend(Fields({"sheet": sheet}, "sheets").text("sheet", MAX_DOCUMENT) for sheet in sheets)
        fields.done()
    except FormatError as error:
        raise InstallError(f"neither a signed document nor an install.json: {error}") from None
    return tuple(text.encode() for text in texts)


def kind_of(raw: bytes) -> Label:
    """
    Which of the three kinds a signed document is.

    Raises:
        InstallError: None of them, or not a signed document.
    """
    try:
        signed = SignedDocument.decode(raw, MAX_DOCUMENT)
    except FormatError as error:
        raise InstallError(f"not a signed document: {error}") from None
    for kind in KINDS:
        try:
            signed.contents(kind)
        except FormatError:
            continue
        return kind
    raise InstallError("this document is neither a root, nor a card, nor a sheet")


def _install_root(store: Store, raw: bytes, fingerprint: str) -> str:
    installed = seats.organisation(store).root
    if installed is None:
        root = Root.decode(raw)
        if re.sub(r"\s", "", fingerprint) != root.fingerprint.replace(" ", ""):
            raise InstallError(
                "the fingerprint is not this root's: compare all 40 digits with what the ceremony printed"
            )
    else:
        old = Root.decode(installed)
        root = Root.decode(raw)
        # The same root again is no news and no error; anything else must follow the installed one (spec R2).
        if root.digest != old.digest:
            root = old.accept_next(raw)
    try:
        for generation in root.generations:
            generation.require_production()
    except FormatError as error:
        raise InstallError(f"this root is for tests only: {error}") from None
    new = seats.install_root(store, raw, number=root.number, digest=root.digest)
    return _line(f"root {root.number}", new=new)


def _install_card(store: Store, raw: bytes) -> str:
    installed = seats.organisation(store)
    if installed.root is None:
        raise InstallError("install the root first")
    root = Root.decode(installed.root)
    card = Card.decode(raw, root)
    replaced: list[int] = []
    if installed.card is not None:
        keys = _signing_keys(SignedDocument.decode(installed.card))
        replaced = [seat.number for seat in card.seats if keys.get(seat.number, seat.signing) != seat.signing]
    before = sum(deletions.waiting(store).values())
    new = seats.install_card(
        store,
        raw,
        sequence=card.sequence,
        digest=card.digest,
        seats=[seat.number for seat in card.seats],
        replaced=replaced,
    )
    dropped = before - sum(deletions.waiting(store).values())
    line = _line(f"card {card.sequence}", new=new)
    return (
        f"{line}; dropped {count(dropped, 'deletion', 'deletions')} of seats that left or got another key"
        if dropped
        else line
    )


def install_sheet(store: Store, raw: bytes) -> str:
    """
    Install one seat's sheet, inside or outside a transaction.

    Raises:
        As `install`.
    """
    installed = seats.organisation(store)
    if installed.root is None or installed.card is None:
        raise InstallError("install the root and the card first")
    root = Root.decode(installed.root)
    sheet = Sheet.decode(raw, root, Card.decode(installed.card, root))
    new = seats.install_sheet(store, raw, seat=sheet.seat, sequence=sheet.sequence, digest=sheet.digest)
    return _line(f"sheet {sheet.sequence} of seat {sheet.seat}", new=new)


def _signing_keys(signed: SignedDocument) -> dict[int, bytes]:
    # The installed card may stand under an earlier root, so it is not verified again: its keys are only compared.
    fields = Fields(signed.contents("card"), "card")
    return {
        seat.number("number", 1, MAX_SEAT_NUMBER): seat.hex("signing", KEY_SIZE)
        for seat in fields.objects("seats", MAX_SEATS)
    }


def _line(what: str, *, new: bool) -> str:
    return f"{what} installed" if new else f"{what} was installed already"
