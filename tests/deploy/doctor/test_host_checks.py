# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The host around the programs, judged from facts: memory, updates, confinement, firewall, sockets.
"""

from __future__ import annotations

import copy
import datetime
import ipaddress
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy import render
from deploy.doctor import host_confinement, host_firewall, host_listening, host_memory, host_updates
from deploy.doctor.finding import Finding
from deploy.doctor.host_confinement import ACTIVE, NOT_FAILED, PROFILES, Journal, Unit
from deploy.doctor.host_firewall import read_ruleset
from deploy.doctor.host_listening import Listening, read_table
from deploy.doctor.machine import Unseen
from deploy.errors import CannotLookError

DAY = datetime.date(2026, 11, 21)
DENIED = Unseen("Permission denied")


def wrong(found: Finding, seen: str, fix: str, *, urgent: bool = False) -> None:
    assert (found.ok, found.urgent) == (False, urgent)
    assert seen in found.seen
    assert fix in found.fix


# Memory

SWAPS = "Filename\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"


def test_swap_is_urgent() -> None:
    """Words of sources would reach the disk."""
    assert host_memory.swap(SWAPS).ok
    wrong(host_memory.swap(SWAPS + "/dev/sda2 partition 1 0 -2\n"), "1 swap area is in use", "swapoff -a", urgent=True)
    wrong(host_memory.swap(SWAPS + "/a file 1 0 -2\n/b file 1 0 -3\n"), "2 swap areas are", "/etc/fstab", urgent=True)
    wrong(host_memory.swap(DENIED), "Could not be checked: Permission denied.", "cat /proc/swaps")


LIMITS = {"dengwen-source.service": "0", "dengwen-desk.service": "0"}


@pytest.mark.parametrize("pattern", ["|/bin/false\n", "\n", "core\n"])
def test_cores_that_nobody_keeps_are_well(pattern: str) -> None:
    """Thrown away by the kernel, or forbidden to every service of ours."""
    assert host_memory.cores(pattern, "0\n", LIMITS).ok


def test_cores_that_somebody_may_keep_are_told() -> None:
    """A limit of 0 does not stop a core that goes to a program."""
    wrong(
        host_memory.cores("|/usr/lib/systemd/systemd-coredump %P\n", "0\n", LIMITS),
        "hands cores to a program",
        "sysctl --system",
    )
    wrong(host_memory.cores("|/bin/false\n", "2\n", LIMITS), "fs.suid_dumpable is 2", "sysctl --system")
    wrong(
        host_memory.cores("core\n", "0\n", {**LIMITS, "dengwen-desk.service": "infinity"}),
        "forbids one of dengwen-desk.service",
        "dengwen setup",
    )
    wrong(host_memory.cores("core\n", "0\n", {}), "forbids one of our services", "dengwen setup")
    wrong(host_memory.cores("core\n", "0\n", DENIED), "could not be checked: Permission denied", "dengwen setup")
    wrong(host_memory.cores(DENIED, "0\n", LIMITS), "Could not be checked: Permission denied.", "sysctl")
    wrong(host_memory.cores("core\n", DENIED, LIMITS), "Could not be checked: Permission denied.", "sysctl")


def test_disk_encryption_is_told_either_way() -> None:
    """It is the operator's choice; only not knowing is wrong."""
    assert host_memory.disk_encryption(("LVM-1", "CRYPT-LUKS2-ab-x")).seen == "This machine has an encrypted volume."
    assert host_memory.disk_encryption(("LVM-1",)).ok
    assert "none" in host_memory.disk_encryption(()).seen
    wrong(host_memory.disk_encryption(DENIED), "Could not be checked", "lsblk")


# Updates

APT = """NOTE: This is only a simulation!
Reading package lists...
Inst bash [5.2.15-2+b8] (5.2.15-2+b13 Debian:12.15/oldstable [amd64])
Inst libgcrypt20 [1.10.1-3] (1.10.1-3+deb12u1 Debian:12.15/oldstable, Debian-Security:12/oldstable-security [amd64]) []
Conf bash (5.2.15-2+b13 Debian:12.15/oldstable [amd64])
"""


def test_packages_that_wait_are_counted() -> None:
    """And those among them that close holes."""
    assert host_updates.waiting("Reading package lists...\n0 upgraded\n").ok
    wrong(
        host_updates.waiting(APT), "2 packages wait, 1 of them for security.", "apt-get update && apt-get dist-upgrade"
    )
    wrong(host_updates.waiting(APT.splitlines()[2]), "1 package waits, none of them for security.", "apt-get")
    wrong(host_updates.waiting(DENIED), "Could not be checked", "apt-get")


@pytest.mark.parametrize(("days", "ok"), [(0, True), (3, True), (4, False), (-1, False)])
def test_the_last_update_may_be_three_days_old(days: int, *, ok: bool) -> None:
    """The older of the two stamps counts: installing from old lists succeeds too. One of tomorrow is a wrong clock's."""
    last = DAY - datetime.timedelta(days=days)
    found = host_updates.last_update([last, last + datetime.timedelta(days=1)], DAY)
    assert found.ok is ok
    assert str(last) in found.seen
    assert ok or "apt-daily" in found.fix


def test_a_host_that_never_updated_by_itself_is_told_how() -> None:
    """Debian's own package does it."""
    wrong(host_updates.last_update([], DAY), "has never succeeded here", "apt-get install unattended-upgrades")
    wrong(host_updates.last_update(DENIED, DAY), "Could not be checked", "apt-daily")


def test_a_security_list_that_ran_out_is_told() -> None:
    """Stamps can lie; what the archive signed cannot."""
    assert host_updates.lists_valid([DAY], DAY).ok
    yesterday = DAY - datetime.timedelta(days=1)
    wrong(host_updates.lists_valid([yesterday], DAY), f"valid until {yesterday} only", "apt-get update")
    wrong(host_updates.lists_valid([], DAY), "No list of Debian's security archive", "/etc/apt/sources.list")
    wrong(host_updates.lists_valid(DENIED, DAY), "Could not be checked", "apt-get update")


def test_a_reboot_that_waits_is_told() -> None:
    """With what it does to sources."""
    assert host_updates.reboot(needed=False).ok
    wrong(host_updates.reboot(needed=True), "An update needs one.", "systemctl reboot")
    wrong(host_updates.reboot(DENIED), "Could not be checked", "ls /run/reboot-required")


# Confinement

ENFORCED = "".join(f"{name} (enforce)\n" for name in (*PROFILES, "system_tor"))


def test_profiles_have_to_be_loaded_and_enforced() -> None:
    """Complaining is not confining."""
    assert host_confinement.apparmor(ENFORCED).seen == "3 profiles are enforced."
    complaining = ENFORCED.replace("dengwen-desk (enforce)", "dengwen-desk (complain)")
    wrong(host_confinement.apparmor(complaining), "dengwen-desk is in complain mode.", "apparmor_parser -r")
    wrong(
        host_confinement.apparmor(""),
        "dengwen-source is not loaded; dengwen-desk is not loaded",
        "systemctl enable --now apparmor",
    )
    wrong(host_confinement.apparmor(DENIED), "Could not be checked", "aa-status")


def test_the_profiles_and_units_that_are_looked_for_are_those_that_are_rendered() -> None:
    """A name that changed in a template would otherwise never be found."""
    templates = Path(render.__file__).parent / "templates" / "etc"
    assert {path.name for path in templates.glob("apparmor.d/dengwen-*")} == set(PROFILES)
    units = {path.name for path in templates.glob("systemd/system/dengwen-*") if path.is_file()}
    ours = {name for name in (*ACTIVE, *NOT_FAILED) if name.startswith("dengwen")}
    # Doctor's own service runs while it looks.
    assert units == ours | {"dengwen-doctor.service"}


def running() -> dict[str, Unit]:
    found = {name: Unit("loaded", "active") for name in ACTIVE}
    return found | {name: Unit("loaded", "inactive") for name in NOT_FAILED}


def test_units_have_to_be_active_or_not_failed() -> None:
    """A service that systemd starts when somebody comes may be at rest."""
    assert host_confinement.units(running()).ok
    stopped = running() | {"dengwen-source.socket": Unit("loaded", "inactive")}
    wrong(
        host_confinement.units(stopped),
        "dengwen-source.socket is inactive.",
        "systemctl restart dengwen-source.socket",
        urgent=True,
    )
    failed = running() | {"dengwen-care.service": Unit("loaded", "failed")}
    wrong(host_confinement.units(failed), "dengwen-care.service has failed.", "systemctl status dengwen-care.service")
    for name in ("dengwen-desk.service", "tor@default.service"):
        again = running() | {name: Unit("loaded", "activating", "auto-restart")}
        wrong(
            host_confinement.units(again),
            f"{name} fails each time it is started.",
            f"systemctl status {name}",
            urgent=name != "dengwen-desk.service",
        )
    missing = {name: unit for name, unit in running().items() if name != "dengwen-care.timer"}
    wrong(host_confinement.units(missing), "dengwen-care.timer is not installed.", "dengwen setup")
    wrong(host_confinement.units(DENIED), "Could not be checked", "systemctl list-units")


@pytest.mark.parametrize(
    ("found", "seen", "fix"),
    [
        (Journal(storage="auto", on_disk=False, syslog=False), "keeps its journal as “auto”", "dengwen setup"),
        (
            Journal(storage="volatile", on_disk=True, syslog=False),
            "A journal lies on the disk.",
            "rm -r /var/log/journal",
        ),
        (Journal(storage="none", on_disk=False, syslog=True), "A syslog daemon is installed", "apt-get purge rsyslog"),
    ],
)
def test_a_journal_outside_memory_is_told(found: Journal, seen: str, fix: str) -> None:
    """Each way it can reach the disk, with its own command."""
    assert host_confinement.journal(Journal(storage="volatile", on_disk=False, syslog=False)).ok
    wrong(host_confinement.journal(found), seen, fix)
    wrong(host_confinement.journal(DENIED), "Could not be checked", "journald.conf")


def test_a_clock_without_its_daemon_is_told() -> None:
    """As systemd says it."""
    assert host_confinement.time_synchronised("NTP=yes\nNTPSynchronized=yes\n").ok
    wrong(
        host_confinement.time_synchronised("NTP=yes\nNTPSynchronized=no\n"),
        "has not got the time",
        "timedatectl set-ntp true",
    )
    wrong(host_confinement.time_synchronised(DENIED), "Could not be checked", "timedatectl")


# Firewall

RULESET: dict[str, list[dict[str, dict[str, object]]]] = {
    "nftables": [
        {"metainfo": {"version": "1.0.6"}},
        {"table": {"family": "inet", "name": "dengwen", "handle": 1}},
        *(
            {
                "chain": {
                    "family": "inet",
                    "table": "dengwen",
                    "name": hook,
                    "handle": at,
                    "type": "filter",
                    "hook": hook,
                    "prio": 0,
                    "policy": "drop",
                }
            }
            for at, hook in enumerate(("input", "forward", "output"))
        ),
        {"chain": {"family": "inet", "table": "dengwen", "name": "aside", "handle": 9}},
        {
            "rule": {
                "family": "inet",
                "table": "dengwen",
                "chain": "output",
                "handle": 5,
                "expr": [
                    {"match": {"op": "==", "left": {"meta": {"key": "skuid"}}, "right": "debian-tor"}},
                    {"accept": None},
                ],
            }
        },
    ]
}


def judged(change: dict[str, object] | None = None, *, of: int = 2, add: dict[str, object] | None = None) -> Finding:
    rules = copy.deepcopy(RULESET)
    if change:
        rules["nftables"][of]["chain"] |= change
    if add:
        rules["nftables"].append({"rule": add})
    return host_firewall.firewall(read_ruleset(json.dumps(rules)))


def test_a_firewall_that_drops_both_ways_is_well() -> None:
    """In, out and through, for both families."""
    assert judged().ok


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({"policy": "accept"}, "Nothing drops by default: input of IPv4, input of IPv6."),
        ({"family": "ip"}, "Nothing drops by default: input of IPv6."),
        ({"type": "nat"}, "Nothing drops by default: input of IPv4, input of IPv6."),
        ({"hook": "prerouting"}, "Nothing drops by default: input of IPv4, input of IPv6."),
    ],
)
def test_a_chain_that_lets_through_is_urgent(change: dict[str, object], seen: str) -> None:
    """By its structure, whatever it is called."""
    wrong(judged(change), seen, "systemctl reload nftables", urgent=True)


def test_an_open_output_is_told_by_its_name() -> None:
    """The way out counts as much as the way in."""
    wrong(
        judged({"policy": "accept"}, of=4),
        "output of IPv4, output of IPv6",
        "nft -c -f /etc/nftables.conf",
        urgent=True,
    )


def test_a_rule_that_accepts_everything_is_urgent() -> None:
    """A counter before it makes no difference; a match does."""
    rule: dict[str, object] = {
        "family": "inet",
        "table": "dengwen",
        "chain": "output",
        "expr": [{"counter": {}}, {"accept": None}],
    }
    wrong(judged(add=rule), "A rule accepts everything in inet dengwen output.", "nft", urgent=True)
    assert judged(add={**rule, "chain": "aside"}).ok


def test_no_firewall_at_all_is_urgent() -> None:
    """As on a fresh machine."""
    wrong(
        host_firewall.firewall(read_ruleset('{"nftables": []}')), "No firewall is loaded.", "dengwen setup", urgent=True
    )
    wrong(host_firewall.firewall(DENIED), "Could not be checked", "nft list ruleset")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"nftables": 1}', '{"nftables": [{"chain": {"hook": "input"}}]}', "[" * 50_000]
)
def test_what_nft_does_not_write_is_no_ruleset(text: str) -> None:
    """It is not taken for an empty one."""
    with pytest.raises(CannotLookError):
        read_ruleset(text)


def test_more_rules_than_anybody_reads_are_refused() -> None:
    """A bound like any other."""
    rule = {"rule": {"family": "inet", "table": "t", "chain": "c", "expr": []}}
    with pytest.raises(CannotLookError):
        read_ruleset(json.dumps({"nftables": [rule] * (host_firewall.MAX_RULES + 1)}))


# Listening sockets

TITLE = "  sl  local_address rem_address   st tx_queue rx_queue\n"


def line(address: str, port: int, state: str) -> str:
    packed = ipaddress.ip_address(address).packed
    words = "".join(packed[at : at + 4][::-1].hex().upper() for at in range(0, len(packed), 4))
    return f"   0: {words}:{port:04X} {'0' * len(words)}:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 1\n"


addresses = st.ip_addresses()


@given(addresses, st.integers(0, 65_535))
def test_the_kernels_table_is_read_back(address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> None:
    """Address and port, in both families; connections are passed over."""
    text = TITLE + line(str(address), port, "0A") + line(str(address), port, "01")
    assert read_table("tcp", text) == (Listening("tcp", port, address),)


def test_a_socket_beyond_loopback_is_told_with_its_port() -> None:
    """Loopback and DHCP are expected; nothing else is."""
    inside = [
        Listening("tcp", 9050, ipaddress.ip_address("127.0.0.1")),
        Listening("tcp", 22, ipaddress.ip_address("::1")),
        Listening("tcp", 25, ipaddress.ip_address("::ffff:127.0.0.1")),
        Listening("udp", 68, ipaddress.ip_address("0.0.0.0")),
    ]
    assert host_listening.listening(inside).ok
    out = Listening("tcp", 22, ipaddress.ip_address("::"))
    wrong(host_listening.listening([*inside, out]), "Something listens to the network: tcp port 22.", "ss -lntup")
    many = [Listening("tcp", port, ipaddress.ip_address("10.0.0.1")) for port in range(1, 10)]
    wrong(host_listening.listening(many), "tcp port 6 and 3 more.", "ListenAddress 127.0.0.1")
    wrong(host_listening.listening(DENIED), "Could not be checked", "ss -lntu")


def test_a_table_that_cannot_be_read_is_refused() -> None:
    """A line nobody understands may be the one that listens."""
    with pytest.raises(CannotLookError):
        read_table("udp", TITLE + "   0: nonsense\n")
