# SPDX-License-Identifier: AGPL-3.0-or-later
"""
`deploy.onion`, `deploy.socks` and the client keys against a tor of their own in the private network, with the torrc that is rendered.
"""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy import desk_keys, onion, onion_keys, socks
from deploy.desk_keys import DeskKey
from deploy.errors import OnionError, SocksError
from deploy.torrc import OnionSettings, Places, torrc
from tests.onion.network import OTHERS, VISITING, Network, Tor, free_ports

WAIT_SECONDS = 60.0
PAGE = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhere"


class Answering(socketserver.StreamRequestHandler):
    """A page after the line that names the circuit; on /slow, a byte now and then."""

    def handle(self) -> None:
        assert self.rfile.readline().startswith(b"PROXY TCP6 fc00:dead:beef:4dad::")
        slow = self.rfile.readline().startswith(b"GET /slow")
        self.wfile.write(PAGE)
        while slow:
            time.sleep(0.1)
            try:
                self.wfile.write(b".")
            except OSError:
                return


class Listening(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@dataclass
class House:
    """A server's tor with its two onions, and a visitor's tor."""

    folder: Path
    server: Tor
    caller: Tor
    places: Places

    @property
    def source(self) -> str:
        return onion_keys.address(self.places.source_onion)

    @property
    def desk(self) -> str:
        return onion_keys.address(self.places.desk_onion)

    def visit(self, address: str) -> int:
        return socks.reachable(f"{address}.onion", self.caller.socks, timeout=WAIT_SECONDS)

    def refused(self, address: str) -> int:
        with pytest.raises(SocksError) as caught:
            self.visit(address)
        return caught.value.code

    def carry(self, key: DeskKey) -> None:
        """Give the visitor's tor a key, as a person would."""
        (self.caller.folder / f"onion-auth/{key.name}.auth_private").write_text(key.line + "\n")
        self.caller.reload()


def eventually(holds: Callable[[], bool]) -> None:
    """Try again until it holds, within the time a loaded machine takes."""
    end = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < end
        time.sleep(1)


def trying(act: Callable[[], int]) -> bool:
    try:
        return act() == 200
    except SocksError:
        return False


@pytest.fixture(scope="module")
def house(network: Network) -> Iterator[House]:
    """Two tors more in the network; what answers behind both onions is a few lines."""
    folder = network.folder / "house"
    folder.mkdir()
    places = Places(
        folder=network.folder / "housed",
        control=network.folder / "housed/control.sock",
        cookie=network.folder / "housed/cookie",
        socks=("127.0.0.1", free_ports(1)[0]),
        source_onion=folder / "dengwen-source",
        desk_onion=folder / "dengwen-desk",
        source_socket=folder / "app.sock",
        desk_socket=folder / "app.sock",
    )
    desk_keys.bar(places.desk_onion)
    caller = network.add("caller", OTHERS + VISITING)
    server = network.add("housed", torrc(OnionSettings(), places))
    with Listening(str(folder / "app.sock"), Answering) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        try:
            server.start()
            caller.start()
            network.informed(server)
            network.informed(caller)
            made = House(folder, server, caller, places)
            eventually((places.source_onion / "hostname").exists)
            eventually(lambda: trying(lambda: made.visit(made.source)))
            yield made
        finally:
            caller.stop()
            server.stop()
            listening.shutdown()


@pytest.fixture
def door(house: House) -> Iterator[onion.Door]:
    with onion.opened(house.server.folder / "control.sock") as door:
        yield door


@pytest.mark.slow
def test_tor_says_who_it_is_and_how_it_is(door: onion.Door) -> None:
    """Version, bootstrap and clock of a tor that is well."""
    assert door.version().number.startswith("0.4.")
    assert door.bootstrap().percent == 100
    clock = door.clock()
    assert clock.valid_after is not None
    assert clock.skew in {"right", "ahead or offline"}
    assert door.clock(now=clock.now.replace(year=2020)).skew == "behind"
    assert door.clock(now=clock.now.replace(year=2040)).skew == "ahead or offline"


@pytest.mark.slow
def test_the_source_carries_a_puzzle_and_the_desk_shows_nothing(house: House, door: onion.Door) -> None:
    """The source's descriptor is open and names proof of work; the desk's opens to nobody without a key, before it has any."""
    source = door.descriptor(house.source)
    assert (source.restricted, source.pow) == (False, True)
    assert source.introduction_points
    assert door.descriptor(house.desk) == onion.Descriptor(restricted=True, introduction_points=None, pow=None)
    with pytest.raises(OnionError, match="no descriptor"):
        door.descriptor(onion_keys.address_of_public(bytes(32)))


@pytest.mark.slow
def test_the_directories_that_have_the_descriptor_are_counted(house: House, door: onion.Door) -> None:
    """All five authorities are asked and have it, twice in a row; of an onion that is nowhere, none."""
    for _ in range(2):
        found = door.directories(house.source)
        assert found.asked >= 3
        assert (found.have, found.failed) == (found.asked, ())
    other = onion_keys.address_of_public(
        bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    )
    nowhere = door.directories(other)
    assert nowhere.have == 0
    assert set(nowhere.failed) == {"NOT_FOUND"}


@pytest.mark.slow
def test_a_key_opens_the_desk_until_it_is_revoked_and_sources_notice_nothing(house: House, door: onion.Door) -> None:
    """
    Without a key: 0xF4. With it: served. A reload after the key's end still lets its holder in, by the old descriptor; `begin_anew` ends
    their circuit and refuses them, while a source's connection goes on and the other person is served again.
    """
    assert house.refused(house.desk) == socks.MISSING_CLIENT_KEY
    leaving = desk_keys.add(house.places.desk_onion, "leaving")
    door.reload()
    house.carry(leaving)
    eventually(lambda: trying(lambda: house.visit(house.desk)))
    with slow(house, house.desk) as inside, slow(house, house.source) as source:
        desk_keys.revoke(house.places.desk_onion, "leaving")
        door.reload()
        assert house.visit(house.desk) == 200  # why a reload is not enough
        door.begin_anew(house.places.desk_onion)
        assert hung_up(inside)
        assert house.refused(house.desk) != 0
        eventually(lambda: house.refused(house.desk) in {socks.MISSING_CLIENT_KEY, socks.WRONG_CLIENT_KEY})
        assert source.recv(1)
    staying = desk_keys.add(house.places.desk_onion, "staying")
    (house.caller.folder / "onion-auth/leaving.auth_private").unlink()
    door.reload()
    house.carry(staying)
    eventually(lambda: trying(lambda: house.visit(house.desk)))
    assert house.visit(house.source) == 200


@pytest.mark.slow
def test_a_service_that_tor_does_not_run_cannot_begin_anew(house: House, door: onion.Door) -> None:
    """A wrong folder is an error, and ends nothing."""
    with pytest.raises(OnionError, match="no service"):
        door.begin_anew(house.folder)
    assert house.visit(house.source) == 200


class slow:  # noqa: N801 (reads as a word where it is used)
    """A connection that is kept open on /slow."""

    def __init__(self, house: House, address: str) -> None:
        self._socket = socks.connect(house.caller.socks, f"{address}.onion", 80, timeout=WAIT_SECONDS)
        self._socket.sendall(b"GET /slow HTTP/1.0\r\n\r\n")
        assert self._socket.recv(len(PAGE))

    def __enter__(self):
        return self._socket

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def hung_up(inside) -> bool:
    """Whether a connection that gives a byte now and then ends."""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        try:
            if not inside.recv(4096):
                return True
        except OSError:
            return True
    return False
