# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What the check sends: bytes that cannot be mistaken, and can be found again.

A file of any size is a fresh random marker in every 4 KiB, between random bytes that repeat; it is never held whole and never lies on a disk
here. Any 8 KiB of it that stay somewhere unsealed hold the marker whole. Words carry a marker of their own.
"""

from __future__ import annotations

import hashlib
import secrets
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

BLOCK = 1 << 20
STRIDE = 4_096


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    One file.

    Args:
        name: Its true name.
        length: In bytes.
        marker: 32 random bytes that stand in it again and again.
        opening: Its first bytes, so that it is what its name says.
        _filler: What stands between the markers.
    """

    name: str
    length: int
    opening: bytes = b""
    marker: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    _filler: bytes = field(default_factory=lambda: secrets.token_bytes(BLOCK), repr=False)

    def blocks(self) -> Iterator[bytes]:
        """
        The file's bytes, at most a MiB at a time.
        """
        block = bytearray(self._filler)
        for at in range(0, BLOCK, STRIDE):
            block[at : at + len(self.marker)] = self.marker
        if self.opening:
            yield self.opening[: self.length]
        left, number = self.length - len(self.opening), 0
        while left > 0:
            # No two blocks alike: one in another's place shows in the digest.
            struct.pack_into(">Q", block, 64, number)
            yield bytes(block[:left])
            left -= BLOCK
            number += 1

    def sha256(self) -> str:
        """
        Of the whole file, in hex.
        """
        digest = hashlib.sha256()
        for block in self.blocks():
            digest.update(block)
        return digest.hexdigest()


def photo() -> Evidence:
    """
    A PNG that a viewer shows, with the marker after its end, where cameras put much too.
    """
    rows = b"".join(b"\0" + bytes((x, y, 128)) * 64 for y, x in enumerate(range(64)))
    picture = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in (
            (b"IHDR", struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)),
            (b"IDAT", zlib.compress(rows)),
            (b"IEND", b""),
        )
    )
    return Evidence("现场照片.png", 200_000, picture)


def document() -> Evidence:
    """
    A PDF, as far as its first line goes.
    """
    return Evidence("证据.pdf", 900_000, b"%PDF-1.7\n")


def recording(length: int) -> Evidence:
    """
    A large file of this length.
    """
    return Evidence("录音与录像.bin", length)
