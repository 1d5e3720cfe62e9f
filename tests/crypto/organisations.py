# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A whole organisation for tests: root, card, sheets and every key behind them, from a name.

All keys are hashes of the name, so two runs agree and vectors can be made again. The same arguments give the same
object, which is why it costs nothing to ask twice; nothing in it can be altered.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from crypto.age import HybridIdentity
from crypto.card import Card, Seat
from crypto.derive import CHEAPEST, Generation
from crypto.epochs import Addressees, addressees
from crypto.frame import FrameHeader, message_header
from crypto.hidden import Hidden
from crypto.issue import add_signature, make_card, make_root, make_sheet
from crypto.root import Root
from crypto.seal import Sealed, seal_frame
from crypto.sheet import Sheet
from crypto.signing import SignedDocument, SigningKey
from crypto.unseal import ItemPlace

FIRST_DAY = date(2026, 1, 5)


def seed(*words: object) -> Hidden:
    """Thirty-two bytes that follow from words."""
    return Hidden(hashlib.sha256("\0".join(str(word) for word in words).encode()).digest())


GENERATION = Generation(1, bytes(seed("generation")[:16]), *CHEAPEST)


def sign_all(document: SignedDocument, keys: tuple[SigningKey, ...]) -> bytes:
    """The document under the signatures of all these keys, as it is stored."""
    for key in keys:
        document = add_signature(document, key)
    return document.encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """
    Root, card, sheets and keys; mappings are by seat number, seeds by seat number and epoch.
    """

    name: str
    root_keys: tuple[SigningKey, ...]
    root: Root
    card: Card
    signing: Mapping[int, SigningKey]
    bundles: Mapping[int, HybridIdentity]
    seeds: Mapping[int, Mapping[int, Hidden]]
    sheets: Mapping[int, Sheet]
    server_signing: SigningKey
    server_transfer: HybridIdentity

    @classmethod
    def make(
        cls,
        *,
        seats: int = 3,
        threshold: int = 1,
        keys: int = 1,
        first_day: date = FIRST_DAY,
        epochs: int = 26,
        generation: Generation = GENERATION,
        name: str = "one",
    ) -> Organisation:
        """An organisation with so many seats and root keys, every sheet reaching from epoch 0."""
        return _make(
            seats=seats,
            threshold=threshold,
            keys=keys,
            first_day=first_day,
            epochs=epochs,
            generation=generation,
            name=name,
        )

    def addressees(self, day: date | None = None, floor: int = 0) -> Addressees:
        """Whom the server seals to on a day; the first one if none is given."""
        return addressees(self.card, self.sheets, day or self.root.first_day, self.root.first_day, floor)

    def message_header(
        self, number: int = 1, *, day: date | None = None, floor: int = 0, source: str = "source"
    ) -> FrameHeader:
        """The header of the n-th message of a source."""
        to = self.addressees(day, floor)
        return message_header(
            reply_to=str(self.source(source).recipient),
            thread=seed(self.name, source, "thread"),
            item=bytes(seed(self.name, source, "item", number)[:16]),
            submission=bytes(seed(self.name, source, "submission", number)[:16]),
            card=to.card_digest,
            epoch=to.epoch,
            seats=to.seats,
            lang="en",
        )

    def seal(self, header: FrameHeader, body: bytes, *, day: date | None = None, floor: int = 0) -> Sealed:
        """The frame sealed to everyone the server would seal to on that day."""
        return seal_frame(self.addressees(day, floor).recipients, header, body)

    def source(self, name: str = "source") -> HybridIdentity:
        """The reply identity of a source."""
        return HybridIdentity(seed(self.name, name, "reply"))


def place_of(header: FrameHeader) -> ItemPlace:
    """The place that an honest manifest gives this frame."""
    return ItemPlace(item=header.item, card=header.card, epoch=header.epoch, seats=header.seats)


@functools.cache
def _make(
    *, seats: int, threshold: int, keys: int, first_day: date, epochs: int, generation: Generation, name: str
) -> Organisation:
    """The work behind `Organisation.make`, done once for each set of arguments."""
    root_keys = tuple(SigningKey(seed(name, "root", position)) for position in range(keys))
    signing = {number: SigningKey(seed(name, "signing", number)) for number in range(1, seats + 1)}
    bundles = {number: HybridIdentity(seed(name, "bundle", number)) for number in signing}
    seeds = {number: {epoch: seed(name, "epoch", number, epoch) for epoch in range(epochs)} for number in signing}
    server_signing = SigningKey(seed(name, "server signing"))
    server_transfer = HybridIdentity(seed(name, "server transfer"))
    draft = make_root(
        number=1,
        threshold=threshold,
        keys=[key.public for key in root_keys],
        generations=[generation],
        first_day=first_day,
    )
    root = Root.decode(sign_all(draft, root_keys))
    draft = make_card(
        root=root,
        sequence=1,
        seats=[Seat(number=n, signing=signing[n].public, recipient=bundles[n].recipient) for n in signing],
        server_signing=server_signing.public,
        server_transfer=server_transfer.recipient,
    )
    card = Card.decode(sign_all(draft, root_keys), root)
    return Organisation(
        name=name,
        root_keys=root_keys,
        root=root,
        card=card,
        signing=MappingProxyType(signing),
        bundles=MappingProxyType(bundles),
        seeds=MappingProxyType({number: MappingProxyType(held) for number, held in seeds.items()}),
        sheets=MappingProxyType({n: sheet_of(root, card, n, seeds[n], signing[n]) for n in signing}),
        server_signing=server_signing,
        server_transfer=server_transfer,
    )


def sheet_of(
    root: Root, card: Card, seat: int, seeds: Mapping[int, Hidden], key: SigningKey, *, sequence: int = 1
) -> Sheet:
    """A seat's sheet over these epochs."""
    recipients = {epoch: HybridIdentity(held).recipient for epoch, held in seeds.items()}
    signed = make_sheet(root=root, card=card, seat=seat, sequence=sequence, recipients=recipients, key=key)
    return Sheet.decode(signed.encode(), root, card)
