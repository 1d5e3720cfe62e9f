# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Files to send: a photo, a PDF, and a large nothing, each made here and really what it says.
"""

from __future__ import annotations

import random
import struct
import zlib
from pathlib import Path


def photo(path: Path, width: int = 320, height: int = 240) -> Path:
    """A PNG of a sunset, more or less."""
    rows = b"".join(
        b"\x00" + bytes(value for x in range(width) for value in (255 - y // 2, 120 + x // 4, y)) for y in range(height)
    )
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks))
    return path


def _chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def pdf(path: Path) -> Path:
    """A PDF of one empty page, with the table of offsets that readers insist on."""
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>",
    )
    text, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(text))
        text += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    end = b"trailer\n<< /Size 4 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(text)
    path.write_bytes(text + b"xref\n0 4\n0000000000 65535 f \n" + table + end)
    return path


def nothing(path: Path, length: int) -> Path:
    """A file of this length that takes no room."""
    with path.open("wb") as file:
        file.truncate(length)
    return path


def snapshot(path: Path, number: int, width: int = 640, height: int = 480) -> Path:
    """A PNG as large as a phone's photo is: grain does not compress. Another number is another picture."""
    grain = random.Random(number)
    rows = b"".join(b"\x00" + grain.randbytes(3 * width) for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks))
    return path
