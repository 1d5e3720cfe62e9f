# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The server's two keys: it signs batches with one and opens outbox manifests with the other. Nothing else is ever
signed or opened with them; no item opens with them.

One file, `server.json`, readable by the desk's account alone: its own file, or a credential that systemd lends its unit. The public half is what the ceremony puts on the card.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from crypto import canonical
from crypto.age import HybridIdentity
from crypto.canonical import Fields
from crypto.errors import FormatError
from crypto.hidden import Hidden
from crypto.signing import SigningKey
from journalist_app.desk.errors import KeysError

NAME = "server.json"
MAX_FILE = 4_096
VERSION = 1


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """
    The private halves.

    Args:
        signing: Signs batches.
        transfer: Opens outbox manifests.
    """

    signing: SigningKey = field(repr=False)
    transfer: HybridIdentity = field(repr=False)

    def public(self) -> bytes:
        """
        The public halves, as a file for the ceremony: canonical JSON of kind `server`.
        """
        return canonical.encode(
            {
                "kind": "server",
                "version": VERSION,
                "signing": self.signing.public.hex(),
                "transfer": str(self.transfer.recipient),
            }
        )

    @classmethod
    def load(cls, path: Path) -> ServerKeys:
        """
        Read the key file.

        Raises:
            KeysError: It is missing, others may read it, or it is not a key file.
        """
        raw = _read(path, MAX_FILE + 1)
        try:
            fields = Fields.decode(raw, path.name, limit=MAX_FILE)
            fields.choice("kind", ("server keys",))
            fields.number("version", VERSION, VERSION)
            signing = SigningKey(Hidden(fields.hex("signing", 32)))
            transfer = HybridIdentity(Hidden(fields.hex("transfer", 32)))
            fields.done()
        except FormatError:
            # The cause could carry a key.
            raise KeysError(f"{path.name} is not a file of server keys") from None
        return cls(signing, transfer)


def require_private(path: Path) -> None:
    """
    Look whether the key file is there and nobody else reads it, without reading it.

    Raises:
        KeysError: It is not so.
    """
    _read(path, 0)


def is_private(found: os.stat_result, *, lent: bool) -> bool:
    """
    Whether only this account, and root, may read a file.

    Args:
        found: What fstat says of it.
        lent: Whether it lies in the root of a mount of its own, as a unit's credentials do. systemd lets the account in by an
            access list there, whose mask shows as the bits of a group: root's, 0440.
    """
    if not stat.S_ISREG(found.st_mode) or found.st_uid not in {0, os.geteuid()}:
        return False
    mode = stat.S_IMODE(found.st_mode)
    return not mode & 0o077 or (lent and mode == 0o440 and found.st_gid == 0)


def make_server_keys(folder: Path) -> ServerKeys:
    """
    Make a new server's keys and write them to `server.json` in a folder, durably.

    Args:
        folder: Is made, for the owner alone, if it is missing.

    Raises:
        KeysError: There are keys already. They are never replaced: the card names them.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = ServerKeys(SigningKey.generate(), HybridIdentity.generate())
    raw = canonical.encode(
        {
            "kind": "server keys",
            "version": VERSION,
            "signing": bytes(keys.signing.seed).hex(),
            "transfer": bytes(keys.transfer.seed).hex(),
        }
    )
    try:
        descriptor = os.open(folder / NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise KeysError(f"{NAME} exists already") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    _sync(folder)
    return keys


def _read(path: Path, length: int) -> bytes:
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if not is_private(found, lent=path.parent.is_mount()):
                raise KeysError(
                    f"{path.name} may be read by others: mode {stat.S_IMODE(found.st_mode):04o}, "
                    "must be 0600 and the account's own"
                )
            return file.read(length)
    except OSError as error:
        raise KeysError(f"{path.name}: {error.strerror}") from None


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
