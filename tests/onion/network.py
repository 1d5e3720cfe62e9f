# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A private Tor network on loopback: five directory authorities, which are its relays too, a tor for those who visit and one for onions.

Each step waits for what the next one needs, and for nothing else: every authority in the consensus as a running HSDir; every authority with the
descriptors of all; the two others with them; every onion's descriptor at two directories. A failed look-up is remembered by tor for
seconds, so nothing is looked up before it can be found.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.onion import programs
from tests.onion.authorities import CACHE, authorities
from tests.onion.control import Control

COUNT = 5
READY_SECONDS = 90.0
#: Directories an onion's descriptor must have reached.
UPLOADS = 2
#: Between two of them; one that is lost is not waited for.
STRAY_SECONDS = 10.0
PAUSE_SECONDS = 0.1
#: Authorities vote by the clock: one second after each multiple of five, or at once if they are up later than that, and then on those alone whom
#: they know already; whom they miss comes ten seconds later. They take two seconds to be up, so this is when they begin best.
VOTE_EVERY, BEGIN_AT = 5, 3.3
#: Below the range from which the kernel takes ports for outgoing connections: what was free stays free until tor binds it.
PORTS = range(20_000, 32_000)

#: What makes any torrc one of this network; it names nothing that the server's own torrc names.
COMMON = """
TestingTorNetwork 1
ShutdownWaitLength 0
PathsNeededToBuildCircuits 0.25
TestingDirAuthVoteExit *
TestingDirAuthVoteHSDir *
TestingDirAuthVoteGuard *
TestingMinExitFlagThreshold 0
V3AuthNIntervalsValid 2
AssumeReachable 1
NumCPUs 1
DisableDebuggerAttachment 0
GeoIPFile /dev/null
GeoIPv6File /dev/null
LogTimeGranularity 1
"""
#: What the server's torrc says in its own way.
OTHERS = """
DataDirectory {folder}
ControlSocket {folder}/control.sock
CookieAuthentication 1
CookieAuthFile {folder}/cookie
Sandbox 0
Log notice file {folder}/tor.log
"""
AUTHORITY = """
Nickname {name}
SocksPort 0
Address 127.0.0.1
OrPort 127.0.0.1:{relay} IPv4Only
DirPort 127.0.0.1:{directory}
ExitRelay 0
ExitPolicy reject *:*
ContactInfo nobody@test.invalid
AuthoritativeDirectory 1
V3AuthoritativeDirectory 1
TestingV3AuthInitialVotingInterval 5
TestingV3AuthInitialVoteDelay 2
TestingV3AuthInitialDistDelay 2
V3AuthVotingInterval 10
V3AuthVoteDelay 2
V3AuthDistDelay 2
AuthDirMaxServersPerAddr 0
MinUptimeHidServDirectoryV2 0
"""
VISITING = """
SocksPort auto ExtendedErrors
ClientOnionAuthDir {folder}/onion-auth
"""


class NetworkError(RuntimeError):
    """The network did not become what a test needs."""


@dataclass
class Tor:
    """
    One tor.

    Args:
        folder: its data directory, with `torrc`.
    """

    folder: Path
    process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        """Of its process."""
        if self.process is None:
            raise NetworkError(f"{self.folder.name} does not run")
        return self.process.pid

    @property
    def said(self) -> Path:
        """What it writes to its standard error."""
        return self.folder.with_suffix(".said")

    def start(self) -> None:
        """Start it; `control` waits until it listens."""
        for stale in ("cookie", "control.sock"):
            (self.folder / stale).unlink(missing_ok=True)
        nothing = str(self.folder.parent / "empty")
        command = ["tor", "--defaults-torrc", nothing, "-f", str(self.folder / "torrc"), "--hush"]
        self.process = programs.start(command, said=self.said)

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            programs.stop([self.process])

    def reload(self) -> None:
        """Let it read its torrc and keys again, as `systemctl reload` does, and see that it outlived that."""
        os.kill(self.pid, signal.SIGHUP)
        with self.control() as control:
            control.fact("version")

    def control(self) -> Control:
        """A conversation with it."""
        if self.process is None or self.process.poll() is not None:
            raise NetworkError(f"{self.folder.name} has ended: {self.last_words}")
        try:
            return Control(self.folder)
        except OSError as error:
            raise NetworkError(f"{self.folder.name} does not listen ({error}): {self.last_words}") from error

    def hold(self, name: str, line: str) -> None:
        """Give it a client key, as a person gives one to their Tor Browser; take it away, if there is none."""
        place = self.folder / "onion-auth" / f"{name}.auth_private"
        place.unlink(missing_ok=True)
        if line:
            place.touch(0o600)
            place.write_text(line + "\n")
        self.reload()

    def forget(self) -> None:
        """
        Let it try anew what failed, as whoever asks Tor Browser for a new circuit does. Left alone, it takes no introduction point for two
        minutes that failed once.
        """
        with self.control() as control:
            control.ask("SIGNAL NEWNYM")

    @property
    def last_words(self) -> str:
        """The end of its log."""
        logs = [path.read_text(errors="replace") for path in (self.folder / "tor.log", self.said) if path.exists()]
        return "\n".join("".join(logs).splitlines()[-12:])

    @property
    def socks(self) -> tuple[str, int]:
        """Where it takes visitors."""
        with self.control() as control:
            host, _, port = control.fact("net/listeners/socks").strip('"').rpartition(":")
        return host, int(port)


@dataclass
class Uploads:
    """
    Of descriptors.

    Args:
        reached: of each onion that is looked at, the directories that have it.
        underway: how many are on their way to each directory; an onion has two at a time, of this period and the next.
    """

    reached: dict[str, set[str]]
    underway: Counter[str] = field(default_factory=Counter)

    def note(self, words: list[str]) -> None:
        """An event that tor told."""
        if words[0] != "HS_DESC" or words[2] not in self.reached:
            return
        act, name, directory = words[1], words[2], words[4]
        if act == "UPLOAD":
            self.underway[directory] += 1
        elif act in {"UPLOADED", "FAILED"}:
            self.underway -= Counter([directory])
        if act == "UPLOADED":
            self.reached[name].add(directory)


@dataclass
class Network:
    """
    Args:
        folder: everything of it lies there.
        authorities: relays that are directories and vote.
        visitor: the tor of sources and reviewers.
        onion: the tor of the server.
        took: seconds from the start of `Network.begin` to each step.
    """

    folder: Path
    authorities: list[Tor] = field(default_factory=list)
    visitor: Tor = field(init=False)
    onion: Tor = field(init=False)
    took: dict[str, float] = field(default_factory=dict)
    _directories: list[int] = field(default_factory=list)
    _lines: str = ""
    _began: float = field(default_factory=time.monotonic)

    def begin(self, server: str, cache: Path = CACHE) -> None:
        """
        Start everything, and return when the onions can be visited.

        Args:
            server: the server's torrc, as it is rendered for a host.
            cache: of the authorities' keys.
        """
        self._began = time.monotonic()
        (self.folder / "empty").touch()
        self._directory(cache)
        self._reached("keys")
        time.sleep((BEGIN_AT - time.time()) % VOTE_EVERY)
        for one in self.authorities:
            one.start()
        self._until(self._agreed, "a consensus that lists every authority as HSDir")
        self._reached("consensus")
        for one in self.authorities:
            self.informed(one)
        self._reached("directories informed")
        self.visitor = self.add("visitor", OTHERS + VISITING)
        self.onion = self.add("server", server)
        self.visitor.start()
        self.onion.start()
        self.published()
        self._reached("published")
        self.informed(self.visitor)
        self._reached("ready")

    @property
    def age(self) -> float:
        """Seconds since it was begun."""
        return time.monotonic() - self._began

    def add(self, name: str, torrc: str) -> Tor:
        """One tor more, not started; `{folder}` in its torrc is its own."""
        folder = self.folder / name
        (folder / "onion-auth").mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        (folder / "torrc").write_text((COMMON + torrc).replace("{folder}", str(folder)) + self._lines)
        return Tor(folder)

    def published(self, act: Callable[[], object] = bool, *names: str) -> dict[str, int]:
        """
        Do something that makes descriptors of the server's onions new, and wait until they are where they are looked for.

        Args:
            act: what is done; nothing, if its tor has just started.
            names: addresses of the onions without `.onion`; all, if none is named.

        Returns:
            at how many directories each is.
        """
        with self.onion.control() as control:
            control.ask("SETEVENTS HS_DESC")
            act()
            seen = Uploads({name: set() for name in names or self.addresses()})
            end = time.monotonic() + READY_SECONDS
            while min(map(len, seen.reached.values())) < UPLOADS:
                if time.monotonic() > end:
                    raise NetworkError(f"descriptors at {seen.reached}")
                seen.note(control.event().split())
            # Until the others have it too, they give out the old one.
            with contextlib.suppress(TimeoutError):
                while seen.underway:
                    seen.note(control.event(STRAY_SECONDS).split())
        return {name: len(directories) for name, directories in seen.reached.items()}

    def addresses(self) -> list[str]:
        """The server's onions without `.onion`, as soon as its tor has made their keys."""
        folders = [
            Path(line.split()[1])
            for line in (self.onion.folder / "torrc").read_text().splitlines()
            if line.startswith("HiddenServiceDir ")
        ]
        self._until(lambda: all((one / "hostname").exists() for one in folders), "keys of the onions")
        return [(one / "hostname").read_text().strip().removesuffix(".onion") for one in folders]

    def informed(self, tor: Tor) -> None:
        """Wait until a tor has every descriptor it needs to build circuits."""
        with tor.control() as control:
            self._until(
                lambda: control.fact("status/enough-dir-info") == "1", f"directory information at {tor.folder.name}"
            )

    def end(self) -> None:
        """End every tor."""
        tors = [*self.authorities, *(getattr(self, name) for name in ("visitor", "onion") if hasattr(self, name))]
        programs.stop([tor.process for tor in tors if tor.process is not None])

    def _directory(self, cache: Path) -> None:
        """Give each authority its folder, its ports and its line in everybody's torrc."""
        made = authorities(COUNT, cache)
        ports = free_ports(2 * COUNT)
        places = list(zip(made, ports[:COUNT], ports[COUNT:], strict=True))
        self._directories = ports[COUNT:]
        self._lines = "".join(
            f"DirAuthority {one.name} orport={relay} no-v2 v3ident={one.identity} 127.0.0.1:{directory} {one.fingerprint}\n"
            for one, relay, directory in places
        )
        for one, relay, directory in places:
            torrc = AUTHORITY.replace("{name}", one.name)
            torrc = torrc.replace("{relay}", str(relay)).replace("{directory}", str(directory))
            tor = self.add(one.name, OTHERS + torrc)
            shutil.copytree(one.keys, tor.folder / "keys")
            self.authorities.append(tor)

    def _agreed(self) -> bool:
        """Whether every authority serves a consensus in which every authority runs and keeps descriptors."""
        return all(_directories_in(_consensus(port)) == COUNT for port in self._directories)

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + READY_SECONDS
        while not condition():
            for one in self.authorities:
                if one.process is not None and one.process.poll() is not None:
                    raise NetworkError(f"{one.folder.name} has ended: {one.last_words}")
            if time.monotonic() > end:
                raise NetworkError(f"waited in vain for {what}; {self.authorities[0].last_words}")
            time.sleep(PAUSE_SECONDS)

    def _reached(self, step: str) -> None:
        self.took[step] = round(self.age, 2)


@contextlib.contextmanager
def running(server: Callable[[Path], str], cache: Path = CACHE) -> Iterator[Network]:
    """
    A network that is ready, until the block ends or this process does.

    Args:
        server: given the network's folder, the server's torrc.
        cache: of the authorities' keys.
    """
    with programs.folder() as folder:
        network = Network(folder)
        try:
            network.begin(server(folder), cache)
            yield network
        finally:
            network.end()


def _consensus(port: int) -> str:
    """What one directory serves; nothing if it serves nothing yet."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/tor/status-vote/current/consensus-microdesc")
        answer = connection.getresponse()
        return answer.read().decode("latin-1") if answer.status == http.client.OK else ""
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()


def _directories_in(consensus: str) -> int:
    flags = (line.split() for line in consensus.splitlines() if line.startswith("s "))
    return sum({"Running", "HSDir"} <= set(line) for line in flags)


def free_ports(count: int) -> list[int]:
    """Ports on which nobody listens."""
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
        if len(found) == count:
            return found
    raise NetworkError("no ports are free")
