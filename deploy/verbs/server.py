# SPDX-License-Identifier: AGPL-3.0-or-later
"""
`dengwen server …` and `dengwen person-add`: the server's folder, its documents, its people.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from deploy import host, server, upgrade
from deploy.becoming import become
from deploy.care import REBUILD_BYTES, care
from deploy.errors import DeployError
from deploy.verbs.options import FILE, server_folder
from deploy.verbs.person import tell
from store.reviewers import Role
from store.schema import migrate


@click.group("server")
def server_verbs() -> None:
    """The server's folder: make it, fill it, look after it."""


@server_verbs.command("init")
@server_folder
@click.option("--organisation", required=True, help="The name that stands on every page.")
@click.option(
    "--source",
    default="",
    help=f"Where the source app listens. Without it {server.SOURCE_BIND}; in {host.FOLDER} the socket that tor finds.",
)
@click.option("--desk", default="", help=f"Where the desk listens. Without it {server.DESK_BIND}, or its socket.")
@click.option(
    "--reads",
    default="",
    help='Tags of the languages that the reviewers read, for the first page: "en, zh-Hans". Without it the page does not say.',
)
def server_init(folder: Path, organisation: str, source: str, desk: str, reads: str) -> None:
    """Make a server; print its public keys for the ceremony."""
    public = server.initialise(folder, organisation, source=source, desk=desk, reads=reads)
    click.echo(public.decode())
    click.echo(f"Carry {folder / server.PUBLIC} to the first vault.", err=True)


@server_verbs.command("install")
@server_folder
@click.argument("file", type=FILE)
@click.option("--fingerprint", default="", help="Of the first root: the 40 digits that the ceremony printed.")
def server_install(folder: Path, file: Path, fingerprint: str) -> None:
    """Install install.json, a root, a card or a sheet."""
    for line in server.install_file(folder, file, fingerprint=fingerprint):
        click.echo(line)


@server_verbs.command("upgrade")
@server_folder
def server_upgrade(folder: Path) -> None:
    """After a newer dengwen was installed, both apps stopped: settings that are new, and the store's tables. Then: dengwen setup."""
    folder = folder.absolute()
    for line in upgrade.settings(folder):
        click.echo(f"added: {line}")
    if folder == host.FOLDER:
        # What SQLite makes beside the database must not be root's.
        become(host.CARE_ACCOUNT)
    migrate(folder / server.STORE)
    click.echo("The settings and the store are of this version.")


@server_verbs.command("logo")
@server_folder
@click.argument("file", type=FILE)
def server_logo(folder: Path, file: Path) -> None:
    """Make a PNG small and clean and put it on the source pages, where it stands after their next start."""
    # Pillow comes with it, which no other verb needs.
    from deploy import logo  # noqa: PLC0415

    click.echo(logo.install(server.settings_of(folder).source.texts, file))


@server_verbs.command("care")
@server_folder
@click.option("--day-is-right", is_flag=True, help="After days without care: somebody has looked at the clock.")
@click.option(
    "--rebuild", is_flag=True, help="Write the database anew after erasures, however large it is. Writers wait."
)
def server_care(folder: Path, day_is_right: bool, rebuild: bool) -> None:  # noqa: FBT001 (flags on the command line)
    """What is to be done each night: sweeping, expiry, deletions that are due, purging."""
    folder = folder.absolute()
    if folder == host.FOLDER:
        become(host.CARE_ACCOUNT)
    done = care(folder, day_is_right=day_is_right, rebuild=rebuild)
    click.echo(
        f"replies expired: {done.expired_replies}; slips expired: {done.expired_slips}; threads deleted: {done.deleted_threads}; batches purged: {done.purged_batches}; "
        f"left-over files removed: {done.swept_blobs}; erasures finished: {'yes' if done.erasures_finished else 'no, again tomorrow'}"
    )
    if done.rebuild_due:
        click.echo(
            f"A rebuild is due: traces of what was erased may stand between rows until then. The database is larger than {REBUILD_BYTES >> 30} GiB, "
            "so sources would wait meanwhile: in a quiet hour, run this with --rebuild."
        )
    if done.failed:
        raise DeployError("not done: " + "; ".join(done.failed))


@click.command("person-add")
@server_folder
@click.argument("name")
@click.option("--role", type=click.Choice(["reviewer", "operator"]), default="reviewer", show_default=True)
@click.option("--seat", type=click.IntRange(1), help="A reviewer's seat.")
def person_add(folder: Path, name: str, role: str, seat: int | None) -> None:
    """Let someone log in at the desk; print their passphrase and TOTP secret, once."""
    tell(server.add_person(folder, name, role=cast("Role", role), seat=seat))
