# SPDX-License-Identifier: AGPL-3.0-or-later
"""
`dengwen doctor`: what is wrong with a server, and what to type.

It ends with 0 if all is well, 1 if something is not, 2 if something urgent is not.
"""

from __future__ import annotations

import datetime
from pathlib import Path

import click

from deploy.errors import DeployError
from deploy.verbs.options import server_folder


@click.command("doctor")
@server_folder
@click.option("--json", "as_json", is_flag=True, help="Print the report as the desk reads it.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the report there too, whole or not at all, readable by everybody.",
)
@click.option("--host/--no-host", default=True, show_default=True, help="Look at this machine and its onions too.")
@click.pass_context
def doctor_verb(context: click.Context, folder: Path, as_json: bool, out: Path | None, host: bool) -> None:  # noqa: FBT001 (flags on the command line)
    """Look a server over; say what is wrong and what to type."""
    # The rooms it looks at come with it, which other verbs do without.
    from deploy.doctor.checkup import examine  # noqa: PLC0415
    from deploy.doctor.words import text_of  # noqa: PLC0415
    from deploy.keeping import write_whole  # noqa: PLC0415

    report = examine(folder.absolute(), at=datetime.datetime.now(datetime.UTC), host=host)
    if out is not None:
        try:
            write_whole(out, report.encode())
        except OSError as error:
            raise DeployError(f"{out}: the report cannot be written there: {error.strerror}") from None
    click.echo(report.encode().decode() if as_json else text_of(report), nl=False)
    context.exit(report.status)
