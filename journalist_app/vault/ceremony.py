# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The ceremony: from a server's public keys to an organisation, and from one seat to several.

Step by step in README.md. The functions here ask nothing and print nothing (the verbs do); each either completes its
step or raises and leaves what was there. Secret halves never leave the machine they were made on: between laptops travel
requests, cards and roots, which hold public keys only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import Connection

from crypto import canonical, passwords
from crypto.age import HybridRecipient
from crypto.canonical import JSON, Fields
from crypto.card import MAX_RECIPIENT, Card, Seat
from crypto.derive import Generation
from crypto.errors import CryptoError, SignatureError
from crypto.issue import add_signature, make_card, make_root
from crypto.root import Root
from crypto.sheet import Sheet
from crypto.signing import SignedDocument, SigningKey
from journalist_app.vault import identity as seat_identity
from journalist_app.vault import keystore, rootkeys
from journalist_app.vault.cardtext import digits
from journalist_app.vault.epochs import renew_sheet
from journalist_app.vault.errors import CeremonyError, InputError
from journalist_app.vault.keystore import Vault, today

MAX_PUBLIC_FILE = 65_536
MAX_ROOT_KEYS = 5
# As at the desk: a name is printed beside the digits that people compare.
MAX_PERSON = 64


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """
    The public half of a server, from `server-public.json`.
    """

    signing: bytes
    transfer: HybridRecipient


@dataclass(frozen=True, slots=True)
class SeatRequest:
    """
    What a further laptop asks to be put on the card.

    Args:
        signing: Its Ed25519 public key.
        recipient: To which batches are sealed for it.
        person: Who sits there; for the eyes of whoever admits it, not on the card.
    """

    signing: bytes
    recipient: HybridRecipient
    person: str

    @property
    def fingerprint(self) -> str:
        """
        Both keys in 40 digits, to be compared by voice: the same that whoever signs the card is shown.
        """
        return digits(self.signing, self.recipient)


@dataclass(frozen=True, slots=True)
class Founded:
    """
    What `init` made: the documents to install, and the fingerprint to read out.
    """

    root: Root
    card: Card
    sheet: Sheet

    @property
    def install(self) -> bytes:
        """
        The file for `dengwen server install`.
        """
        sheets: list[JSON] = [self.sheet.signed.encode().decode()]
        return canonical.encode(
            {
                "root": self.root.signed.encode().decode(),
                "card": self.card.signed.encode().decode(),
                "sheets": sheets,
            }
        )


def read_server(raw: bytes) -> ServerKeys:
    """
    Read `server-public.json`.

    Raises:
        CeremonyError: It is not such a file.
    """
    try:
        fields = Fields.decode(raw.strip(), "server-public.json", limit=MAX_PUBLIC_FILE)
        fields.choice("kind", ("server",))
        fields.number("version", 1, 1)
        keys = ServerKeys(fields.hex("signing", 32), HybridRecipient.parse(fields.text("transfer", MAX_RECIPIENT)))
        fields.done()
    except CryptoError as error:
        raise CeremonyError(f"these are not a server's public keys: {error}") from error
    return keys


def found(
    folder: Path,
    server: ServerKeys,
    out: Path,
    *,
    person: str,
    passphrase: str,
    root_passphrases: Sequence[str],
    threshold: int,
    profile: passwords.Costs = passwords.HEAVY,
    clock: Callable[[], date] = today,
) -> Founded:
    """
    Make an organisation: root keys, seat 1, its epochs, the root, the card, the first sheet.

    Args:
        folder: The new vault.
        server: The server that the card will name.
        out: Where the root keys' files and install.json go.
        person: Who sits at seat 1.
        passphrase: Theirs.
        root_passphrases: One for each root key.
        threshold: How many root keys must sign.
        profile: What opening the sealed files costs.
        clock: Gives the day.

    Raises:
        CeremonyError: More signatures are asked for than there are keys, or too many keys.
        FolderError: A file that would be written is there already.
    """
    if not 1 <= threshold <= len(root_passphrases) <= MAX_ROOT_KEYS:
        raise CeremonyError(
            f"a threshold of {threshold} with {len(root_passphrases)} root keys (at most 5) makes no root"
        )
    paths = [out / f"root-key-{number}.json" for number in range(1, len(root_passphrases) + 1)]
    for path in (*paths, out / "root-1.json", out / "install.json"):
        if path.exists():
            raise CeremonyError(f"{path} is there already: take an empty folder")
    keys = [SigningKey.generate() for _ in root_passphrases]
    draft = make_root(
        number=1,
        threshold=threshold,
        keys=[key.public for key in keys],
        generations=[Generation.fresh(1)],
        first_day=clock(),
    )
    root = Root.decode(_signed(draft, keys).encode())
    vault = keystore.create(folder, person, passphrase, profile=profile, clock=clock)
    try:
        with vault.write() as connection:
            signing, bundle = seat_identity.make_keys(connection)
            seat = Seat(number=1, signing=signing.public, recipient=bundle.recipient)
            made = make_card(
                root=root, sequence=1, seats=[seat], server_signing=server.signing, server_transfer=server.transfer
            )
            card = Card.decode(_signed(made, keys).encode(), root)
            sheet = _seat_down(connection, vault, root, card)
    finally:
        vault.close()
    founded = Founded(root, card, sheet)
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path, key, secret in zip(paths, keys, root_passphrases, strict=True):
        rootkeys.write_root_key(path, key, secret, profile=profile)
    keystore.write_private(out / "root-1.json", root.signed.encode())
    keystore.write_private(out / "install.json", founded.install)
    return founded


def request_seat(
    folder: Path,
    *,
    person: str,
    passphrase: str,
    profile: passwords.Costs = passwords.HEAVY,
    clock: Callable[[], date] = today,
) -> bytes:
    """
    Make a further laptop's vault.

    Returns:
        The request, as a file to be carried to the first seat.
    """
    name = _person(person)
    vault = keystore.create(folder, name, passphrase, profile=profile, clock=clock)
    try:
        with vault.write() as connection:
            signing, bundle = seat_identity.make_keys(connection)
    finally:
        vault.close()
    return write_request(signing.public, bundle.recipient, name)


def write_request(signing: bytes, recipient: HybridRecipient, person: str) -> bytes:
    """
    The request as a file.
    """
    return canonical.encode(
        {
            "kind": "seat request",
            "version": 1,
            "signing": signing.hex(),
            "recipient": str(recipient),
            "person": person,
        }
    )


def read_request(raw: bytes) -> SeatRequest:
    """
    Read a request.

    Raises:
        CeremonyError: It is not one.
    """
    try:
        fields = Fields.decode(raw, "seat request", limit=MAX_PUBLIC_FILE)
        fields.choice("kind", ("seat request",))
        fields.number("version", 1, 1)
        request = SeatRequest(
            signing=fields.hex("signing", 32),
            recipient=HybridRecipient.parse(fields.text("recipient", MAX_RECIPIENT)),
            person=_person(fields.text("person", 4 * MAX_PERSON)),
        )
        fields.done()
    except (CryptoError, InputError) as error:
        raise CeremonyError(f"this is not a seat request: {error}") from error
    return request


def _person(text: str) -> str:
    # No line of its own and no escape, or it could print digits that were never read out.
    name = keystore.person_name(text)
    if len(name) > MAX_PERSON:
        raise InputError(f"the name of who sits at a seat has 1 to {MAX_PERSON} printable characters")
    return name


def draft_card(vault: Vault, *, admit: Sequence[SeatRequest] = (), remove: Sequence[int] = ()) -> SignedDocument:
    """
    Draft the card after the newest one held, with seats added and removed. Numbers are never given again.

    Raises:
        CeremonyError: A seat to be removed is not there, or the card would be none.
    """
    with vault.read() as connection:
        mine = seat_identity.load(connection)
        highest = max(
            seat.number for card in seat_identity.held_cards(connection, mine.root).values() for seat in card.seats
        )
    unknown = set(remove) - {seat.number for seat in mine.card.seats}
    if unknown:
        raise CeremonyError(f"seats {sorted(unknown)} are not on card {mine.card.sequence}")
    seats = [seat for seat in mine.card.seats if seat.number not in remove]
    for offset, request in enumerate(admit, 1):
        seats.append(Seat(number=highest + offset, signing=request.signing, recipient=request.recipient))
    try:
        return make_card(
            root=mine.root,
            sequence=mine.card.sequence + 1,
            seats=seats,
            server_signing=mine.card.server_signing,
            server_transfer=mine.card.server_transfer,
        )
    except CryptoError as error:
        raise CeremonyError(str(error)) from error


def install_card(vault: Vault, signed: SignedDocument) -> Card:
    """
    Take a card that carries enough signatures into a vault that has a seat.

    Raises:
        CeremonyError: Signatures are missing, or it is older than the one held.
    """
    with vault.write() as connection:
        try:
            card = Card.decode(signed.encode(), seat_identity.load_root(connection))
            seat_identity.accept_card(connection, card)
        except CryptoError as error:
            raise CeremonyError(str(error)) from error
    return card


def accept_seat(vault: Vault, card: SignedDocument, roots: Sequence[SignedDocument], fingerprint: str) -> Sheet:
    """
    Finish a further seat: pin the root, find the own number on the card, make epochs and the first sheet.

    Args:
        vault: The vault that made the request.
        card: The card that admits it.
        roots: The roots from the first to the newest.
        fingerprint: Of the newest root, as it was read out; spaces do not matter.

    Raises:
        CeremonyError: The fingerprint is another, the card is not that root's, or this seat is not on it.
    """
    try:
        root = _newest(roots)
        admitted = Card.decode(card.encode(), root)
    except CryptoError as error:
        raise CeremonyError(str(error)) from error
    if "".join(fingerprint.split()) != root.fingerprint.replace(" ", ""):
        raise CeremonyError("the root's fingerprint is not the one that was read out: do not go on")
    with vault.write() as connection:
        if seat_identity.read_fact(connection, "seat") is not None:
            raise CeremonyError("this vault has its seat already")
        return _seat_down(connection, vault, root, admitted)


def _newest(roots: Sequence[SignedDocument]) -> Root:
    if not roots:
        raise CeremonyError("no root was given")
    root = Root.decode(roots[0].encode())
    for following in roots[1:]:
        root = root.accept_next(following.encode())
    return root


def _seat_down(connection: Connection, vault: Vault, root: Root, card: Card) -> Sheet:
    signing, bundle = seat_identity.own_keys(connection)
    mine = [seat for seat in card.seats if seat.signing == signing.public]
    if len(mine) != 1 or mine[0].recipient != bundle.recipient:
        raise CeremonyError(f"card {card.sequence} does not list the keys of this vault")
    seat_identity.pin_root(connection, root)
    seat_identity.accept_card(connection, card)
    seat_identity.write_fact(connection, "seat", str(mine[0].number).encode())
    return renew_sheet(connection, seat_identity.load(connection), vault.clock())


def _signed(draft: SignedDocument, keys: Sequence[SigningKey]) -> SignedDocument:
    try:
        for key in keys:
            draft = add_signature(draft, key)
    except SignatureError as error:
        raise CeremonyError(str(error)) from error
    return draft
