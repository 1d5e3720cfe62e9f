# SPDX-License-Identifier: AGPL-3.0-or-later
"""
File names and texts from strangers, shown without their tricks.

A name is shown as it is, but every character that one cannot see, or that turns the direction of what follows, stands as
its number: `photo⟦U+202E⟧gpj.exe`. Names for the disk keep to characters that no file system or shell treats specially.
"""

from __future__ import annotations

import unicodedata
from typing import Final

# What has no shape of its own: controls, format characters (bidi among them), separators of lines, unassigned, private.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Joiners shape letters in Persian, Uyghur and Indic scripts: in a text they belong, in a name they are shown.
_IN_TEXT: Final = frozenset("\n\t\u200c\u200d\u200e\u200f\u061c")
_TURNS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_FORBIDDEN: Final = frozenset('/\\:*?"<>|')
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
    plain = "".join("_" if sign in _FORBIDDEN else sign for sign in visible_name(name)).strip(" .")
    # The end is kept: it says what kind of file this claims to be. A file system counts bytes, not characters.
    encoded = plain.encode()[-MAX_DISK_NAME:]
    return f"{item.hex()[:8]}-{encoded.decode(errors='ignore') or 'unnamed'}"


def _is_unseen(sign: str) -> bool:
    return unicodedata.category(sign) in _UNSEEN or (unicodedata.category(sign) == "Zs" and sign != " ")


def _number(sign: str) -> str:
    return f"⟦U+{ord(sign):04X}⟧"
