# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What this seat is: its keys, its number, the root it pinned, the cards and sheets it accepted.

A card is accepted under the pinned root only, never older than the newest one held; cards are kept for good, because
items name the card they were sealed under. Nothing here ever gives a key to a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from crypto.age import HybridIdentity
from crypto.card import Card
from crypto.errors import FormatError, SignatureError, StaleError
from crypto.hidden import Hidden
from crypto.root import Root
from crypto.sheet import Sheet
from crypto.signing import SigningKey
from journalist_app.vault.errors import CeremonyError
from journalist_app.vault.keystore import Vault
from journalist_app.vault.models import batches, cards, facts, own_sheets, sheets

# How far ahead of the newest batch the laptop's clock is believed.
CLOCK_TRUST = timedelta(days=28)


@dataclass(frozen=True, slots=True)
class Identity:
    """
    The seat as it is installed.

    Args:
        number: The seat's number on the card.
        signing: Its signing key.
        bundle: What batches' manifests are sealed to.
        root: The pinned root.
        card: The newest card held.
    """

    number: int
    signing: SigningKey
    bundle: HybridIdentity
    root: Root
    card: Card


def make_keys(connection: Connection) -> tuple[SigningKey, HybridIdentity]:
    """
    Give a new vault its two lasting keys.
    """
    signing, bundle = SigningKey.generate(), HybridIdentity.generate()
    write_fact(connection, "signing", signing.seed)
    write_fact(connection, "bundle", bundle.seed)
    return signing, bundle


def own_keys(connection: Connection) -> tuple[SigningKey, HybridIdentity]:
    """
    The seat's signing key and bundle identity.

    Raises:
        CeremonyError: The vault has none yet.
    """
    signing, bundle = read_fact(connection, "signing"), read_fact(connection, "bundle")
    if signing is None or bundle is None:
        raise CeremonyError("this vault has no keys yet")
    return SigningKey(Hidden(signing)), HybridIdentity(Hidden(bundle))


def load(connection: Connection) -> Identity:
    """
    The seat, ready to work.

    Raises:
        CeremonyError: It has not been accepted yet.
    """
    signing, bundle = own_keys(connection)
    root = load_root(connection)
    newest = connection.execute(select(cards.c.signed).order_by(cards.c.sequence.desc()).limit(1)).scalar()
    number = read_fact(connection, "seat")
    if newest is None or number is None:
        raise CeremonyError("this seat is not on a card yet: finish with seat-accept")
    return Identity(int(number), signing, bundle, root, Card.decode(newest, root))


def load_root(connection: Connection) -> Root:
    """
    The pinned root.

    Raises:
        CeremonyError: None is pinned yet.
    """
    raw = read_fact(connection, "root")
    if raw is None:
        raise CeremonyError("this vault has no root yet: finish with seat-accept")
    return Root.decode(raw)


def pin_root(connection: Connection, root: Root) -> None:
    """
    Pin the root, once.

    Raises:
        CeremonyError: Another one is pinned.
    """
    known = read_fact(connection, "root")
    if known is not None and Root.decode(known).digest != root.digest:
        raise CeremonyError("another root is pinned in this vault")
    write_fact(connection, "root", root.signed.encode())


def accept_card(connection: Connection, card: Card) -> bool:
    """
    Take a card that the pinned root signed.

    Returns:
        Whether it is new here.

    Raises:
        StaleError: It is older than the newest one held, or another of the same sequence.
    """
    newest = connection.execute(select(cards.c.signed).order_by(cards.c.sequence.desc()).limit(1)).scalar()
    held = None if newest is None else Card.decode(newest, load_root(connection))
    if held is not None and held.digest == card.digest:
        return False
    card.replaces(held)
    row = {"digest": card.digest, "sequence": card.sequence, "signed": card.signed.encode()}
    connection.execute(insert(cards).values(row))
    return True


def keep_former_card(connection: Connection, card: Card) -> None:
    """
    Take a card that is older than the newest one held: items of earlier batches name it.

    Raises:
        StaleError: Another card of that sequence is held.
    """
    known = connection.execute(select(cards.c.digest).where(cards.c.sequence == card.sequence)).scalars().all()
    if any(digest != card.digest for digest in known):
        raise StaleError(f"another card {card.sequence} was accepted before")
    row = {"digest": card.digest, "sequence": card.sequence, "signed": card.signed.encode()}
    connection.execute(upsert(cards).values(row).on_conflict_do_nothing())


def held_cards(connection: Connection, root: Root) -> Mapping[int, Card]:
    """
    Every card ever accepted, by sequence.
    """
    rows = connection.execute(select(cards.c.signed)).scalars()
    return {card.sequence: card for card in (Card.decode(raw, root) for raw in rows)}


def accept_sheet(connection: Connection, sheet: Sheet, card: Card) -> None:
    """
    Take a seat's sheet as the server reports it.

    Raises:
        StaleError: A newer one was reported before, or another of the same sequence.
    """
    known = connection.execute(select(sheets.c.signed).where(sheets.c.seat == sheet.seat)).scalar()
    if known is not None and known != sheet.signed.encode():
        former = _read_sheet(known, load_root(connection), card)
        if former is not None:
            sheet.replaces(former)
    row = {"seat": sheet.seat, "sequence": sheet.sequence, "signed": sheet.signed.encode()}
    connection.execute(upsert(sheets).values(row).on_conflict_do_update(index_elements=["seat"], set_=row))


def reported_sheets(connection: Connection, identity: Identity) -> Mapping[int, Sheet]:
    """
    The newest sheet of each seat that the server reported installed, of the seats of the newest card.
    """
    rows = connection.execute(select(sheets.c.signed)).scalars()
    found = (_read_sheet(raw, identity.root, identity.card) for raw in rows)
    return {sheet.seat: sheet for sheet in found if sheet is not None}


def newest_own_sheet(connection: Connection, identity: Identity) -> Sheet | None:
    """
    The last sheet this seat signed, whether or not it has arrived.
    """
    raw = connection.execute(select(own_sheets.c.signed).order_by(own_sheets.c.sequence.desc()).limit(1)).scalar()
    return None if raw is None else _read_sheet(raw, identity.root, identity.card)


def floor_stated(connection: Connection) -> int:
    """
    The floor of the newest batch begun, 0 before the first.
    """
    return connection.execute(select(batches.c.floor).order_by(batches.c.number.desc()).limit(1)).scalar() or 0


def server_day(connection: Connection) -> date | None:
    """
    The day the newest batch states.
    """
    day = connection.execute(select(batches.c.day).order_by(batches.c.number.desc()).limit(1)).scalar()
    return None if day is None else date.fromisoformat(day)


def working_day(connection: Connection, vault: Vault) -> date:
    """
    The day to seal and to make seeds for: a wrong clock, of the server or of the laptop, must not reach far epochs.

    The server's day is believed up to a month past the laptop's; the laptop's between that and a month after it.
    """
    mine, stated = vault.clock(), server_day(connection)
    if stated is None:
        return mine
    believed = min(stated, later(mine, CLOCK_TRUST))
    return max(believed, min(mine, later(believed, CLOCK_TRUST)))


def later(day: date, span: timedelta) -> date:
    """
    A later day; at the calendar's end, the last one.
    """
    return day + span if day <= date.max - span else date.max


def read_fact(connection: Connection, name: str) -> bytes | None:
    """
    One of the vault's own values.
    """
    return connection.execute(select(facts.c.content).where(facts.c.name == name)).scalar()


def write_fact(connection: Connection, name: str, content: bytes) -> None:
    """
    Set one of the vault's own values.
    """
    row = {"name": name, "content": bytes(content)}
    connection.execute(upsert(facts).values(row).on_conflict_do_update(index_elements=["name"], set_=row))


def _read_sheet(raw: bytes, root: Root, card: Card) -> Sheet | None:
    try:
        return Sheet.decode(raw, root, card)
    except (FormatError, SignatureError):
        # The seat left the card, or its number passed to another key: its sheet no longer counts.
        return None
