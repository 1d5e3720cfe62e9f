# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Names from strangers: nothing in them stays unseen, and on the disk nothing of them acts.
"""

from __future__ import annotations

import subprocess
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journalist_app.vault.names import disk_name, visible_name

UNSEEN = (
    *"\u00ad\u034f\u061c\u115f\u1160\u17b4\u180b\u180e\u180f\u200b\u200c\u200d\u2060\u2066\u2800\u3164\ufe00\ufe0f\ufeff",
    *"\uffa0\U0001bca0\U0001d173\U000e0001\U000e0041\U000e0100\U000e01ef\u202e\u2028\u00a0\u3000\x00\x1b\n",
)


@pytest.mark.parametrize("sign", UNSEEN, ids=lambda sign: f"U+{ord(sign):04X}")
def test_a_character_without_a_shape_stands_as_its_number(sign: str):
    """Fillers, selectors and blanks as well as controls: `photo.jpg⠀⠀.exe` shows what it is."""
    assert visible_name(f"a{sign}b") == f"a⟦U+{ord(sign):04X}⟧b"


@pytest.mark.parametrize("name", ["证据 照片.jpg", "ئۇيغۇر.pdf", "བོད་ཡིག.txt", "résumé (2).odt"])
def test_names_people_give_are_shown_as_they_are(name: str):
    """Any script, with its marks and with spaces."""
    assert visible_name(name) == name


def test_a_shell_does_nothing_with_a_name_on_the_disk():
    """The name a shell makes of it is the name."""
    name = disk_name("$(reboot);`id`&x *?~{a,b}[c]!#'\"|<>\\.jpg", bytes(16))
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0-_.")
    said = subprocess.run(["sh", "-c", f"printf %s {name}"], capture_output=True, text=True, check=True)
    assert said.stdout == name


@given(st.text(max_size=80))
def test_a_name_on_the_disk_has_letters_marks_digits_and_a_few_signs(name: str):
    """Whatever the stranger wrote: one file name, not hidden, no option."""
    made = disk_name(name, b"\x01" * 16)
    assert made.startswith("01010101-")
    assert len(made.encode()) <= 255
    assert all(sign in "-_.+⟦⟧" or unicodedata.category(sign)[0] in "LMN" for sign in made)
