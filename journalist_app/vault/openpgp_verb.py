# SPDX-License-Identifier: AGPL-3.0-or-later
"""
`openpgp`: the verb that gives this seat's public OpenPGP key, for sources who seal with OpenPGP beforehand.
"""

from __future__ import annotations

from pathlib import Path

import click

from journalist_app.vault.keystore import write_private
from journalist_app.vault.passphrases import Passphrases
from journalist_app.vault.pgp_key import make_once
from journalist_app.vault.verbs import NEW_FILE, Terms, opened, passphrase_file, person_option, plainly, vault_folder


@click.command("openpgp")
@vault_folder
@click.option("--out", type=NEW_FILE, required=True, help="Where to write the public key, armored.")
@person_option
@passphrase_file
@click.pass_obj
def openpgp_verb(terms: Terms, folder: Path, out: Path, person: str | None, passphrase_file: Path | None) -> None:
    """
    Write this seat's public OpenPGP key. The first time it is made; it stays the same from then on.

    Passphrase needed: the vault's. Only this seat opens what is sealed to its key: publish one of each seat that should.
    """
    with plainly(), opened(folder, person, Passphrases(passphrase_file), terms) as vault:
        key = make_once(vault)
        write_private(out, key.public.encode())
    digits = key.fingerprint
    click.echo(f"OpenPGP key: {' '.join(digits[start : start + 4] for start in range(0, len(digits), 4))}")
    click.echo(f"Written: {out}. It does not expire. Whoever seals to it seals to this seat alone.")
    click.echo("It has no epochs: what was sealed to it opens for as long as this vault, or a backup of it, exists.")
