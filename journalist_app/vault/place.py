# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Where a running vault stands: its folder, its sticks, its address.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from journalist_app.vault.keystore import today

ADDRESS = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """
    What `serve` is told.

    Args:
        folder: The vault's folder.
        sticks: Folders in which batches are found and to which outboxes are written.
        save: Where attachments may be saved; None if they may only be downloaded.
        port: On the loopback address.
        clock: Gives the day.
    """

    folder: Path
    sticks: tuple[Path, ...]
    port: int
    save: Path | None = None
    clock: Callable[[], date] = today

    @property
    def host(self) -> str:
        """
        The one Host header that is answered.
        """
        return f"{ADDRESS}:{self.port}"

    @property
    def cookie(self) -> str:
        """
        The cookie's name. Cookies do not know ports: two vaults on one machine would overwrite each other's.
        """
        return f"vault-{self.port}"
