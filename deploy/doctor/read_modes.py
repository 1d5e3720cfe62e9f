# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Looking up owners and modes, and which rule holds for what: more is asked of an installed host than of a folder somewhere.
"""

from __future__ import annotations

import grp
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from deploy import host
from deploy.doctor.machine import Machine
from deploy.doctor.modes import NO_OTHER_WRITERS, NO_OTHERS, OWNER_ALONE, Node, Rule, inside_store
from deploy.owners import Belonging, belongings
from deploy.settings import NAME, Settings


def nodes(folder: Path, settings: Settings, machine: Machine, *, installed: bool) -> Iterator[tuple[Node, Rule]]:
    """
    Everything that is looked at, with its rule: of the store, its own files and its folders, not each of its blobs.

    Args:
        folder: The server's.
        settings: Its settings, for the place of the keys and the store.
        machine: Where it runs.
        installed: Whether this is a host as `dengwen setup` makes it, with its accounts and sockets.
    """
    if installed:
        for one in belongings(settings):
            for path in _parts(one.path) if one.whole else (one.path,):
                yield from _one(path, _rule(one, path))
        for socket in (host.SOURCE_SOCKET, host.DESK_SOCKET):
            rule = Rule(forbidden=NO_OTHERS, needed=0o060, owners=("root",), group=host.TOR_ACCOUNT)
            yield from _one(machine.path(socket), rule)
        return
    yield from _one(folder, Rule(forbidden=NO_OTHERS))
    yield from _one(folder / NAME, Rule(forbidden=NO_OTHER_WRITERS))
    yield from _one(settings.desk.keys.parent, Rule(forbidden=OWNER_ALONE))
    yield from _one(settings.desk.keys, Rule(forbidden=OWNER_ALONE))
    store = _node(settings.store)
    if store is not None:
        yield store, Rule(forbidden=NO_OTHERS)
        for path in _parts(settings.store)[1:]:
            yield from _one(path, inside_store(store))


def _parts(path: Path) -> tuple[Path, ...]:
    return (path, *sorted(path.glob("*")), *sorted(path.glob("blobs/*")))


def _rule(one: Belonging, path: Path) -> Rule:
    # A file has those bits of its folder that read and write. Where the group may come in, it has to.
    bits = one.mode if path.is_dir() else one.mode & 0o666
    return Rule(forbidden=0o777 & ~bits, needed=bits & 0o7070, owners=one.owners, group=one.group)


def _one(path: Path, rule: Rule) -> Iterator[tuple[Node, Rule]]:
    node = _node(path)
    if node is not None:
        yield node, rule


def _node(path: Path) -> Node | None:
    try:
        found = path.lstat()
    except (FileNotFoundError, PermissionError):
        # SQLite's log comes and goes; what lies behind a closed folder is that folder's matter.
        return None
    return Node(
        path=str(path),
        mode=stat.S_IMODE(found.st_mode),
        owner=_owner(found.st_uid),
        group=_group(found.st_gid),
        folder=stat.S_ISDIR(found.st_mode),
    )


def _owner(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
