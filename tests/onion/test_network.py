# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What the other tests of this folder rest on: the network is ready in time, what is served is what was rendered, and nothing of it outlives the tests.
"""

from __future__ import annotations

import datetime
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.onion import opened
from tests.onion.authorities import SEAL, authorities
from tests.onion.network import COUNT, UPLOADS, Network
from tests.onion.office import Office
from tests.onion.patience import until
from tests.source_app.visitor import ROOT

pytestmark = [pytest.mark.onion, pytest.mark.slow]

READY_SECONDS, REACHED_SECONDS = 40.0, 60.0
MOST_MEMORY = 250 << 20
#: Starts the authorities, says who and where they are, and waits to be ended.
BEGUN = """
import time
from tests.onion import network, programs
with programs.folder() as folder:
    made = network.Network(folder)
    made._directory(network.CACHE)
    for one in made.authorities:
        one.start()
    for one in made.authorities:
        one.control().close()
    print(folder, *(one.pid for one in made.authorities), flush=True)
    time.sleep(600)
"""


def gone(pid: int) -> bool:
    """Whether a process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_the_network_is_ready_in_time(network: Network) -> None:
    """Five authorities agree, both onions are published, and all of it took no longer than it may."""
    assert network.took["ready"] <= READY_SECONDS, network.took
    assert len(network.authorities) == COUNT


def test_both_onions_answer_soon_after_the_start(office: Office) -> None:
    """From nothing to the first page over tor, authorities included."""
    assert office.reached["source"] <= REACHED_SECONDS, office.reached
    assert office.reached["desk"] <= REACHED_SECONDS, office.reached


def test_idle_programs_are_small(office: Office) -> None:
    """Source app and desk together, each page of memory counted once, before anybody came."""
    assert sum(office.idle.values()) <= MOST_MEMORY, office.idle


def test_the_source_service_publishes_its_puzzle(network: Network, office: Office) -> None:
    """Its descriptor has proof-of-work parameters and introduction points, and is at more than one directory."""
    address = office.address("source").removesuffix(".onion")
    with opened(network.onion.folder / "control.sock") as door:
        described = door.descriptor(address)
        found = door.directories(address)
    assert described.pow is True
    assert not described.restricted
    assert described.introduction_points is not None
    assert described.introduction_points >= 3
    assert found.have == found.asked >= UPLOADS, found


def test_what_is_served_is_what_a_host_is_given(network: Network) -> None:
    """The server's torrc is the rendered one but for its places, and tor says nothing against it: what it warns of is the test network."""
    running = (network.onion.folder / "torrc").read_text()
    for line in (
        "HiddenServicePoWDefensesEnabled 1",
        "HiddenServiceExportCircuitID haproxy",
        "Sandbox 0",
        "HeartbeatPeriod 0",
    ):
        assert f"\n{line}\n" in running
    log = (network.onion.folder / "tor.log").read_text()
    expected = ("You have used DirAuthority", "TestingTorNetwork is set", "You are running Tor as root")
    unexpected = [
        line
        for line in log.splitlines()
        if re.search(r"\[(warn|err)\]", line) and not any(one in line for one in expected)
    ]
    assert unexpected == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_the_tests(how: signal.Signals) -> None:
    """Whoever runs the network is killed: every tor ends, and the folder is gone."""
    with subprocess.Popen(
        [sys.executable, "-c", BEGUN],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        folder, *pids = process.stdout.readline().split()
        assert len(pids) == COUNT
        assert not any(gone(int(pid)) for pid in pids)
        process.send_signal(how)
    until(lambda: all(gone(int(pid)) for pid in pids), "every tor to end")
    until(lambda: not Path(folder).exists(), "the folder to go")


def test_keys_of_authorities_are_kept_for_a_week(tmp_path: Path) -> None:
    """The same keys again in the same week; in the next one others, and the old ones are gone."""
    monday = datetime.date(2026, 11, 16)
    first = authorities(1, tmp_path, monday)
    assert authorities(1, tmp_path, monday + datetime.timedelta(days=6)) == first
    (later,) = authorities(1, tmp_path, monday + datetime.timedelta(days=7))
    assert later.identity != first[0].identity
    assert not first[0].keys.exists()
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("harm", ["altered", "missing", "unsealed"])
def test_a_broken_cache_is_made_anew(tmp_path: Path, harm: str) -> None:
    """A key that is not as it was sealed is not used."""
    (first,) = authorities(1, tmp_path)
    key = first.keys / "authority_signing_key"
    if harm == "altered":
        key.write_bytes(key.read_bytes()[:-1])
    elif harm == "missing":
        key.unlink()
    else:
        (first.keys.parents[1] / SEAL).unlink()
    (again,) = authorities(1, tmp_path)
    assert again.identity != first.identity
    assert key.stat().st_size > 1_000
