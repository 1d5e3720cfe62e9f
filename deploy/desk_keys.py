# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Who may reach the desk's onion at all: one x25519 client key for each person, in tor's `authorized_clients`.

Promises: a private half exists only where it is shown, once; a key is never replaced in silence. A door that was barred once stays barred:
tor takes an empty `authorized_clients` for "open to all", so a key that nobody has lies there before the first person's and after the last's.
Refuses: names that are not file names, folders that are links.
Leaves to others: telling tor (`onion.reload`, and after a revocation `onion.begin_anew`, without which a revoked key still opens).
"""

from __future__ import annotations

import base64
import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from deploy import onion_folder, onion_keys
from deploy.errors import DeskKeyError
from journalist_app.desk.errors import DeskError
from journalist_app.desk.persons import clean_name

FOLDER: Final = "authorized_clients"
SUFFIX: Final = ".auth"
#: Its private half was never kept.
NOBODY: Final = "nobody"
#: A file name has 255 bytes, suffix included.
MAX_NAME_BYTES: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskKey:
    """
    What is shown to a person, once.

    Args:
        name: Whose.
        address: The onion it opens, without `.onion`.
        private: The private half, in Base32: what Tor Browser asks for.
    """

    name: str
    address: str
    private: str = field(repr=False)

    @property
    def line(self) -> str:
        """The whole content of a file `….auth_private` in a tor's ClientOnionAuthDir."""
        return f"{self.address}:descriptor:x25519:{self.private}"


def bar(service: Path) -> None:
    """
    Demand a client key of everybody, before there is one. Must be done before tor first starts the service.

    Args:
        service: The service's folder; made if it is missing.

    Raises:
        DeskKeyError: It could not be done.
    """
    try:
        with (
            onion_folder.opened(service.parent) as above,
            onion_folder.inside(above, service.name, make=True) as folder,
            onion_folder.inside(folder, FOLDER, make=True) as keys,
        ):
            _bar(keys)
    except OSError as error:
        raise _refused(service, error) from None


def add(service: Path, name: str) -> DeskKey:
    """
    Make a key for one person.

    Args:
        service: The service's folder.
        name: A person's, as at the desk.

    Raises:
        DeskKeyError: They have one, the name cannot be used, or tor has not made the onion yet.
    """
    name = file_name(name)
    address = onion_keys.address(service)
    key = X25519PrivateKey.generate()
    made = DeskKey(name=name, address=address, private=_base32(key.private_bytes_raw()))
    try:
        with onion_folder.opened(service) as folder, onion_folder.inside(folder, FOLDER, make=True) as keys:
            _bar(keys)
            onion_folder.place(keys, name + SUFFIX, _public_line(key))
    except FileExistsError:
        raise DeskKeyError(f"{name} has a key; revoke it first") from None
    except OSError as error:
        raise _refused(service, error) from None
    return made


def revoke(service: Path, name: str) -> None:
    """
    Take one person's key away. Tor must be told.

    Raises:
        DeskKeyError: They have none.
    """
    name = file_name(name)
    try:
        with onion_folder.opened(service) as folder, onion_folder.inside(folder, FOLDER) as keys:
            # First: taking the last key away must not open the door.
            _bar(keys)
            onion_folder.remove(keys, name + SUFFIX)
    except FileNotFoundError:
        raise DeskKeyError(f"{name} has no key") from None
    except OSError as error:
        raise _refused(service, error) from None


def names(service: Path) -> tuple[str, ...]:
    """
    Who has a key, sorted.

    Raises:
        DeskKeyError: The folder cannot be read.
    """
    try:
        with onion_folder.opened(service) as folder, onion_folder.inside(folder, FOLDER) as keys:
            found = os.listdir(keys)  # noqa: PTH208 (a descriptor, not a path)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise _refused(service, error) from None
    people = (one.removesuffix(SUFFIX) for one in found if one.endswith(SUFFIX))
    return tuple(sorted(one for one in people if one != NOBODY))


def barred(service: Path) -> bool:
    """
    Whether any key lies there, be it nobody's: else tor lets everybody in.
    """
    with (
        contextlib.suppress(FileNotFoundError),
        onion_folder.opened(service) as folder,
        onion_folder.inside(folder, FOLDER) as keys,
    ):
        return any(one.endswith(SUFFIX) for one in os.listdir(keys))  # noqa: PTH208 (as above)
    return False


def file_name(name: str) -> str:
    """
    A person's name in the form that names their key's file.

    Raises:
        DeskKeyError: It does not name a file.
    """
    try:
        name = clean_name(name)
    except DeskError as error:
        raise DeskKeyError(str(error)) from None
    if "/" in name or name.startswith(".") or name == NOBODY or len(name.encode()) > MAX_NAME_BYTES:
        raise DeskKeyError(
            f"a key's name is a file's too: no slash, no dot at its beginning, at most {MAX_NAME_BYTES} bytes, and not “{NOBODY}”"
        )
    return name


def _bar(keys: int) -> None:
    with contextlib.suppress(FileExistsError):
        onion_folder.place(keys, NOBODY + SUFFIX, _public_line(X25519PrivateKey.generate()))


def _public_line(key: X25519PrivateKey) -> bytes:
    return f"descriptor:x25519:{_base32(key.public_key().public_bytes_raw())}\n".encode()


def _base32(raw: bytes) -> str:
    # Tor writes 32 bytes as 52 characters, without the padding.
    return base64.b32encode(raw).decode().rstrip("=")


def _refused(service: Path, error: OSError) -> DeskKeyError:
    return DeskKeyError(f"{service / FOLDER}: {error.strerror}")
