# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Who reaches the desk's onion: a person with a client key, as long as it is theirs, and nobody else.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator

import pytest

from deploy import desk_keys, socks, watch_keys
from deploy.doctor.checkup import examine
from deploy.doctor.read_server import write_whole
from deploy.errors import SocksError
from deploy.onion import opened
from deploy.watch import Seen, Watched, look
from journalist_app.desk.health import Colour
from tests.onion.network import OTHERS, VISITING, Tor
from tests.onion.office import Office
from tests.onion.patience import patiently
from tests.source_app.visitor import Visitor

pytestmark = [pytest.mark.onion, pytest.mark.slow]

PERSON = "青杨"
#: Tor's words for it: no key at all, and one that the descriptor is not for.
NO_KEY, WRONG_KEY = 0xF4, 0xF5


@pytest.fixture
def stranger(office: Office) -> Iterator[Tor]:
    """Somebody's tor that has no key."""
    tor = office.network.add("stranger", OTHERS + VISITING)
    tor.start()
    office.network.informed(tor)
    yield tor
    tor.stop()


def refused(tor: Tor, address: str) -> int:
    """What a tor answers who asks for the desk; 0 if it connects."""
    try:
        socks.connect(tor.socks, address, 80).close()
    except SocksError as error:
        return error.code
    return 0


def login(tor: Tor, address: str) -> str:
    """The desk's first page."""
    return socks.fetch(address, "/login", tor.socks).body.decode()


def answered(tor: Tor, watched: Watched) -> Seen:
    """
    What is seen, asked again while there is no answer: the first way in may fail.
    """
    end = time.monotonic() + 2 * socks.SECONDS
    while (seen := look(watched)).key[0] == "no answer" and time.monotonic() < end:
        tor.forget()
        time.sleep(2)
    return seen


def test_the_desk_opens_with_a_key_and_never_without(office: Office, stranger: Tor) -> None:
    """Refused without a key, served with one, refused once it was revoked; the others stay in, and the door stays barred."""
    service, address = office.onion("desk"), office.address("desk")
    assert refused(stranger, address) == NO_KEY

    key = desk_keys.add(service, PERSON)
    with opened(office.network.onion.folder / "control.sock") as door:
        office.network.published(door.reload, key.address)
        assert door.descriptor(key.address).restricted
    stranger.hold("desk", key.line)
    page = login(stranger, address)
    assert 'name="passphrase"' in page

    desk_keys.revoke(service, PERSON)
    with opened(office.network.onion.folder / "control.sock") as door:
        office.network.published(lambda: door.begin_anew(service), key.address)
    assert PERSON not in desk_keys.names(service)
    # Who has an old descriptor tries its way in for as long as tor tries one connection, and looks for a new one only then.
    end = time.monotonic() + 2 * socks.SECONDS
    while (code := refused(stranger, address)) != WRONG_KEY and time.monotonic() < end:
        assert code, "a revoked key opened the door"
    assert code == WRONG_KEY
    stranger.hold("desk", "")
    assert refused(stranger, address) == NO_KEY

    with office.tunnel("desk") as way:
        assert patiently(lambda: Visitor(way.url).get("/login")).status == 200


def test_an_operators_machine_asks_over_its_own_key_how_the_server_is(office: Office, stranger: Tor) -> None:
    """With client key and watch key it learns what doctor found; without the watch key only that there is no answer for it."""
    service, address, folder = office.onion("desk"), office.address("desk"), office.world.server
    watched = Watched(onion=address, key=watch_keys.add(folder, "laptop"), proxy=stranger.socks)
    key = desk_keys.add(service, "laptop")
    with opened(office.network.onion.folder / "control.sock") as door:
        office.network.published(door.reload, key.address)
    stranger.hold("desk", key.line)
    report = examine(folder, at=datetime.datetime.now(datetime.UTC), host=False)
    write_whole(folder / "doctor.json", report.encode())
    seen = answered(stranger, watched)
    assert "no answer" not in seen.lines[0]
    assert {one.what for one in report.findings if not one.ok} == {
        line.partition(" (")[0].partition(":")[0] for line in seen.lines[1:]
    }

    watch_keys.revoke(folder, "laptop")
    assert look(watched).colour is Colour.RED
    desk_keys.revoke(service, "laptop")
    stranger.hold("desk", "")


def test_the_source_service_needs_no_key(office: Office, stranger: Tor) -> None:
    """Whoever has the address comes in."""
    assert socks.reachable(office.address("source"), stranger.socks) == 200
