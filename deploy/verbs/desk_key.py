# SPDX-License-Identifier: AGPL-3.0-or-later
"""
`dengwen desk-key …`: who may reach the desk's onion. `dengwen onion-key import`: an onion keeps its address on a new machine.
"""

from __future__ import annotations

from pathlib import Path

import click

from deploy import desk_keys, doors, host, onion_keys
from deploy.verbs.options import FOLDER, server_folder

tor_folder = click.option(
    "--tor-folder", type=FOLDER, default=host.TOR_FOLDER, show_default=True, help="Tor's own folder."
)
tor_control = click.option(
    "--control",
    type=click.Path(dir_okay=False, path_type=Path),
    default=host.TOR_CONTROL,
    show_default=True,
    help="Tor's control socket.",
)
key_door = click.option(
    "--door", type=click.Choice(doors.NAMES), default="desk", show_default=True, help="Which onion the key opens."
)


@click.group("desk-key")
def desk_key_verbs() -> None:
    """Client keys: without one, nobody learns that the desk's onion is there."""


@desk_key_verbs.command("add")
@server_folder
@tor_folder
@tor_control
@key_door
@click.argument("name")
def desk_key_add(folder: Path, tor_folder: Path, control: Path, door: str, name: str) -> None:
    """Make a key for one person and print it, once. Give it to them by hand."""
    made, left = doors.add(folder, name, tor_folder / doors.SERVICES[door], control)
    port = "" if door == "desk" else " (ssh)"
    click.echo(f"name:  {made.name}\nonion: {made.address}.onion{port}\nkey:   {made.private}\n")
    click.echo(f"In Tor Browser: open http://{made.address}.onion, enter the key when it asks, and let it remember it.")
    click.echo(f"For another tor: one line in a file {made.name}.auth_private in the folder of its ClientOnionAuthDir:")
    click.echo(made.line)
    if left:
        click.echo(left, err=True)


@desk_key_verbs.command("revoke")
@server_folder
@tor_folder
@tor_control
@key_door
@click.argument("name")
def desk_key_revoke(folder: Path, tor_folder: Path, control: Path, door: str, name: str) -> None:
    """Take a person's key away. Everybody's circuits to that onion end; the others are back in some seconds."""
    doors.revoke(folder, name, tor_folder / doors.SERVICES[door], control)
    click.echo(f"{desk_keys.file_name(name)} is out. Uploads of sources go on; people at the {door} reload their page.")


@desk_key_verbs.command("list")
@server_folder
@tor_folder
@key_door
def desk_key_list(folder: Path, tor_folder: Path, door: str) -> None:  # noqa: ARG001 (every verb of a server names its folder)
    """Who has a key."""
    service = tor_folder / doors.SERVICES[door]
    for name in desk_keys.names(service):
        # Tor's account may give names too, and a terminal obeys what is in them.
        click.echo(name if name.isprintable() else ascii(name))
    if not desk_keys.barred(service):
        click.echo(
            f"This onion is open to everybody who knows its address: dengwen desk-key add --door {door}", err=True
        )


@click.group("onion-key")
def onion_key_verbs() -> None:
    """An onion's own key. To export it, copy hs_ed25519_secret_key from the service's folder in Tor's folder, as root."""


@onion_key_verbs.command("import")
@click.option(
    "--from",
    "given",
    type=click.Path(exists=True, path_type=Path),
    required=True,
    help="hs_ed25519_secret_key, or the folder it lies in.",
)
@click.option(
    "--door", type=click.Choice(tuple(doors.SERVICES)), default="source", show_default=True, help="Which onion gets it."
)
@tor_folder
def onion_key_import(given: Path, door: str, tor_folder: Path) -> None:
    """Put an existing key in place, before tor has made one; print the address."""
    service = tor_folder / doors.SERVICES[door]
    if door != "source":
        desk_keys.bar(service)
    address = onion_keys.install(service, given)
    click.echo(f"{address}.onion")
    click.echo(f"The key is {service / onion_keys.SECRET}. Then: systemctl reload tor@default", err=True)
