# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The world outside the guest: a network namespace of this machine that leads nowhere, and in it a Tor network, a source, a reviewer, three laptops.

The guest's card leads here and nowhere else, so what gets out of it is seen here. The authorities, the visitors' tor and the visitors run at the
speed of this machine, whatever the guest runs at; and each seat's vault is where it belongs: not on the server.
"""

from __future__ import annotations

import contextlib
import ctypes
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from crypto.root import Root
from deploy import organisation, server
from deploy.check import codename_markers
from deploy.errors import DeployError, SocksError
from deploy.evidence import Evidence
from deploy.people import AtDesk, Login, Source
from deploy.socks import connect
from tests.onion.authorities import CACHE
from tests.onion.network import COMMON, OTHERS, VISITING, Network, Tor
from tests.onion.tunnel import Tunnel

#: Where it is, seen from the guest.
ADDRESS: Final = "10.9.0.1"
ECHO: Final = 7_007
NTP: Final = 123
CLONE_NEWNET: Final = 0x4000_0000
#: No client key; or one that is not accepted any more.
REFUSED: Final = (0xF4, 0xF5)
REACHED_SECONDS: Final = 300.0
WORDS: Final = "A witness writes from the county seat: ledger 7719-kestrel, two officers, one car."
AGENT: Final = "Mozilla/5.0 (marker-of-a-browser; rv:140.0)"
LENGTH: Final = 300_007

Answers = dict[str, str]


def apart() -> None:
    """
    Leave this machine's network for one of our own. Only for what is started afterwards by this thread, and for itself.
    """
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "no network namespace")
    for command in (["ip", "link", "set", "lo", "up"], ["ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"]):
        subprocess.run(command, check=True)
    echo(ECHO)
    echo(NTP)


def echo(port: int) -> None:
    """Answer over TCP and UDP, until this process ends: to somebody who got out."""
    stream = socket.create_server((ADDRESS, port), backlog=64)
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind((ADDRESS, port))

    def streams() -> None:
        while True:
            visitor, _ = stream.accept()
            with visitor, contextlib.suppress(OSError):
                visitor.sendall(b"out")

    def packets() -> None:
        while True:
            _, visitor = datagrams.recvfrom(512)
            datagrams.sendto(b"out", visitor)

    for act in (streams, packets):
        threading.Thread(target=act, daemon=True).start()


class Directories(Network):
    """
    The test network as the guest sees it: its authorities at `ADDRESS`, and no server among them, which is the guest.
    """

    def open(self) -> str:
        """
        Start it.

        Returns:
            What the server's tor is told besides its torrc, to be of this network.
        """
        (self.folder / "empty").touch()
        self._directory(CACHE)
        for one in self.authorities:
            one.start()
        self._until(self._agreed, "a consensus that lists every authority as HSDir")
        for one in self.authorities:
            self.informed(one)
        self.visitor = self.add("visitor", OTHERS + VISITING)
        self.visitor.start()
        self.informed(self.visitor)

        return COMMON + self._lines

    def add(self, name: str, torrc: str) -> Tor:
        """One tor more; what listens on loopback for others is at `ADDRESS` too."""
        self._lines = self._lines.replace("127.0.0.1:", f"{ADDRESS}:")
        for word, instead in (
            ("OrPort 127.0.0.1:", "OrPort "),
            ("DirPort 127.0.0.1:", "DirPort "),
            ("Address 127.0.0.1", f"Address {ADDRESS}"),
        ):
            torrc = torrc.replace(word, instead)
        return super().add(name, torrc)


@dataclass
class Outside:
    """
    What the guest can ask of those outside.

    Args:
        folder: For the laptops.
        network: Not started yet.
    """

    folder: Path
    network: Directories
    _tunnels: list[Tunnel] = field(default_factory=list)

    def answer(self, what: str, given: Answers) -> Answers:
        """
        Do what the guest asks for.
        """
        acts: dict[str, Callable[..., Answers]] = {
            "ceremony": self.ceremony,
            "network": self.start_network,
            "visit": self.visit,
            "report": self.report,
            "desk without a key": self.desk_refused,
            "desk key": self.desk_key,
            "desk": self.desk,
            "desk revoked": self.desk_revoked,
        }
        try:
            return acts[what](**given)
        except (DeployError, OSError, RuntimeError, subprocess.SubprocessError, StopIteration) as error:
            return {"error": f"{type(error).__name__}: {error}"}

    def ceremony(self, public: str) -> Answers:
        """
        Three seats: what the operator gets back for server-public.json.
        """
        for name in ("server", "ceremony", "secrets", "stick"):
            (self.folder / name).mkdir(mode=0o700)
        (self.folder / "server" / server.PUBLIC).write_text(public)
        root_passphrase, names = "correct horse battery staple root", organisation.NAMES
        passphrases = [f"correct horse battery staple {name}" for name in names]
        play = organisation._vault
        play(self.folder, ["init", "--dir", "vault-1", "--server", f"server/{server.PUBLIC}", "--out", "ceremony/signed", "--person", names[0]],
             secrets=[passphrases[0], root_passphrase])  # fmt: skip
        fingerprint = Root.decode((self.folder / "ceremony/signed/root-1.json").read_bytes()).fingerprint
        for seat in (2, 3):
            play(self.folder, ["seat-request", "--dir", f"vault-{seat}", "--out", f"ceremony/request-{seat}.json", "--person", names[seat - 1]],
                 secrets=[passphrases[seat - 1]])  # fmt: skip
        requests = [f"ceremony/request-{seat}.json" for seat in (2, 3)]
        play(self.folder, ["seat-admit", "--dir", "vault-1", *requests, "--root-key", "ceremony/signed/root-key-1.json", "--yes", "--out", "ceremony/card-2.json"],
             secrets=[passphrases[0], root_passphrase])  # fmt: skip
        for seat in (2, 3):
            play(self.folder, ["seat-accept", "--dir", f"vault-{seat}", "ceremony/card-2.json", "ceremony/signed/root-1.json",
                 "--fingerprint", fingerprint, "--stick", "stick"], secrets=[passphrases[seat - 1]])  # fmt: skip
        return {
            "fingerprint": fingerprint,
            "install": (self.folder / "ceremony/signed/install.json").read_text(),
            "card": (self.folder / "ceremony/card-2.json").read_text(),
        }

    def start_network(self) -> Answers:
        """
        The Tor network.
        """
        return {"lines": self.network.open(), "tcp": f"{ADDRESS} {ECHO}", "time": f"{ADDRESS} {NTP}"}

    def visit(self, onion: str, path: str = "/") -> Answers:
        """
        Ask for a page until it comes.
        """
        begun = time.monotonic()
        request = f"GET {path} HTTP/1.1\r\nHost: {onion}\r\nUser-Agent: {AGENT}\r\nConnection: close\r\n\r\n".encode()
        while True:
            try:
                with connect(self.network.visitor.socks, onion, 80, timeout=60) as way:
                    way.sendall(request)
                    status = way.makefile("rb").readline().decode("latin-1").split()[1:2]
                if status == ["200"]:
                    return {"status": status[0], "seconds": f"{time.monotonic() - begun:.1f}"}
                said = f"status {status}"
            except (OSError, SocksError) as error:
                said = str(error)
            if time.monotonic() - begun > REACHED_SECONDS:
                return {"error": f"{onion} was not reached in {REACHED_SECONDS:.0f} s: {said}"}
            time.sleep(1)

    def report(self, onion: str) -> Answers:
        """
        A source writes and attaches a file; what of it may stand nowhere comes back in hex.
        """
        evidence = Evidence("ledger-7719-kestrel.bin", LENGTH)
        # As in Tor Browser: the source app answers no other host than its onion.
        source = Source(self._tunnel(onion), host=onion)
        begun = time.monotonic()
        source.write(WORDS)
        source.attach([evidence])
        taken = time.monotonic() - begun
        source.knows()
        markers = [WORDS.encode(), evidence.name.encode(), evidence.marker, AGENT.encode()]
        markers += [marker for _, marker in codename_markers(source.codename)]
        return {"seconds": f"{taken:.1f}", "markers": " ".join(sorted({marker.hex() for marker in markers}))}

    def desk_refused(self, onion: str) -> Answers:
        """
        What tor says to somebody without a key.
        """
        try:
            connect(self.network.visitor.socks, onion, 80, timeout=60).close()
        except SocksError as error:
            return {"said": f"{error} ({error.code:#04x})", "refused": str(error.code == REFUSED[0])}
        return {"said": "connected", "refused": "False"}

    def desk_key(self, line: str) -> Answers:
        """
        Put a reviewer's key where their tor finds it.
        """
        place = self.network.visitor.folder / "onion-auth/desk.auth_private"
        place.touch(mode=0o600)
        place.write_text(f"{line}\n")
        self.network.visitor.reload()
        return {}

    def desk(self, onion: str, name: str, passphrase: str, totp: str) -> Answers:
        """
        Log in and take in the outboxes of the two further seats.
        """
        self.visit(onion, "/login")
        desk = AtDesk(self._tunnel(onion), Login(name, passphrase, totp))
        for outbox in sorted((self.folder / "stick").iterdir()):
            desk.take_in(outbox)
        return {"taken": str(len(list((self.folder / "stick").iterdir())))}

    def desk_revoked(self, onion: str) -> Answers:
        """
        What tor says to the reviewer whose key was taken away, as soon as the onion's new descriptor is there.
        """
        begun = time.monotonic()
        while time.monotonic() - begun < REACHED_SECONDS:
            with self.network.visitor.control() as control:
                # Forget the descriptor and the circuits of before.
                control.ask("SIGNAL NEWNYM")
            try:
                connect(self.network.visitor.socks, onion, 80, timeout=60).close()
            except SocksError as error:
                if error.code in REFUSED:
                    return {
                        "said": f"{error} ({error.code:#04x})",
                        "refused": "True",
                        "seconds": f"{time.monotonic() - begun:.1f}",
                    }
            time.sleep(2)
        return {"said": f"still connected after {REACHED_SECONDS:.0f} s", "refused": "False"}

    def close(self) -> None:
        """
        End everything.
        """
        for tunnel in self._tunnels:
            tunnel.close()
        self.network.end()

    def _tunnel(self, onion: str) -> str:
        self._tunnels.append(Tunnel(self.network.visitor.socks, onion))
        return self._tunnels[-1].url
