# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What a test looks at in a vault, and the one thing it does to a file.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import func, select

from journalist_app.vault import alarms
from journalist_app.vault.keystore import Vault
from journalist_app.vault.models import items


def kinds(vault: Vault) -> set[str]:
    """
    The kinds of alarms a vault keeps.
    """
    with vault.read() as connection:
        return {alarm.kind for alarm in alarms.every(connection)}


def count(vault: Vault) -> int:
    """
    How many items a vault has.
    """
    with vault.read() as connection:
        return connection.execute(select(func.count()).select_from(items)).scalar_one()


def flip(path: Path, needle: bytes) -> None:
    """
    Change one byte in the middle of some bytes of a file.
    """
    raw = bytearray(path.read_bytes())
    raw[raw.index(needle) + len(needle) // 2] ^= 1
    path.write_bytes(raw)
