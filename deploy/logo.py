# SPDX-License-Identifier: AGPL-3.0-or-later
"""
`dengwen server logo`: an operator's PNG made into one that a source's browser may be given.

Promises: what is written holds the pixels and nothing else: no place, no time, no name of a program or a person, no second picture. It is small, and
passes the same look that the source pages take before they show it. Refuses, before anything is decompressed: what is no PNG, and pictures of more
pixels than a screen has. Nothing else in dengwen decodes a picture, and no program that answers sources does.
"""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Final

from PIL import Image, UnidentifiedImageError

from deploy.errors import DeployError
from deploy.keeping import read_small, write_whole
from source_app.errors import TextError
from source_app.own_texts import LOGO
from source_app.picture import MAX_BYTES, MAX_SIDE, SIGNATURE, require_picture

#: Of the file an operator gives, and of what it decodes to.
MAX_FILE: Final = 8 << 20
MAX_PIXELS: Final = 4_096 * 4_096
_HEADER: Final = struct.Struct(">II")
#: Sixteen bits of grey, which Pillow would cut off at white.
_DEEP: Final = "I"
#: Tried in turn until the file is small enough: sides in pixels, and numbers of colours (0: all).
SIDES: Final = (MAX_SIDE, 192, 128, 96, 64)
COLOURS: Final = (0, 256, 64, 16)
#: What Pillow raises over a damaged file, besides its own.
_DAMAGED: Final = (OSError, SyntaxError, ValueError, struct.error, zlib.error, Image.DecompressionBombError)


def install(folder: Path, file: Path) -> str:
    """
    Put a logo on the source pages.

    Args:
        folder: Of texts; made if it is missing.
        file: The operator's picture.

    Returns:
        What was written, for the operator.

    Raises:
        DeployError: It is no picture that can be used, or it cannot be written.
    """
    try:
        made = cleaned(read_small(file, MAX_FILE + 1))
        folder.mkdir(mode=0o755, exist_ok=True)
        write_whole(folder / LOGO, made, mode=0o644)
    except OSError as error:
        raise DeployError(f"{error.filename or file}: {error.strerror}") from None
    return f"{folder / LOGO}: {len(made)} bytes. Then type: systemctl restart dengwen-source"


def cleaned(raw: bytes) -> bytes:
    """
    Args:
        raw: A PNG.

    Returns:
        The same picture, at most `MAX_SIDE` pixels each way and `MAX_BYTES` long.

    Raises:
        DeployError: It is none, or too large, or moves.
    """
    _require_bounds(raw)
    picture = _pixels(raw)
    for side in SIDES:
        for colours in COLOURS:
            made = _written(picture, side, colours)
            if len(made) <= MAX_BYTES:
                return _looked_at(made)
    raise DeployError(f"this picture cannot be made smaller than {MAX_BYTES} bytes: take a simpler one")


def _require_bounds(raw: bytes) -> None:
    if len(raw) > MAX_FILE:
        raise DeployError(f"a logo's file has at most {MAX_FILE >> 20} MiB")
    if not raw.startswith(SIGNATURE) or raw[12:16] != b"IHDR" or len(raw) < 24:
        raise DeployError("a logo is a PNG; this is none")
    _require_pixels(*_HEADER.unpack(raw[16:24]))


def _require_pixels(width: int, height: int) -> None:
    if not 0 < width * height <= MAX_PIXELS:
        raise DeployError(f"a logo has at most {MAX_PIXELS} pixels; this says {width} × {height}")


def _pixels(raw: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(raw), formats=["PNG"]) as found:
            if getattr(found, "n_frames", 1) != 1:
                raise DeployError("a logo does not move: take a PNG with one picture")
            # Of two heads, Pillow believes the second.
            _require_pixels(*found.size)
            if found.mode.startswith(_DEEP):
                raise DeployError("a logo has eight bits for each colour; this has sixteen of grey: save it with eight")
            colours = found.convert("RGBA")
            colours.thumbnail((MAX_SIDE, MAX_SIDE))
            # What the file said besides hangs on the picture that was read, not on its pixels.
            return Image.frombytes("RGBA", colours.size, colours.tobytes())
    except UnidentifiedImageError:
        raise DeployError("this PNG cannot be read") from None
    except _DAMAGED as error:
        raise DeployError(f"this PNG is damaged, or of a kind that is not read: {type(error).__name__}") from None


def _written(picture: Image.Image, side: int, colours: int) -> bytes:
    small = picture.copy()
    small.thumbnail((side, side))
    if colours:
        small = small.quantize(colours, method=Image.Quantize.FASTOCTREE)
    made = io.BytesIO()
    small.save(made, "PNG", optimize=True)
    return made.getvalue()


def _looked_at(made: bytes) -> bytes:
    try:
        require_picture(made)
    except TextError as error:
        raise DeployError(f"this picture did not become one that can be shown: {error}") from None
    return made
