# SPDX-License-Identifier: AGPL-3.0-or-later
"""
How sizes, digests and numbers are written on pages.
"""

from __future__ import annotations

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def size(length: int) -> str:
    """
    A length for people: `1 byte`, `700 bytes`, `16 KiB`, `1.4 GiB`.
    """
    if length == 1:
        return "1 byte"
    amount, unit = float(length), 0
    while amount >= 1024 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.0f} {_UNITS[unit]}" if unit == 0 or amount >= 10 else f"{amount:.1f} {_UNITS[unit]}"


def groups(digest: bytes) -> list[str]:
    """
    A digest in groups of eight digits, to be compared by eye.
    """
    text = digest.hex()
    return [text[at : at + 8] for at in range(0, len(text), 8)]


def count(number: int, one: str, many: str) -> str:
    """
    `1 item`, `2 items`.
    """
    return f"{number:,} {one if number == 1 else many}"
