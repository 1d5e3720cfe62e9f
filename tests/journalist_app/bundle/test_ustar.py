# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The strict archive: one accepted form, streamed both ways.
"""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journalist_app.bundle.errors import ArchiveError, TruncatedError
from journalist_app.bundle.ustar import (
    MAX_MEMBER_SIZE,
    STEP,
    Archive,
    Piece,
    member_header,
    pack,
    packed_size,
    piece,
)

MEMBERS = [("json", b"{}"), ("age", b"a" * 512), ("age", b""), ("age", b"b" * 700)]


def packed(members=MEMBERS) -> bytes:
    """An archive of these members."""
    return b"".join(bytes(chunk) for chunk in pack(piece(extension, content) for extension, content in members))


def unpacked(raw: bytes) -> list[tuple[str, bytes]]:
    """What the strict reader finds."""
    archive = Archive(io.BytesIO(raw))
    found = []
    while (member := archive.next()) is not None:
        found.append((member.extension, b"".join(member.chunks())))
    return found


class Dripping(io.RawIOBase):
    """A file that gives a few bytes at a time and cannot seek."""

    def __init__(self, raw: bytes, step: int) -> None:
        self._inner = io.BytesIO(raw)
        self._step = step

    def read(self, size: int = -1) -> bytes:
        """Up to so many bytes."""
        return self._inner.read(min(size, self._step))

    def seekable(self) -> bool:
        """It is not."""
        return False


@given(st.lists(st.tuples(st.sampled_from(["age", "json"]), st.binary(max_size=2_000)), max_size=8))
def test_what_is_packed_is_read_back(members) -> None:
    """Any members come back in order, and the size is known beforehand."""
    raw = packed(members)
    assert len(raw) == packed_size(len(content) for _, content in members)
    assert len(raw) % STEP == 0
    assert unpacked(raw) == members


def test_members_may_be_passed_over_without_reading_them() -> None:
    """Going on skips what is left of a member, whether or not the file can seek."""
    raw = packed([("age", b"x" * 3_000_000), ("json", b"after")])
    for source in (io.BytesIO(raw), Dripping(raw, 70_001)):
        archive = Archive(source)
        archive.next()
        member = archive.next()
        assert member is not None
        assert member.read(limit=10) == b"after"
        assert archive.next() is None
        assert archive.position == len(raw)


def test_a_file_that_gives_a_few_bytes_at_a_time_reads_the_same() -> None:
    """Short reads are no end."""
    archive = Archive(Dripping(packed(), 7))
    contents = []
    while (member := archive.next()) is not None:
        contents.append(member.read(limit=1_000))
    assert contents == [content for _, content in MEMBERS]


def test_other_tar_programs_read_it() -> None:
    """A person with only tar can take the age files out."""
    with tarfile.open(fileobj=io.BytesIO(packed())) as tar:
        assert tar.getnames() == ["00000000.json", "00000001.age", "00000002.age", "00000003.age"]
        assert [tar.extractfile(one).read() for one in tar] == [content for _, content in MEMBERS]


@given(st.integers(0, len(packed()) - 1), st.integers(1, 255))
def test_no_byte_may_differ(at: int, change: int) -> None:
    """A changed byte is either inside a member, where its digest finds it, or refused."""
    raw = bytearray(packed())
    raw[at] ^= change
    try:
        found = unpacked(bytes(raw))
    except ArchiveError:
        return
    changed = [name for name, (one, other) in enumerate(zip(found, MEMBERS, strict=True)) if one != other]
    assert len(changed) == 1
    assert [len(content) for _, content in found] == [len(content) for _, content in MEMBERS]


@pytest.mark.parametrize("at", [0, 1, 511, 512, 513, 1024, 2_000, STEP - 1])
def test_a_cut_archive_is_named_as_cut(at: int) -> None:
    """Wherever it ends too early, the error says so."""
    with pytest.raises(TruncatedError):
        unpacked(packed()[:at])


@pytest.mark.parametrize("extra", [b"\0", b"x", bytes(512), bytes(STEP)], ids=["zero", "byte", "block", "step"])
def test_nothing_may_follow_the_end(extra: bytes) -> None:
    """Not even zeros."""
    with pytest.raises(ArchiveError, match="after the end"):
        unpacked(packed() + extra)


FIELDS = {
    "mode": (100, b"0000644\0"),
    "uid": (108, b"0000001\0"),
    "gid": (116, b"0001750\0"),
    "size in base 256": (124, b"\x80" + bytes(10) + b"\x02"),
    "size with an end mark": (124, b"00000000002\0"),
    "size with spaces": (124, b"          2 "),
    "mtime": (136, b"14000000000\0"),
    "type: old file": (156, b"\0"),
    "type: link": (156, b"2"),
    "type: pax": (156, b"x"),
    "link name": (157, b"/etc/passwd"),
    "magic: GNU": (257, b"ustar  \0"),
    "owner": (265, b"root"),
    "group": (297, b"root"),
    "device": (329, b"0000001\0"),
    "prefix": (345, b".."),
    "rest": (500, b"x"),
    "name: path": (0, b"../0000.json\0"),
    "name: other place": (0, b"00000001.json"),
    "name: extension": (0, b"00000000.exe\0"),
    "name: after the NUL": (20, b"x"),
}


@pytest.mark.parametrize(("at", "value"), FIELDS.values(), ids=FIELDS.keys())
def test_every_header_field_is_fixed(at: int, value: bytes) -> None:
    """A header with a right checksum and one other field is refused."""
    block = bytearray(member_header(0, "json", 2))
    block[at : at + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = f"{sum(block):06o}\0 ".encode()
    raw = bytes(block) + packed([("json", b"{}")])[512:]
    with pytest.raises(ArchiveError):
        unpacked(raw)


def test_a_member_longer_than_its_reader_allows_is_not_read() -> None:
    """The header decides, before a byte of the member."""
    raw = packed([("age", bytes(5_000))])
    source = io.BytesIO(raw)
    member = Archive(source).expect("age")
    with pytest.raises(ArchiveError, match="allowed are 4999"):
        member.read(limit=4_999)
    assert source.tell() == 512


def test_a_member_that_lies_behind_is_not_read() -> None:
    """An archive is read once, front to back."""
    archive = Archive(io.BytesIO(packed()))
    first = archive.next()
    archive.next()
    assert first is not None
    with pytest.raises(ArchiveError, match="lies behind"):
        list(first.chunks())


@pytest.mark.parametrize("given_size", [4, 6])
def test_a_writer_notices_members_of_another_size(given_size: int) -> None:
    """More or fewer bytes than announced end the archive with an error."""
    with pytest.raises(ArchiveError, match="announced 5"):
        list(pack([Piece("age", 5, [bytes(given_size)])]))


def test_the_largest_member_fits_its_field() -> None:
    """64 GiB less one byte; one more is refused."""
    assert b"777777777777" in member_header(0, "age", MAX_MEMBER_SIZE)
    with pytest.raises(ArchiveError, match="at most"):
        member_header(0, "age", MAX_MEMBER_SIZE + 1)
    with pytest.raises(ArchiveError, match="members"):
        member_header(10**8, "age", 1)


def test_an_archive_must_have_the_member_that_is_expected() -> None:
    """The end, or another kind, is refused."""
    with pytest.raises(ArchiveError, match="ends before member 0"):
        Archive(io.BytesIO(packed([]))).expect("json")
    with pytest.raises(ArchiveError, match="of kind age"):
        Archive(io.BytesIO(packed())).expect("age")
