# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Watch keys: made, revoked, named. Each is on the desk's audit log; the key itself is nowhere but where it was printed.

D/watch-keys holds a file for each, with the SHA-256 of the key, for root and the group that the desk belongs to.
"""

from __future__ import annotations

import grp
import os
import secrets
from pathlib import Path

from deploy.errors import WatchError
from deploy.host import GROUP
from deploy.server import opened, settings_of, today
from journalist_app.desk import watch_keys
from store import audit


def add(folder: Path, name: str) -> str:
    """
    Make a key.

    Args:
        folder: The server's.
        name: Whose: a machine's or an operator's pseudonym.

    Returns:
        The key, which nobody can look up later.

    Raises:
        WatchError: The name cannot be used or is taken, or there are as many keys as there may be.
    """
    path = _path(folder, name)
    if len(names(folder)) >= watch_keys.MAX_KEYS:
        raise WatchError(f"there are {watch_keys.MAX_KEYS} watch keys, and no more are read: revoke one first")
    key = secrets.token_hex(32)
    store = opened(folder)
    try:
        # A key that the audit log does not know of must not exist.
        with store.write():
            audit.append(store, f"dengwen: watch key {name} added", day=today())
            _make_folder(path.parent)
            _write(path, watch_keys.digest_of(key))
    except FileExistsError:
        raise WatchError(f"there is a watch key of the name {name}: revoke it first, or take another name") from None
    except OSError as error:
        raise WatchError(f"{path}: {error.strerror}") from None
    return key


def revoke(folder: Path, name: str) -> None:
    """
    End a key: its next request is refused.

    Raises:
        WatchError: There is none of that name.
    """
    path = _path(folder, name)
    store = opened(folder)
    try:
        with store.write():
            audit.append(store, f"dengwen: watch key {name} revoked", day=today())
            path.unlink()
    except FileNotFoundError:
        raise WatchError(f"there is no watch key of the name {name}") from None
    except OSError as error:
        raise WatchError(f"{path}: {error.strerror}") from None


def names(folder: Path) -> tuple[str, ...]:
    """
    The names of the keys there are.
    """
    return watch_keys.names(settings_of(folder).desk.watch_keys)


def _path(folder: Path, name: str) -> Path:
    if not watch_keys.is_name(name):
        raise WatchError("a watch key's name has 1 to 32 of a to z, 0 to 9 and hyphens")
    return settings_of(folder).desk.watch_keys / name


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir()
        folder.chmod(0o750)
        _give_to_group(folder)


def _write(path: Path, contents: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    try:
        with os.fdopen(descriptor, "wb") as file:
            # Whatever the umask was: the desk runs under another account.
            os.fchmod(descriptor, 0o640)
            file.write(contents)
            file.flush()
            os.fsync(descriptor)
        _give_to_group(path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _give_to_group(path: Path) -> None:
    try:
        group = grp.getgrnam(GROUP).gr_gid
    except KeyError:
        # A demo, or a test: everything runs under one account.
        return
    if os.geteuid() == 0:
        os.chown(path, -1, group)
