# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A throwaway organisation: real root, card and sheets for as many seats as a test needs, and the keys to open with.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crypto.age import HybridIdentity
from crypto.card import Card, Seat
from crypto.derive import CHEAPEST, Costs, Generation
from crypto.frame_header import FrameHeader
from crypto.hidden import Hidden
from crypto.issue import add_signature, make_card, make_root, make_sheet
from crypto.root import Root
from crypto.sheet import Sheet
from crypto.signing import SigningKey
from crypto.unseal import FrameOpener, ItemPlace, SeatOpener
from source_app.intake import Sender
from store import batches, seats
from store.batches import BatchItem
from store.disk import Disk
from store.engine import open_store
from store.schema import migrate

if TYPE_CHECKING:
    from store.engine import Store

EPOCHS = 26


@dataclass(frozen=True, slots=True)
class Opened:
    """One item as a vault sees it."""

    item: bytes
    header: FrameHeader
    body: bytes
    length: int


class Throwaway:
    """
    An organisation with a one-key root.
    """

    def __init__(self, count: int = 3, first_day: datetime.date | None = None, *, costs: Costs = CHEAPEST) -> None:
        # Begun five epochs ago, so that a test may set its clock back.
        day = first_day or datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=70)
        key = SigningKey.generate()
        generation = Generation.fresh(1, costs=costs)
        draft = make_root(number=1, threshold=1, keys=[key.public], generations=[generation], first_day=day)
        self.root_key = key
        self.root = Root.decode(add_signature(draft, key).encode())
        self.signing = [SigningKey.generate() for _ in range(count)]
        self.seeds = [{n: HybridIdentity.generate().seed for n in range(EPOCHS)} for _ in range(count)]
        self.server = SigningKey.generate()
        card = make_card(
            root=self.root,
            sequence=1,
            seats=[
                Seat(number=number, signing=signing.public, recipient=HybridIdentity.generate().recipient)
                for number, signing in enumerate(self.signing, 1)
            ],
            server_signing=self.server.public,
            server_transfer=HybridIdentity.generate().recipient,
        )
        self.card = Card.decode(add_signature(card, key).encode(), self.root)
        self.sheets = [self.sheet(number) for number in range(1, count + 1)]

    def sheet(self, seat: int) -> Sheet:
        """The seat's sheet, of all its seeds."""
        signed = make_sheet(
            root=self.root,
            card=self.card,
            seat=seat,
            sequence=1,
            recipients={n: HybridIdentity(seed).recipient for n, seed in self.seeds[seat - 1].items()},
            key=self.signing[seat - 1],
        )
        return Sheet.decode(signed.encode(), self.root, self.card)

    def install(self, store: Store, *, sheets: bool = True) -> None:
        """As `dengwen server install` does it."""
        seats.install_root(store, self.root.signed.encode(), number=self.root.number, digest=self.root.digest)
        seats.install_card(
            store,
            self.card.signed.encode(),
            sequence=self.card.sequence,
            digest=self.card.digest,
            seats=[seat.number for seat in self.card.seats],
        )
        for sheet in self.sheets if sheets else ():
            seats.install_sheet(
                store, sheet.signed.encode(), seat=sheet.seat, sequence=sheet.sequence, digest=sheet.signed.digest
            )

    def install_card(self, store: Store, seats_: list[int]) -> None:
        """A newer card with these of the seats, as an operator installs it after a seat was removed."""
        card = make_card(
            root=self.root,
            sequence=self.card.sequence + 1,
            seats=[seat for seat in self.card.seats if seat.number in seats_],
            server_signing=self.server.public,
            server_transfer=HybridIdentity.generate().recipient,
        )
        newer = Card.decode(add_signature(card, self.root_key).encode(), self.root)
        seats.install_card(store, newer.signed.encode(), sequence=newer.sequence, digest=newer.digest, seats=seats_)

    def opened(self, store: Store, seat: int = 1) -> Iterator[Opened]:
        """Every item of the source lane that no batch has taken, as this seat opens it, small ones first."""
        keys = SeatOpener(seat=seat, seeds=self.seeds[seat - 1], last=EPOCHS - 1)
        for item in batches.pending(store, budget=1 << 50):
            yield self._open(store, keys, item)

    def _open(self, store: Store, keys: SeatOpener, item: BatchItem) -> Opened:
        place = ItemPlace(item=item.id, card=self.card.digest, epoch=item.epoch, seats=item.seats)
        pieces = batches.read(store, item.id)
        file_key = keys.file_key(next(pieces), place)
        body = bytearray()
        opener = FrameOpener(file_key, place, body.extend)
        for piece in pieces:
            opener.feed(piece)
        frame = opener.finish()
        return Opened(item.id, frame.header, bytes(body[: frame.length]), item.length)


def new_store(folder: Path, disk: Disk | None = None) -> Store:
    """A store in a folder, made if there is none."""
    migrate(folder)
    return open_store(folder, disk=disk)


def sender(mark: int = 1) -> Sender:
    """A source; another mark is another one."""
    seed = Hidden(bytes([mark]) * 32)
    return Sender(
        locator=bytes([mark]) * 32,
        generation=1,
        thread=Hidden(bytes([mark + 100]) * 32),
        reply_to=str(HybridIdentity(seed).recipient),
        lang="zh-Hans",
    )
