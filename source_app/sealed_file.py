# SPDX-License-Identifier: AGPL-3.0-or-later
"""
One file on its way into the blob store, sealed as it comes: memory does not depend on its size.

The id stands in the frame's header, which is sealed first. So the first bytes are held back: a file that ends within them has
an id made from all of it, its name and its place in the form, and a repeat of it is known as one. A longer file has a random
id: a form that is sent again stores it again. That is a nuisance, which vaults take away (they show files of one SHA-256 as
one); an id made from a beginning would have a newer version of a file acknowledged and thrown away.

Files stop where their lane or their thread's quota ends (`space`), and at the next look at it once they are not wanted any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from crypto.frame import file_header
from crypto.padding import large
from crypto.seal import ItemSealer
from source_app.gather import Gather
from source_app.outcome import Arrived
from source_app.storing import full_is_said
from source_app.wipe import wipe

if TYPE_CHECKING:
    from crypto.frame_header import FrameHeader
    from source_app.submission import Submission
    from store.blobs import BlobWriter

#: How much of a file is held back; one that is shorter is known when it comes again.
HEAD: Final = 64 * 1024


class SealedFile:
    """
    An `upload.FileSink`. Made by `Submission.file`.
    """

    def __init__(self, form: Submission, name: str, place: int) -> None:
        """
        Raises:
            ClosedError: nobody could read it.
            NoRoomError: there is no room for files.
            SendAgainError, LeftError: as of `finish`.
        """
        self._form = form
        self._name = name
        self._place = place
        self._to = form.intake.addressees()
        self._head = bytearray()
        self._room = self._length = 0
        self._item = b""
        self._blob: BlobWriter | None = None
        self._gather = Gather(lambda _: None, 0)
        self._sealer: ItemSealer | None = None
        self._look(1)

    def write(self, piece: bytes | bytearray) -> None:
        """
        Raises:
            NoRoomError: there is no room for it.
            SendAgainError, LeftError: as of `finish`.
        """
        self._look(len(piece))
        self._length += len(piece)
        if self._sealer is not None:
            with full_is_said():
                self._sealer.write(memoryview(piece))
            return
        self._head += piece
        if len(self._head) >= HEAD:
            self._begin(self._id_of_long())

    def finish(self) -> Arrived:
        """
        Raises:
            NoRoomError: there is no room for it.
            SendAgainError: its epoch was closed or a seat was removed while it came, or its id is another thread's.
            LeftError: it is not wanted any more.
        """
        if self._sealer is None or self._blob is None:
            self._form.intake.space.require_for_short(self._form.locator)
            sealer, blob = self._begin(self._id_of_all())
        else:
            sealer, blob = self._sealer, self._blob
        # Padding is written in one go, up to an eighth of the file.
        self._look(max(0, large(self._length) - self._length))
        with full_is_said():
            length = sealer.finish()
            self._gather.flush()
            stored = blob.commit()
        self._blob = None
        # From here the blob is the store's: it removes it if it refuses the row, or knows it already.
        new = self._form.deposit(self._item, self._to, sealer.header, length=length.payload, blob=stored)
        self._form.note(self._item, length.body)
        return Arrived(name=self._name, length=length.body, item=self._item, again=not new)

    def abort(self) -> None:
        """
        Remove what was written.
        """
        blob, self._blob = self._blob, None
        self._sealer = None
        wipe(self._head)
        self._head = bytearray()
        if blob is not None:
            blob.abort()

    def _id_of_long(self) -> bytes:
        return self._form.fresh_id()

    def _header(self) -> FrameHeader:
        return file_header(name=self._name, **self._form.common(self._item, self._to))

    def _id_of_all(self) -> bytes:
        name = self._name.encode()
        content = b"".join((self._place.to_bytes(4, "big"), len(name).to_bytes(4, "big"), name, self._head))
        return self._form.item_id(b"file", content)

    def _begin(self, item: bytes) -> tuple[ItemSealer, BlobWriter]:
        self._item = item
        with full_is_said():
            self._blob = self._form.intake.store.blobs.create()
            self._gather = Gather(self._blob.write)
            self._sealer = ItemSealer(self._to.recipients, self._header(), self._gather.write)
            self._sealer.write(memoryview(self._head))
        wipe(self._head)
        self._head = bytearray()
        return self._sealer, self._blob

    def _look(self, length: int) -> None:
        # Between two looks at the room a file may write a share of it, for others write meanwhile.
        self._room -= length
        if self._room < 0:
            self._form.require_wanted(self._to)
            with full_is_said():
                # What is held back here is room that nobody sees as taken.
                self._gather.flush()
            self._room = self._form.intake.space.step(self._form.locator, length, writing=self._length) - length
