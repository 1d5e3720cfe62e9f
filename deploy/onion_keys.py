# SPDX-License-Identifier: AGPL-3.0-or-later
"""
An onion's own key: its address, and putting a key that exists already in its place.

The key is the address: who has the file can be the service. Exporting is copying `hs_ed25519_secret_key` of the service's folder, as root, to
where nobody else comes.

Promises: a key in place is never overwritten; the address is computed from the key, not read beside it.
Refuses: files that are not tor's v3 secret keys, byte by byte.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
from pathlib import Path
from typing import Final

from nacl.bindings import crypto_scalarmult_ed25519_base_noclamp

from deploy import onion_folder
from deploy.errors import OnionKeyError

SECRET: Final = "hs_ed25519_secret_key"  # noqa: S105 (a file's name)
HOSTNAME: Final = "hostname"
HEADER: Final = b"== ed25519v1-secret: type0 ==\x00\x00\x00"
KEY_BYTES: Final = len(HEADER) + 64

_HOSTNAME: Final = re.compile(rb"([a-z2-7]{56})\.onion\n")


def address_of_public(public: bytes) -> str:
    """
    The address of a public key, without `.onion` (rend-spec-v3 §6): key, checksum, version 3.

    Raises:
        OnionKeyError: It has not 32 bytes.
    """
    if len(public) != 32:
        raise OnionKeyError("an onion's public key has 32 bytes")
    checksum = hashlib.sha3_256(b".onion checksum" + public + b"\x03").digest()[:2]
    return base64.b32encode(public + checksum + b"\x03").decode().lower()


def address_of_secret(raw: bytes) -> str:
    """
    The address of a service whose `hs_ed25519_secret_key` this is.

    Raises:
        OnionKeyError: It is no such file.
    """
    if len(raw) != KEY_BYTES or not raw.startswith(HEADER):
        raise OnionKeyError(f"this is not tor's {SECRET}: {KEY_BYTES} bytes that begin with its header")
    scalar = raw[len(HEADER) : len(HEADER) + 32]
    # RFC 8032 §5.1.5: every key that tor made is a clamped scalar.
    if scalar[0] & 7 or scalar[31] & 0xC0 != 0x40:
        raise OnionKeyError(f"this {SECRET} is damaged")
    return address_of_public(crypto_scalarmult_ed25519_base_noclamp(scalar))


def address(service: Path) -> str:
    """
    The address that tor wrote for one of its services, without `.onion`.

    Raises:
        OnionKeyError: There is none yet, or it is not one.
    """
    try:
        with onion_folder.opened(service) as folder:
            raw = onion_folder.read(folder, HOSTNAME, 128)
    except OSError as error:
        raise OnionKeyError(f"{service / HOSTNAME}: {error.strerror}; tor writes it when it first starts") from None
    found = _HOSTNAME.fullmatch(raw)
    if found is None or not _sound(found[1].decode()):
        raise OnionKeyError(f"{service / HOSTNAME} holds no onion address")
    return found[1].decode()


def install(service: Path, given: Path) -> str:
    """
    Put an existing key in a service's place; tor has its address from then on.

    Args:
        service: The service's folder; made if it is missing. Tor's folder above must be there.
        given: The key file, or the folder it lies in.

    Returns:
        The address, without `.onion`.

    Raises:
        OnionKeyError: There is a key already, or this is none.
    """
    source = given / SECRET if given.is_dir() else given
    try:
        with source.open("rb") as file:
            raw = file.read(KEY_BYTES + 1)
        found = address_of_secret(raw)
        with (
            onion_folder.opened(service.parent) as above,
            onion_folder.inside(above, service.name, make=True) as folder,
        ):
            # The secret key first: a half-done import is then refused, not overwritten, and tor finds the rest by itself.
            onion_folder.place(folder, SECRET, raw)
            for stale in ("hs_ed25519_public_key", HOSTNAME):
                with contextlib.suppress(FileNotFoundError):
                    onion_folder.remove(folder, stale)
            onion_folder.place(folder, HOSTNAME, f"{found}.onion\n".encode())
    except FileExistsError:
        raise OnionKeyError(f"{service / SECRET} exists: this onion has an address, which would be lost") from None
    except OSError as error:
        raise OnionKeyError(f"{error.filename or source}: {error.strerror}") from None
    return found


def _sound(written: str) -> bool:
    public = base64.b32decode(written.upper())[:32]
    return address_of_public(public) == written
