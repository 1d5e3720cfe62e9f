# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Giving and taking client keys as an operator does: the key's file, the audit log, and tor, in the order that fails safely.

Promises: a key that the audit log does not know of is never left behind; a key that was revoked no longer opens when this returns without an
error, also to somebody who was in, or whose tor remembers the old descriptor. Sources are not disturbed by either.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final, Literal

from deploy import desk_keys, host, onion, server
from deploy.desk_keys import DeskKey
from deploy.errors import DeployError, DeskKeyError, OnionError
from store import audit
from store.errors import StoreError

Name = Literal["desk", "ssh"]
NAMES: Final[tuple[Name, ...]] = ("desk", "ssh")
SERVICES: Final = {
    "source": host.SOURCE_ONION.name,
    "desk": host.DESK_ONION.name,
    "ssh": host.SSH_ONION.name,
}


def add(folder: Path, name: str, service: Path, control: Path) -> tuple[DeskKey, str]:
    """
    Give somebody a key.

    Args:
        folder: The server's.
        name: Whose key.
        service: The onion's folder.
        control: Tor's control socket.

    Returns:
        The key, and what is left to do, or nothing.

    Raises:
        DeployError: There is no key.
    """
    store = server.opened(folder)
    made: DeskKey | None = None
    try:
        with store.write():
            audit.append(
                store, f"dengwen: {desk_keys.file_name(name)} is given a key to {service.name}", day=server.today()
            )
            made = desk_keys.add(service, name)
    except BaseException as error:
        if made is not None:
            with contextlib.suppress(DeskKeyError):
                desk_keys.revoke(service, made.name)
        if isinstance(error, StoreError):
            raise DeployError(str(error) or (error.__doc__ or "").strip()) from None
        raise
    try:
        with onion.opened(control) as door:
            door.reload()
    except OnionError as error:
        return (
            made,
            f"Tor does not know the key yet ({error}). It reads it when it starts, or: systemctl reload tor@default",
        )
    return made, ""


def revoke(folder: Path, name: str, service: Path, control: Path) -> None:
    """
    Take somebody's key away, and end every circuit to that onion: the others come back by themselves.

    Args:
        folder: The server's.
        name: Whose key.
        service: The onion's folder.
        control: Tor's control socket.

    Raises:
        DeployError: They have no key, or it may still open something; the message says what to do.
    """
    # The key first: nothing that fails later may leave it.
    desk_keys.revoke(service, name)
    untold = ""
    try:
        with onion.opened(control) as door:
            door.begin_anew(service)
    except OnionError as error:
        untold = f"the key is gone, but a tor that runs may still let its holder in ({error}). Do: systemctl restart tor@default"
    try:
        store = server.opened(folder)
        with store.write():
            audit.append(
                store,
                f"dengwen: the key of {desk_keys.file_name(name)} to {service.name} is revoked",
                day=server.today(),
            )
    except StoreError as error:
        unwritten = f"the key is gone, but the audit log does not say so: {error}"
        raise DeployError(f"{untold}. Also: {unwritten}" if untold else unwritten) from None
    if untold:
        raise DeployError(untold)
