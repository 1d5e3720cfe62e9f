# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The server's two keys: it signs batches with one and opens outbox manifests with the other. Nothing else is ever
signed or opened with them; no item opens with them.

One file, `server.json`, readable by the desk's account alone. The public half is what the ceremony puts on the card.
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
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                raw = file.read(MAX_FILE + 1)
        except OSError as error:
            raise KeysError(f"{path.name}: {error.strerror}") from None
        if not stat.S_ISREG(mode) or mode & 0o077:
            raise KeysError(f"{path.name} may be read by others: mode {stat.S_IMODE(mode):04o}, must be 0600")
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


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
