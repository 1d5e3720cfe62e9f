# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Who gets out of the guest: tried, account by account, before the firewall and with it. What gets out is answered from outside.

What is tried before shows that the way was open, so that a refusal afterwards is the firewall's.
"""

from __future__ import annotations

import sys

from tests.host.found import Teller
from tests.host.shell import sh

#: The world outside, as `outside` makes it.
ADDRESS, ECHO, NTP = "10.9.0.1", 7_007, 123
#: slirp's own gateway answers pings.
GATEWAY = "10.0.2.2"
SECONDS = 4
OUT, NOT = "out", "not out"

TRY = f"""
import socket, sys
kind, port = sys.argv[1], int(sys.argv[2])
one = socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == 'tcp' else socket.SOCK_DGRAM)
one.settimeout({SECONDS})
try:
    one.connect(('{ADDRESS}', port))
    if kind == 'udp':
        one.send(b'?')
    print('out' if one.recv(8) == b'out' else 'odd')
except OSError as error:
    print('not out:', error)
"""


def before(tell: Teller) -> None:
    """
    Without the firewall everybody gets out.
    """
    for account, kind, port in (("nobody", "tcp", ECHO), ("nobody", "udp", ECHO), ("root", "ping", 0)):
        _look(tell, "without the firewall", account, kind, port, OUT)


def after(tell: Teller) -> None:
    """
    With it, tor and what is named do, and nobody else.
    """
    for account, kind, port, wanted in (
        ("debian-tor", "tcp", ECHO, OUT),
        ("systemd-timesync", "udp", NTP, OUT),
        ("root", "tcp", ECHO, NOT),
        ("root", "udp", ECHO, NOT),
        ("root", "ping", 0, NOT),
        ("nobody", "tcp", ECHO, NOT),
        ("nobody", "udp", ECHO, NOT),
        ("_apt", "tcp", ECHO, NOT),
        ("dengwen-source", "tcp", ECHO, NOT),
        ("dengwen-desk", "tcp", ECHO, NOT),
        ("dengwen-care", "tcp", ECHO, NOT),
        ("debian-tor", "udp", ECHO, NOT),
        ("systemd-timesync", "udp", ECHO, NOT),
        ("systemd-timesync", "tcp", ECHO, NOT),
    ):
        _look(tell, "with the firewall", account, kind, port, wanted)


def _look(tell: Teller, when: str, account: str, kind: str, port: int, wanted: str) -> None:
    seen = _tried(account, kind, port)
    tell.found(
        f"{when}, {kind} of {account}{f' to port {port}' if port else ''}: {wanted}",
        seen,
        ok=seen.partition(":")[0] == wanted,
    )


def _tried(account: str, kind: str, port: int) -> str:
    group = sh(f"id -g {account}").strip()
    become = f"setpriv --reuid={account} --regid={group} --clear-groups"
    if kind == "ping":
        said = sh(f"{become} ping -c 1 -W {SECONDS} {GATEWAY}").strip()
        return OUT if " 1 received" in said else f"{NOT}: {said.splitlines()[-1]}"
    return sh(f'cd / && {become} {sys.executable} -c "$TRY" {kind} {port}', environment={"TRY": TRY}).strip()
