# SPDX-License-Identifier: AGPL-3.0-or-later
"""
`dengwen source`, `dengwen desk`, `dengwen vault`: the programs that run.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from deploy import server
from deploy.errors import DeployError
from deploy.verbs.options import server_folder
from journalist_app.desk.errors import DeskError
from journalist_app.desk.keys import NAME
from journalist_app.desk.settings import DeskSettings, SettingsError


@click.command("source")
@server_folder
@click.option(
    "--watched", is_flag=True, hidden=True, help="For the demo's check: leaves open files visible to this account."
)
def source_verb(folder: Path, watched: bool) -> None:  # noqa: FBT001 (a flag on the command line)
    """Run the source app until a signal ends it."""
    from source_app.serve import serve  # noqa: PLC0415 (each app's process loads that app alone)

    serve(server.settings_of(folder).source, watched=watched)


@click.command("desk")
@server_folder
def desk_verb(folder: Path) -> None:
    """Run the desk until a signal ends it."""
    from journalist_app.desk.serve import serve  # noqa: PLC0415 (as above)

    try:
        serve(_with_credential(server.settings_of(folder).desk))
    except (DeskError, SettingsError) as error:
        raise DeployError(str(error)) from None


def _with_credential(settings: DeskSettings) -> DeskSettings:
    # As a unit, the desk may not read the server's folder of keys: systemd lends it the one file (LoadCredential=).
    lent = os.environ.get("CREDENTIALS_DIRECTORY")
    return dataclasses.replace(settings, keys=Path(lent) / NAME) if lent else settings


@click.command(
    "vault", context_settings={"ignore_unknown_options": True, "help_option_names": []}, add_help_option=False
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def vault_verb(arguments: tuple[str, ...]) -> NoReturn:
    """The vault's own command, in its own process: it shares nothing with the server but bundles."""
    os.execv(sys.executable, [sys.executable, "-m", "journalist_app.vault", *arguments])  # noqa: S606 (no shell is the point)
