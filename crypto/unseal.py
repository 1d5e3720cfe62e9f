# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Opening items. The vault's alone: nothing on a server imports this.

Stricter than age: an item has one hybrid stanza for each seat its manifest names, in seat order, and the vault tries
its own (spec U1, U2). It refuses an envelope of any other shape, and a frame that was sealed for another place
(spec U3). It does not know the card: whoever reads the manifest checks its seats with `Card.require_seats`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from crypto.age import Header, HybridIdentity, PayloadOpener, Stanza
from crypto.age.recipients import HYBRID
from crypto.errors import EnvelopeError, FrameError, NoMatchError
from crypto.frame import Frame, FrameHeader, FrameReader
from crypto.hidden import Hidden

# spec U2: what an item that opens with none of them costs is bounded, however many sheets were ever signed.
MAX_FALLBACKS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPlace:
    """
    What the manifest says of an item, and the frame must say too.

    Args:
        item: 16 bytes.
        card: digest of the card it was sealed under, 32 bytes.
        epoch: number.
        seats: numbers of the seats sealed to, ascending.
    """

    item: bytes
    card: bytes
    epoch: int
    seats: tuple[int, ...]

    def require(self, header: FrameHeader) -> None:
        """
        Accept the frame in this place (spec U1, U3).

        Raises:
            FrameError: it was sealed for another.
        """
        if header.item != self.item:
            raise FrameError("spliced: the frame's item id is not the one in the manifest")
        if header.card != self.card:
            raise FrameError("spliced: the frame names another card than the manifest")
        if header.epoch != self.epoch:
            raise FrameError(f"spliced: the frame names epoch {header.epoch}, the manifest epoch {self.epoch}")
        if header.seats != self.seats:
            raise FrameError(f"spliced: the frame names seats {header.seats}, the manifest seats {self.seats}")


class SeatOpener:
    """
    Opens the envelopes of one seat, keeping the keys it has expanded: an import of thousands expands each seed once.

    Not for two threads at once. The expanded keys live as long as the opener; make one for each import.

    Args:
        seat: this vault's number.
        seeds: the epoch seeds it holds, by epoch.
        last: the last epoch of its newest sheet.
        others: the first and last epochs of the sheets it signed before, the newest first.
    """

    __slots__ = ("_fallbacks", "_identities", "_seat", "_seeds")

    def __init__(self, *, seat: int, seeds: Mapping[int, Hidden], last: int, others: Sequence[int] = ()) -> None:
        self._seat = seat
        self._seeds = seeds
        self._fallbacks = [epoch for epoch in dict.fromkeys((last, *others)) if epoch in seeds][:MAX_FALLBACKS]
        self._identities: dict[int, HybridIdentity] = {}

    def file_key(self, header: bytes, place: ItemPlace) -> Hidden:
        """
        The file key of one item, its header verified (spec U1, U2, A4): what the vault keeps (spec U4).

        Raises:
            EnvelopeError: not an age header, or other stanzas than one hybrid stanza for each of the place's seats.
            NoMatchError: this seat is none of them, or its seeds do not open its stanza.
            TamperedError: the header was altered after sealing.
        """
        parsed = Header.parse(header)
        _require_shape(parsed.stanzas, place.seats)
        if self._seat not in place.seats:
            raise NoMatchError(f"sealed to seats {place.seats}; this is seat {self._seat}")
        stanza = parsed.stanzas[place.seats.index(self._seat)]
        tried = []
        for epoch in self._candidates(place.epoch):
            file_key = self._identity(epoch).unwrap(stanza)
            if file_key is not None:
                parsed.verify(file_key)
                return file_key
            tried.append(epoch)
        held = "" if place.epoch in self._seeds else f"; the seed of epoch {place.epoch} is not held"
        raise NoMatchError(f"seat {self._seat}'s stanza does not open with the keys of epochs {tried}{held}")

    def _candidates(self, named: int) -> Iterator[int]:
        # spec U2: the first is right but for what E4 says of a sheet that does not reach the epoch.
        if named in self._seeds:
            yield named
        yield from (epoch for epoch in self._fallbacks if epoch != named)
        # The sheet may have begun at an epoch that no sheet known here begins with: a vault from a backup.
        later = min((epoch for epoch in self._seeds if epoch > named), default=None)
        if later is not None and later not in self._fallbacks:
            yield later

    def _identity(self, epoch: int) -> HybridIdentity:
        if epoch not in self._identities:
            self._identities[epoch] = HybridIdentity(self._seeds[epoch])
        return self._identities[epoch]


def open_file_key(
    header: bytes, *, seat: int, place: ItemPlace, seeds: Mapping[int, Hidden], last: int, others: Sequence[int] = ()
) -> Hidden:
    """
    The file key of a single item; see `SeatOpener`, which is the faster one for many.
    """
    return SeatOpener(seat=seat, seeds=seeds, last=last, others=others).file_key(header, place)


def _require_shape(stanzas: tuple[Stanza, ...], seats: tuple[int, ...]) -> None:
    kinds = Counter(stanza.type if stanza.type in {HYBRID, "X25519"} else "another kind" for stanza in stanzas)
    # spec U1: a stanza more is a reader nobody was told of; an X25519 one would undo the hybrid beside it.
    if kinds != {HYBRID: len(seats)}:
        found = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        raise EnvelopeError(f"{len(stanzas)} stanzas ({found}) where {len(seats)} {HYBRID} are expected")


class FrameOpener:
    """
    Opens one payload piece by piece and judges the frame inside.

    Nothing the sink got may be shown, named or handed on before `finish` has returned (spec F3), and of it only the
    first ``length`` bytes are the body: padding and trailer follow.

    Args:
        file_key: from `open_file_key`.
        place: what the manifest says; None only for an item that came from no manifest.
        body: takes what follows the frame's header, in views that are only valid during the call.
    """

    __slots__ = ("_payload", "_place", "_reader")

    def __init__(
        self,
        file_key: Hidden,
        place: ItemPlace | None,
        body: Callable[[memoryview], object] | None = None,
    ) -> None:
        self._payload = PayloadOpener(file_key)
        self._reader = FrameReader(body)
        self._place = place

    def feed(self, buffer: bytes | bytearray | memoryview) -> None:
        """
        Take the next bytes of the payload.

        Raises:
            TamperedError: a chunk is not what was sealed at its place.
            FrameError: the frame's header cannot be accepted.
        """
        for chunk in self._payload.feed(buffer):
            self._reader.feed(chunk)

    def finish(self) -> Frame:
        """
        Judge the whole (spec A5, F2, U3).

        Raises:
            EnvelopeError: not even a nonce came.
            TamperedError: the last chunk is missing, cut or altered, or bytes follow it.
            FrameError: the frame is not well-formed, or belongs in another place.
            NewerVersionError: its kind or version is unknown.
        """
        for chunk in self._payload.finish():
            self._reader.feed(chunk)
        frame = self._reader.finish()
        if self._place is not None:
            self._place.require(frame.header)
        return frame


def open_frame(file_key: Hidden, payload: bytes, place: ItemPlace | None) -> tuple[FrameHeader, bytes]:
    """
    Open a payload that is whole and small: a message, a list of files, an entry.

    Returns:
        The frame's header and body.

    Raises:
        EnvelopeError, TamperedError, FrameError, NewerVersionError: see `FrameOpener.finish`.
    """
    body = bytearray()
    opener = FrameOpener(file_key, place, body.extend)
    opener.feed(payload)
    frame = opener.finish()
    return frame.header, bytes(body[: frame.length])
