# SPDX-License-Identifier: AGPL-3.0-or-later
"""
`dengwen render` and `dengwen setup`: the system around the program.
"""

from __future__ import annotations

from pathlib import Path

import click

from deploy import host
from deploy.render import render, write_below
from deploy.runner import Host, Listed
from deploy.settings import load
from deploy.setup import set_up
from deploy.verbs.options import FOLDER, server_folder


@click.command("render")
@server_folder
@click.option("--out", type=FOLDER, required=True, help="A new or empty folder.")
def render_verb(folder: Path, out: Path) -> None:
    """Write the files of a server's system below a folder, to be read."""
    files = render(load(folder))
    write_below(out, files)
    for path in files:
        click.echo(path)


@click.command("setup")
@click.option("--dir", "folder", type=FOLDER, default=host.FOLDER, show_default=True, help="The server's folder.")
@click.option("--dry-run", "dry", is_flag=True, help="Show every file and command; write and run nothing.")
@click.option("--root", type=FOLDER, default=None, hidden=True, help="For tests: write below this folder, run nothing.")
def setup_verb(folder: Path, dry: bool, root: Path | None) -> None:  # noqa: FBT001 (a flag on the command line)
    """Make this machine the server its settings describe. Again: what is so already stays."""
    if root is None:
        set_up(folder, Host(), say=click.echo, dry=dry)
    else:
        set_up(folder, Listed(), say=click.echo, root=root, dry=dry)
