# SPDX-License-Identifier: AGPL-3.0-or-later
"""
One part of a file that comes in parts, sealed as any file: a whole envelope with its own key.

Its id is made from the form's id and its number, and the form's id from all that names the set (`slip`). So the same part sent again is
known as a repeat, under whatever slip of the thread it comes. That is safe because a set is named by the hash of its content: another
file is another set. What would still be kept wrongly, a part that a failing disk cut short, is refused: its length is known before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from crypto.frame import file_header
from source_app.errors import BadFormError
from source_app.sealed_file import SealedFile

if TYPE_CHECKING:
    from crypto.frame_header import FrameHeader
    from source_app.outcome import Arrived
    from source_app.submission import Submission


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """
    Which part of a set it is.

    Args:
        set_: 16 bytes that the parts share.
        number: from 1.
        of: how many there are.
        length: bytes it has to have.
    """

    set_: bytes
    number: int
    of: int
    length: int


class SealedPart(SealedFile):
    """
    An `upload.FileSink` for exactly one part. Made by `Submission.part`.
    """

    def __init__(self, form: Submission, name: str, part: Part) -> None:
        """
        Raises:
            ClosedError: nobody could read it.
            NoSpaceError: there is no room for files.
        """
        super().__init__(form, name, 1)
        self._part = part
        self._left = part.length

    def write(self, piece: bytes | bytearray) -> None:
        """
        Raises:
            BadFormError: it is longer than it has to be.
            NoSpaceError: there is no room for it.
        """
        self._left -= len(piece)
        if self._left < 0:
            raise BadFormError("a part is longer than its set says")
        super().write(piece)

    def finish(self) -> Arrived:
        """
        Raises:
            BadFormError: it is shorter than it has to be.
            NoSpaceError, SendAgainError, LeftError: as for any file.
        """
        if self._left:
            raise BadFormError("a part is shorter than its set says")
        return super().finish()

    def _id_of_all(self) -> bytes:
        return part_id(self._form, self._part.number)

    _id_of_long = _id_of_all

    def _header(self) -> FrameHeader:
        part = self._part
        common = self._form.common(self._item, self._to)
        return file_header(name=self._name, set_=part.set_, part=part.number, parts=part.of, **common)


def part_id(form: Submission, number: int) -> bytes:
    """
    The id of one part of the set that a form is for.
    """
    return form.item_id(b"part", number.to_bytes(4, "big"))
