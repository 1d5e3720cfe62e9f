# SPDX-License-Identifier: AGPL-3.0-or-later
"""
`dengwen person-…`: who may log in at the desk.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from deploy import logins
from deploy.verbs.options import server_folder
from journalist_app.desk.persons import Enrolment


@click.command("person-renew")
@server_folder
@click.argument("name")
def person_renew(folder: Path, name: str) -> None:
    """Give someone a new passphrase and TOTP secret, printed once, and let them in; the old ones end."""
    tell(logins.renew_person(folder, name))


@click.command("person-close")
@server_folder
@click.argument("name")
def person_close(folder: Path, name: str) -> None:
    """Shut someone out of the desk, until person-renew."""
    logins.close_person(folder, name)
    click.echo(f"{name}: closed. Whoever is logged in with it is out.")


@click.command("person-list")
@server_folder
def person_list(folder: Path) -> None:
    """Who may log in, and who might."""
    for one in logins.everyone(folder):
        click.echo(
            f"{one.name}  {f'seat {one.seat}' if one.seat else one.role}  {'closed' if one.disabled else 'open'}"
        )


def tell(made: Enrolment) -> None:
    """
    Print what somebody logs in with; to a person, as a QR code too.
    """
    click.echo(f"name:       {made.person.name}\npassphrase: {made.passphrase}\nTOTP:       {made.totp}\n{made.uri}")
    if sys.stdout.isatty():
        click.echo(made.picture())
