# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A server's folder: made once, filled with the organisation's documents and the people who work there.

    D/dengwen.toml         settings, every one of them
    D/server-public.json   what the ceremony puts on the card
    D/keys/server.json     the server's two private keys, for the desk alone
    D/store/               database and blobs: ciphertext
    D/texts/               guidance, logo and OpenPGP key of the operator's own, for sources to see

Nothing made here opens an item. Making a folder twice is refused: its keys are on the card.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
from pathlib import Path

from crypto import canonical
from crypto.canonical import Fields
from crypto.card import MAX_SEATS
from crypto.errors import CryptoError
from deploy import host
from deploy.errors import DeployError
from deploy.settings import NAME, SHARED, Settings, load
from deploy.torrc import OnionSettings
from journalist_app.desk.errors import DeskError
from journalist_app.desk.installing import install
from journalist_app.desk.keys import make_server_keys
from journalist_app.desk.persons import Enrolment, enrol
from journalist_app.desk.settings import DeskSettings
from source_app.settings import SourceSettings
from store import audit
from store.engine import Store, open_store
from store.errors import StoreError
from store.reviewers import Role
from store.schema import migrate

PUBLIC = "server-public.json"
STORE, KEYS, TEXTS = "store", "keys/server.json", "texts"
MAX_INSTALL = 16 << 20
SOURCE_BIND, DESK_BIND = "127.0.0.1:8080", "127.0.0.1:8081"


def initialise(folder: Path, organisation: str, *, source: str = "", desk: str = "", reads: str = "") -> bytes:
    """
    Make a server's folder.

    Args:
        folder: Where; made if it is missing. In `host.FOLDER` the settings are those of an installed server.
        organisation: The name on every page.
        source: Where the source app listens, if not where it does by default.
        desk: Where the desk listens, likewise.
        reads: The languages that the reviewers read, for the first page.

    Returns:
        The server's public keys, as they stand in `server-public.json`.

    Raises:
        DeployError: There is a server already, or a value is out of bounds.
    """
    if (folder / NAME).exists():
        raise DeployError(f"{folder / NAME} exists: there is a server here already")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    installed = folder.absolute() == host.FOLDER
    source = source or (f"unix:{host.SOURCE_SOCKET}" if installed else SOURCE_BIND)
    desk = desk or (f"unix:{host.DESK_SOCKET}" if installed else DESK_BIND)
    try:
        apps = (
            SourceSettings(
                store=folder / STORE,
                organisation=organisation,
                bind=source,
                circuits=_behind_tor(source),
                reads=reads,
                texts=folder / TEXTS,
            ),
            DeskSettings(
                store=folder / STORE,
                keys=folder / KEYS,
                organisation=organisation,
                bind=desk,
                circuits=_behind_tor(desk),
                doctor=host.REPORT if installed else folder / host.REPORT.name,
            ),
        )
        keys = make_server_keys((folder / KEYS).parent)
    except (ValueError, DeskError) as error:
        raise DeployError(str(error)) from None
    migrate(folder / STORE)
    (folder / TEXTS).mkdir(mode=0o755, exist_ok=True)
    public = keys.public()
    (folder / PUBLIC).write_bytes(public)
    (folder / NAME).write_text(write_settings(folder, organisation, *apps))
    return public


def _behind_tor(bind: str) -> bool:
    # Nothing but tor connects to a unix socket of ours, and our torrc has it name the circuit first.
    return bind.startswith("unix:")


def write_settings(
    folder: Path, organisation: str, source: SourceSettings, desk: DeskSettings, onion: OnionSettings | None = None
) -> str:
    """
    The text of dengwen.toml: every setting there is, paths relative to the folder where they lie in it.
    """
    lines = [
        "# Every setting there is; a key that is missing or unknown is refused. Paths are relative to this file.",
        "",
        f"organisation = {_toml(organisation)}",
        f"store = {_toml(STORE)}",
    ]
    for table, app in (("source", source), ("desk", desk), ("onion", onion or OnionSettings())):
        lines += ["", f"[{table}]"]
        for field in dataclasses.fields(app):
            if field.name not in SHARED:
                value = getattr(app, field.name)
                if isinstance(value, Path) and value.is_relative_to(folder):
                    value = value.relative_to(folder)
                lines.append(f"{field.name} = {_toml(value)}")
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    # A JSON string without escapes for non-ASCII is a TOML basic string; so are its whole numbers and truth values.
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)


def install_file(folder: Path, file: Path, *, fingerprint: str, by: str = "dengwen") -> tuple[str, ...]:
    """
    Install what the ceremony wrote: `install.json` (root, card, sheets), or a single signed document.

    Args:
        folder: The server's.
        file: The file.
        fingerprint: Of the first root, as the ceremony printed it.
        by: Who installs, for the audit log.

    Returns:
        A line for each document.

    Raises:
        DeployError: It was refused; the message says why.
    """
    raw = file.read_bytes()[: MAX_INSTALL + 1]
    try:
        documents = _documents(raw)
        return install(opened(folder), documents, by=by, day=today(), fingerprint=fingerprint)
    except (CryptoError, StoreError, DeskError) as error:
        raise DeployError(str(error) or (error.__doc__ or "").strip()) from None


def _documents(raw: bytes) -> list[bytes]:
    fields = Fields(canonical.decode(raw, limit=MAX_INSTALL), "install file")
    if fields.has("document"):
        return [raw]
    documents = [fields.text("root", MAX_INSTALL), fields.text("card", MAX_INSTALL)]
    documents += [sheet for sheet in fields.list("sheets", MAX_SEATS) if isinstance(sheet, str)]
    fields.done()
    return [document.encode() for document in documents]


def add_person(folder: Path, name: str, *, role: Role, seat: int | None) -> Enrolment:
    """
    Let someone log in at the desk.

    Raises:
        DeployError: The name is taken or cannot be used.
    """
    settings, store = load(folder), opened(folder)
    try:
        # A login that the audit log does not know of must not exist.
        with store.write():
            made = enrol(store, name=name, role=role, seat=seat, organisation=settings.organisation)
            audit.append(store, f"dengwen: {made.person.name} may log in as {role}", day=today())
    except (DeskError, StoreError) as error:
        raise DeployError(str(error)) from None
    return made


def opened(folder: Path) -> Store:
    """
    The store of a server's folder.
    """
    return open_store(load(folder).store)


def settings_of(folder: Path) -> Settings:
    """
    The settings of a server's folder.
    """
    return load(folder)


def today() -> datetime.date:
    """
    The server's day, UTC.
    """
    return datetime.datetime.now(datetime.UTC).date()
