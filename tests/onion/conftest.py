# SPDX-License-Identifier: AGPL-3.0-or-later
"""
One private Tor network for all tests of this folder, and one organisation behind its two onions.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import FrameType

import pytest

from deploy.people import AtDesk, Login
from tests.browser.firefox import Firefox
from tests.journeys.world import World
from tests.onion.chromium import Chromium
from tests.onion.network import Network, running
from tests.onion.office import Office, opened, server_torrc
from tests.onion.tunnel import Tunnel

SEAT = 2


@pytest.fixture(scope="session", autouse=True)
def _ended_in_order() -> Iterator[None]:
    """A SIGTERM ends the tests as Ctrl-C does: what was started is ended."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        pytest.exit("SIGTERM", returncode=128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, end)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def network() -> Iterator[Network]:
    """A network that is ready."""
    with running(server_torrc) as network:
        yield network


@pytest.fixture(scope="session")
def office(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Three seats; source app and desk behind their onions."""
    world = World(tmp_path_factory.mktemp("office"))
    with ExitStack() as stack:
        stack.callback(world.close)
        office = opened(network, world)
        stack.callback(office.desk.close)
        stack.callback(office.source.close)
        yield office


@pytest.fixture
def tunnel(office: Office) -> Iterator[Callable[..., Tunnel]]:
    """Ways to the onions, each on a circuit of its own; all end with the test."""
    with ExitStack() as stack:
        yield lambda name="source": stack.enter_context(office.tunnel(name))


@pytest.fixture(scope="session")
def reviewer(office: Office) -> Iterator[AtDesk]:
    """The person of seat 2, logged in at the desk over its onion."""
    person = office.world.people[SEAT]
    with office.tunnel("desk") as way:
        yield AtDesk(way.url, Login(person.person.name, person.passphrase, person.totp))


@pytest.fixture(params=["firefox", "chromium"])
def browser(
    request: pytest.FixtureRequest, network: Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Firefox | Chromium]:
    """A fresh browser without JavaScript, whose only way out is tor."""
    kind = {"firefox": Firefox, "chromium": Chromium}[request.param]
    with kind(tmp_path_factory.mktemp(request.param), proxy=network.visitor.socks) as browser:
        yield browser
