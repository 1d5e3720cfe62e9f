# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A vault that an older version wrote: its tables become those of this version, in one transaction, or stay as they were.

Tables of what arrived or was written are never altered, only added. Computed ones are thrown away and made again, since a
column may be new; digests of joined files stay, because reading the files again may take minutes. Refused: a vault that
a newer version wrote, which may hold what this one would lose.
"""

from __future__ import annotations

from typing import Final

from journalist_app.vault.engine import Database
from journalist_app.vault.errors import FolderError
from journalist_app.vault.models import SCHEMA, grouped, metadata, threads
from journalist_app.vault.projection import compute_all

OLDEST: Final = 1
# Their indexes go with them.
_MADE_AGAIN: Final = (threads, grouped)


def bring_up(database: Database) -> None:
    """
    Give a database the tables of this version.

    Raises:
        FolderError: Its version is not known here.
    """
    with database.read() as connection:
        version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if not OLDEST <= version <= SCHEMA:
        raise FolderError(f"the vault has tables of version {version}, this program knows {SCHEMA}")
    if version == SCHEMA:
        return
    with database.write() as connection:
        for table in _MADE_AGAIN:
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {table.name}")
        metadata.create_all(connection)
        compute_all(connection)
        connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA}")
