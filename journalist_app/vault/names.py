# SPDX-License-Identifier: AGPL-3.0-or-later
"""
File names and texts from strangers, shown without their tricks.

A name is shown as it is, but every character that one cannot see, or that turns the direction of what follows, stands as
its number: `photo⟦U+202E⟧gpj.exe`. Names for the disk keep to letters, marks and digits of any script and to `-_.⟦⟧+`:
no file system and no shell treats one of these specially, and the item's id in front keeps them from looking like options.
"""

from __future__ import annotations

import unicodedata
from typing import Final

# What has no shape of its own: controls, format characters (bidi among them), separators of lines, unassigned, private.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Joiners shape letters in Persian, Uyghur and Indic scripts: in a text they belong, in a name they are shown.
_IN_TEXT: Final = frozenset("\n\t\u200c\u200d\u200e\u200f\u061c")
_TURNS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_ON_DISK: Final = frozenset("-_.+⟦⟧")
# Unicode's Default_Ignorable_Code_Point, whose categories say nothing of it (fillers are letters, selectors are marks),
# and the Braille pattern without dots.
_IGNORED: Final = (
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)
MAX_DISK_NAME: Final = 120


def visible_name(name: str) -> str:
    """
    A file's name for the page.
    """
    return "".join(_number(sign) if _is_unseen(sign) else sign for sign in name)


def visible_text(text: str) -> str:
    """
    A message for the page: its lines and its joiners stay, controls and overrides are shown.
    """
    return "".join(
        _number(sign)
        if sign in _TURNS or (sign not in _IN_TEXT and unicodedata.category(sign) in {"Cc", "Cs", "Cn", "Co"})
        else sign
        for sign in text
    )


def disk_name(name: str, item: bytes) -> str:
    """
    A file's name for the disk: always with the item's id in front, never hidden, never leading out of its folder.
    """
    plain = "".join(sign if _on_disk(sign) else "_" for sign in visible_name(name)).strip("_.")
    # The end is kept: it says what kind of file this claims to be. A file system counts bytes, not characters.
    encoded = plain.encode()[-MAX_DISK_NAME:]
    return f"{item.hex()[:8]}-{encoded.decode(errors='ignore') or 'unnamed'}"


def _on_disk(sign: str) -> bool:
    return sign in _ON_DISK or unicodedata.category(sign)[0] in "LMN"


def _is_unseen(sign: str) -> bool:
    category = unicodedata.category(sign)
    if category in _UNSEEN or (category == "Zs" and sign != " "):
        return True
    return any(first <= ord(sign) <= last for first, last in _IGNORED)


def _number(sign: str) -> str:
    return f"⟦U+{ord(sign):04X}⟧"
