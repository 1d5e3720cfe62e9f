# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The stage of `test_firewall`, run in a fresh mount and network namespace: this one is the host, a second one is the machine at the other end.

`firewall_stage.py RULESET PASSWD` answers with one line of what arrived before the rules were loaded, loads them, and then answers each line
`[way, what, uid]` with true or false. A packet carries a mark of its own, so that none is taken for another; what listens takes everything.
"""

from __future__ import annotations

import ctypes
import json
import os
import secrets
import select
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

HOST4, PEER4 = "10.77.0.1", "10.77.0.2"
HOST6, PEER6 = "fd77::1", "fd77::2"
PATIENCE = 0.25
#: What is sent here is delivered, or dropped, before the sender goes on.
AT_ONCE = 0.02
#: Of a frame for experiments (IEEE 802): sent past all rules, it tells that nothing sent before it is still to come.
ETHERNET_END = 0x88B5
AWAY = 8080
CLONE_NEWNET = 0x40000000
ETHERNET_ALL = 0x0003
LIBC = ctypes.CDLL(None, use_errno=True)


def run(*command: str) -> None:
    """Run a program that must not fail."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


class Machines:
    """
    Both namespaces and the sockets that hear what arrives in each.
    """

    def __init__(self) -> None:
        self.host = os.open("/proc/self/ns/net", os.O_RDONLY)
        if LIBC.unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        self.peer = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.enter(self.host)
        there = f"/proc/{os.getpid()}/fd/{self.peer}"
        run("ip", "link", "add", "cable", "type", "veth", "peer", "name", "other", "netns", there)
        self._up("cable", HOST4, HOST6)
        self.enter(self.peer)
        self._up("other", PEER4, PEER6)
        self.neighbours()

    def enter(self, namespace: int) -> None:
        """Go on in a namespace."""
        if LIBC.setns(namespace, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def _up(self, name: str, four: str, six: str) -> None:
        run("ip", "link", "set", "lo", "up")
        run("ip", "address", "add", f"{four}/24", "dev", name)
        run("ip", "address", "add", f"{six}/64", "dev", name, "nodad")
        run("ip", "link", "set", name, "up")

    def neighbours(self) -> None:
        """Let each know the other's hardware address for good: neighbour discovery is ICMPv6, and would hide what else is stopped."""
        hardware = {}
        for namespace, name in ((self.host, "cable"), (self.peer, "other")):
            self.enter(namespace)
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as one:
                one.bind((name, 0))
                hardware[name] = ":".join(f"{byte:02x}" for byte in one.getsockname()[4])
        for namespace, name, other, addresses in (
            (self.host, "cable", "other", (PEER4, PEER6)),
            (self.peer, "other", "cable", (HOST4, HOST6)),
        ):
            self.enter(namespace)
            for address in addresses:
                run("ip", "neighbour", "replace", address, "lladdr", hardware[other], "dev", name, "nud", "permanent")


def wire(name: str) -> socket.socket:
    """Hears every frame that arrives at one end of the cable, before any rule there."""
    one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERNET_ALL))
    one.bind((name, ETHERNET_ALL))
    return one


def heard(one: socket.socket, sign: Callable[[bytes], bool], end: bytes) -> bool:
    """Whether a frame with a sign arrives before the last one."""
    while select.select([one], [], [], 20)[0]:
        frame, (_, _, kind, _, _) = one.recvfrom(65_535)
        if kind != socket.PACKET_OUTGOING and sign(frame):
            return True
        if end in frame:
            return False
    raise TimeoutError("the last frame did not arrive")


def last(name: str) -> bytes:
    """Send the last frame from one end of the cable; what is in it."""
    end = secrets.token_bytes(32)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as cable:
        cable.bind((name, 0))
        cable.send(b"\xff" * 6 + cable.getsockname()[4] + struct.pack("!H", ETHERNET_END) + end)
    return end


def as_account(uid: int, act: Callable[[], None]) -> None:
    """Do something as an account, in a process that ends with it. It keeps CAP_NET_RAW, so that no refusal is for want of that."""
    child = os.fork()
    if child == 0:
        try:
            LIBC.prctl(8, 1, 0, 0, 0)  # PR_SET_KEEPCAPS
            os.setresgid(65_534, 65_534, 65_534)
            os.setresuid(uid, uid, uid)
            if uid:
                header, sets = struct.pack("Ii", 0x20080522, 0), struct.pack("IIIIII", 1 << 13, 1 << 13, 0, 0, 0, 0)
                LIBC.capset(header, sets)
            act()
        except OSError:
            # Refused at once (EPERM) or by a reset: what counts is what arrives.
            os._exit(1)
        os._exit(0)
    os.waitpid(child, 0)


def datagram(family: int, to: tuple[str, int], mark: bytes, source: int = 0) -> None:
    """One datagram."""
    with socket.socket(family, socket.SOCK_DGRAM) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if source:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(("", source))
        one.sendto(mark, to)


def dial(family: int, to: tuple[str, int], source: int) -> None:
    """The first packet of a connection, from a port that marks it."""
    with socket.socket(family, socket.SOCK_STREAM) as one:
        one.settimeout(AT_ONCE)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("", source))
        one.connect(to)


def raw(family: int, protocol: int, to: str, packet: bytes) -> None:
    """A packet of any protocol."""
    with socket.socket(family, socket.SOCK_RAW, protocol) as one:
        one.sendto(packet, (to, 0))


def echo(kind: int, mark: bytes) -> bytes:
    """A ping; the kernel fills in the checksum of ICMPv6 anew."""
    bare = struct.pack("!BBHHH", kind, 0, 0, 1, 1) + mark
    return bare[:2] + checksum(bare) + bare[4:]


def checksum(packet: bytes) -> bytes:
    """The Internet's checksum (RFC 1071) of an even number of bytes."""
    total = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)


def sending(what: str, four: str, six: str, mark: bytes, port: int) -> Callable[[], None]:
    """How a kind of packet is sent to the machine at the other end."""
    inet, inet6 = socket.AF_INET, socket.AF_INET6
    return {
        "tcp": lambda: dial(inet, (four, AWAY), port),
        "tcp 53": lambda: dial(inet, (four, 53), port),
        "tcp6": lambda: dial(inet6, (six, AWAY), port),
        "udp": lambda: datagram(inet, (four, AWAY), mark),
        "udp6": lambda: datagram(inet6, (six, AWAY), mark),
        "dns": lambda: datagram(inet, (four, 53), mark),
        "ntp": lambda: datagram(inet, (four, 123), mark),
        "multicast": lambda: datagram(inet, ("224.0.0.251", 5353), mark),
        "icmp": lambda: raw(inet, socket.IPPROTO_ICMP, four, echo(8, mark)),
        "icmpv6": lambda: raw(inet6, socket.IPPROTO_ICMPV6, six, echo(128, mark)),
        "raw6": lambda: raw(inet6, 253, six, mark),
    }[what]


def out(machines: Machines, what: str, uid: int) -> bool:
    """Whether a packet of the host reaches the other machine."""
    mark, port = secrets.token_bytes(16), 20_000 + secrets.randbelow(40_000)
    machines.enter(machines.peer)
    with wire("other") as ear:
        machines.enter(machines.host)
        if what == "dhcp":
            # A port below 1024: bound before the account is taken on, as systemd-networkd's capability would let it.
            as_account(uid, lambda: dhcp_from(mark, (PEER4, 67)))
        else:
            as_account(uid, sending(what, PEER4, PEER6, mark, port))
        return heard(
            ear, lambda frame: mark in frame or (what.startswith("tcp") and syn_from(frame, port)), last("cable")
        )


def syn_from(frame: bytes, port: int) -> bool:
    """Whether a frame is TCP from a port."""
    start, protocol = (34, frame[23]) if frame[12:14] == b"\x08\x00" else (54, frame[20])
    return protocol == socket.IPPROTO_TCP and frame[start : start + 2] == struct.pack("!H", port)


def dhcp_from(mark: bytes, to: tuple[str, int]) -> None:
    """A datagram from port 68."""
    datagram(socket.AF_INET, to, mark, source=68)


def into(machines: Machines, what: str) -> bool:
    """Whether something of the other machine reaches a program of the host."""
    mark, port = secrets.token_bytes(16), 20_000 + secrets.randbelow(40_000)
    machines.enter(machines.host)
    family = socket.AF_INET6 if "6" in what else socket.AF_INET
    if what.startswith("icmp"):
        # The host's own answer is what shows that it took the ping. It leaves before the host sends anything else.
        machines.enter(machines.peer)
        with wire("other") as ear:
            sending(what, HOST4, HOST6, mark, port)()
            machines.enter(machines.host)
            return heard(ear, lambda frame: mark in frame, last("cable"))
    kind = socket.SOCK_STREAM if what in {"tcp", "tcp6"} else socket.SOCK_DGRAM
    with socket.socket(family, kind) as program:
        program.bind(("", 68 if what == "dhcp" else AWAY))
        if kind == socket.SOCK_STREAM:
            program.listen()
        machines.enter(machines.peer)
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as cable:
            cable.bind(("other", 0))
            try:
                if what == "dhcp":
                    datagram(socket.AF_INET, (HOST4, 68), mark, source=67)
                elif what == "loopback":
                    cable.send(frame_to_loopback(cable, mark))
                else:
                    sending(what, HOST4, HOST6, mark, port)()
            except OSError:
                pass
        return bool(select.select([program], [], [], PATIENCE)[0])


def frame_to_loopback(cable: socket.socket, mark: bytes) -> bytes:
    """A datagram to 127.0.0.1 on the cable."""
    ours = cable.getsockname()[4]
    body = struct.pack("!HHHH", 40_000, AWAY, 8 + len(mark), 0) + mark
    head = struct.pack(
        "!BBHHHBBH4s4s",
        0x45,
        0,
        20 + len(body),
        1,
        0,
        64,
        17,
        0,
        socket.inet_aton(PEER4),
        socket.inet_aton("127.0.0.1"),
    )
    return b"\xff" * 6 + ours + b"\x08\x00" + head[:10] + checksum(head) + head[12:] + body


def loopback(machines: Machines, what: str, uid: int) -> bool:
    """Whether something gets an answer, or arrives, on the host's loopback."""
    machines.enter(machines.host)
    address, port, stream = {
        "socks": ("127.0.0.1", 9050, True),
        "socks6": ("::1", 9050, True),
        "tcp": ("127.0.0.1", 22, True),
        "udp": ("127.0.0.1", 53, False),
        "udp to socks": ("127.0.0.1", 9050, False),
    }[what]
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM) as program:
        program.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        program.bind((address, port))
        source = 20_000 + secrets.randbelow(40_000)
        if not stream:
            as_account(uid, lambda: datagram(family, (address, port), b"x"))
            return bool(select.select([program], [], [], AT_ONCE)[0])
        program.listen()
        as_account(uid, lambda: dial(family, (address, port), source))
        return bool(select.select([program], [], [], AT_ONCE)[0])


def main() -> None:
    """Play."""
    ruleset, accounts = sys.argv[1:]
    run("mount", "--make-rprivate", "/")
    run("mount", "--bind", accounts, "/etc/passwd")
    machines = Machines()
    kinds = ("tcp", "tcp 53", "udp", "dns", "ntp", "dhcp", "icmp", "tcp6", "udp6", "icmpv6", "raw6", "multicast")
    # What a port below 1024 demands of an account is not what is tried here.
    for namespace in (machines.host, machines.peer):
        machines.enter(namespace)
        Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").write_text("0")
    machines.enter(machines.host)
    run("ip", "route", "add", "default", "via", PEER4)
    before = {f"out {what}": out(machines, what, 3108) for what in kinds}
    before |= {f"in {what}": into(machines, what) for what in ("tcp", "udp", "icmp", "tcp6", "udp6", "icmpv6", "dhcp")}
    machines.enter(machines.host)
    run("nft", "--file", ruleset)
    print(json.dumps(before), flush=True)
    for line in sys.stdin:
        way, what, uid = json.loads(line)
        if way == "out":
            answer = out(machines, what, uid)
        else:
            answer = into(machines, what) if way == "in" else loopback(machines, what, uid)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
