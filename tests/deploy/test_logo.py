# SPDX-License-Identifier: AGPL-3.0-or-later
"""
An operator's logo: made small and clean, whatever it was, or refused by name.
"""

from __future__ import annotations

import io
import os
import random
import stat
import zlib
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image, PngImagePlugin

from deploy import logo, server
from deploy.cli import main
from deploy.errors import DeployError
from deploy.logo import cleaned
from source_app.picture import MAX_BYTES, MAX_SIDE, require_picture
from tests.source_app import pictures
from tests.source_app.pictures import HTML, SIGNATURE, chunk, header, png


def a_picture(width: int, height: int, *, mode: str = "RGBA", noise: bool = False) -> bytes:
    """A PNG with much beside its pixels: words, a place, a profile, resolution."""
    found = Image.new(mode, (width, height))
    if noise:
        seeded = random.Random(7)
        found = Image.frombytes("RGB", (width, height), seeded.randbytes(width * height * 3)).convert(mode)
    words = PngImagePlugin.PngInfo()
    words.add_text("Author", "Somebody Known")
    made = io.BytesIO()
    found.save(
        made,
        "PNG",
        pnginfo=words,
        dpi=(300, 300),
        icc_profile=b"profile of Somebody Known",
        exif=b"MM\0*\0\0\0\x08\0\0",
    )
    return made.getvalue()


@pytest.mark.parametrize("mode", ["RGBA", "RGB", "L", "LA", "P", "1"])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (40, 30), (1_000, 20), (2_000, 2_000)])
def test_a_logo_becomes_small_and_says_nothing_but_its_pixels(mode: str, width: int, height: int) -> None:
    """Whatever its colours; its sides stay in proportion."""
    made = cleaned(a_picture(width, height, mode=mode))
    require_picture(made)
    assert b"Somebody" not in made
    with Image.open(io.BytesIO(made)) as shown:
        assert max(shown.size) == min(MAX_SIDE, max(width, height))
        assert shown.info.keys() <= {"transparency"}


def test_a_logo_of_a_million_colours_loses_colours_until_it_fits() -> None:
    """Noise is the worst there is."""
    made = cleaned(a_picture(600, 600, mode="RGB", noise=True))
    require_picture(made)
    assert len(made) <= MAX_BYTES


def test_sixteen_bits_of_colour_and_rows_out_of_order_are_read() -> None:
    """What drawing programs write besides; what comes out is plain."""
    pixels = b"".join(b"\0" + b"\xff\xff\x80\0\0\0" * 4 for _ in range(4))
    deep = SIGNATURE + chunk(b"IHDR", header(bits=16)) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
    with Image.open(io.BytesIO(cleaned(deep))) as shown:
        assert shown.convert("RGB").getpixel((3, 3)) == (255, 128, 0)
    interlaced = (
        SIGNATURE + chunk(b"IHDR", header(1, 1, rest=b"\0\0\1")) + chunk(b"IDAT", zlib.compress(b"\0\xff\x80\0"))
    )
    with Image.open(io.BytesIO(cleaned(interlaced + chunk(b"IEND", b"")))) as shown:
        assert shown.convert("RGB").getpixel((0, 0)) == (255, 128, 0)


def test_what_was_seen_through_still_is() -> None:
    """A logo stands on light and on dark pages."""
    with Image.open(io.BytesIO(cleaned(a_picture(40, 40)))) as shown:
        assert shown.convert("RGBA").getpixel((5, 5)) == (0, 0, 0, 0)


def test_a_page_hidden_in_a_logo_is_gone() -> None:
    """Behind its end, or in a chunk of text: what is written has the pixels alone."""
    for hidden in (png(behind=HTML), png((b"tEXt", b"Comment\0" + HTML))):
        made = cleaned(hidden)
        require_picture(made)
        assert b"script" not in made


def text_bomb() -> bytes:
    return png((b"zTXt", b"Comment\0\0" + zlib.compress(bytes(80 << 20), 9)))


def two_heads(side: int = 4_200) -> bytes:
    """A picture whose second head says more pixels than the first one; all of them are there."""
    pixels = zlib.compress((b"\0" + bytes(side)) * side, 9)
    chunks = ((b"IHDR", header()), (b"IHDR", header(side, side, colour=0)), (b"IDAT", pixels), (b"IEND", b""))
    return SIGNATURE + b"".join(chunk(name, content) for name, content in chunks)


def sixteen_bits_of_grey() -> bytes:
    """From black to a tenth of white; Pillow's own way to eight bits makes all but the first pixel white."""
    pixels = b"\0" + b"".join((number * 1_000).to_bytes(2, "big") for number in range(8))
    chunks = ((b"IHDR", header(8, 1, bits=16, colour=0)), (b"IDAT", zlib.compress(pixels)), (b"IEND", b""))
    return SIGNATURE + b"".join(chunk(name, content) for name, content in chunks)


REFUSED = {
    "two heads": two_heads(),
    "sixteen bits of grey": sixteen_bits_of_grey(),
    "bomb": pictures.bomb(),
    "bomb of one row": SIGNATURE + chunk(b"IHDR", header(0x7FFF_FFFF, 1)) + chunk(b"IEND", b""),
    "bomb in a text": text_bomb(),
    "animation": pictures.animated(),
    "wrong checksum": pictures.wrong_checksum(),
    "cut": png()[:44],
    "pixels that are not there": SIGNATURE
    + chunk(b"IHDR", header(900, 900))
    + chunk(b"IDAT", b"")
    + chunk(b"IEND", b""),
    "HTML before it": HTML + png(),
    "GIF": b"GIF89a" + bytes(100),
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "oversize": png(behind=bytes(logo.MAX_FILE)),
    "nothing": b"",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_small_still_png_is_refused(name: str) -> None:
    """In words for the operator, before much is decompressed."""
    with pytest.raises(DeployError, match=r"[a-z]"):
        cleaned(REFUSED[name])


def test_the_verb_puts_it_among_the_texts(tmp_path: Path) -> None:
    """For everyone on the machine to read, whole or not at all; the pages then show it."""
    folder = tmp_path / "d"
    server.initialise(folder, "Centre")
    (tmp_path / "mine.png").write_bytes(a_picture(800, 400))
    done = CliRunner().invoke(main, ["server", "logo", "--dir", str(folder), str(tmp_path / "mine.png")])
    assert done.exit_code == 0, done.output
    assert "restart dengwen-source" in done.output
    written = folder / "texts/logo.png"
    require_picture(written.read_bytes())
    assert stat.S_IMODE(written.stat().st_mode) == 0o644
    assert [path.name for path in (folder / "texts").iterdir()] == ["logo.png"]


def test_a_refused_logo_leaves_the_one_that_was(tmp_path: Path) -> None:
    """The file, its name and its folder are as before."""
    (tmp_path / "logo.png").write_bytes(png())
    (tmp_path / "bad.png").write_bytes(pictures.bomb())
    with pytest.raises(DeployError):
        logo.install(tmp_path, tmp_path / "bad.png")
    assert (tmp_path / "logo.png").read_bytes() == png()


def test_a_link_or_a_pipe_is_no_logo(tmp_path: Path) -> None:
    """Neither is followed or waited for; nor is a link that lies where the logo is to be written."""
    (tmp_path / "link.png").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe.png")
    for name in ("link.png", "pipe.png"):
        with pytest.raises(DeployError):
            logo.install(tmp_path / "texts", tmp_path / name)
    (tmp_path / "good.png").write_bytes(png())
    (tmp_path / "victim").write_text("x")
    (tmp_path / "texts").mkdir(exist_ok=True)
    (tmp_path / "texts/logo.png").symlink_to(tmp_path / "victim")
    logo.install(tmp_path / "texts", tmp_path / "good.png")
    assert (tmp_path / "victim").read_text() == "x"
    assert not (tmp_path / "texts/logo.png").is_symlink()
