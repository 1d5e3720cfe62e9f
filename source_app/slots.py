# SPDX-License-Identifier: AGPL-3.0-or-later
"""
One slot of a thread: the newest reply from a place on, and the statuses around it.

A page decapsulates WINDOW keys and checks as many signatures, never more or fewer: where the thread has less, dummies of a throwaway identity stand in,
so that the work does not say how much there is. A long reply is cut into parts by the bytes it has when it is escaped, so that
every page of a thread fits `render.SHAPE`. What does not open or verify is named and not shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from markupsafe import Markup, escape

from crypto.age import HybridIdentity, Stanza, new_file_key
from crypto.card import Card
from crypto.errors import CryptoError, SignatureError
from crypto.replies import Reply, Status, open_reply
from crypto.root import Root
from crypto.signing import SignedDocument, SigningKey, sign_document, write_document
from source_app.languages import translated as _
from source_app.limits import KIB
from source_app.parts import parts
from store import seats
from store.replies import StoredReply
from store.replies import slots as stored_slots

if TYPE_CHECKING:
    from source_app.session import Session

WINDOW: Final = 2
#: Of a reply on one page, in bytes as escaped; a cut may lie up to CUT_BYTES earlier, where a word ends.
PART_BYTES: Final = 14 * KIB
CUT_BYTES: Final = 128
FURTHEST: Final = 10_000


@dataclass(frozen=True, slots=True)
class ShownReply:
    """
    A reply as it is shown.

    Args:
        item: its id in hex, for "delete".
        lang: its language, or empty.
        text: one part of it, escaped.
        next_part: number of the part that follows, or None.
        signed: who signed it, in words.
    """

    item: str
    lang: str
    text: Markup
    next_part: int | None
    signed: str


@dataclass(frozen=True, slots=True)
class ShownStatus:
    """
    A status as it is shown.

    Args:
        item: its id in hex, for "delete".
        name: which.
        signed: who signed it, in words.
    """

    item: str
    name: Status
    signed: str


@dataclass(frozen=True, slots=True)
class Slot:
    """
    What one page shows.

    Args:
        offset: how many newer envelopes it passed over.
        reply: the first reply from there on, if the window holds one.
        statuses: statuses before the next reply.
        warnings: what did not open or verify.
        older: the offset of the next older page, or None.
    """

    offset: int
    reply: ShownReply | None
    statuses: tuple[ShownStatus, ...]
    warnings: tuple[str, ...]
    older: int | None


def read_slot(session: Session, offset: int, part: int = 0) -> Slot:
    """
    Open one slot.

    Args:
        session: the visit.
        offset: how many newer envelopes to pass over.
        part: which part of a long reply.
    """
    sealed = stored_slots(parts().store, session.subkeys.locator, offset=offset, count=WINDOW + 1)
    identity = HybridIdentity(session.subkeys.reply_seed)
    opened = [_opened(one, session, identity) for one in sealed[:WINDOW]]
    for _number in range(WINDOW - len(opened)):
        _open_dummy()
    reply: ShownReply | None = None
    statuses: list[ShownStatus] = []
    warnings: list[str] = []
    used = 0
    for one in opened:
        shown = _shown(one, part)
        if isinstance(shown, ShownReply):
            if reply is not None:
                break
            reply = shown
        elif isinstance(shown, ShownStatus):
            statuses.append(shown)
        else:
            warnings.append(shown)
        used += 1
    older = offset + used if len(sealed) > used else None
    return Slot(offset, reply, tuple(statuses), tuple(warnings), older)


def _opened(sealed: StoredReply, session: Session, identity: HybridIdentity) -> Reply | None:
    keys = session.subkeys
    try:
        reply = open_reply(sealed.header, sealed.payload, identity)
    except CryptoError:
        return None
    # An envelope filed under another row's id or thread was put there by somebody else than its author.
    if reply.thread != keys.thread or reply.item != sealed.id:
        return None
    return reply


def _shown(reply: Reply | None, part: int) -> ShownReply | ShownStatus | str:
    if reply is None:
        return _("Something here was damaged or does not belong to you. It is not shown.")
    try:
        signed = _signed(reply)
    except SignatureError:
        return _("Something here bears a signature that does not hold. Do not trust it; it is not shown.")
    if reply.status is not None:
        return ShownStatus(reply.item.hex(), reply.status, signed)
    text, more = part_of(reply.text or "", part)
    return ShownReply(
        item=reply.item.hex(), lang=reply.lang, text=text, next_part=part + 1 if more else None, signed=signed
    )


def part_of(text: str, number: int) -> tuple[Markup, bool]:
    """
    One part of a text, and whether another follows. Joined, the parts are the escaped text; the parts before it are not looked at.

    Args:
        text: the whole.
        number: which part, from 0.
    """
    raw = str(escape(text)).encode()
    start, end = _cut(raw, number * PART_BYTES), _cut(raw, (number + 1) * PART_BYTES)
    return Markup(raw[start:end].decode()), end < len(raw)  # noqa: S704 - escaped above


def _cut(raw: bytes, place: int) -> int:
    if not 0 < place < len(raw):
        return min(place, len(raw))
    gap = max(raw.rfind(mark, place - CUT_BYTES, place) for mark in (b"\n", b" "))
    if gap >= 0:
        return gap + 1
    while raw[place] & 0xC0 == 0x80:
        place -= 1
    # In escaped text every "&" begins an entity, of five bytes at most.
    entity = raw.rfind(b"&", place - 4, place)
    return place if entity < 0 or b";" in raw[entity:place] else entity


def _signed(reply: Reply) -> str:
    # spec Y2: the key of the card that the reply names, if this server still has it. Intake may be closed, and that card be an earlier one.
    named = _card(reply.card)
    for seat in () if named is None else named.seats:
        if seat.number == reply.seat:
            reply.verify(seat.signing)
            return _("signed by seat %(seat)s", seat=reply.seat)
    return _("says it is from seat %(seat)s; its signature cannot be checked here any more", seat=reply.seat)


def _card(digest: bytes) -> Card | None:
    known = _cards.get(digest)
    if known is not None:
        return known
    raw = seats.card_with(parts().store, digest)
    for root in reversed(seats.roots(parts().store)) if raw is not None else ():
        try:
            card = Card.decode(raw or b"", Root.decode(root))
        except CryptoError:
            continue
        # A row may say that it is another's.
        if card.digest == digest:
            _cards[digest] = card
            return card
    return None


#: Cards by digest, read and checked once: there are as many as there were installations.
_cards: dict[bytes, Card] = {}


@cache
def _dummy() -> tuple[HybridIdentity, Stanza, SignedDocument, bytes]:
    identity, key = HybridIdentity.generate(), SigningKey.generate()
    signed = sign_document("reply", write_document("reply", {}), [key])
    return identity, identity.recipient.wrap(new_file_key()), signed, key.public


def _open_dummy() -> None:
    # Its keys are used as a reply's are. What reading takes grows with the text, which nothing here could imitate: that is slept over.
    identity, stanza, signed, public = _dummy()
    identity.unwrap(stanza)
    signed.require_signatures("reply", (public,), 1)
