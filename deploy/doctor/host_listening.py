# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Judging what listens: nothing beyond this machine's own loopback, except the DHCP client.

It reads the kernel's tables (/proc/net/tcp and the like), which need no program and no privilege.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from deploy.doctor.finding import Finding, unknown
from deploy.doctor.machine import Seen, Unseen
from deploy.errors import CannotLookError

TABLES: Final = ("tcp", "tcp6", "udp", "udp6")
#: A TCP socket that listens, and a UDP socket that is connected to nobody.
STATES: Final[Mapping[str, str]] = {"tcp": "0A", "udp": "07"}
#: DHCP's clients; the firewall lets them speak to their servers alone.
EXPECTED: Final = (("udp", 68), ("udp", 546))
MOST_SAID: Final = 6

WHAT = "listening sockets"
WHY = "Everything here is reached through tor. A socket that listens to the network is a way in beside it, and tells a scanner what this machine is."

_LINE: Final = re.compile(r"\s*\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) [0-9A-F:]+ ([0-9A-F]{2}) ")


@dataclass(frozen=True, slots=True, order=True)
class Listening:
    """
    A socket that takes what comes.
    """

    protocol: str
    port: int
    address: ipaddress.IPv4Address | ipaddress.IPv6Address


def read_table(protocol: str, table: str) -> tuple[Listening, ...]:
    """
    Read one of the kernel's tables.

    Args:
        protocol: "tcp" or "udp".
        table: Its text.

    Raises:
        CannotLookError: A line is not as the kernel writes it.
    """
    found = []
    for line in table.splitlines()[1:]:
        parts = _LINE.match(line)
        if parts is None:
            raise CannotLookError(f"a line of /proc/net/{protocol} cannot be read")
        if parts[3] == STATES[protocol]:
            found.append(Listening(protocol, int(parts[2], 16), _address(parts[1])))
    return tuple(found)


def listening(sockets: Seen[Iterable[Listening]]) -> Finding:
    """
    Whether anything listens beyond loopback.
    """
    if isinstance(sockets, Unseen):
        return unknown(WHAT, sockets.reason, why=WHY, fix="Type: ss -lntu; every address must be 127.0.0.1 or [::1].")
    beyond = sorted({(one.protocol, one.port) for one in sockets if not _local(one)} - set(EXPECTED))
    if not beyond:
        return Finding(what=WHAT, ok=True, seen="Nothing listens beyond this machine.", why=WHY)
    said = ", ".join(f"{protocol} port {port}" for protocol, port in beyond[:MOST_SAID])
    more = f" and {len(beyond) - MOST_SAID} more" if len(beyond) > MOST_SAID else ""
    return Finding(
        what=WHAT,
        ok=False,
        seen=f"Something listens to the network: {said}{more}.",
        why=WHY,
        fix="See what it is: ss -lntup. Then stop and remove it, or bind it to 127.0.0.1 (for ssh: ListenAddress 127.0.0.1 in /etc/ssh/sshd_config, then systemctl restart ssh).",
    )


def _local(one: Listening) -> bool:
    mapped = getattr(one.address, "ipv4_mapped", None)
    return (mapped or one.address).is_loopback


def _address(digits: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    # The kernel prints each 32-bit word in this machine's byte order, which is little-endian wherever we run.
    words = [bytes.fromhex(digits[at : at + 8])[::-1] for at in range(0, len(digits), 8)]
    return ipaddress.ip_address(b"".join(words))
