# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The firewall, played in a network of its own: two namespaces, a cable between them, and packets that arrive or do not.

Needs root, as `make test` has it in CI; elsewhere the kernel is asked for a namespace in which this account is root. The rules are loaded as
they are rendered, names and all: the accounts they name are made in a passwd that only the namespace sees.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import host
from tests.deploy.host_files import files, ran

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
#: Numbers within what a namespace of 65,536 accounts maps.
NAMED = {
    "root": 0,
    "debian-tor": 3101,
    "systemd-timesync": 3102,
    "systemd-network": 3103,
    "_apt": 3104,
    host.CARE_ACCOUNT: 3105,
    host.SOURCE_ACCOUNT: 3106,
    host.DESK_ACCOUNT: 3107,
    "nobody": 3108,
}
EVERYBODY = tuple(NAMED)
OUTSIDE = ("tcp", "tcp 53", "udp", "dns", "ntp", "dhcp", "icmp", "tcp6", "udp6", "icmpv6", "raw6", "multicast")
INSIDE = ("tcp", "udp", "icmp", "tcp6", "udp6", "icmpv6")
#: Who gets what out. Whatever is not here stays in.
ALLOWED = {
    ("debian-tor", "tcp"),
    ("debian-tor", "tcp 53"),
    ("debian-tor", "tcp6"),
    ("systemd-timesync", "dns"),
    ("systemd-timesync", "ntp"),
    ("systemd-network", "dhcp"),
    ("root", "dhcp"),
}
SOCKS = {"debian-tor", "root", "_apt", host.CARE_ACCOUNT}


class Network:
    """
    A host with the firewall, and a machine on the other end of its cable.
    """

    def __init__(self, folder: Path) -> None:
        ruleset, accounts = folder / "nftables.conf", folder / "passwd"
        ruleset.write_text(next(file.text for path, file in files().items() if path.name == "nftables.conf"))
        accounts.write_text("".join(f"{name}:x:{number}:65534::/:/bin/false\n" for name, number in NAMED.items()))
        own = ["unshare", "--mount", "--net"]
        if os.geteuid() != 0:
            own = ["unshare", "--user", "--map-root-user", "--map-users=auto", "--map-groups=auto", "--mount", "--net"]
        self._stage = subprocess.Popen(
            [*own, sys.executable, str(HERE / "firewall_stage.py"), str(ruleset), str(accounts)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ready = self._answer()

    def arrives(self, way: str, what: str, uid: int) -> bool:
        """
        Send something and look whether it is there.

        Args:
            way: `out` of the host, `in` from the other machine, or `lo`.
            what: The kind of packet.
            uid: Who sends it.
        """
        assert self._stage.stdin is not None
        print(json.dumps([way, what, uid]), file=self._stage.stdin, flush=True)
        return bool(self._answer())

    def _answer(self) -> object:
        assert self._stage.stdout is not None
        line = self._stage.stdout.readline()
        assert line, "the stage is gone"
        return json.loads(line)

    def close(self) -> None:
        """End it; its namespaces go with it."""
        assert self._stage.stdin is not None
        assert self._stage.stdout is not None
        self._stage.stdin.close()
        self._stage.stdout.close()
        self._stage.wait(30)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """The two machines."""
    made = Network(tmp_path_factory.mktemp("network"))
    yield made
    made.close()


@pytest.mark.parametrize(("who", "what"), list(itertools.product(EVERYBODY, OUTSIDE)))
def test_out_gets_what_is_named_and_nothing_else(network: Network, who: str, what: str) -> None:
    """Each account sends each kind of packet; the other machine receives those that are named, and no other."""
    assert network.arrives("out", what, NAMED[who]) == ((who, what) in ALLOWED)


def test_without_the_rules_every_packet_would_have_arrived(network: Network) -> None:
    """Before the rules were loaded, each kind of packet did arrive, both ways: what did not afterwards was stopped by them."""
    assert network.ready == {f"out {what}": True for what in OUTSIDE} | {
        f"in {what}": True for what in (*INSIDE, "dhcp")
    }


@pytest.mark.parametrize("what", INSIDE)
def test_nothing_comes_in_that_was_not_asked_for(network: Network, what: str) -> None:
    """Connections, datagrams and pings of the other machine meet nobody, though programs listen there."""
    assert not network.arrives("in", what, 0)


def test_a_broadcast_of_the_dhcp_server_comes_in(network: Network) -> None:
    """What a DHCP server sends to port 68 from port 67 arrives."""
    assert network.arrives("in", "dhcp", 0)


@pytest.mark.parametrize("who", EVERYBODY)
def test_tors_socks_port_is_for_those_who_are_named(network: Network, who: str) -> None:
    """On the loopback apt, doctor and root reach tor's SOCKS port, with an answer; the apps do not."""
    assert network.arrives("lo", "socks", NAMED[who]) == (who in SOCKS)


@pytest.mark.parametrize(("who", "what"), list(itertools.product(EVERYBODY, ["tcp", "udp", "socks6", "udp to socks"])))
def test_the_loopback_is_no_way_round(network: Network, who: str, what: str) -> None:
    """No other port or protocol of the loopback is anybody's but tor's, which connects an onion's visitor to sshd."""
    assert network.arrives("lo", what, NAMED[who]) == (who == "debian-tor" and what in {"tcp", "socks6"})


def test_the_loopbacks_addresses_are_not_taken_from_outside(network: Network) -> None:
    """A packet for 127.0.0.1 that comes over the cable is dropped."""
    assert not network.arrives("in", "loopback", 0)


def test_a_ruleset_that_names_an_account_there_is_none_of_is_refused(tmp_path: Path) -> None:
    """The firewall is loaded whole or not at all; tor's unit then does not start, because it requires the firewall's."""
    text = next(file.text for path, file in files().items() if path.name == "nftables.conf")
    broken = tmp_path / "nftables.conf"
    broken.write_text(text.replace('"debian-tor"', '"debian-tro"'))
    said = ran(
        "unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--net", "nft", "--check", "--file", broken
    )
    assert said.returncode != 0
    drop_in = next(file.text for path, file in files().items() if path.parent.name == "tor@default.service.d")
    assert "Requires=nftables.service" in drop_in.splitlines()
