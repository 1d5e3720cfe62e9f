# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Whether a file is a small PNG and nothing else. It is looked at from outside: nothing is decompressed here.

A browser of a source decodes what passes. So: the signature, a header with small bounds, only the chunks that make a picture, each with its
checksum and no longer than it may be, the first and the last in their places, not one byte behind. No text, no time, no colour profile, no second picture
of an animation, nothing after it. What is packed in its pixels nobody here knows: a browser is told that it is a picture and nothing else
(`nosniff`). Whoever makes such a file is `dengwen server logo`.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

from source_app.errors import TextError
from source_app.limits import KIB

#: The largest page, its frames, the styles and this come to less than 64 KiB.
MAX_BYTES: Final = 8 * KIB
#: Each side, in pixels.
MAX_SIDE: Final = 256
SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
#: In this order; IDAT as often as it takes.
_ORDER: Final = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_HEADER: Final = struct.Struct(">IIBBBBB")
#: Grey, colour, palette, grey and colour with transparency: eight bits each, a palette also with fewer.
_COLOURS: Final = {0: (8,), 2: (8,), 3: (1, 2, 4, 8), 4: (8,), 6: (8,)}
_GREY, _COLOUR, _PALETTE = 0, 2, 3
#: Of a palette, bytes for each colour.
_ENTRY: Final = 3


def require_picture(raw: bytes) -> None:
    """
    Raises:
        TextError: these bytes are not such a picture; the message says why.
    """
    if len(raw) > MAX_BYTES:
        raise TextError(f"longer than {MAX_BYTES // KIB} KiB")
    if not raw.startswith(SIGNATURE):
        raise TextError("no PNG")
    at, last, parts = len(SIGNATURE), -1, list[tuple[bytes, bytes]]()
    while at < len(raw):
        name, content, at = _chunk(raw, at)
        rank = _ORDER.index(name) if name in _ORDER else -1
        if rank < max(last, 0) or (rank == last and name != b"IDAT"):
            raise TextError("has parts that no plain picture needs, or in another order")
        if name == b"IHDR":
            _require_header(content)
        last = rank
        parts.append((name, content))
    seen = [name for name, _ in parts]
    if seen[:1] != [b"IHDR"] or seen[-1:] != [b"IEND"] or b"IDAT" not in seen:
        raise TextError("a part of the picture is missing")
    _require_colours(dict(parts))


def _chunk(raw: bytes, at: int) -> tuple[bytes, bytes, int]:
    if len(raw) - at < 12:
        raise TextError("ends within a part, or goes on after its end")
    length = int.from_bytes(raw[at : at + 4], "big")
    end = at + 12 + length
    if end > len(raw):
        raise TextError("ends within a part, or goes on after its end")
    if zlib.crc32(raw[at + 4 : end - 4]) != int.from_bytes(raw[end - 4 : end], "big"):
        raise TextError("a checksum is wrong")
    return raw[at + 4 : at + 8], raw[at + 8 : end - 4], end


def _require_header(content: bytes) -> None:
    if len(content) != _HEADER.size:
        raise TextError("its header has another length")
    width, height, bits, colour, *others = _HEADER.unpack(content)
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise TextError(f"larger than {MAX_SIDE} × {MAX_SIDE} pixels")
    if bits not in _COLOURS.get(colour, ()) or others != [0, 0, 0]:
        raise TextError("of a kind that we do not show")


def _require_colours(parts: dict[bytes, bytes]) -> None:
    # What has room for more than a picture needs has room for something else.
    bits, colour = parts[b"IHDR"][8:10]
    palette, clear = len(parts.get(b"PLTE", b"")), len(parts.get(b"tRNS", b""))
    if parts[b"IEND"] or (b"PLTE" in parts) != (colour == _PALETTE):
        raise TextError("has parts that no plain picture needs, or lacks its palette")
    if palette % _ENTRY or palette > _ENTRY << bits:
        raise TextError("its palette has another length")
    if b"tRNS" in parts and (
        clear > palette // _ENTRY if colour == _PALETTE else clear != {_GREY: 2, _COLOUR: 6}.get(colour)
    ):
        raise TextError("what can be seen through it has another length")
