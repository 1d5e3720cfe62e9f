# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Judging owners and modes: what the apps share, what the desk alone may read, what nobody else may touch.

On an installed host owners are compared too; elsewhere (a demo, a checkout) modes alone. Programs in one group share the store, so its files must
let the group in exactly when its folder does: a file that shuts the group out stops the desk.
"""

from __future__ import annotations

import shlex
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from deploy.doctor.finding import Finding, plain

WHAT = "owners and modes"
WHY = "Each program may reach what it needs and no more: the keys that sign batches, the store, the sockets. A mode too wide lets another account in; one too narrow stops a program."
MOST_SAID: Final = 4
#: A name in the store may be anybody's who broke into an app: so much of it is shown, and no command is made of it that is longer or says more than it shows.
MOST_PATH: Final = 120
MOST_FIX: Final = 1_000
BY_SETUP: Final = "As root, type: dengwen setup. It gives everything in the server's folder its owner and mode."


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """
    A file, folder or socket as it is.

    Args:
        path: Where, for the command to type.
        mode: Its permission bits, set-group-id among them.
        owner: The account's name.
        group: The group's name.
        folder: Whether it is a folder.
    """

    path: str
    mode: int
    owner: str
    group: str
    folder: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """
    How something has to be.

    Args:
        forbidden: Bits that must not be set.
        needed: Bits that must be.
        owners: Accounts it may belong to; any, if there are none.
        group: The group; any, if it is empty.
    """

    forbidden: int
    needed: int = 0
    owners: tuple[str, ...] = ()
    group: str = ""


#: Others read, write and search nothing; group and others nothing; others do not write.
NO_OTHERS: Final = 0o007
OWNER_ALONE: Final = 0o077
NO_OTHER_WRITERS: Final = 0o022


def inside_store(folder: Node) -> Rule:
    """
    What holds for everything below the store, given its folder.
    """
    shared = bool(folder.mode & stat.S_IRWXG)
    return Rule(
        forbidden=NO_OTHERS if shared else OWNER_ALONE,
        needed=0o060 if shared else 0,
        group=folder.group if shared else "",
    )


def owners_and_modes(found: Iterable[tuple[Node, Rule]]) -> Finding:
    """
    Everything that is not as its rule says.
    """
    wrong = [
        (node, fault, mend) for node, rule in found if (fault := _fault(node, rule)) for mend in [_mend(node, rule)]
    ]
    if not wrong:
        return Finding(what=WHAT, ok=True, seen="Folders, keys, store and sockets belong to whom they should.", why=WHY)
    said = "; ".join(f"{plain(node.path, MOST_PATH)} {fault}" for node, fault, _ in wrong[:MOST_SAID])
    more = f"; and {len(wrong) - MOST_SAID} more" if len(wrong) > MOST_SAID else ""
    fix = "As root, type: " + "; ".join(mend for _, _, mend in wrong[:MOST_SAID])
    keys = any("/keys" in node.path for node, _, _ in wrong)
    return Finding(
        what=WHAT,
        ok=False,
        urgent=keys,
        seen=f"{said}{more}.",
        why=WHY,
        fix=fix if len(fix) <= MOST_FIX and fix.isprintable() else BY_SETUP,
    )


def _fault(node: Node, rule: Rule) -> str:
    if node.mode & rule.forbidden:
        return f"has mode {node.mode:04o}, which lets in whom it must not"
    if node.mode & rule.needed != rule.needed:
        return f"has mode {node.mode:04o}, which shuts out the group that needs it"
    if rule.owners and node.owner not in rule.owners:
        return f"belongs to {node.owner}, not to {' or '.join(rule.owners)}"
    if rule.group and node.group != rule.group:
        return f"is of group {node.group}, not of {rule.group}"
    return ""


def _mend(node: Node, rule: Rule) -> str:
    path = shlex.quote(node.path)
    mode = (node.mode & ~rule.forbidden) | rule.needed
    steps = [f"chmod {mode:04o} {path}"] * (mode != node.mode)
    owner = rule.owners[0] if rule.owners and node.owner not in rule.owners else ""
    group = rule.group if rule.group and node.group != rule.group else ""
    steps += [f"chown {owner}{':' + group if group else ''} {path}"] * bool(owner or group)
    return "; ".join(steps)
