# SPDX-License-Identifier: AGPL-3.0-or-later
"""
After a busy hour over tor, everything that the server's programs and its tor wrote is read: nothing in it tells of a source.

Searched: the server's folder, the programs' temporary files and all they said, and everything below tor's own folder, its log on the level that
a host has. For: what was written, answered and noted, pieces and names of files, codenames in every rendering, what browsers sent of themselves,
addresses and circuits, paths that somebody asked for, and moments finer than a day. Left out and documented in `store/README.md`: times of files.

Each time, everything is done once, in a minute or two. DENGWEN_BUSY_SECONDS=3600 does it again and again for an hour, and then searches.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.search import Search
from deploy.visitor import Visitor as Plain
from tests.attacks.busy import Busy, a_day
from tests.onion.office import Office
from tests.onion.patience import until
from tests.onion.tunnel import Tunnel
from tests.source_app.visitor import Upload, Visitor

pytestmark = [pytest.mark.onion, pytest.mark.slow]

SECONDS_BUSY = int(os.environ.get("DENGWEN_BUSY_SECONDS", "0"))
#: A login code works once, and counts for half a minute.
BETWEEN_SECONDS = 35.0
AGENT = "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"
ACCENT = "ug-CN,ug;q=0.7,zh-Hans;q=0.3"
ASKED_FOR = "/zh-Hans/somebody-looks-for-this"
NAMED = "护照扫描件-真名.jpg"
#: Tor begins every connection with its circuit, written as an address of this network.
CIRCUIT = b"fc00:dead:beef:4dad:"
#: Requests that are none, each with something that must not be quoted in a log.
MALFORMED = (
    b"GET " + ASKED_FOR.encode() + b" HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nUser-Agent " + AGENT.encode() + b"\r\n\r\n",
    b"POST " + ASKED_FOR.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Length: ninety\r\n\r\n",
    b"PROXY TCP6 fc00:dead:beef:4dad::ffff:7 ::1 7 80\r\n" * 2,
    b"\x16\x03\x01\x02\x00",
)
#: Tor's own files, and what may stand at the beginning of a line of its state.
TOR_FILES = {
    "cached-certs", "cached-microdesc-consensus", "cached-microdescs", "cached-microdescs.new", "control.sock", "cookie", "lock", "state",
    "tor.log", "torrc", "hostname", "hs_ed25519_public_key", "hs_ed25519_secret_key",
}  # fmt: skip
TOR_STATE = {
    "#", "CircuitBuildTimeBin", "CircuitBuildAbandonedCount", "Dormant", "Guard", "LastWritten", "MinutesSinceUserActivity", "TorVersion",
    "TotalBuildTimes",
}  # fmt: skip
CLOCK = re.compile(rb"\d\d:\d\d:\d\d|\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
SECONDS = re.compile(rb"(?<!\d)\d{10}(?!\d)")


@dataclass
class Hour:
    """
    Args:
        office: whose.
        began, ended: seconds since 1970.
        said_before: how long tor's log was when it began.
    """

    office: Office
    began: float
    said_before: int
    ended: float = 0.0

    def files(self) -> Iterator[Path]:
        """Everything that the server's programs wrote, tor's apart."""
        yield from (path for path in self.office.busy.everything() if path.is_file())

    @property
    def tor(self) -> Path:
        """The folder of the server's tor."""
        return self.office.network.onion.folder

    def markers(self) -> list[tuple[str, bytes]]:
        """What must not be found."""
        return [
            *self.office.busy.words(),
            ("what a browser says of itself", AGENT.encode()),
            ("what any browser says of itself", b"Mozilla/5.0"),
            ("a person's languages", ACCENT.encode()),
            ("a path that was asked for", ASKED_FOR.encode()),
            ("a name of a file", NAMED.encode()),
            ("a circuit", CIRCUIT),
        ]


@pytest.fixture(scope="module")
def hour(office: Office) -> Hour:
    """Sources come, send, return, forget; reviewers work; somebody fumbles; tor is reloaded."""
    hour = Hour(office, time.time(), (office.network.onion.folder / "tor.log").stat().st_size)
    _everything(office)
    while time.time() < hour.began + SECONDS_BUSY:
        time.sleep(BETWEEN_SECONDS)
        _everything(office)
    with office.network.onion.control() as control:
        control.ask("SIGNAL HUP")
    hour.ended = time.time()
    return hour


def _everything(office: Office) -> None:
    """Each thing that people do, once."""
    with office.tunnel("source") as source, office.tunnel("desk") as desk:
        day = Busy(office.world)
        a_day(day, source.url, desk.url)
        office.busy.codenames += day.codenames
        office.busy.files += day.files
    with office.tunnel() as way:
        _browse(way)
        _fumble(way)
    with office.tunnel("desk") as way:
        assert Plain(way.url).get(ASKED_FOR).status in {303, 404, 200}
        _fumble(way)


def _browse(way: Tunnel) -> None:
    """A source whose browser says much of itself, and who asks for what is not there."""
    visitor = Visitor(way.url, headers={"User-Agent": AGENT, "Accept-Language": ACCENT, "X-Address": "203.0.113.77"})
    page = visitor.write("这是一段不该留下的文字：" + AGENT)
    visitor.attach(page, Upload.of(NAMED, b"\xff\xd8" + AGENT.encode()))
    assert visitor.get(ASKED_FOR).status == 404
    assert visitor.get(f"/zh-Hans/?from={ASKED_FOR}").status == 200


def _fumble(way: Tunnel) -> None:
    """What is no request."""
    host, _, port = way.url.removeprefix("http://").partition(":")
    for raw in MALFORMED:
        with socket.create_connection((host, int(port)), 30) as connection, contextlib.suppress(OSError):
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass


def test_nothing_of_a_source_stands_in_any_file(hour: Hour) -> None:
    """No text, file, name, codename, browser, path, circuit or address: not in the store, not in a log, not at tor."""
    search = Search([*hour.markers(), ("an address", b"203.0.113.77")])
    for path in (*hour.files(), *(one for one in hour.tor.rglob("*") if one.is_file())):
        with path.open("rb") as file:
            search.read(file.fileno(), 0, str(path))
            search.files += 1
    assert search.found == []
    assert search.files >= 20


def test_the_search_finds_what_is_there(hour: Hour, tmp_path: Path) -> None:
    """Each thing that is looked for, planted among the others, is found; so is a moment."""
    markers = hour.markers()
    for number, (what, marker) in enumerate(markers):
        (tmp_path / f"{number}").write_bytes(b"before\0" + marker + b"\0after")
        search = Search([(what, marker)])
        search.folder(tmp_path)
        assert search.found, what
    for moment in (hour.began, (hour.began + hour.ended) / 2):
        planted = (
            time.strftime("%H:%M:%S", time.gmtime(moment)),
            time.strftime("%Y-%m-%dT%H:%M", time.gmtime(moment)),
            str(int(moment)),
        )
        for one in planted:
            assert _moments(b"x " + one.encode() + b" y", hour), one


def test_the_programs_said_nothing(hour: Hour) -> None:
    """Neither app wrote a line, whatever was thrown at it; their temporary folders are empty."""
    folder = hour.office.world.folder
    assert {app.log.read_text() for app in (hour.office.source, hour.office.desk)} == {""}
    assert [path for path in (folder / "tmp").rglob("*") if path.is_file()] == []


def test_tor_said_nothing_of_a_visit(hour: Hour) -> None:
    """In the hour tor's log grew by what a reload says, and by no word of a circuit, a stream or an introduction."""
    reloaded = "Read configuration file"

    def said() -> str:
        return (hour.tor / "tor.log").read_bytes()[hour.said_before :].decode()

    until(lambda: reloaded in said(), "tor to say that it was reloaded")
    lines = [line.partition("] ")[2] for line in said().splitlines() if "[warn]" not in line]
    about = [
        line for line in lines if re.search(r"(?i)circuit|stream|introduc|rendezvous|heartbeat|client|bytes|kB", line)
    ]
    assert about == []


def test_tor_keeps_no_file_that_is_not_known(hour: Hour) -> None:
    """Keys, the directories' documents, its state: no statistics, no replay cache, no list of circuits; and its state has no line of a new kind."""
    found = {path.name for path in hour.tor.rglob("*") if not path.is_dir()}
    assert {name for name in found if not re.fullmatch(r"[\w ]+\.auth", name)} <= TOR_FILES
    state = (hour.tor / "state").read_text() if (hour.tor / "state").exists() else ""
    assert {line.split()[0] for line in state.splitlines() if line} <= TOR_STATE


def test_no_moment_of_the_hour_stands_in_a_file(hour: Hour) -> None:
    """Neither as a clock time nor as seconds since 1970; a day is all that is kept."""
    for path in hour.files():
        assert _moments(path.read_bytes(), hour) == [], path


def _moments(raw: bytes, hour: Hour) -> list[bytes]:
    """Texts that name a moment of the hour."""
    first, last = int(hour.began) - 60, int(hour.ended) + 60
    seconds = [found for found in SECONDS.findall(raw) if first <= int(found) <= last]
    minutes = {time.strftime("%H:%M", time.gmtime(moment)).encode() for moment in range(first, last + 60, 60)}
    return seconds + [found for found in CLOCK.findall(raw) if found[-5:] in minutes or found[:5] in minutes]
