# SPDX-License-Identifier: AGPL-3.0-or-later
"""
`dengwen demo`: a throwaway organisation.
"""

from __future__ import annotations

from pathlib import Path

import click

from deploy import check, demo
from deploy.verbs.options import FOLDER, Size


@click.command("demo")
@click.option(
    "--dir", "folder", type=FOLDER, default=Path("demo"), show_default=True, help="A folder for it, made anew."
)
@click.option("--check", "checking", is_flag=True, help="Do the whole job by itself, print each step, and end.")
@click.option("--size", type=Size(), default="64MiB", show_default=True, help="With --check: of the large file.")
def demo_verb(folder: Path, checking: bool, size: int) -> None:  # noqa: FBT001 (a flag on the command line)
    """A throwaway organisation on this machine: source app, desk, three vaults."""
    if checking:
        check.run(folder, size=size, say=click.echo)
    else:
        demo.run(folder, say=click.echo)
