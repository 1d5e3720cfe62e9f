# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The torrc: tor itself takes it, and it says what the design says.
"""

from __future__ import annotations

import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from deploy.torrc import OnionSettings, Places, services, torrc


def places(folder: Path) -> Places:
    folder.chmod(0o700)
    return Places(
        folder=folder,
        source_onion=folder / "source",
        desk_onion=folder / "desk",
        ssh_onion=folder / "ssh",
        control=folder / "control",
        cookie=folder / "cookie",
    )


def verified(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "empty").touch()
    (folder / "torrc").write_text(text)
    command = ["tor", "--defaults-torrc", str(folder / "empty"), "-f", str(folder / "torrc"), "--verify-config"]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)


def options(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(OnionSettings(), id="as init writes it"),
        pytest.param(OnionSettings(ssh=True), id="ssh"),
        pytest.param(OnionSettings(pow=False), id="no puzzle"),
        pytest.param(OnionSettings(intro_dos=False), id="no bound at introduction points"),
        pytest.param(OnionSettings(pow_queue_rate=1, pow_queue_burst=1, max_streams=32), id="lowest"),
        pytest.param(OnionSettings(pow_queue_rate=10_000, pow_queue_burst=100_000, max_streams=1024), id="highest"),
    ],
)
def test_tor_takes_it(tmp_path: Path, settings: OnionSettings) -> None:
    """The tor of this machine finds the configuration valid, and warns of nothing in it."""
    done = verified(tmp_path, torrc(settings, places(tmp_path)))
    assert done.returncode == 0, done.stdout
    assert "Configuration was valid" in done.stdout
    warned = [line for line in done.stdout.splitlines() if "[warn]" in line and "as root" not in line]
    assert warned == []


def test_tor_would_say_so_if_it_were_wrong(tmp_path: Path) -> None:
    """The check above can fail: one option misspelt, and tor refuses the file."""
    text = torrc(OnionSettings(), places(tmp_path)).replace("HiddenServiceMaxStreams ", "HiddenServiceMostStreams ")
    done = verified(tmp_path, text)
    assert done.returncode != 0
    assert "MostStreams" in done.stdout


def test_each_service_has_its_socket_and_its_bounds() -> None:
    """Source and desk answer from unix sockets, name the circuit, and let a browser's six connections pass."""
    blocks = "\n".join(options("\n".join(services(OnionSettings(ssh=True))))).split("HiddenServiceDir ")[1:]
    source, desk, ssh = (block.splitlines() for block in blocks)
    assert source[0] == "/var/lib/tor/dengwen-source"
    assert "HiddenServicePort 80 unix:/run/dengwen/source.sock" in source
    assert desk[0] == "/var/lib/tor/dengwen-desk"
    assert "HiddenServicePort 80 unix:/run/dengwen/desk.sock" in desk
    for block in (source, desk):
        assert {"HiddenServiceExportCircuitID haproxy", "HiddenServiceMaxStreams 64"} <= set(block)
        assert "HiddenServiceMaxStreamsCloseCircuit 1" in block
    assert "HiddenServicePoWDefensesEnabled 1" in source
    assert "HiddenServicePort 22 127.0.0.1:22" in ssh
    assert not any("haproxy" in line for line in ssh)


def test_introduction_points_drop_no_flood_before_the_puzzle_sees_it() -> None:
    """The bound at the introduction points is never below that of the queue whose overflow makes the puzzle grow."""
    lines = options(torrc(OnionSettings(pow_queue_rate=77, pow_queue_burst=777)))
    assert {"HiddenServicePoWQueueRate 77", "HiddenServicePoWQueueBurst 777"} <= set(lines)
    assert "HiddenServiceEnableIntroDoSRatePerSec 77" in lines
    assert "HiddenServiceEnableIntroDoSBurstPerSec 777" in lines


def test_what_is_switched_off_is_not_there() -> None:
    """Each switch takes its lines with it."""
    text = torrc(OnionSettings(pow=False, intro_dos=False))
    assert "PoW" not in "\n".join(options(text))
    assert "IntroDoS" not in text
    assert "dengwen-ssh" not in text


def test_it_is_no_relay_keeps_no_accounts_and_survives_a_reload() -> None:
    """No relay, no seccomp filter that dies of SIGHUP, scrubbed logs without a heartbeat, and one port on loopback."""
    lines = options(torrc(OnionSettings()))
    assert {"ClientOnly 1", "Sandbox 0", "SafeLogging 1", "HeartbeatPeriod 0", "Log notice syslog"} <= set(lines)
    assert [line for line in lines if line.startswith("SocksPort")] == ["SocksPort 127.0.0.1:9050 ExtendedErrors"]
    forbidden = ("ORPort", "ExitRelay", "DirPort", "ControlPort", "HiddenServiceNonAnonymousMode", "BridgeRelay")
    assert not any(line.startswith(forbidden) for line in lines)


def test_every_option_has_its_reason() -> None:
    """No block of options stands without a comment before it."""
    lines = torrc(OnionSettings(ssh=True)).splitlines()
    opening = [after for before, after in pairwise(["", *lines]) if not before and after]
    assert all(line.startswith("#") for line in opening)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        pytest.param({"max_streams": 31}, "max_streams: 32 to 1024", id="fewer than a browser opens"),
        pytest.param({"max_streams": 1025}, "max_streams", id="a circuit for thousands"),
        pytest.param({"pow_queue_rate": 0}, "pow_queue_rate: 1 to", id="no rate"),
        pytest.param({"pow_queue_burst": 100_001}, "pow_queue_burst: 1 to", id="burst"),
        pytest.param({"pow_queue_rate": 50, "pow_queue_burst": 49}, "at least pow_queue_rate", id="burst below rate"),
    ],
)
def test_settings_out_of_bounds_are_refused(values: dict[str, int], said: str) -> None:
    """A setting that would lock browsers out or leave the door unbounded is not taken."""
    with pytest.raises(ValueError, match=said):
        OnionSettings(**values)
