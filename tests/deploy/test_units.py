# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The units, as systemd itself reads them: every line understood, and as little left open as is said here.

systemd 252 reads them as files; it runs them in `make test-host`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deploy import host
from tests.deploy.host_files import UNITS, files, ran, rooted, settings

#: systemd's own measure, 0 to 10. Doctor needs the host's network and two capabilities to look at what it looks at, and a third to give tor's group up.
EXPOSURE = {"dengwen-source": 0.4, "dengwen-desk": 0.4, "dengwen-care": 0.4, "dengwen-doctor": 2.0}
CONFINED = ("dengwen-source", "dengwen-desk", "dengwen-care")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with the files of a server, and with the units of Debian that ours name."""
    made = rooted(tmp_path_factory.mktemp("root") / "r")
    for name in ("nftables.service", "tor@default.service"):
        (made / UNITS / name).write_text("[Service]\nExecStart=/opt/dengwen/.venv/bin/dengwen\n")
    return made


def unit(name: str) -> str:
    """A unit's text."""
    return next(file.text for path, file in files().items() if path.name == name)


def says(root: Path, *names: str) -> str:
    """What `systemd-analyze verify` finds wrong. Its exit status is 0 whatever it finds."""
    return ran("systemd-analyze", "verify", "--man=no", f"--root={root}", *names).stderr


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("PrivateNetwork=yes", "PrivateNetworks=yes", "PrivateNetworks"),
        ("ProtectSystem=strict", "ProtectSystem=strictly", "strictly"),
        ("SystemCallFilter=@system-service", "SystemCallFilter=@system-servce", "system-servce"),
        ("ExecStart=/opt/dengwen/.venv/bin/dengwen", "ExecStart=/opt/dengwen/.venv/bin/dengwn", "dengwn"),
        ("MemorySwapMax=0", "MemorySwapMax=none", "Invalid memory limit"),
    ],
    ids=["misspelt key", "misspelt value", "misspelt set", "no such program", "not a size"],
)
def test_a_misspelt_line_does_not_go_unseen(tmp_path: Path, old: str, new: str, word: str) -> None:
    """Such a line would be ignored, and the unit run without it; the check that finds nothing finds each of them."""
    made = rooted(tmp_path / "r")
    path = made / UNITS / "dengwen-source.service"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    assert word in says(made, "dengwen-source.service")


@pytest.mark.parametrize("name", EXPOSURE)
def test_as_little_is_exposed_as_is_said_here(root: Path, name: str) -> None:
    """The measure of a unit is not above its figure; the apps' and care's are below 1.0."""
    path = root / UNITS / f"{name}.service"
    said = ran("systemd-analyze", "security", "--offline=true", "--no-pager", path)
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said.stdout)
    assert found is not None, said.stderr
    assert float(found[1]) <= EXPOSURE[name]


def test_an_open_door_raises_the_measure(tmp_path: Path) -> None:
    """Without its private network the source app is above the figure: the measure measures."""
    made = rooted(tmp_path / "r")
    path = made / UNITS / "dengwen-source.service"
    path.write_text(path.read_text().replace("PrivateNetwork=yes\n", ""))
    said = ran("systemd-analyze", "security", "--offline=true", "--no-pager", path).stdout
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert found is not None
    assert float(found[1]) > EXPOSURE["dengwen-source"]


@pytest.mark.parametrize("name", CONFINED)
@pytest.mark.parametrize(
    "line",
    [
        "PrivateNetwork=yes",
        "RestrictAddressFamilies=AF_UNIX",
        "IPAddressDeny=any",
        "ProtectSystem=strict",
        "CapabilityBoundingSet=",
        "NoNewPrivileges=yes",
        "MemoryDenyWriteExecute=yes",
        "LimitCORE=0",
        "MemorySwapMax=0",
        "TemporaryFileSystem=/run:ro /var:ro",
    ],
)
def test_what_the_promises_hang_on_is_written(name: str, line: str) -> None:
    """Each line that a promise hangs on stands in the unit, once, whatever the measure says."""
    assert unit(f"{name}.service").splitlines().count(line) == 1


def test_only_the_desk_is_given_the_keys() -> None:
    """The key file is named by the desk's unit alone, and nowhere is its folder opened."""
    named = [path.name for path, file in files().items() if "server.json" in file.text]
    assert sorted(named) == ["dengwen-desk", "dengwen-desk.service"]
    for name in CONFINED:
        binds = re.findall(r"^Bind(?:ReadOnly)?Paths=(.*)$", unit(f"{name}.service"), re.MULTILINE)
        assert not any(f"{host.FOLDER}/keys" in one for one in binds)


def test_sources_see_no_more_than_store_settings_and_texts() -> None:
    """Of all that /var and /run hold, the source pages have the store, settings and texts (if there are any) to read, and where to say that they are up."""
    text = unit("dengwen-source.service")
    binds = re.findall(r"^(Bind\w*Paths)=(.*)$", text, re.MULTILINE)
    assert binds == [
        ("BindReadOnlyPaths", f"{host.FOLDER}/dengwen.toml -{host.FOLDER}/texts /run/systemd/notify"),
        ("BindPaths", str(settings().store)),
    ]


@pytest.mark.parametrize("name", ["source", "desk"])
def test_only_tor_reaches_a_socket(name: str) -> None:
    """The sockets are root's, for tor's group; other accounts cannot connect."""
    text = unit(f"dengwen-{name}.socket")
    for line in ("SocketUser=root", "SocketGroup=debian-tor", "SocketMode=0660", "TriggerLimitIntervalSec=0"):
        assert line in text.splitlines()
    assert re.findall(r"^Listen\w+=(.*)$", text, re.MULTILINE) == [f"{host.RUN}/{name}.sock"]


@pytest.mark.parametrize("name", [*CONFINED, "dengwen-doctor"])
def test_the_calls_that_programs_make_are_allowed(name: str) -> None:
    """What the apps ask the kernel for passes the filter; what nobody here needs does not."""
    allowed = calls(unit(f"{name}.service"))
    needed = {"memfd_create", "mlock", "prctl", "flock", "madvise", "fcntl", "fchmod", "accept4", "fsync", "renameat"}
    assert needed <= allowed
    refused = {
        "mount",
        "ptrace",
        "bpf",
        "chown",
        "fchown",
        "setuid",
        "unshare",
        "keyctl",
        "io_uring_setup",
        "kexec_load",
    }
    assert not refused & allowed


def test_the_source_pages_alone_may_choose_their_cores() -> None:
    """Their workers keep to shares of them; nothing else of what governs other processes' time or limits is within reach."""
    allowed = {name: calls(unit(f"{name}.service")) & expanded("@resources") for name in CONFINED}
    assert "sched_setaffinity" in allowed["dengwen-source"] - allowed["dengwen-desk"]
    assert not allowed["dengwen-source"] & {"sched_setscheduler", "setpriority", "ioprio_set", "mbind", "set_mempolicy"}


def test_doctor_may_give_up_groups_and_become_nobody() -> None:
    """What it starts to look into the store leaves tor's group behind (`deploy/doctor/apart.py`); no other account is within its reach."""
    text = unit("dengwen-doctor.service")
    allowed = calls(text)
    assert "setgroups" in allowed
    assert not {"setgid", "setresgid", "setresuid", "setreuid", "capset"} & allowed
    assert (
        re.findall(r"^(?:Ambient|CapabilityBounding)\w+=(.*)$", text, re.MULTILINE)
        == ["CAP_DAC_READ_SEARCH CAP_NET_ADMIN CAP_SETGID"] * 2
    )


def calls(text: str) -> set[str]:
    """The calls that a unit's filter allows, from systemd's own sets."""
    allowed: set[str] = set()
    for line in re.findall(r"^SystemCallFilter=(.*)$", text, re.MULTILINE):
        names = set().union(*(expanded(word) for word in line.removeprefix("~").split()))
        allowed = allowed - names if line.startswith("~") else allowed | names
    return allowed


def expanded(word: str) -> set[str]:
    """The calls of a set, with those of the sets in it."""
    if not word.startswith("@"):
        return {word}
    said = ran("systemd-analyze", "syscall-filter", "--no-pager", word)
    assert said.returncode == 0, said.stderr
    inner = [line.strip() for line in said.stdout.splitlines()[1:] if line.strip() and not line.strip().startswith("#")]
    return set().union(*(expanded(one) for one in inner))


def test_sysusers_and_tmpfiles_are_understood(tmp_path: Path) -> None:
    """Three accounts are made by systemd, in one group, without a shell."""
    made = rooted(tmp_path / "r")
    said = ran("systemd-sysusers", f"--root={made}", made / "etc/sysusers.d/dengwen.conf")
    assert (said.returncode, made.joinpath("etc/group").read_text().count("dengwen:x:")) == (0, 1), said.stderr
    rows = [line.split(":") for line in made.joinpath("etc/passwd").read_text().splitlines()]
    group = made.joinpath("etc/group").read_text().split("dengwen:x:")[1].split(":")[0]
    ours = {row[0]: row for row in rows if row[0].startswith("dengwen")}
    assert set(ours) == {host.SOURCE_ACCOUNT, host.DESK_ACCOUNT, host.CARE_ACCOUNT}
    assert {(row[3], row[6]) for row in ours.values()} == {(group, "/usr/sbin/nologin")}
