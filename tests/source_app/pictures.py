# SPDX-License-Identifier: AGPL-3.0-or-later
"""
PNGs made by hand, chunk by chunk: honest ones, and every kind that must not reach a source's browser.
"""

from __future__ import annotations

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
END = (b"IEND", b"")


def chunk(name: bytes, content: bytes, *, crc: int | None = None) -> bytes:
    """One chunk; with a checksum of one's own making, if one is given."""
    check = zlib.crc32(name + content) if crc is None else crc
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)


def header(width: int = 4, height: int = 4, *, bits: int = 8, colour: int = 2, rest: bytes = b"\0\0\0") -> bytes:
    """What IHDR holds."""
    return struct.pack(">IIBB", width, height, bits, colour) + rest


def rows(width: int = 4, height: int = 4, *, deep: int = 3) -> bytes:
    """What IDAT holds: black."""
    return zlib.compress((b"\0" + bytes(width * deep)) * height)


def png(*between: tuple[bytes, bytes], width: int = 4, height: int = 4, behind: bytes = b"") -> bytes:
    """A black picture, with more chunks before its pixels, and bytes behind its end."""
    chunks = [(b"IHDR", header(width, height)), *between, (b"IDAT", rows(width, height)), END]
    return SIGNATURE + b"".join(chunk(name, content) for name, content in chunks) + behind


def animated() -> bytes:
    """An APNG of two pictures."""
    control = struct.pack(">IIIIIHHBB", 0, 4, 4, 0, 0, 1, 10, 0, 0)
    second = struct.pack(">IIIIIHHBB", 1, 4, 4, 0, 0, 1, 10, 0, 0)
    chunks = [
        (b"IHDR", header()),
        (b"acTL", struct.pack(">II", 2, 0)),
        (b"fcTL", control),
        (b"IDAT", rows()),
        (b"fcTL", second),
        (b"fdAT", struct.pack(">I", 2) + rows()),
        END,
    ]
    return SIGNATURE + b"".join(chunk(name, content) for name, content in chunks)


def bomb(side: int = 60_000) -> bytes:
    """A few kilobytes that say they are thousands of millions of pixels."""
    return SIGNATURE + chunk(b"IHDR", header(side, side)) + chunk(b"IDAT", zlib.compress(bytes(1 << 20))) + chunk(*END)


def palette(colours: bytes | None, *more: tuple[bytes, bytes], bits: int = 8) -> bytes:
    """A picture that names its colours by number."""
    chunks = [(b"IHDR", header(bits=bits, colour=3)), *([] if colours is None else [(b"PLTE", colours)]), *more]
    pixels = rows(deep=1) if bits == 8 else zlib.compress(bytes(2) * 4)
    return SIGNATURE + b"".join(chunk(*one) for one in (*chunks, (b"IDAT", pixels), END))


def wrong_checksum() -> bytes:
    """A picture one of whose chunks was altered."""
    good = png()
    return good.replace(chunk(b"IHDR", header()), chunk(b"IHDR", header(), crc=1))


#: A page that somebody's browser might take a picture for, in a chunk and behind the end.
HTML = b"<html><script>alert(1)</script></html>"
HOSTILE: dict[str, bytes] = {
    "polyglot with HTML behind it": png(behind=HTML),
    "polyglot with HTML in a chunk of text": png((b"tEXt", b"Comment\0" + HTML)),
    "polyglot with HTML before it": HTML + png(),
    "bomb": bomb(),
    "animation": animated(),
    "more than 256 pixels wide": png(width=257),
    "no pixels": png(width=0),
    "too long": png() + bytes(16 << 10),
    "a wrong checksum": wrong_checksum(),
    "cut": png()[:-5],
    "a colour profile": png((b"iCCP", b"x\0\0" + zlib.compress(b"profile"))),
    "a place": png((b"eXIf", b"MM\0*")),
    "an end before its pixels": SIGNATURE + chunk(b"IHDR", header()) + chunk(*END) + chunk(b"IDAT", rows()),
    "two heads": png((b"IHDR", header())),
    "two palettes": png((b"PLTE", b"\0\0\0"), (b"PLTE", b"\0\0\0")),
    "a palette that a picture of colours has no use for": png((b"PLTE", HTML[:36])),
    "a palette of more colours than it can have": palette(bytes(3 * 257)),
    "more colours than its bits name": palette(bytes(3 * 5), bits=2),
    "a palette that ends within a colour": palette(bytes(7)),
    "no palette": palette(None),
    "more to be seen through than there are colours": palette(bytes(3), (b"tRNS", HTML)),
    "a page in what can be seen through": png((b"tRNS", HTML)),
    "a page in its end": png()[: -len(chunk(*END))] + chunk(b"IEND", HTML),
    "no picture": SIGNATURE + chunk(b"IHDR", header()) + chunk(*END),
    "sixteen bits": SIGNATURE + chunk(b"IHDR", header(bits=16)) + chunk(b"IDAT", rows(deep=6)) + chunk(*END),
    "interlaced": SIGNATURE + chunk(b"IHDR", header(rest=b"\0\0\1")) + chunk(b"IDAT", rows()) + chunk(*END),
    "a head of another length": SIGNATURE + chunk(b"IHDR", header() + b"\0") + chunk(b"IDAT", rows()) + chunk(*END),
    "nothing": b"",
}
