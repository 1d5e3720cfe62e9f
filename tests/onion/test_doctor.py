# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Doctor over a real Tor network: what it says of onions that are there, that lack a key, and that are gone.

The tor it asks is one of its own, with two onions and pages that say nothing, so that no other test's desk is opened or closed.
"""

from __future__ import annotations

import base64
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from deploy.doctor.finding import Finding
from deploy.doctor.machine import Deadline
from deploy.doctor.read_onions import Places, checks, services
from tests.onion.network import OTHERS, Network, Tor

pytestmark = [pytest.mark.onion, pytest.mark.slow]

PATIENCE_SECONDS = 120.0
TORRC = (
    OTHERS
    + """
SocksPort auto ExtendedErrors
HiddenServiceDir {folder}/dengwen-source
HiddenServicePort 80 unix:{folder}/source.sock
HiddenServicePoWDefensesEnabled 1
HiddenServiceDir {folder}/dengwen-desk
HiddenServicePort 80 unix:{folder}/desk.sock
"""
)


class Pages(socketserver.ThreadingUnixStreamServer):
    """A page on a unix socket, with whatever status a test sets."""

    status = 200


class Page(BaseHTTPRequestHandler):
    """Says nothing, politely."""

    def do_GET(self) -> None:
        """Answer."""
        assert isinstance(self.server, Pages)
        self.send_response(self.server.status)
        self.end_headers()

    def address_string(self) -> str:
        """A unix socket's visitor has no address."""
        return "-"

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


@pytest.fixture(scope="module")
def tor(network: Network) -> Iterator[Tor]:
    """A server's tor with two onions."""
    found = network.add("doctored", TORRC)
    found.start()
    network.informed(found)
    yield found
    found.stop()


@pytest.fixture(scope="module")
def pages(tor: Tor) -> Iterator[dict[str, Pages]]:
    """What stands behind the onions."""
    with ExitStack() as stack:
        found = {}
        for name in ("source", "desk"):
            found[name] = stack.enter_context(Pages(str(tor.folder / f"{name}.sock"), Page))
            threading.Thread(target=found[name].serve_forever, daemon=True).start()
            stack.callback(found[name].shutdown)
        yield found


def told(tor: Tor, *, people: int) -> dict[str, Finding]:
    """What doctor says."""
    places = Places(
        control=tor.folder / "control.sock",
        proxy=tor.socks,
        source=tor.folder / "dengwen-source",
        desk=tor.folder / "dengwen-desk",
    )
    found = services(Deadline(55.0), places)
    return {name: check() for name, check in checks(found, people, 0, "/d")}


def until(tor: Tor, condition: Callable[[dict[str, Finding]], bool], *, people: int) -> dict[str, Finding]:
    """Ask until it is so: descriptors take seconds, on a busy machine many."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition(found := told(tor, people=people)):
        assert time.monotonic() < end, {name: one.seen for name, one in found.items()}
    return found


def authorise(folder: Path) -> None:
    public = X25519PrivateKey.generate().public_key().public_bytes_raw()
    written = base64.b32encode(public).decode().rstrip("=")
    (folder / "authorized_clients" / "one.auth").write_text(f"descriptor:x25519:{written}\n")


def test_doctor_tells_of_real_onions_what_is_so(tor: Tor, pages: dict[str, Pages]) -> None:
    """Published and answering; a desk without keys is open; with one it is closed; an intake that is closed is told."""
    found = until(tor, lambda now: now["source onion reachable"].ok and now["source onion published"].ok, people=1)
    for name in ("tor", "clock against tor", "source proof of work"):
        assert found[name].ok, found[name].seen
    assert found["desk onion closed to strangers"].seen == "The desk onion lets in whoever has no key."
    assert not found["desk keys"].ok

    authorise(tor.folder / "dengwen-desk")
    tor.reload()
    found = until(tor, lambda now: now["desk onion closed to strangers"].ok, people=1)
    assert found["desk keys"].seen == "1 key for the desk onion, 1 person who may log in, 0 machines that may watch."
    assert found["desk keys"].ok

    pages["source"].status = 503
    closed = told(tor, people=1)["source onion reachable"]
    assert (closed.urgent, closed.seen) == (True, "The page came through tor and says that intake is closed for now.")
    addresses = [(tor.folder / f"dengwen-{name}" / "hostname").read_text()[:56] for name in ("source", "desk")]
    assert not any(address in one.seen for address in addresses for one in found.values())


def test_doctor_does_not_take_a_tor_that_has_ended_for_well(tor: Tor) -> None:
    """Nothing of it is well, and it takes no longer than asking."""
    proxy = tor.socks
    tor.stop()
    began = time.monotonic()
    places = Places(
        control=tor.folder / "control.sock",
        proxy=proxy,
        source=tor.folder / "dengwen-source",
        desk=tor.folder / "dengwen-desk",
    )
    found = [check() for _, check in checks(services(Deadline(55.0), places), 1, 0, "/d")]
    assert [one.what for one in found if one.ok] == ["desk keys"]
    assert time.monotonic() - began < 10
