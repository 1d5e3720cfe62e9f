# SPDX-License-Identifier: AGPL-3.0-or-later
"""
`authorship`: the verb that compares a codename with a thread.

What it costs is said before the words are asked for, and they are asked for without echo: never taken from the command
line, which other programs see and the shell keeps.
"""

from __future__ import annotations

from pathlib import Path

import click

from crypto.codename import Codename
from journalist_app.vault import authorship
from journalist_app.vault.errors import InputError
from journalist_app.vault.passphrases import Passphrases
from journalist_app.vault.verbs import Terms, opened, passphrase_file, person_option, plainly, vault_folder


@click.command("authorship")
@vault_folder
@click.option("--yes", is_flag=True, help="For scripts: go on without being asked.")
@person_option
@passphrase_file
@click.pass_obj
def authorship_verb(
    terms: Terms,
    folder: Path,
    yes: bool,  # noqa: FBT001 (a flag on the command line)
    person: str | None,
    passphrase_file: Path | None,
) -> None:
    """
    Compare a codename that its source gives up with the thread here. It says first what that costs.

    Passphrases needed: the vault's; then, as if it were one, the codename.
    """
    click.echo(f"{authorship.COST}\n")
    with plainly():
        if not yes and not click.confirm("Does the source want this?"):
            raise InputError("nothing was asked and nothing was compared")
        answers = Passphrases(passphrase_file)
        with opened(folder, person, answers, terms) as vault:
            codename = Codename.parse(answers.codename())
            found = authorship.compare(vault, codename, _progress)
    _say(found)


def _progress(done: int, total: int) -> None:
    if done == total or done % 100 == 0:
        click.echo(f"Opened again: {done} of {total} items.", err=True)


def _say(found: authorship.Compared) -> None:
    days = found.first_day if found.first_day == found.last_day else f"{found.first_day} to {found.last_day}"
    click.echo(f"This is the codename of thread {found.thread.hex()[:8]} ({days}), generation {found.generation}.")
    click.echo(f"Items whose sealed frame holds its thread value: {found.items}.")
    click.echo(f"Messages among them that name its reply recipient: {found.messages}.")
    if found.others:
        click.echo(f"Messages that name ANOTHER reply recipient: {found.others}. Those may be somebody else's.")
    if found.broken:
        click.echo(f"Items that no longer open on this laptop and say nothing: {found.broken}.")
    click.echo(f"\n{authorship.PROOF}")
