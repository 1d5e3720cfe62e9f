# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The real programs of a real organisation behind two onions: source app and desk on the unix sockets that tor was told of.

Their sockets are opened here and handed over as systemd does, so they stay open while a program is away. All that the programs may write to lies
below the organisation's folder: `server`, `tmp`, `logs`.
"""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

from deploy import desk_keys
from deploy.torrc import OnionSettings, Places, torrc
from deploy.visitor import Visitor
from tests.attacks.busy import Busy
from tests.journeys.world import World
from tests.onion import programs
from tests.onion.network import Network, free_ports
from tests.onion.patience import patiently
from tests.onion.tunnel import Tunnel

START_SECONDS = 60.0
STOP_SECONDS = 20.0
APPS = ("source", "desk")


class AppError(RuntimeError):
    """A program did not start."""


class App:
    """
    One program behind a socket that outlives it.

    Args:
        name: `source` or `desk`.
        folder: the organisation's.
        place: of the socket.
    """

    def __init__(self, name: str, folder: Path, place: Path) -> None:
        self.name, self._folder = name, folder
        self._process: subprocess.Popen[str] | None = None
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(place))
        place.chmod(0o660)
        self._listener.listen(4096)
        self.log = folder / "logs" / f"{name}.log"
        self.log.parent.mkdir(exist_ok=True)

    def start(self) -> None:
        """Start it, and return when it answers."""
        temporary = self._folder / "tmp" / self.name
        temporary.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "deploy", self.name, "--dir", str(self._folder / "server")]
        self._process = programs.start(
            command,
            said=self.log,
            heard=True,
            listener=self._listener.fileno(),
            environment={"TMPDIR": str(temporary)},
        )
        late = threading.Timer(START_SECONDS, self._process.kill)
        late.start()
        line = self._process.stdout.readline() if self._process.stdout else ""
        late.cancel()
        if not line.startswith("listening on unix:"):
            raise AppError(f"{self.name}: {line!r} {self.log.read_text()}")

    def stop(self) -> None:
        """End it in order; its socket stays."""
        if self._process is not None:
            programs.stop([self._process], STOP_SECONDS)

    def close(self) -> None:
        """End it, and its socket."""
        self.stop()
        self._listener.close()

    def family(self) -> list[int]:
        """The process ids of the program and all that descend from it."""
        found, waiting = [], [self._process.pid] if self._process else []
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                waiting.extend(map(int, children.read_text().split()))
        return found

    def memory(self) -> int:
        """Bytes of memory in use by it: what is shared is counted once."""
        return sum(_pss(pid) for pid in self.family())


@dataclass
class Office:
    """
    Args:
        world: the organisation of three seats.
        network: the way to it.
        source: the source app.
        desk: the desk.
        busy: what was said and sent, to be searched for.
        reached: seconds from the network's start until each onion had answered its first page.
        idle: bytes of memory of each program after that.
    """

    world: World
    network: Network
    source: App
    desk: App
    busy: Busy = field(init=False)
    reached: dict[str, float] = field(default_factory=dict)
    idle: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.busy = Busy(self.world)

    def address(self, name: str) -> str:
        """The onion of `source` or `desk`."""
        return (self.onion(name) / "hostname").read_text().strip()

    def onion(self, name: str) -> Path:
        """The folder of that onion."""
        return onion_folder(self.network.folder, name)

    def tunnel(self, name: str = "source") -> Tunnel:
        """A way to an onion on a circuit of its own."""
        return Tunnel(self.network.visitor.socks, self.address(name))

    def visit(self) -> None:
        """Open the first page of both onions; then look how much memory the programs hold."""
        for name, first in (("source", "/"), ("desk", "/login")):
            with self.tunnel(name) as way:
                page = patiently(lambda way=way, first=first: Visitor(way.url).get(first))  # type: ignore[misc]
            if page.status != http.client.OK:
                raise AppError(f"{name} answers {page.status}")
            self.reached[name] = self.network.age
        self.idle = {app.name: app.memory() for app in (self.source, self.desk)}

    @property
    def store(self) -> Path:
        """The store's folder."""
        return self.world.server / "store"


def onion_folder(folder: Path, name: str) -> Path:
    """Where the keys of an onion lie."""
    return folder / "server" / f"dengwen-{name}"


def socket_of(folder: Path, name: str) -> Path:
    """Where an app listens."""
    return folder / f"{name}.sock"


def server_torrc(folder: Path) -> str:
    """The server's torrc as `dengwen setup` renders it; its log alone goes to a file, on the same level."""
    tor = folder / "server"
    tor.mkdir(mode=0o700)
    desk_keys.bar(onion_folder(folder, "desk"))
    places = Places(
        folder=tor,
        source_onion=onion_folder(folder, "source"),
        desk_onion=onion_folder(folder, "desk"),
        ssh_onion=onion_folder(folder, "ssh"),
        source_socket=socket_of(folder, "source"),
        desk_socket=socket_of(folder, "desk"),
        control=tor / "control.sock",
        cookie=tor / "cookie",
        socks=("127.0.0.1", free_ports(1)[0]),
    )
    rendered, count = re.subn(r"(?m)^Log (\w+) syslog$", rf"Log \1 file {tor}/tor.log", torrc(OnionSettings(), places))
    if count != 1:
        raise AppError("the rendered torrc has another log than this replaces")
    return rendered


def opened(network: Network, world: World) -> Office:
    """Both programs, running."""
    world.into_real_time()
    settings = world.server / "dengwen.toml"
    set_in(settings, "source", reserve_bytes=0, circuits=True)
    set_in(settings, "desk", circuits=True)
    source, desk = (App(name, world.folder, socket_of(network.folder, name)) for name in APPS)
    source.start()
    desk.start()
    office = Office(world, network, source, desk)
    key = desk_keys.add(office.onion("desk"), "everybody here")
    network.published(network.onion.reload, key.address)
    network.visitor.hold("desk", key.line)
    office.visit()
    return office


def set_in(file: Path, table: str, **values: object) -> None:
    """Give settings of a table other values; they must be there."""
    head, mark, rest = file.read_text().partition(f"\n[{table}]\n")
    body, end, tail = rest.partition("\n[")
    for key, value in values.items():
        written = f'"{value}"' if isinstance(value, str) else str(value).lower()
        body, count = re.subn(rf"(?m)^{key} = .*$", f"{key} = {written}", body)
        if count != 1:
            raise AppError(f"{file} has no {table}.{key}")
    file.write_text(head + mark + body + end + tail)


def _pss(pid: int) -> int:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(text.partition("\nPss:")[2].split()[0]) * 1024
