# SPDX-License-Identifier: AGPL-3.0-or-later
"""
One form's items: sealed, durable, committed, one by one.

What this file promises
- An item counts when `message` has returned or a file's `finish` has: blob synced and renamed, row committed.
- Nothing is acknowledged that is not stored. An item's id is made from the form's id and from all that the item carries,
  so that the same thing sent again is known as a repeat; a file too long for that has a random id and is kept once more.
  A vault shows equal files as one.
- What is committed was wanted in that very moment: the visit was not left, its thread not deleted, and every seat it was
  sealed to may still read.
- A list of the files that arrived ends the form, so that a vault notices one that was dropped (spec F7).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crypto import canonical
from crypto.frame import ListedFile, encode_list, files_header, message_header
from crypto.seal import seal_frame
from source_app.answers import Answers
from source_app.errors import SendAgainError
from source_app.outcome import Arrived
from source_app.sealed_file import SealedFile
from source_app.sealed_part import Part, SealedPart
from source_app.storing import full_is_said
from store.errors import ConflictError, EpochBelowFloorError
from store.items import NewItem, deposit

if TYPE_CHECKING:
    from collections.abc import Callable

    from crypto.epochs import Addressees
    from crypto.frame_header import Common, FrameHeader
    from crypto.hidden import Hidden
    from source_app.intake import Intake


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """
    Whose thread a form belongs to, and how to answer.

    Attributes:
        locator: SHA-256 of the locator token (spec D5).
        generation: the number of the generation the codename was derived under.
        thread: the thread value (spec D6).
        reply_to: the source's `age1pq1…` recipient; empty where there are only files, under a slip.
        lang: the language the source reads, BCP 47, or empty.
    """

    locator: bytes
    generation: int
    thread: Hidden
    reply_to: str
    lang: str


class Submission:
    """
    What takes the items of one form. Made by `Intake.submission`; not for two threads.
    """

    def __init__(self, intake: Intake, sender: Sender, form: bytes, wanted: Callable[[], None] | None = None) -> None:
        self.intake = intake
        self._wanted = wanted
        self._sender = sender
        self._form = form
        self._files: list[ListedFile] = []
        self._opened = 0

    @property
    def locator(self) -> bytes:
        """
        Of the thread it writes to.
        """
        return self._sender.locator

    def message(self, text: str, answers: Answers | None = None) -> Arrived:
        """
        Seal and commit a message.

        Args:
            text: its words; none, if it is answers alone.
            answers: what was answered beside it.

        Raises:
            ClosedError: nobody could read it.
            NoSpaceError: the disk is full.
            SendAgainError: the epoch was closed, or a seat removed, twice meanwhile.
            LeftError: it is not wanted any more.
        """
        body, answers = text.encode(), answers or Answers()
        consent, report = answers.consent, answers.report.as_json() if answers.report else None
        # The same words with other answers are another message. JSON has no line end, so no two of them run together.
        item = self.item_id(b"message", canonical.encode([consent, report]) + b"\n" + body)
        reply_to = self._sender.reply_to

        def header(to: Addressees) -> FrameHeader:
            return message_header(reply_to=reply_to, consent=consent, report=report, **self.common(item, to))

        self._small(item, body, header)
        return Arrived(name="", length=len(body), item=item)

    def file(self, name: str) -> SealedFile:
        """
        Args:
            name: as the browser gave it, at most 1,024 bytes.

        Returns:
            a sink that seals what it is given.

        Raises:
            ClosedError: nobody could read it.
            NoSpaceError: the part of the disk that files may fill is full.
        """
        self._opened += 1
        return SealedFile(self, name, self._opened)

    def part(self, name: str, part: Part) -> SealedPart:
        """
        Args:
            name: of the file it is a part of.
            part: which one it is.

        Returns:
            a sink for exactly that many bytes.

        Raises:
            ClosedError: nobody could read it.
            NoSpaceError: the part of the disk that files may fill is full.
        """
        return SealedPart(self, name, part)

    def close(self) -> None:
        """
        Commit the list of the files that arrived, if any did. Call it however the form ended.

        Raises:
            ClosedError, NoSpaceError, SendAgainError, LeftError: the list was not kept; the files were.
        """
        if self._files:
            body = encode_list(self._files)
            item = self.item_id(b"files", body)
            self._small(item, body, lambda to: files_header(**self.common(item, to)))

    def item_id(self, kind: bytes, content: bytes = b"") -> bytes:
        """
        Args:
            kind: at most 16 bytes, one for each purpose.
            content: all that makes the item what it is.

        Returns:
            16 bytes: the same for the same thing sent with the same form, and nothing to whoever has not its token.
        """
        return hashlib.blake2b(content, key=self._form, digest_size=16, person=kind).digest()

    @staticmethod
    def fresh_id() -> bytes:
        """
        Returns:
            an id for an item that cannot be told from another before it is sealed.
        """
        return secrets.token_bytes(16)

    def common(self, item: bytes, to: Addressees) -> Common:
        """
        Returns:
            what every frame of this form says (spec F4).
        """
        return {
            "thread": self._sender.thread,
            "item": item,
            "submission": self.item_id(b"submission"),
            "card": to.card_digest,
            "epoch": to.epoch,
            "seats": to.seats,
            "lang": self._sender.lang,
        }

    def deposit(
        self,
        item: bytes,
        to: Addressees,
        header: bytes,
        *,
        length: int,
        payload: bytes | None = None,
        blob: str | None = None,
    ) -> bool:
        """
        Commit one item, or know it as a repeat of one that is committed.

        Args:
            item: its id.
            to: whom it was sealed to.
            header: its age header.
            length: bytes of its payload, which is either `payload` or in `blob`.

        Returns:
            whether it was new.

        Raises:
            NoSpaceError: the disk is full.
            SendAgainError: it may not be kept.
            LeftError: it is not wanted any more.
        """
        row = NewItem(
            id=item,
            lane="source",
            epoch=to.epoch,
            card_sequence=to.card_sequence,
            seats=to.seats,
            header=header,
            payload=payload,
            blob=blob,
            length=length,
        )
        sender = self._sender
        try:
            with full_is_said():
                done = deposit(
                    self.intake.store,
                    locator=sender.locator,
                    generation=sender.generation,
                    items=[row],
                    day=self.intake.clock(),
                    guard=lambda: self.require_wanted(to),
                )
        except (EpochBelowFloorError, ConflictError) as error:
            raise SendAgainError(str(error)) from None
        return item in done.items

    def note(self, item: bytes, length: int) -> None:
        """
        Put a committed file on the list that ends the form.
        """
        if all(file.item != item for file in self._files):
            self._files.append(ListedFile(item, length))

    def require_wanted(self, to: Addressees) -> None:
        """
        Ask whether what was sealed may still be kept. What counts is the answer in the moment of the commit; asked before, it spares the rest of
        a long file.

        Args:
            to: to whom it was sealed.

        Raises:
            SendAgainError: a seat of these was removed.
            LeftError: it is not wanted any more.
        """
        if self._wanted is not None:
            self._wanted()
        # A seat that was removed while this was on its way must not get it after all.
        if not self.intake.stands(to):
            raise SendAgainError("a seat it was sealed to was removed")

    def _small(self, item: bytes, body: bytes, header: Callable[[Addressees], FrameHeader]) -> None:
        try:
            self._seal_small(item, body, header)
        except SendAgainError:
            # The floor rose (spec E5) or a seat went between sealing and commit. The plaintext is still here: seal it once more.
            self._seal_small(item, body, header)

    def _seal_small(self, item: bytes, body: bytes, header: Callable[[Addressees], FrameHeader]) -> None:
        to = self.intake.addressees()
        sealed = seal_frame(to.recipients, header(to), body)
        self.deposit(item, to, sealed.header, length=len(sealed.payload), payload=sealed.payload)
