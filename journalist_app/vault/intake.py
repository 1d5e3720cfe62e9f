# SPDX-License-Identifier: AGPL-3.0-or-later
"""
One item at a time: from the bytes of a batch to rows, or to the reason why not.

It opens the envelope as U1 and U2 demand, the frame as U3 demands, and reads what the kind says. It writes nothing to
the database: `importer` collects the rows. Large payloads go to their file while they are authenticated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import chain
from typing import Any, BinaryIO, Final

from crypto.age import Header
from crypto.canonical import encode
from crypto.card import Card
from crypto.errors import EnvelopeError, NewerVersionError
from crypto.frame import Frame, FrameHeader, decode_list
from crypto.hidden import Hidden
from crypto.unseal import ItemPlace, SeatOpener
from journalist_app.bundle.manifest import BatchItem
from journalist_app.vault import payloads
from journalist_app.vault.bodies import DIGESTED, body_row
from journalist_app.vault.entries import Entry, open_entry
from journalist_app.vault.errors import ItemRefusedError
from journalist_app.vault.keystore import Vault
from journalist_app.vault.sealed_noted import BEGINNING, file_note, message_note

# Which kinds of frame belong in which lane.
LANES: Final[Mapping[str, frozenset[str]]] = {
    "source": frozenset({"message", "file", "files"}),
    "team": frozenset({"entry"}),
}
# The longest message, list or entry.
MAX_TEXT: Final = 16 << 20
# Such a thing sealed: padding is at most an eighth, header and tags are far less.
MAX_ITEM: Final = MAX_TEXT + MAX_TEXT // 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """
    Where and when the server filed an item: what stays beside it for good.

    Args:
        batch: The batch's number.
        place: The item's index in it.
        day: The day the batch states.
        item: What the manifest says.
    """

    batch: int
    place: int
    day: str
    item: BatchItem


@dataclass(frozen=True, slots=True)
class Found:
    """
    An item that holds.

    Args:
        row: For the items table.
        body: For the bodies table; None of what is neither a message nor a file.
        payload: For the payloads table; None if it lies in a file.
        listed: Rows for the listed table.
        entry: If it is one.
        beforehand: For the beforehand table, if its source sealed it before.
    """

    row: Mapping[str, Any]
    body: Mapping[str, Any] | None
    payload: bytes | None
    listed: tuple[Mapping[str, Any], ...] = ()
    entry: Entry | None = None
    beforehand: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """
    An item that is whole and authentic, but cannot be read yet: it stays sealed.

    Args:
        filed: Where it was filed.
        reason: `needs-newer` or `unknown-card`.
        file_key: Opens the payload (spec U4), also when the epoch's seed is gone.
        payload: For the payloads table; None if it lies in a file.
    """

    filed: Filed
    reason: str
    file_key: Hidden
    payload: bytes | None


@dataclass(frozen=True, slots=True)
class Intake:
    """
    What opening items needs to know.

    Args:
        vault: Where large payloads go.
        opener: This seat's keys.
        seeds: The same, for what a source sealed before the server did.
        cards: Every card held, by sequence.
    """

    vault: Vault
    opener: SeatOpener
    seeds: Mapping[int, Hidden]
    cards: Mapping[int, Card]

    def take(self, filed: Filed, pieces: Iterator[bytes]) -> Found | Kept:
        """
        Open an item. A large one is written to its file on the way.

        Args:
            filed: Where it was filed.
            pieces: The item's bytes, header and payload; their errors pass through, and then nothing is kept.

        Raises:
            CryptoError, ItemRefusedError: It does not hold.
        """
        place = self._place(filed)
        header, rest = split(pieces)
        file_key = self.opener.file_key(header, place)
        if filed.item.length <= payloads.SMALL:
            payload = rest + b"".join(pieces)
            return self._judge(filed, place, file_key, (payload,), payload)
        with payloads.arriving(self.vault, filed.item.item) as file:
            return self._judge(filed, place, file_key, _copied(chain((rest,), pieces), file), None)

    def take_again(self, filed: Filed, file_key: Hidden, pieces: Iterable[bytes]) -> Found | Kept:
        """
        Judge an item that stayed sealed once more. Its payload lies where it lay.

        Args:
            filed: Where it was filed.
            file_key: As it was unwrapped when it came.
            pieces: The payload.

        Raises:
            CryptoError, ItemRefusedError: It does not hold.
        """
        return self._judge(filed, self._place(filed), file_key, pieces, None)

    def _place(self, filed: Filed) -> ItemPlace:
        card = self.cards.get(filed.item.card)
        if card is not None:
            # spec U1: all seats are seats of that card.
            card.require_seats(filed.item.seats)
        return ItemPlace(
            item=filed.item.item,
            card=b"" if card is None else card.digest,
            epoch=filed.item.epoch,
            seats=filed.item.seats,
        )

    def _judge(
        self,
        filed: Filed,
        place: ItemPlace,
        file_key: Hidden,
        pieces: Iterable[bytes],
        payload: bytes | None,
    ) -> Found | Kept:
        body = bytearray()
        # Whether this is a text is known at the end; what is longer than any text may be is a file or is refused.
        sink = body.extend if filed.item.length <= MAX_ITEM else partial(_begin, body)
        card = self.cards.get(filed.item.card)
        try:
            frame = payloads.verify(file_key, pieces, None if card is None else place, sink)
            if card is None:
                return Kept(filed, "unknown-card", file_key, payload)
            return self._found(filed, frame, bytes(body[: frame.length]), file_key, payload)
        except NewerVersionError:
            return Kept(filed, "needs-newer", file_key, payload)

    def _found(self, filed: Filed, frame: Frame, body: bytes, file_key: Hidden, payload: bytes | None) -> Found:
        header = frame.header
        if header.kind not in LANES[filed.item.lane]:
            raise ItemRefusedError(f"a {header.kind} in the {filed.item.lane} lane")
        row = _row(filed, header, frame.length, file_key)
        about = None
        if header.kind in DIGESTED:
            # A large one is hashed when another of its length comes: most never need it.
            small = filed.item.length <= payloads.SMALL
            about = body_row(row, sha256(body).digest() if small else b"")
        if header.kind == "file":
            return Found(row, about, payload, beforehand=file_note(row, body, self.seeds))
        if frame.length > MAX_TEXT:
            raise ItemRefusedError(f"a text of {frame.length} bytes, at most {MAX_TEXT} are read")
        if header.kind == "files":
            thread = bytes(header.thread)
            lines = decode_list(body)
            return Found(
                row, about, payload, tuple({"item": x.item, "thread": thread, "length": x.length} for x in lines)
            )
        if header.kind == "entry":
            return Found(row, about, payload, (), open_entry(body, self.cards[filed.item.card], header.thread))
        try:
            row["text"] = body.decode()
        except UnicodeDecodeError:
            raise ItemRefusedError("a message that is not UTF-8") from None
        return Found(row, about, payload, beforehand=message_note(row, self.seeds))


def split(pieces: Iterator[bytes]) -> tuple[bytes, bytes]:
    """
    Take the age header off a stream.

    Returns:
        The header, and what was read beyond it.

    Raises:
        EnvelopeError: There is none within its maximum.
    """
    start = b""
    for piece in pieces:
        start += piece
        length = Header.length(start)
        if length is not None:
            return start[:length], start[length:]
    raise EnvelopeError("no end of the age header")


def _begin(body: bytearray, view: memoryview) -> None:
    body += view[: max(0, BEGINNING - len(body))]


def _copied(pieces: Iterable[bytes], file: BinaryIO) -> Iterator[bytes]:
    for piece in pieces:
        file.write(piece)
        yield piece


def _row(filed: Filed, header: FrameHeader, length: int, file_key: Hidden) -> dict[str, Any]:
    own = dict(header.fields)
    reply_to, name = own.pop("reply_to", ""), own.pop("name", "")
    return {
        "item": header.item,
        "thread": bytes(header.thread),
        "kind": header.kind,
        "submission": header.submission,
        "batch": filed.batch,
        "place": filed.place,
        "server_thread": filed.item.thread,
        "day": filed.day,
        "card": header.card,
        "epoch": header.epoch,
        "seats": ",".join(map(str, header.seats)),
        "lang": header.lang,
        "fields": encode(own).decode(),
        "reply_to": reply_to if header.kind == "message" else "",
        "name": name if header.kind == "file" else "",
        "text": "",
        "length": length,
        "sha256": filed.item.sha256,
        "file_key": bytes(file_key),
    }
