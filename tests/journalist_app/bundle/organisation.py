# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A throwaway organisation for tests: root keys, a server and seats, with everything they sign. No costs, real keys.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import secrets
from dataclasses import dataclass, field

from crypto.age import HybridIdentity
from crypto.card import Card, Seat
from crypto.derive import PRODUCTION, Costs, Generation
from crypto.issue import add_signature, make_card, make_root, make_sheet
from crypto.root import Root
from crypto.sheet import Sheet
from crypto.signing import SignedDocument, SigningKey
from journalist_app.bundle.batch import BatchItem, BatchManifest, pack_batch, seal_batch
from journalist_app.bundle.chain import NOTHING
from journalist_app.bundle.outbox import Outbox, seal_outbox
from journalist_app.bundle.records import Carried

FIRST_DAY = dt.date(2026, 1, 5)
EPOCHS = 4


@dataclass
class Laptop:
    """One seat's private half."""

    number: int
    signing: SigningKey = field(default_factory=SigningKey.generate)
    bundle: HybridIdentity = field(default_factory=HybridIdentity.generate)
    epochs: dict[int, HybridIdentity] = field(
        default_factory=lambda: {number: HybridIdentity.generate() for number in range(EPOCHS)}
    )

    @property
    def seat(self) -> Seat:
        """Its public half, as it stands on the card."""
        return Seat(number=self.number, signing=self.signing.public, recipient=self.bundle.recipient)


class Organisation:
    """Root 1 of 2 keys, a card of so many seats, a sheet for each."""

    def __init__(
        self, seats: int = 3, *, threshold: int = 2, first_day: dt.date = FIRST_DAY, costs: Costs = PRODUCTION
    ) -> None:
        self.root_keys = [SigningKey.generate() for _ in range(2)]
        self.server_signing = SigningKey.generate()
        self.server_transfer = HybridIdentity.generate()
        self.laptops = {number: Laptop(number) for number in range(1, seats + 1)}
        # No codename is derived here, so production's costs cost nothing.
        generation = Generation(1, bytes(16), *costs)
        draft = make_root(
            number=1,
            threshold=threshold,
            keys=[key.public for key in self.root_keys],
            generations=[generation],
            first_day=first_day,
        )
        self.root = Root.decode(self.by_root(draft, threshold).encode())
        self.card = self.new_card(1)
        self.sheets = {number: self.new_sheet(number, 1) for number in self.laptops}

    def by_root(self, draft: SignedDocument, count: int) -> SignedDocument:
        """The draft, signed by so many root keys."""
        for key in self.root_keys[:count]:
            draft = add_signature(draft, key)
        return draft

    def new_card(self, sequence: int, numbers: tuple[int, ...] | None = None, *, signatures: int | None = None) -> Card:
        """The next card, verified."""
        return Card.decode(self.signed_card(sequence, numbers, signatures=signatures), self.root)

    def signed_card(
        self, sequence: int, numbers: tuple[int, ...] | None = None, *, signatures: int | None = None
    ) -> bytes:
        """A card as it travels, with so many signatures."""
        draft = make_card(
            root=self.root,
            sequence=sequence,
            seats=[self.laptops[number].seat for number in numbers or sorted(self.laptops)],
            server_signing=self.server_signing.public,
            server_transfer=self.server_transfer.recipient,
        )
        return self.by_root(draft, self.root.threshold if signatures is None else signatures).encode()

    def new_sheet(self, number: int, sequence: int) -> Sheet:
        """A sheet of that seat, verified."""
        laptop = self.laptops[number]
        signed = make_sheet(
            root=self.root,
            card=self.card,
            seat=number,
            sequence=sequence,
            recipients={epoch: identity.recipient for epoch, identity in laptop.epochs.items()},
            key=laptop.signing,
        )
        return Sheet.decode(signed.encode(), self.root, self.card)

    def manifest(self, number: int, previous: bytes, items: list[tuple[BatchItem, bytes]]) -> BatchManifest:
        """A batch's manifest under the installed card."""
        return BatchManifest(
            number=number,
            previous=previous,
            day=FIRST_DAY,
            root=self.root.digest,
            card=self.card.signed.encode().decode(),
            sheets=tuple(self.sheets[seat].signed.encode().decode() for seat in sorted(self.sheets)),
            floor=0,
            items=tuple(item for item, _ in items),
        )

    def batch(self, manifest: BatchManifest, items: list[tuple[BatchItem, bytes]]) -> bytes:
        """A batch, packed."""
        sealed = seal_batch(manifest, self.server_signing, [seat.recipient for seat in self.card.seats])
        chunks = pack_batch(manifest.number, sealed, [(len(raw), [raw]) for _, raw in items])
        return b"".join(bytes(chunk) for chunk in chunks)

    def outbox(self, seat: int, carried: list[Carried], *, sequence: int = 1, previous: bytes = NOTHING) -> Outbox:
        """An outbox of one seat."""
        return seal_outbox(
            seat=seat,
            sequence=sequence,
            previous=previous,
            root=self.root.digest,
            card=self.card.digest,
            carried=carried,
            signing=self.laptops[seat].signing,
            transfer=self.server_transfer.recipient,
        )


def item(size: int, *, team: bool = False) -> tuple[BatchItem, bytes]:
    """An item of random bytes: a bundle never looks inside."""
    raw = secrets.token_bytes(size)
    return (
        BatchItem(
            item=secrets.token_bytes(16),
            thread=b"" if team else secrets.token_bytes(16),
            lane="team" if team else "source",
            card=1,
            epoch=0,
            seats=(1, 2, 3),
            length=size,
            sha256=hashlib.sha256(raw).digest(),
        ),
        raw,
    )


def archive(outbox: Outbox) -> bytes:
    """The bytes of an outbox."""
    return b"".join(bytes(chunk) for chunk in outbox.chunks())


def stick(raw: bytes) -> io.BytesIO:
    """A file as it lies on a stick."""
    return io.BytesIO(raw)
