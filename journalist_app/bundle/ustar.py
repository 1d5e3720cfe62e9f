# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The archive around a bundle: ustar with one accepted form, written and read as a stream, never extracted.

It promises: the same members give the same bytes; a reader holds one block, not a member; every byte is accounted for.
It refuses: any header field that is not the fixed one, names out of order, non-zero padding, anything after the end.
What the members mean is left to `batch` and `outbox`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from journalist_app.bundle.errors import ArchiveError, TruncatedError

Extension = Literal["age", "json"]

BLOCK = 512
# spec T8: the archive's length is a multiple of this, so that it tells the contents only roughly.
STEP = 262_144
# spec T8: two zero blocks end an archive.
LEAST_ENDING = 2 * BLOCK
# spec T5: twelve octal digits.
MAX_MEMBER_SIZE = 8**12 - 1
# spec T2: eight decimal digits.
MAX_MEMBERS = 10**8
# How much is read or handed on at once.
CHUNK = 1 << 20

_NAME = re.compile(rb"([0-9]{8})\.(age|json)")
_NUMBER = re.compile(rb"[0-7]{12}")


class Source(Protocol):
    """
    What a bundle is read from. A read may give less than was asked for; nothing means the end.
    """

    def read(self, size: int, /) -> bytes:
        """
        Up to so many bytes.
        """
        ...


@dataclass(frozen=True, slots=True)
class Piece:
    """
    One member to be packed.

    Args:
        extension: `age` or `json`.
        size: Its bytes in all; the chunks must amount to exactly this.
        chunks: Its bytes, in pieces of any size.
    """

    extension: Extension
    size: int
    chunks: Iterable[bytes | memoryview]


def piece(extension: Extension, content: bytes) -> Piece:
    """
    A member whose bytes are all in hand.
    """
    return Piece(extension, len(content), (content,))


def member_header(index: int, extension: Extension, size: int) -> bytes:
    """
    The 512 bytes before a member: the only header that this index, extension and size may have.

    Raises:
        ArchiveError: The index or size does not fit its field.
    """
    if not 0 <= index < MAX_MEMBERS:
        raise ArchiveError(f"an archive has at most {MAX_MEMBERS} members")
    if not 0 <= size <= MAX_MEMBER_SIZE:
        raise ArchiveError(f"a member has at most {MAX_MEMBER_SIZE} bytes")
    # spec T4: the fixed fields, in the order of the block.
    before = (
        f"{index:08d}.{extension}".encode().ljust(100, b"\0")
        + b"0000600\0"
        + b"0000000\0" * 2
        + f"{size:012o}".encode()
        + b"00000000000\0"
    )
    after = b"0" + bytes(100) + b"ustar\x0000" + bytes(64) + b"0000000\0" * 2 + bytes(155 + 12)
    # The checksum counts its own field as eight spaces.
    checksum = sum(before) + 8 * 0x20 + sum(after)
    return before + f"{checksum:06o}\0 ".encode() + after


def packed_size(sizes: Iterable[int], *, before: int = 0) -> int:
    """
    How long an archive of members of these sizes is.

    Args:
        sizes: Of the members.
        before: Bytes of the archive up to the end of a member that stands before them.
    """
    members = before + -before % BLOCK + sum(BLOCK + size + -size % BLOCK for size in sizes)
    return members + _ending(members)


def pack(pieces: Iterable[Piece]) -> Iterator[bytes | memoryview]:
    """
    Write an archive (spec T1, T3), chunk by chunk, in constant memory.

    Raises:
        ArchiveError: A member gave more or fewer bytes than it announced. What was yielded until then is unusable.
    """
    total = 0
    for index, member in enumerate(pieces):
        yield member_header(index, member.extension, member.size)
        given = 0
        for chunk in member.chunks:
            given += len(chunk)
            if given > member.size:
                break
            yield chunk
        if given != member.size:
            raise ArchiveError(f"member {index} announced {member.size} bytes and did not give them")
        padding = -member.size % BLOCK
        if padding:
            yield bytes(padding)
        total += BLOCK + member.size + padding
    yield bytes(_ending(total))


class Member:
    """
    One member while it is being read; invalid once the archive has moved on.
    """

    def __init__(self, archive: Archive, index: int, extension: Extension, size: int) -> None:
        self.index = index
        self.extension: Extension = extension
        self.size = size
        self._archive = archive

    @property
    def name(self) -> str:
        """
        The name in the archive.
        """
        return f"{self.index:08d}.{self.extension}"

    def chunks(self) -> Iterator[bytes]:
        """
        What is left of the member, at most a MiB at a time.

        Raises:
            TruncatedError: The file ends inside the member.
        """
        while chunk := self._archive.take_from(self, CHUNK):
            yield chunk

    def read(self, *, limit: int) -> bytes:
        """
        The whole member at once.

        Args:
            limit: The most bytes it may have; judged from the header, before anything is read.

        Raises:
            ArchiveError: It is longer than the limit.
            TruncatedError: The file ends inside it.
        """
        if self.size > limit:
            raise ArchiveError(f"{self.name} has {self.size} bytes, allowed are {limit}")
        return b"".join(self.chunks())


class Archive:
    """
    A strict reader, front to back.

    Args:
        source: Where the bytes come from. If it can seek, members that are skipped are not read.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._position = 0
        self._count = 0
        self._current: Member | None = None
        self._left = 0

    @property
    def position(self) -> int:
        """
        How many bytes of the archive lie behind.
        """
        return self._position

    def next(self) -> Member | None:
        """
        Go to the next member, past whatever is left of the current one.

        Returns:
            The member, or None when the archive has ended as it must.

        Raises:
            ArchiveError: The header, the padding or the ending is not in the one accepted form.
            TruncatedError: The file ends before the archive does.
        """
        self._leave()
        block = self._exactly(BLOCK)
        if not any(block):
            self._end()
            return None
        member = self._member(block)
        self._count += 1
        self._current, self._left = member, member.size
        return member

    def expect(self, extension: Extension) -> Member:
        """
        Go to the next member, which must be there and have this extension.

        Raises:
            ArchiveError: As in `next`, or the archive ends here, or the member is of the other kind.
        """
        member = self.next()
        if member is None:
            raise ArchiveError(f"the archive ends before member {self._count}")
        if member.extension != extension:
            raise ArchiveError(f"{member.name} should be of kind {extension}")
        return member

    def take_from(self, member: Member, size: int) -> bytes:
        """
        Up to so many of the bytes left of the current member. A file that ends there is cut (spec T9).

        Raises:
            ArchiveError: The archive has moved on from that member.
            TruncatedError: The file ends inside it.
        """
        if member is not self._current:
            raise ArchiveError(f"{member.name} lies behind")
        chunk = self._source.read(min(size, self._left)) if self._left else b""
        if self._left and not chunk:
            raise TruncatedError(f"the file ends inside {member.name}")
        self._left -= len(chunk)
        self._position += len(chunk)
        return chunk

    def _member(self, block: bytes) -> Member:
        name = _NAME.fullmatch(block[:100].rstrip(b"\0"))
        size = block[124:136]
        if name is None or int(name[1]) != self._count:
            raise ArchiveError(f"member {self._count} has another name or place than it must")
        # spec T5: base 256 and shorter numbers are refused.
        if _NUMBER.fullmatch(size) is None:
            raise ArchiveError(f"member {self._count} does not have its size in twelve octal digits")
        extension: Extension = "age" if name[2] == b"age" else "json"
        length = int(size, 8)
        # spec T6: one accepted form: what the writer would write is compared, not each field parsed.
        if block != member_header(self._count, extension, length):
            raise ArchiveError(f"member {self._count} has a header field that is not the fixed one")
        return Member(self, self._count, extension, length)

    def _leave(self) -> None:
        member = self._current
        if member is None:
            return
        self._skip(self._left)
        self._current, self._left = None, 0
        # spec T7: zeros to the end of the block.
        if any(self._exactly(-member.size % BLOCK)):
            raise ArchiveError(f"the padding after {member.name} is not zero")

    def _skip(self, size: int) -> None:
        seekable = getattr(self._source, "seekable", None)
        if size > CHUNK and seekable is not None and seekable():
            # A seek beyond the end does not fail; the read that follows it does.
            self._source.seek(size, 1)  # type: ignore[attr-defined]
            self._position += size
            return
        while size:
            size -= len(self._exactly(min(size, CHUNK)))

    def _end(self) -> None:
        before = self._position - BLOCK
        rest = _ending(before) - BLOCK
        while rest:
            zeros = self._exactly(min(rest, CHUNK))
            if any(zeros):
                raise ArchiveError("the archive does not end in zeros")
            rest -= len(zeros)
        if self._source.read(1):
            raise ArchiveError("something follows after the end of the archive")

    def _exactly(self, size: int) -> bytes:
        chunks: list[bytes] = []
        while size:
            chunk = self._source.read(size)
            if not chunk:
                raise TruncatedError(f"the file ends after {self._position} bytes")
            chunks.append(chunk)
            size -= len(chunk)
            self._position += len(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _ending(members: int) -> int:
    # spec T8: at least two zero blocks, up to the next multiple of the step.
    return LEAST_ENDING + -(members + LEAST_ENDING) % STEP
