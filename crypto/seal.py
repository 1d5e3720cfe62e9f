# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Sealing: a frame inside an age envelope, for every active seat, or for one source.

It needs recipients only: no key that opens anything ever comes near this module. The file key is made here, wrapped,
and forgotten when the sealer is. It chooses no recipients (`crypto.epochs` does) and stores nothing: the caller says
where the payload goes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crypto.age import HybridRecipient, PayloadSealer, make_header, new_file_key
from crypto.errors import EnvelopeError
from crypto.frame import FrameHeader, FrameWriter


@dataclass(frozen=True, slots=True)
class Sealed:
    """
    One sealed thing in its two halves, as they lie at rest (spec A8): header ‖ payload is the age file.
    """

    header: bytes
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedLength:
    """
    How long a finished item is.

    Args:
        payload: bytes written in all, nonce and tags among them.
        body: bytes of the frame's body, before padding.
    """

    payload: int
    body: int


class ItemSealer:
    """
    Seals one item while its body arrives: nothing is held but the cipher's buffer.

    Args:
        recipients: one for each seat of ``header.seats``, in that order; for a source, its reply recipient alone.
        header: the frame's header, written first.
        write: takes the payload piece by piece; a piece is only valid during the call.

    Raises:
        EnvelopeError: the number of recipients is not the number of seats.
    """

    def __init__(
        self,
        recipients: Sequence[HybridRecipient],
        header: FrameHeader,
        write: Callable[[bytes | memoryview], object],
    ) -> None:
        expected = len(header.seats) or 1
        # spec E4, Y1: an item whose frame names other seats than it is sealed to would be refused by every vault.
        if len(recipients) != expected:
            raise EnvelopeError(f"{len(recipients)} recipients for a frame that names {expected}")
        file_key = new_file_key()
        self._header = make_header(file_key, recipients)
        self._payload = PayloadSealer(file_key, write)
        self._frame = FrameWriter(header, self._payload.write)

    @property
    def header(self) -> bytes:
        """
        The age header, for the row.
        """
        return self._header

    def write(self, buffer: bytes | memoryview) -> None:
        """
        Add to the body.
        """
        self._frame.write(buffer)

    def finish(self) -> SealedLength:
        """
        Pad, write the last chunk and say how long it all became.

        A sealer that is dropped before this leaves an envelope without its last chunk, which no reader accepts.
        """
        written = self._frame.finish()
        return SealedLength(payload=self._payload.finish(), body=written.length)


def seal_frame(recipients: Sequence[HybridRecipient], header: FrameHeader, body: bytes) -> Sealed:
    """
    Seal a body that is already whole and small: a message, a list of files, a reply, an entry.

    Raises:
        EnvelopeError: the number of recipients is not the number of seats.
    """
    payload = bytearray()
    sealer = ItemSealer(recipients, header, payload.extend)
    sealer.write(body)
    sealer.finish()
    return Sealed(sealer.header, bytes(payload))
