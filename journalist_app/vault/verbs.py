# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The ceremony's verbs: what a person types, what is printed. Every question has an option, so that a script can drive them.

Nobody signs unseen: the card is printed, with what differs from the one held here, and confirmed before a root key is
opened. While a verb runs no core file is written and what it makes is its owner's alone.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import click

from crypto import passwords
from crypto.card import Card
from crypto.errors import CryptoError
from crypto.root import Root
from crypto.signing import SignedDocument
from journalist_app.bundle.errors import BundleError
from journalist_app.vault import cardtext, ceremony, keystore, outbox, rootkeys
from journalist_app.vault.errors import CeremonyError, VaultError
from journalist_app.vault.identity import load, load_root
from journalist_app.vault.keystore import Vault
from journalist_app.vault.names import visible_text
from journalist_app.vault.passphrases import Passphrases

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)

vault_folder = click.option("--dir", "folder", type=FOLDER, required=True, help="The vault's folder.")
passphrase_file = click.option(
    "--passphrase-file", type=FILE, help="For scripts: one passphrase a line, in the order they are needed."
)
yes = click.option("--yes", is_flag=True, help="For scripts: sign what is printed without being asked.")
person_option = click.option("--person", help="Whose passphrase this is, or who will sit here.")


@dataclass(frozen=True, slots=True)
class Terms:
    """
    What tests replace: the cost of sealed files, and the day.
    """

    profile: passwords.Costs = passwords.HEAVY
    clock: Callable[[], date] = keystore.today


@contextmanager
def plainly() -> Iterator[None]:
    """
    Hold keys with care, and print what went wrong as one sentence.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    before = os.umask(0o077)
    try:
        yield
    except (VaultError, CryptoError, BundleError) as error:
        said = str(error) or (type(error).__doc__ or "").strip()
        # A message may quote a file that somebody else wrote.
        raise click.ClickException(visible_text(said)) from None
    finally:
        os.umask(before)


@contextmanager
def opened(folder: Path, person: str | None, answers: Passphrases, terms: Terms) -> Iterator[Vault]:
    """
    Open a vault for one verb.
    """
    vault = keystore.open_vault(folder, answers.old(f"the vault {folder}"), person, clock=terms.clock)
    try:
        yield vault
    finally:
        vault.close()


@click.command()
@vault_folder
@click.option("--server", type=FILE, required=True, help="server-public.json, as `dengwen server init` printed it.")
@click.option("--out", type=FOLDER, required=True, help="Where root keys, root and install.json are written.")
@click.option("--roots", type=click.IntRange(1, 5), default=1, show_default=True, help="How many root keys.")
@click.option("--threshold", type=click.IntRange(1, 5), default=1, show_default=True, help="How many must sign.")
@click.option("--person", required=True, help="Who will sit at seat 1.")
@passphrase_file
@click.pass_obj
def init(
    terms: Terms, folder: Path, server: Path, out: Path, roots: int, threshold: int, person: str, passphrase_file: Path
) -> None:
    """
    Make an organisation: root keys, seat 1, card and first sheet.

    Passphrases needed: the vault's, then each root key's.
    """
    with plainly():
        answers = Passphrases(passphrase_file)
        keys = ceremony.read_server(server.read_bytes())
        made = ceremony.found(
            folder,
            keys,
            out,
            person=person,
            passphrase=answers.new(f"the vault, for {person}"),
            root_passphrases=[answers.new(f"root key {number}") for number in range(1, roots + 1)],
            threshold=threshold,
            profile=terms.profile,
            clock=terms.clock,
        )
    click.echo(f"Seat 1 is ready. Root keys: {roots}, of which {threshold} must sign.")
    click.echo(f"Move each root-key file in {out} to a medium of its own, away from this laptop.")
    click.echo(f"Carry {out / 'install.json'} to the server.")
    click.echo(f"Fingerprint: {made.root.fingerprint}")


@click.command("seat-request")
@vault_folder
@click.option("--out", type=NEW_FILE, required=True, help="The request to be carried to the first seat.")
@click.option("--person", required=True, help="Who will sit here.")
@passphrase_file
@click.pass_obj
def seat_request(terms: Terms, folder: Path, out: Path, person: str, passphrase_file: Path | None) -> None:
    """
    On a further laptop: make its keys and ask for a seat.
    """
    with plainly():
        answers = Passphrases(passphrase_file)
        secret = answers.new(f"the vault, for {person}")
        raw = ceremony.request_seat(folder, person=person, passphrase=secret, profile=terms.profile, clock=terms.clock)
        keystore.write_private(out, raw)
        request = ceremony.read_request(raw)
    click.echo(f"Carry {out} to the first seat, and compare there: {request.fingerprint}")


@click.command("seat-admit")
@vault_folder
@click.argument("requests", nargs=-1, required=True, type=FILE)
@click.option("--root-key", "root_keys", multiple=True, type=FILE, help="A root key's file, as often as must sign.")
@click.option("--out", type=NEW_FILE, required=True, help="The new card.")
@click.option("--roots-out", type=NEW_FILE, help="The root, for the new seats.")
@yes
@person_option
@passphrase_file
@click.pass_obj
def seat_admit(
    terms: Terms,
    folder: Path,
    requests: tuple[Path, ...],
    root_keys: tuple[Path, ...],
    out: Path,
    roots_out: Path | None,
    yes: bool,  # noqa: FBT001 (a flag on the command line)
    person: str | None,
    passphrase_file: Path | None,
) -> None:
    """
    On the first seat: put further seats on the next card.

    Passphrases needed: the vault's, then each root key's. With too few root keys the card is a draft to be carried on.
    Compare the printed digits of each new seat with what its laptop printed before you say yes.
    """
    with plainly():
        answers = Passphrases(passphrase_file)
        asked = [ceremony.read_request(path.read_bytes()) for path in requests]
        with opened(folder, person, answers, terms) as vault:
            draft = ceremony.draft_card(vault, admit=asked)
            root = _root(vault)
            for request in asked:
                click.echo(cardtext.request_line(request.person, request.signing, request.recipient))
            _show(draft, root, vault, asked)
            signed = _sign(draft, root_keys, root, answers, yes=yes)
            keystore.write_private(out, signed.encode())
            if roots_out is not None:
                keystore.write_private(roots_out, root.signed.encode())
            done = _install_if_signed(vault, signed, root)
    _say_signatures(out, signed, root, installed=done)


@click.command("seat-accept")
@vault_folder
@click.argument("card", type=FILE)
@click.argument("roots", nargs=-1, required=True, type=FILE)
@click.option("--fingerprint", help="The root's, as it was read out. Asked for if left out.")
@click.option("--stick", type=FOLDER, help="Where to write the first outbox.")
@person_option
@passphrase_file
@click.pass_obj
def seat_accept(
    terms: Terms,
    folder: Path,
    card: Path,
    roots: tuple[Path, ...],
    fingerprint: str | None,
    stick: Path | None,
    person: str | None,
    passphrase_file: Path | None,
) -> None:
    """
    On the further laptop: pin the root, make epochs and the first outbox.
    """
    with plainly(), opened(folder, person, Passphrases(passphrase_file), terms) as vault:
        said = fingerprint or str(click.prompt("The root's fingerprint, as it was read out to you"))
        texts = [rootkeys.read_signed(path) for path in roots]
        sheet = ceremony.accept_seat(vault, rootkeys.read_signed(card), texts, said)
        frozen = outbox.freeze(vault)
        click.echo(f"This is seat {sheet.seat}. Its first outbox has the digest {frozen.digest.hex()}")
        if stick is not None:
            click.echo(f"Written: {outbox.write_to(vault, frozen.sequence, stick)}")


@click.command("card")
@click.argument("card", required=False, type=FILE)
@click.option("--dir", "folder", type=FOLDER, help="The vault's folder. Needed to draft, and to take a card in.")
@click.option("--root", "root_file", type=FILE, help="Without a vault: the root, for a holder of a root key alone.")
@click.option("--draft", is_flag=True, help="Draft the next card instead of reading one.")
@click.option("--add", multiple=True, type=FILE, help="With --draft: a seat request.")
@click.option("--remove", multiple=True, type=click.IntRange(1, 9_999), help="With --draft: a seat that leaves.")
@click.option("--sign", "root_keys", multiple=True, type=FILE, help="A root key's file.")
@click.option("--out", type=NEW_FILE, help="Where to write the card, drafted or signed.")
@yes
@person_option
@passphrase_file
@click.pass_obj
def card_verb(
    terms: Terms,
    card: Path | None,
    folder: Path | None,
    root_file: Path | None,
    draft: bool,  # noqa: FBT001 (a flag on the command line)
    add: tuple[Path, ...],
    remove: tuple[int, ...],
    root_keys: tuple[Path, ...],
    out: Path | None,
    yes: bool,  # noqa: FBT001 (a flag on the command line)
    person: str | None,
    passphrase_file: Path | None,
) -> None:
    """
    Draft the next card, sign one, or count the signatures on one.

    Passphrases needed: the vault's if there is one, then each root key's. A card with enough signatures is taken into
    the vault.
    """
    if draft == (card is not None):
        raise click.UsageError("either a card's file or --draft")
    if (folder is None) == (root_file is None) or (draft and folder is None):
        raise click.UsageError("--dir, or --root for a card that is there already")
    if (draft or root_keys) and out is None:
        raise click.UsageError("--out says where to write the card")
    with plainly(), ExitStack() as stack:
        answers = Passphrases(passphrase_file)
        vault = None if folder is None else stack.enter_context(opened(folder, person, answers, terms))
        root = _pinned(vault, root_file)
        asked = [ceremony.read_request(path.read_bytes()) for path in add]
        if card is not None:
            document = rootkeys.read_signed(card)
        else:
            document = ceremony.draft_card(_needed(vault), admit=asked, remove=remove)
        _show(document, root, vault, asked)
        signed = _sign(document, root_keys, root, answers, yes=yes)
        if out is not None:
            keystore.write_private(out, signed.encode())
        done = vault is not None and _install_if_signed(vault, signed, root)
    _say_signatures(out or card or Path("card"), signed, root, installed=done)


@click.command("person-add")
@vault_folder
@click.option("--person", required=True, help="Who opens the vault now.")
@click.option("--new-person", required=True, help="Who gets a passphrase.")
@passphrase_file
@click.pass_obj
def person_add(terms: Terms, folder: Path, person: str, new_person: str, passphrase_file: Path | None) -> None:
    """
    Give another person at this laptop a passphrase of their own.

    Passphrases needed: the opener's, then the new person's.
    """
    with plainly():
        answers = Passphrases(passphrase_file)
        keystore.add_person(
            folder,
            new_person,
            opener=person,
            opener_passphrase=answers.old(f"the vault, of {person}"),
            passphrase=answers.new(f"the vault, for {new_person}"),
            profile=terms.profile,
        )
    click.echo(f"{new_person} can open this vault.")


def _pinned(vault: Vault | None, root_file: Path | None) -> Root:
    if vault is not None:
        return _root(vault)
    if root_file is None:
        raise CeremonyError("neither a vault nor a root was given")
    return Root.decode(rootkeys.read_signed(root_file).encode())


def _needed(vault: Vault | None) -> Vault:
    if vault is None:
        raise CeremonyError("a card is drafted in a vault")
    return vault


def _root(vault: Vault) -> Root:
    with vault.read() as connection:
        load(connection)
        return load_root(connection)


def _sign(
    draft: SignedDocument, paths: tuple[Path, ...], root: Root, answers: Passphrases, *, yes: bool
) -> SignedDocument:
    if paths and not yes and not click.confirm("Sign this card?"):
        raise CeremonyError("nothing was signed and nothing was written")
    for path in paths:
        draft = rootkeys.sign_card(draft, rootkeys.read_root_key(path, answers.old(path.name)), root)
    return draft


def _install_if_signed(vault: Vault, signed: SignedDocument, root: Root) -> bool:
    if rootkeys.signatures_on(signed, root) < root.threshold:
        return False
    ceremony.install_card(vault, signed)
    return True


def _say_signatures(path: Path, signed: SignedDocument, root: Root, *, installed: bool) -> None:
    click.echo(f"{path}: {rootkeys.signatures_on(signed, root)} of {root.threshold} signatures.")
    complete = rootkeys.signatures_on(signed, root) >= root.threshold
    if installed:
        click.echo("The card is complete and installed in this vault. Carry it to the server and to the new seats.")
    elif complete:
        click.echo("The card is complete. Carry it to the vaults, the server and the new seats.")
    else:
        click.echo("Carry it to the next holder of a root key: card FILE --sign KEY --out FILE")


def _show(document: SignedDocument, root: Root, vault: Vault | None, asked: Sequence[ceremony.SeatRequest]) -> None:
    try:
        card = Card.draft(document, root)
    except CryptoError as error:
        raise CeremonyError(str(error)) from error
    held: Card | None = None
    persons = {request.signing: request.person for request in asked}
    if vault is not None:
        with vault.read() as connection:
            mine = load(connection)
        held = mine.card
        persons[mine.signing.public] = vault.person
    for line in cardtext.describe(card, root, held, persons):
        click.echo(line)
