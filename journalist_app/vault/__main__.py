# SPDX-License-Identifier: AGPL-3.0-or-later
"""
`python -m journalist_app.vault`: the vault's command.
"""

from __future__ import annotations

from pathlib import Path

import click

from journalist_app.vault import verbs
from journalist_app.vault.authorship_verb import authorship_verb
from journalist_app.vault.openpgp_verb import openpgp_verb
from journalist_app.vault.place import Place
from journalist_app.vault.serve import run


@click.group()
@click.pass_context
def main(context: click.Context) -> None:
    """
    The vault: an offline laptop that holds one seat's keys.
    """
    if context.obj is None:
        context.obj = verbs.Terms()


@main.command()
@verbs.vault_folder
@click.option("--stick", "sticks", multiple=True, required=True, type=verbs.FOLDER, help="Where batches are found.")
@click.option("--save", type=verbs.FOLDER, help="Where attachments may be saved. None: download only.")
@click.option("--port", type=click.IntRange(1, 65_535), required=True, help="On the loopback address.")
@click.option("--token-file", type=verbs.NEW_FILE, help="For scripts: the token of the first address is written here.")
@click.pass_obj
def serve(
    terms: verbs.Terms,
    folder: Path,
    sticks: tuple[Path, ...],
    save: Path | None,
    port: int,
    token_file: Path | None,
) -> None:
    """
    Start the vault's pages on this machine and print their address.
    """
    with verbs.plainly():
        place = Place(folder=folder, sticks=sticks, save=save, port=port, clock=terms.clock)
        run(place, token_file)


CEREMONY = (verbs.init, verbs.seat_request, verbs.seat_admit, verbs.seat_accept, verbs.card_verb, verbs.person_add)
for verb in (*CEREMONY, authorship_verb, openpgp_verb):
    main.add_command(verb)

if __name__ == "__main__":
    main(prog_name="dengwen vault")
