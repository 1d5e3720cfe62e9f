# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The vault's folder and who opens it: one passphrase-sealed slot per person around one random database key.

V/vault.db     SQLCipher, raw key
V/slots/*.json one per person: the name, and the key sealed with that person's passphrase (spec P2)
V/items/       large payloads as they arrived, ciphertext; their file keys are in the database
V/outboxes/    outboxes as they were frozen

Left to others: choosing good passphrases (`crypto.passwords` generates them), and the disk's own encryption.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from crypto import canonical, passwords
from crypto.errors import CryptoError, PassphraseError
from crypto.hidden import Hidden
from journalist_app.vault.engine import KEY_SIZE, Database
from journalist_app.vault.errors import FolderError, InputError, LockedError
from journalist_app.vault.files import create_new, sync_folder
from journalist_app.vault.upgrade import bring_up

SLOT_LIMIT = 16_384
MAX_SLOTS = 64
MAX_NAME = 120


@dataclass(frozen=True, slots=True)
class Slot:
    """
    One person's way in.

    Args:
        path: The slot's file.
        person: The name as it will stand in entries.
        sealed: The sealed key file.

    """

    path: Path
    person: str
    sealed: bytes


def today() -> date:
    """
    The laptop's day, in UTC.
    """
    return datetime.now(UTC).date()


class Vault:
    """
    An open vault.

    Args:
        folder: Its folder.
        database: The keyed database.
        person: Who opened it.
        clock: Gives the day; tests give their own.

    """

    def __init__(self, folder: Path, database: Database, person: str, clock: Callable[[], date] = today) -> None:
        self.folder = folder
        self.database = database
        self.person = person
        self.clock = clock
        self.items = folder / "items"
        self.outboxes = folder / "outboxes"
        self.read = database.read
        self.write = database.write

    def close(self) -> None:
        """
        Forget the key, as far as Python can.
        """
        self.database.close()


def create(
    folder: Path,
    person: str,
    passphrase: str,
    *,
    profile: passwords.Costs,
    clock: Callable[[], date] = today,
) -> Vault:
    """
    Make a new, empty vault with one slot.

    Raises:
        FolderError: There is something in that folder already.

    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FolderError(f"{folder} is not empty")
    for name in ("slots", "items", "outboxes"):
        (folder / name).mkdir(mode=0o700)
    key = Hidden(secrets.token_bytes(KEY_SIZE))
    database = Database(folder / "vault.db", key)
    database.create()
    (folder / "vault.db").chmod(0o600)
    _add(folder, person, key, passphrase, profile=profile)
    return Vault(folder, database, person, clock)


def open_vault(folder: Path, passphrase: str, person: str | None = None, *, clock: Callable[[], date] = today) -> Vault:
    """
    Open a vault with one person's passphrase.

    Args:
        folder: The vault's folder.
        passphrase: Theirs.
        person: Whose slot to try; may be left out if there is one only.
        clock: Gives the day.

    Raises:
        LockedError: The passphrase is wrong, or nobody of that name has a slot: one message for both.
        FolderError: This is no vault, or a newer version's.

    """
    key = _key(folder, passphrase, person)
    database = Database(folder / "vault.db", key[0])
    bring_up(database)
    return Vault(folder, database, key[1], clock)


def add_person(
    folder: Path, person: str, passphrase: str, *, opener: str, opener_passphrase: str, profile: passwords.Costs
) -> None:
    """
    Give another person a slot of their own.

    Raises:
        LockedError: The opener's passphrase is wrong.
        InputError: That name has a slot already, or is no name.

    """
    key, _ = _key(folder, opener_passphrase, opener)
    _add(folder, person, key, passphrase, profile=profile)


def slots(folder: Path) -> tuple[Slot, ...]:
    """
    Everyone who has a slot, by file name.

    Raises:
        FolderError: A slot is not in the one form slots have, or there are none.

    """
    paths = sorted((folder / "slots").glob("*.json"))
    if not paths or len(paths) > MAX_SLOTS or not (folder / "vault.db").exists():
        raise FolderError(f"{folder} is not a vault")
    return tuple(_read_slot(path) for path in paths)


def write_private(path: Path, content: bytes) -> None:
    """
    Write a new file that only its owner reads, and see it on the disk before going on.

    Raises:
        FolderError: There is such a file already.

    """
    try:
        opened = create_new(path)
    except FileExistsError:
        raise FolderError(f"{path} is there already") from None
    with opened as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def person_name(text: str) -> str:
    """
    A name as it may stand in slots and entries.

    Raises:
        InputError: It is empty, too long or not printable.

    """
    name = text.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise InputError(f"a name has 1 to {MAX_NAME} printable characters")
    return name


def _add(folder: Path, person: str, key: Hidden, passphrase: str, *, profile: passwords.Costs) -> None:
    name = person_name(person)
    paths = list((folder / "slots").glob("*.json"))
    if any(_read_slot(path).person == name for path in paths):
        raise InputError(f"{name} has a slot already")
    sealed = passwords.seal_key("vault key", key, passphrase, profile)
    slot: dict[str, canonical.JSON] = {"kind": "slot", "version": 1, "person": name, "sealed": sealed.decode()}
    write_private(folder / "slots" / f"{len(paths) + 1:02d}.json", canonical.encode(slot))


def _key(folder: Path, passphrase: str, person: str | None) -> tuple[Hidden, str]:
    everyone = slots(folder)
    if person is None and len(everyone) > 1:
        raise LockedError("say whose passphrase this is")
    for slot in everyone:
        if person is None or slot.person == person:
            try:
                return passwords.open_key("vault key", slot.sealed, passphrase), slot.person
            except PassphraseError:
                break
    raise LockedError("this passphrase does not open the vault")


def _read_slot(path: Path) -> Slot:
    try:
        fields = canonical.Fields(canonical.decode(path.read_bytes(), limit=SLOT_LIMIT), "slot")
        kind, version = fields.text("kind", 16), fields.number("version", 1, 1)
        slot = Slot(path, fields.text("person", MAX_NAME), fields.text("sealed", SLOT_LIMIT).encode())
        fields.done()
    except (CryptoError, OSError) as error:
        raise FolderError(f"{path.name} is not a slot: {error}") from error
    if kind != "slot" or version != 1:
        raise FolderError(f"{path.name} is not a slot")
    return slot
