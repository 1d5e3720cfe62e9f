# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Making a store folder and bringing its tables to this version, by Alembic run from here.

An upgrade happens in one transaction behind the write gate: all of it or nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from store.blobs import Blobs
from store.connections import DATABASE, for_writing, make_engine
from store.disk import Disk
from store.errors import NotInstalledError
from store.failures import database_failures
from store.gate import WriteGate
from store.modes import make_file, require_closed

if TYPE_CHECKING:
    from sqlalchemy import Connection

GATE = "gate"

_MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(folder: Path) -> None:
    """
    Make a store folder, or bring an existing one to this version. Doing it again has no effect.

    A folder made here is for its owner alone. One that is there already decides for all that is made in it (`modes`).

    Args:
        folder: The store folder; made if missing, its parent must exist.

    Raises:
        FullError: The disk takes no more.
        DamagedError: The database file is damaged.
        ExposedError: The folder is open to others.

    """
    if not folder.exists():
        folder.mkdir(mode=0o700, exist_ok=True)
        # A group that the folder above shares is not meant by it.
        folder.chmod(0o700)
    require_closed(folder)
    # Made here and not by SQLite, which would let the umask decide; the write-ahead log and its index take after it.
    make_file(folder / DATABASE)
    engine = make_engine(folder, pooled=False)
    gate = WriteGate(folder / GATE)
    try:
        with database_failures(), engine.connect() as connection, gate.held(), for_writing(connection).begin():
            _upgrade(connection)
    finally:
        gate.close()
    Blobs(folder).make_folders()
    Disk().sync_folder(folder.absolute().parent)


def require_current(folder: Path) -> None:
    """
    Look whether this folder holds a store of this version, and leave nothing open.

    Raises:
        NotInstalledError: It does not.
        DamagedError: The database file is damaged.
        ExposedError: The folder is open to others.

    """
    if not (folder / DATABASE).is_file():
        raise NotInstalledError("there is no store here")
    require_closed(folder)
    engine = make_engine(folder, pooled=False)
    with database_failures(), engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    if found is None or found != newest:
        raise NotInstalledError(f"the store is of version {found or 'none'}, this is {newest}")


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    # Percent signs would be taken for interpolation.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
