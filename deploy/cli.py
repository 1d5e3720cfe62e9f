# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The `dengwen` command: verbs, their options, and what they print. What is done is done in the modules it calls.

An error is one sentence on standard error and exit code 1. Passphrases and secrets are printed once, where a verb exists to show
them, and never taken from the command line, where other accounts could read them.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import NoReturn, cast

import click

from deploy import check, demo, server
from deploy.care import REBUILD_BYTES, care
from deploy.errors import DeployError
from source_app.settings import SettingsError
from store.errors import StoreError
from store.reviewers import Role

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

server_folder = click.option("--dir", "folder", type=FOLDER, required=True, help="The server's folder.")


class Size(click.ParamType[int]):
    """
    A number of bytes: `512MiB`, `1GiB`.
    """

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read a size, as click asks."""
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"([1-9][0-9]{0,9})(|KiB|MiB|GiB)", str(value))
        if found is None:
            self.fail(f"{value}: a number with KiB, MiB or GiB", param, ctx)
        return int(found[1]) * UNITS[found[2]]


class Sentences(click.Group):
    """
    Verbs whose errors are one sentence.
    """

    def invoke(self, ctx: click.Context) -> object:
        """Run the verb; say an error as one sentence."""
        try:
            return super().invoke(ctx)
        except (DeployError, SettingsError, StoreError) as error:
            raise click.ClickException(str(error) or (error.__doc__ or "").strip()) from None


@click.group(cls=Sentences, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Dengwen: an anonymous-submission server."""


@main.group("server", cls=Sentences)
def server_verbs() -> None:
    """The server's folder: make it, fill it, look after it."""


@server_verbs.command("init")
@server_folder
@click.option("--organisation", required=True, help="The name that stands on every page.")
@click.option("--source", default=server.SOURCE_BIND, show_default=True, help="Where the source app listens.")
@click.option("--desk", default=server.DESK_BIND, show_default=True, help="Where the desk listens.")
def server_init(folder: Path, organisation: str, source: str, desk: str) -> None:
    """Make a server; print its public keys for the ceremony."""
    public = server.initialise(folder, organisation, source=source, desk=desk)
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


@server_verbs.command("care")
@server_folder
@click.option("--day-is-right", is_flag=True, help="After days without care: somebody has looked at the clock.")
@click.option(
    "--rebuild", is_flag=True, help="Write the database anew after erasures, however large it is. Writers wait."
)
def server_care(folder: Path, day_is_right: bool, rebuild: bool) -> None:  # noqa: FBT001 (flags on the command line)
    """What is to be done each night: sweeping, expiry, deletions that are due, purging."""
    done = care(folder, day_is_right=day_is_right, rebuild=rebuild)
    click.echo(
        f"replies expired: {done.expired_replies}; threads deleted: {done.deleted_threads}; batches purged: {done.purged_batches}; "
        f"left-over files removed: {done.swept_blobs}; erasures finished: {'yes' if done.erasures_finished else 'no, again tomorrow'}"
    )
    if done.rebuild_due:
        click.echo(
            f"A rebuild is due: traces of what was erased may stand between rows until then. The database is larger than {REBUILD_BYTES >> 30} GiB, "
            "so sources would wait meanwhile: in a quiet hour, run this with --rebuild."
        )
    if done.failed:
        raise DeployError("not done: " + "; ".join(done.failed))


@main.command("person-add")
@server_folder
@click.argument("name")
@click.option("--role", type=click.Choice(["reviewer", "operator"]), default="reviewer", show_default=True)
@click.option("--seat", type=click.IntRange(1), help="A reviewer's seat.")
def person_add(folder: Path, name: str, role: str, seat: int | None) -> None:
    """Let someone log in at the desk; print their passphrase and TOTP secret, once."""
    made = server.add_person(folder, name, role=cast("Role", role), seat=seat)
    click.echo(f"name:       {made.person.name}\npassphrase: {made.passphrase}\nTOTP:       {made.totp}\n{made.uri}")


@main.command("source")
@server_folder
@click.option(
    "--watched", is_flag=True, hidden=True, help="For the demo's check: leaves open files visible to this account."
)
def source_verb(folder: Path, watched: bool) -> None:  # noqa: FBT001 (a flag on the command line)
    """Run the source app until a signal ends it."""
    from source_app.serve import serve  # noqa: PLC0415 (each app's process loads that app alone)

    serve(server.settings_of(folder).source, watched=watched)


@main.command("desk")
@server_folder
def desk_verb(folder: Path) -> None:
    """Run the desk until a signal ends it."""
    from journalist_app.desk.serve import serve  # noqa: PLC0415 (as above)

    serve(server.settings_of(folder).desk)


@main.command(
    "vault", context_settings={"ignore_unknown_options": True, "help_option_names": []}, add_help_option=False
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def vault_verb(arguments: tuple[str, ...]) -> NoReturn:
    """The vault's own command, in its own process: it shares nothing with the server but bundles."""
    os.execv(sys.executable, [sys.executable, "-m", "journalist_app.vault", *arguments])  # noqa: S606 (no shell is the point)


@main.command("demo")
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
