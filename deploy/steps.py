# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The commands that make written files count: which of them, in which order, for what changed.

Pure: names of files in, commands out. Each can be run again without harm, so that a setup which was interrupted runs them once more.
Accounts come before what belongs to them, profiles before the units that name them, sockets before tor, and the firewall before tor; what
could cut an operator off comes last.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, TypeAlias

from deploy import host
from deploy.render import SSHD, TORRC

Command: TypeAlias = tuple[str, ...]

SYSUSERS: Final = PurePosixPath("/etc/sysusers.d/dengwen.conf")
TMPFILES: Final = PurePosixPath("/etc/tmpfiles.d/dengwen.conf")
SYSCTL: Final = PurePosixPath("/etc/sysctl.d/60-dengwen.conf")
NFTABLES: Final = PurePosixPath("/etc/nftables.conf")
JOURNAL: Final = PurePosixPath("/etc/systemd/journald.conf.d/dengwen.conf")
UNITS: Final = PurePosixPath("/etc/systemd/system")
TOR_DROP_IN: Final = UNITS / "tor@default.service.d/dengwen.conf"
TOR_PROFILE: Final = PurePosixPath("/etc/apparmor.d/local/system_tor")

APPS: Final = ("dengwen-source", "dengwen-desk")
TIMERS: Final = ("dengwen-care.timer", "dengwen-doctor.timer")
ACCOUNTS: Final = (host.SOURCE_ACCOUNT, host.DESK_ACCOUNT, host.CARE_ACCOUNT)
PROFILES: Final = tuple(PurePosixPath(f"/etc/apparmor.d/{account}") for account in ACCOUNTS)


@dataclass(frozen=True, slots=True)
class Step:
    """
    A command and the files for whose sake it is run.
    """

    command: Command
    when: Callable[[PurePosixPath], bool]


def steps(changed: Collection[PurePosixPath], *, apparmor: bool) -> tuple[Command, ...]:
    """
    The commands for a setup.

    Args:
        changed: The files that were written.
        apparmor: Whether the kernel takes profiles.
    """
    return tuple(step.command for step in (*_system(apparmor=apparmor), *_services()) if any(map(step.when, changed)))


def accounts(changed: Collection[PurePosixPath]) -> tuple[Command, ...]:
    """
    The commands that make the accounts: before anything is given to them.
    """
    return (("systemd-sysusers", str(SYSUSERS)),) if SYSUSERS in changed else ()


def _system(*, apparmor: bool) -> tuple[Step, ...]:
    loaded = [Step(("apparmor_parser", "--replace", str(path)), _is(path)) for path in PROFILES]
    loaded.append(Step(("apparmor_parser", "--replace", "/etc/apparmor.d/system_tor"), _is(TOR_PROFILE)))
    return (
        # Whether it would load, while nothing depends on it.
        Step(("nft", "--check", "--file", str(NFTABLES)), _is(NFTABLES)),
        Step(("systemd-tmpfiles", "--create", str(TMPFILES)), _is(TMPFILES)),
        Step(("/lib/systemd/systemd-sysctl", str(SYSCTL)), _is(SYSCTL)),
        *(loaded if apparmor else ()),
        Step(("systemctl", "daemon-reload"), lambda path: path.is_relative_to(UNITS)),
        Step(("systemctl", "restart", "systemd-journald.service"), _is(JOURNAL)),
    )


def _services() -> tuple[Step, ...]:
    sockets, services = tuple(f"{app}.socket" for app in APPS), tuple(f"{app}.service" for app in APPS)
    daily = ("systemd-timesyncd.service", "unattended-upgrades.service", "apt-daily.timer", "apt-daily-upgrade.timer")
    ours = {UNITS / name for name in (*sockets, *services, *TIMERS)}
    return (
        Step(("systemctl", "enable", *sockets, *services, *TIMERS), lambda path: path in ours),
        *(Step(("systemctl", "restart", f"{app}.socket", f"{app}.service"), _of_app(app)) for app in APPS),
        Step(("systemctl", "restart", *TIMERS), lambda path: path in {UNITS / name for name in TIMERS}),
        Step(("systemctl", "enable", "--now", *daily), lambda path: path.is_relative_to("/etc/apt")),
        Step(("sshd", "-t"), _is(SSHD)),
        Step(("systemctl", "restart", "ssh.service"), _is(SSHD)),
        Step(("systemctl", "enable", "nftables.service", "tor.service"), lambda path: path in {NFTABLES, TORRC}),
        Step(("systemctl", "reload-or-restart", "nftables.service"), _is(NFTABLES)),
        Step(("systemctl", "restart", "tor@default.service"), lambda path: path in {TORRC, TOR_DROP_IN, TOR_PROFILE}),
    )


def _is(wanted: PurePosixPath) -> Callable[[PurePosixPath], bool]:
    return lambda path: path == wanted


def _of_app(app: str) -> Callable[[PurePosixPath], bool]:
    return lambda path: (
        path in {UNITS / f"{app}.socket", UNITS / f"{app}.service", PurePosixPath(f"/etc/apparmor.d/{app}")}
    )
