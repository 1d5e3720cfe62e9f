# SPDX-License-Identifier: AGPL-3.0-or-later
"""
`dengwen setup`: makes a Debian machine the server that its settings describe, and does nothing where it already is.

Promises: every file is shown before it is written; a second run changes nothing; a run that was interrupted is taken up by the next, because
what is still to be done stands in D/setup-pending until it is done. Asks nothing.
Refuses: a machine that swaps, that lacks a package, or that this would cut its operator off from.
Leaves to others: what the files say (`render`), which commands they need (`steps`), whom the folder belongs to (`owners`).
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from deploy import desk_keys, host, source_address
from deploy.errors import SetupError
from deploy.installed import Change, changes, write
from deploy.keeping import read_small, write_whole
from deploy.owners import settle
from deploy.render import render
from deploy.runner import Runner
from deploy.settings import Settings, load
from deploy.steps import UNITS, accounts, steps

PACKAGES: Final = ("apparmor", "dbus", "nftables", "systemd-timesyncd", "tor", "unattended-upgrades")
SSH_PACKAGE: Final = "openssh-server"
PENDING: Final = "setup-pending"
MAX_PENDING: Final = 65_536
SOURCE_UNIT: Final = UNITS / "dengwen-source.service"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """
    What a setup is to do.

    Args:
        settings: Of the server.
        root: Where the server's file system begins.
        changed: Files that are not as they are to be.
        pending: Files whose commands an interrupted setup did not come to.
    """

    settings: Settings
    root: Path
    changed: tuple[Change, ...]
    pending: frozenset[PurePosixPath]

    @property
    def touched(self) -> frozenset[PurePosixPath]:
        """Files whose commands are to be run."""
        return self.pending | {change.path for change in self.changed}


def set_up(folder: Path, runner: Runner, *, say: Say, root: Path = Path("/"), dry: bool = False) -> None:
    """
    Set a machine up, or show what that would do.

    Args:
        folder: The server's.
        runner: The machine.
        say: Takes what an operator reads.
        root: Where the server's file system begins.
        dry: Whether to show only.

    Raises:
        RenderError: The settings do not fit a server.
        SetupError: The machine is not ready for it, or a step failed; the next run goes on from there.
    """
    if not runner.is_root():
        raise SetupError("this looks into folders that are root's alone, and writes to /etc: run it as root")
    settings = load(folder)
    reasons = refusals(settings, runner, root)
    if reasons and not dry:
        raise SetupError("\n".join(reasons))
    for reason in reasons:
        say(f"REFUSED as this machine stands: {reason}")
    plan = Setup(
        settings=settings, root=root, changed=changes(root, render(settings), runner), pending=_pending(folder)
    )
    for change in plan.changed:
        say(change.shown())
    if dry:
        _show(plan, runner, say)
    else:
        _carry_out(plan, runner, say)


def refusals(settings: Settings, runner: Runner, root: Path) -> tuple[str, ...]:
    """
    Why this machine cannot be set up as it stands, with what to type.
    """
    reasons = []
    if root == Path("/") and settings.folder.absolute() != host.FOLDER:
        reasons.append(f"a server's folder is {host.FOLDER}: units and profiles name it; make or move it there")
    if swaps := runner.swaps():
        reasons.append(
            f"this machine swaps to {', '.join(swaps)}: words of sources would be written there. "
            "`swapoff -a`, and remove the swap lines of /etc/fstab"
        )
    needed = (*PACKAGES, SSH_PACKAGE) if settings.onion.ssh else PACKAGES
    if missing := [name for name in needed if not runner.has_package(name)]:
        reasons.append(f"packages are missing: `apt-get install --no-install-recommends {' '.join(missing)}`")
    if runner.over_ssh() and not settings.onion.ssh:
        reasons.append(
            "the firewall would end this SSH session and let no other in: sit at the console, "
            "or set ssh = true in [onion] of dengwen.toml to come back by onion"
        )
    return tuple(reasons)


def _show(plan: Setup, runner: Runner, say: Say) -> None:
    for line in (*_close_doors(plan, dry=True), *settle(plan.settings, runner, dry=True)):
        say(f"would set: {line}")
    commands = _commands(plan.touched, runner)
    for command in commands:
        say(f"would run: {shlex.join(command)}")
    if named := source_address.unnamed(plan.settings, plan.root):
        say(f"would set: onion of [source] to {named}, and restart the source app")
    if not plan.changed and not commands and not named:
        say("Every file is as it is to be.")
    say("Nothing was written and nothing was run.")


def _carry_out(plan: Setup, runner: Runner, say: Say) -> None:
    folder = plan.settings.folder
    if plan.touched:
        _keep_pending(folder, plan.touched)
    for change in plan.changed:
        write(change, runner)
    for command in accounts(plan.touched):
        _run(command, runner, say)
    settled = (*_close_doors(plan), *settle(plan.settings, runner))
    for line in settled:
        say(f"set: {line}")
    for command in steps(plan.touched, apparmor=runner.has_apparmor()):
        _run(command, runner, say)
    named = _name_onion(plan, runner, say)
    (folder / PENDING).unlink(missing_ok=True)
    if not runner.has_apparmor():
        say("AppArmor is not at work in this kernel: its profiles are written and not loaded.")
    say("Done." if plan.touched or settled or named else "Nothing to do: every file is as it is to be.")


def _close_doors(plan: Setup, *, dry: bool = False) -> tuple[str, ...]:
    # Before tor first starts: an onion without a client key is open to everybody.
    doors = (host.DESK_ONION, host.SSH_ONION) if plan.settings.onion.ssh else (host.DESK_ONION,)
    opened = [door for door in doors if not desk_keys.barred(plan.root / door.relative_to("/"))]
    for door in opened:
        if not dry:
            desk_keys.bar(plan.root / door.relative_to("/"))
    return tuple(f"{door}: open to client keys alone" for door in opened)


def _name_onion(plan: Setup, runner: Runner, say: Say) -> bool:
    # After tor has started: it makes the address then.
    onion = source_address.unnamed(plan.settings, plan.root)
    if not onion:
        return False
    _keep_pending(plan.settings.folder, plan.touched | {SOURCE_UNIT})
    source_address.name_it(plan.settings.folder, onion)
    # A new file is root's alone, and the app has to read it.
    settle(plan.settings, runner)
    say(f"set: onion of [source] to {onion}")
    _run(("systemctl", "restart", "dengwen-source.service"), runner, say)
    return True


def _commands(touched: Collection[PurePosixPath], runner: Runner) -> tuple[tuple[str, ...], ...]:
    return (*accounts(touched), *steps(touched, apparmor=runner.has_apparmor()))


def _run(command: tuple[str, ...], runner: Runner, say: Say) -> None:
    say(f"run: {shlex.join(command)}")
    runner.run(command)


def _pending(folder: Path) -> frozenset[PurePosixPath]:
    try:
        raw = read_small(folder / PENDING, MAX_PENDING)
    except FileNotFoundError:
        return frozenset()
    except OSError as error:
        raise SetupError(f"{folder / PENDING}: {error.strerror}; look at it and remove it") from None
    return frozenset(PurePosixPath(line) for line in raw.decode(errors="replace").splitlines())


def _keep_pending(folder: Path, touched: Collection[PurePosixPath]) -> None:
    try:
        write_whole(folder / PENDING, "".join(f"{path}\n" for path in sorted(touched)).encode(), mode=0o600)
    except OSError as error:
        raise SetupError(f"{folder / PENDING}: {error.strerror}; look at it and remove it") from None
