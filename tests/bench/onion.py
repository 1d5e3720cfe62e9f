# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What the source app is over a real onion: beside a bare sink behind the same onion, and for itself.

Both take the same bytes over the same circuit, in turns: tor is the slow part of both, and drifts for both. The ratio is that of the sums.

`python -m tests.bench.onion --starts 20` starts the private network that often and counts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.bench.figure import Figure
from tests.bench.processes import MIB
from tests.bench.upload import content
from tests.journeys.world import World
from tests.onion import programs
from tests.onion.network import NetworkError, running
from tests.onion.office import Office, opened, server_torrc, socket_of
from tests.onion.patience import BROKEN, patiently
from tests.onion.tunnel import Tunnel
from tests.source_app.visitor import Visitor

LENGTH = 10_000_000
SINK, SINK_PORT = "sink", 81
GOAL_SHARE, GOAL_MEMORY, GOAL_SECONDS, GOAL_READY = 0.8, 250 * MIB, 60.0, 40.0


def figures(*, quick: bool) -> Iterator[Figure]:
    """Every figure of this file."""
    with tempfile.TemporaryDirectory() as name, running(_with_sink) as network, contextlib.ExitStack() as stack:
        world = World(Path(name))
        stack.callback(world.close)
        stack.enter_context(sink(network.folder, SINK))
        office = opened(network, world)
        stack.callback(office.desk.close)
        stack.callback(office.source.close)
        yield absolute("private network ready", network.took["ready"], "s", GOAL_READY)
        yield absolute("onion reachable after the start", max(office.reached.values()), "s", GOAL_SECONDS)
        yield absolute("idle memory of source app and desk", sum(office.idle.values()) / MIB, "MiB", GOAL_MEMORY / MIB)
        yield beside_a_sink(office, pairs=2 if quick else 12)


def beside_a_sink(office: Office, *, pairs: int) -> Figure:
    """10 MB to the source app and to the sink, alternated, after one of each."""
    way = office.tunnel()
    with way, Tunnel(office.network.visitor.socks, office.address("source"), port=SINK_PORT, circuit=way) as other:
        source = Visitor(way.url, timeout=300)
        page = patiently(lambda: source.write("bench"))
        taken = bare = 0.0
        shares = []
        for pair in range(pairs + 1):
            form = page.form("files")
            sent = _timed(lambda: _upload(source, form.action, form.hidden))  # noqa: B023 - called at once
            page = source.get("/en/received")
            limit = _timed(lambda: _upload(Visitor(other.url, timeout=300), "/", {}))
            if pair:
                taken, bare = taken + sent, bare + limit
                shares.append(limit / sent)
    print(f"   pairs from {min(shares):.3f} to {max(shares):.3f}", flush=True)
    speed, most = pairs * LENGTH / taken / 1e6, pairs * LENGTH / bare / 1e6
    return {
        "name": "10 MB over the onion",
        "value": speed,
        "unit": "MB/s",
        "limit": most,
        "ratio": speed / most,
        "goal": f"ratio >= {GOAL_SHARE}",
        "ok": speed / most >= GOAL_SHARE,
    }


def twenty_starts(count: int = 20) -> Figure:
    """
    Start the private network again and again, each time with a page fetched over an onion, and end it.

    Returns:
        how many starts ended with that page.
    """
    took = []
    for number in range(1, count + 1):
        try:
            with running(server_torrc) as network, sink(network.folder, "source"):
                address = (network.folder / "server" / "dengwen-source" / "hostname").read_text().strip()
                with Tunnel(network.visitor.socks, address) as way:
                    patiently(lambda: Visitor(way.url).get("/"), 20)
                took.append(network.age)
                print(f"   start {number}: {network.took}, a page after {network.age:.1f} s", flush=True)
        except (NetworkError, *BROKEN) as error:
            print(f"   start {number} failed: {error}", flush=True)
    if took:
        print(f"   from {min(took):.1f} to {max(took):.1f} s", flush=True)
    return {
        "name": f"starts of the private network, of {count}",
        "value": len(took),
        "unit": "starts",
        "limit": None,
        "ratio": None,
        "goal": f">= {count}",
        "ok": len(took) == count,
    }


def absolute(name: str, value: float, unit: str, most: float) -> Figure:
    """One line of bench.json that has no reference."""
    return {
        "name": name,
        "value": round(value, 2),
        "unit": unit,
        "limit": None,
        "ratio": None,
        "goal": f"<= {most:g} {unit}",
        "ok": value <= most,
    }


@contextlib.contextmanager
def sink(folder: Path, name: str) -> Iterator[None]:
    """The sink, where tor looks for this app."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(socket_of(folder, name)))
        listener.listen(128)
        process = programs.start(
            [sys.executable, "-m", "tests.bench.sink"], said=folder / "sink.said", listener=listener.fileno()
        )
        try:
            yield
        finally:
            programs.stop([process])


def _with_sink(folder: Path) -> str:
    """The server's torrc, with the sink on another port of the source's onion."""
    port = f"HiddenServicePort 80 unix:{socket_of(folder, 'source')}\n"
    rendered = server_torrc(folder)
    if rendered.count(port) != 1:
        raise NetworkError("the rendered torrc has another port than this looks for")
    return rendered.replace(port, f"{port}HiddenServicePort {SINK_PORT} unix:{socket_of(folder, SINK)}\n")


def _upload(visitor: Visitor, action: str, hidden: Mapping[str, str]) -> None:
    """One file, up to the answer; where it leads to is not followed."""
    head = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in hidden.items()
    )
    head += '--b\r\nContent-Disposition: form-data; name="files"; filename="bench.bin"\r\n\r\n'
    start, end = head.encode(), b"\r\n--b--\r\n"

    def pieces() -> Iterator[bytes]:
        yield start
        yield from content(LENGTH)
        yield end

    sent = {"Content-Type": "multipart/form-data; boundary=b"}
    page = visitor._once("POST", action, pieces(), len(start) + LENGTH + len(end), sent)
    if page.status not in (200, 303):
        raise RuntimeError(f"the upload was answered {page.status}")


def _timed(act: Callable[[], None]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.onion")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--starts", type=int, default=0, help="only start the network this often")
    given = parser.parse_args()
    found = [twenty_starts(given.starts)] if given.starts else list(figures(quick=given.quick))
    print(json.dumps(found, indent=1, ensure_ascii=False))
    sys.exit(0 if all(one["ok"] for one in found) else 1)


if __name__ == "__main__":
    main()
