# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Pages that run from right to left are the mirror images of those that do not, and no script is shown as empty boxes.
"""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageOps

from source_app.languages import LANGUAGES, Language
from tests.browser.firefox import NARROW, WIDE, Firefox
from tests.browser.service import Here

pytestmark = [pytest.mark.browser, pytest.mark.slow]

#: What has a direction of its own whatever the page's: words, numbers, the codename, the pointer of what is folded.
BARE = """
const style = document.styleSheets[0];
style.insertRule("* { color: transparent !important; text-decoration-color: transparent !important; caret-color: transparent !important; accent-color: gray !important; }", style.cssRules.length);
style.insertRule("textarea { resize: none !important; }", style.cssRules.length);
style.insertRule("summary { list-style: none !important; }", style.cssRules.length);
"""
#: Of the pixels of a page, those that may differ: edges and rounded corners fall on other halves of a pixel.
DIFFERING = 0.003
NAMES = ("", "write", "return", "guidance/phone", "authorship")


def picture(page: Firefox, direction: str) -> Image.Image:
    """The page without its words, run in this direction."""
    page.asked(f"document.documentElement.dir = {direction!r};")
    return Image.open(io.BytesIO(page.shot())).convert("L")


def differing(one: Image.Image, other: Image.Image) -> float:
    """The share of pixels that are not alike."""
    assert one.size == other.size
    unlike = ImageChops.difference(one, other).point(lambda value: 255 if value > 24 else 0)
    return unlike.histogram()[255] / (one.width * one.height)


@pytest.mark.parametrize("width", [NARROW, WIDE])
@pytest.mark.parametrize("name", NAMES)
def test_a_page_from_right_to_left_is_a_mirror_image(here: Here, page: Firefox, name: str, width: int) -> None:
    """Boxes, fields and buttons stand where they would stand in a mirror; without it, they do not."""
    page.open(f"{here.circuit.origin}/ug/{name}")
    assert page.attribute("html", "dir") == "rtl"
    page.resize(width)
    page.asked(BARE)
    mirrored, plain = picture(page, "rtl"), picture(page, "ltr")
    page.resize(WIDE)
    assert differing(mirrored, ImageOps.mirror(plain)) <= DIFFERING
    assert differing(mirrored, plain) > 2 * differing(mirrored, ImageOps.mirror(plain))


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda one: one.path)
def test_the_fonts_of_these_tests_have_every_letter(
    language: Language, here: Here, page: Firefox, tmp_path: Path
) -> None:
    """For each letter of the pages there is a font that has it: none is shown as a box."""
    letters = set()
    for name in NAMES:
        page.open(f"{here.circuit.origin}/{language.path}/{name}")
        letters |= {letter for letter in page.text if not letter.isspace()}
    without = [letter for letter in sorted(letters) if not _fonts_with(letter)]
    assert without == []


def test_a_letter_that_no_font_has_is_noticed() -> None:
    """The last one of a private plane."""
    assert not _fonts_with("\U0010fffd")


def _fonts_with(letter: str) -> str:
    return subprocess.run(["fc-list", f":charset={ord(letter):x}"], capture_output=True, text=True, check=True).stdout
