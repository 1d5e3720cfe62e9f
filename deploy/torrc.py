# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Tor's configuration, rendered whole: what `dengwen setup` puts in /etc/tor/torrc, every line with its reason.

Promises: the same settings give the same bytes; the source service is open, the desk's and the ssh service demand a client key.
Refuses: settings outside their bounds, when they are made.
Leaves to others: the keys and `authorized_clients` of the desk (`desk_keys`), writing the file (`setup`), and whether tor does what it says
(`onion`). A service whose `authorized_clients` is empty is open to all: tor takes that for "no authorisation wanted".
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy import host

#: Settings that are truths; the others are whole numbers within these bounds.
BOUNDS: Final = (("pow_queue_rate", 1, 10_000), ("pow_queue_burst", 1, 100_000), ("max_streams", 32, 1_024))

COOKIE: Final = host.TOR_CONTROL.with_name("control.authcookie")


@dataclass(frozen=True, slots=True, kw_only=True)
class OnionSettings:
    """
    What an installation decides about its onion services.

    Args:
        pow: Whether visitors solve a puzzle while the source service is flooded; without a flood there is none.
        pow_queue_rate: Introductions a second that tor takes up; when more come, puzzles grow. Far above what sources ever need, since the app
            behind derives a few codenames a second on two cores, and below what would keep tor from carrying the uploads of those who are in.
        pow_queue_burst: How many it takes up at once after a quiet time: a link was published, and many read it in the same minute.
        max_streams: Connections that one circuit may hold open. A browser opens six to a host, and frames that show
            the progress of an upload are among them; tabs of one visitor share a circuit.
        intro_dos: Whether introduction points drop what comes faster than tor here would take up.
        ssh: Whether sshd of this machine is reached by an onion.
    """

    pow: bool = True
    pow_queue_rate: int = 50
    pow_queue_burst: int = 500
    max_streams: int = 64
    intro_dos: bool = True
    ssh: bool = False

    def __post_init__(self) -> None:
        for key, low, high in BOUNDS:
            if not low <= getattr(self, key) <= high:
                raise ValueError(f"{key}: {low} to {high}")
        if self.pow_queue_burst < self.pow_queue_rate:
            raise ValueError("pow_queue_burst: at least pow_queue_rate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """
    Where tor finds everything; on a host as `host` says, in tests elsewhere.

    Args:
        folder: Tor's DataDirectory.
        source_onion: HiddenServiceDir of the source service.
        desk_onion: HiddenServiceDir of the desk's.
        ssh_onion: HiddenServiceDir of sshd's.
        source_socket: Where the source app listens.
        desk_socket: Where the desk listens.
        control: Tor's control socket.
        cookie: What opens it.
        socks: Where tor takes this machine's own visits.
    """

    folder: Path = host.TOR_FOLDER
    source_onion: Path = host.SOURCE_ONION
    desk_onion: Path = host.DESK_ONION
    ssh_onion: Path = host.SSH_ONION
    source_socket: Path = host.SOURCE_SOCKET
    desk_socket: Path = host.DESK_SOCKET
    control: Path = host.TOR_CONTROL
    cookie: Path = COOKIE
    socks: tuple[str, int] = host.TOR_SOCKS


HOST: Final = Places()


def torrc(settings: OnionSettings, places: Places = HOST) -> str:
    """
    The text of /etc/tor/torrc.
    """
    return "\n".join([*_head(places), *services(settings, places)]) + "\n"


def services(settings: OnionSettings, places: Places = HOST) -> list[str]:
    """
    The lines that make the onion services: what the tests' private network runs is this.
    """
    lines = [*_source(settings, places), *_desk(settings, places)]
    return [*lines, *_ssh(places)] if settings.ssh else lines


def _head(places: Places) -> list[str]:
    return f"""\
# Written by `dengwen setup` from [onion] of dengwen.toml; what is changed here is overwritten by the next.

# Onion services and nothing else: no relay, no exit, nobody else's traffic.
ClientOnly 1
DataDirectory {places.folder}

# Tor's own seccomp filter cannot open key files once it is up: a reload, which every added or revoked client key needs, would end tor.
# systemd and AppArmor confine it instead.
Sandbox 0
# No DisableAllSwap: it must be locked as root with a capability that Debian's unit does not give, and a tor that outgrows its locked
# memory ends. The machine has no swap; doctor looks.

# This machine's own visits: apt, and doctor that looks whether the onions answer. ExtendedErrors tells it what is wrong with them.
SocksPort {places.socks[0]}:{places.socks[1]} ExtendedErrors
SocksPolicy accept 127.0.0.1
SocksPolicy reject *

# doctor, client keys and reload. Who may open this socket commands tor: its group is tor's own.
ControlSocket {places.control} GroupWritable RelaxDirModeCheck
CookieAuthentication 1
CookieAuthFile {places.cookie}
CookieAuthFileGroupReadable 1

# To the journal, which is in memory. No heartbeat: it counts circuits and bytes by the hour.
Log notice syslog
SafeLogging 1
HeartbeatPeriod 0
AvoidDiskWrites 1""".splitlines()


def _source(settings: OnionSettings, places: Places) -> list[str]:
    lines = [
        "",
        "# Sources: open to everybody.",
        f"HiddenServiceDir {places.source_onion}",
        *_web(settings, places.source_socket),
    ]
    if settings.pow:
        lines += [
            "# A flood of introductions makes visitors solve a puzzle that grows with it. Tor Browser solves it without asking.",
            "HiddenServicePoWDefensesEnabled 1",
            f"HiddenServicePoWQueueRate {settings.pow_queue_rate}",
            f"HiddenServicePoWQueueBurst {settings.pow_queue_burst}",
        ]
    if settings.intro_dos:
        lines += [
            "# Introduction points drop what comes faster still, good and bad alike. Their bound, at each of them, is the one for all above: were it",
            "# lower, no flood would reach the queue, the puzzle would not grow, and sources would be dropped by chance.",
            "HiddenServiceEnableIntroDoSDefense 1",
            f"HiddenServiceEnableIntroDoSRatePerSec {settings.pow_queue_rate}",
            f"HiddenServiceEnableIntroDoSBurstPerSec {settings.pow_queue_burst}",
        ]
    return lines


def _desk(settings: OnionSettings, places: Places) -> list[str]:
    return [
        "",
        "# The desk: a client key for each person, in authorized_clients (`dengwen desk-key`). Without one its introduction points cannot be read,",
        "# so nobody else can flood them: no puzzle here.",
        f"HiddenServiceDir {places.desk_onion}",
        *_web(settings, places.desk_socket),
    ]


def _web(settings: OnionSettings, target: Path) -> list[str]:
    return [
        "HiddenServiceDirGroupReadable 1",
        "HiddenServiceVersion 3",
        f"HiddenServicePort 80 unix:{target}",
        "# The app learns which requests share a circuit, to bound what one of them may do. It forgets it with the connection.",
        "HiddenServiceExportCircuitID haproxy",
        "# A browser opens six connections to a host, frames included, and the tabs of one visitor share a circuit: nobody meets this bound by",
        "# reading. Who opens thousands loses the circuit.",
        f"HiddenServiceMaxStreams {settings.max_streams}",
        "HiddenServiceMaxStreamsCloseCircuit 1",
    ]


def _ssh(places: Places) -> list[str]:
    return [
        "",
        "# sshd, for operators: with a client key (`dengwen desk-key --door ssh`) besides what sshd asks for. It does not speak haproxy.",
        f"HiddenServiceDir {places.ssh_onion}",
        "HiddenServiceDirGroupReadable 1",
        "HiddenServiceVersion 3",
        "HiddenServicePort 22 127.0.0.1:22",
    ]
