# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What a test looks at in a vault, what an import says, and the one thing a test does to a file.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import func, select

from journalist_app.vault import alarms
from journalist_app.vault.importer import Report, import_batch
from journalist_app.vault.keystore import Vault
from journalist_app.vault.models import items
from tests.journalist_app.vault.fakes import Organisation


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


def imported(one: Organisation) -> tuple[Report, set[str]]:
    """
    Freeze what waits and import it: the report, and the alarms that seat 1's vault keeps.
    """
    report = import_batch(one.vaults[0], one.server.batch(one.stick))
    return report, kinds(one.vaults[0])
