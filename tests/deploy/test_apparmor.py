# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The AppArmor profiles, compiled by AppArmor's own parser.

Compiled and no more: a kernel that enforces them is not asked for here (containers and test machines seldom have one). `make test-host` runs
the apps under them.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from deploy import host
from tests.deploy.host_files import files, ran

PROFILES = ("dengwen-source", "dengwen-desk", "dengwen-care")


def profile(name: str) -> str:
    """A profile's text."""
    return next(
        file.text for path, file in files().items() if path.match(f"etc/apparmor.d/{name}") or path.name == name
    )


def compiled(path: Path) -> int:
    """The parser's status: nothing is loaded, nothing cached."""
    return ran("apparmor_parser", "--skip-kernel-load", "--skip-cache", "--base=/etc/apparmor.d", path).returncode


@pytest.mark.parametrize("name", PROFILES)
def test_the_parser_takes_a_profile_and_refuses_it_broken(tmp_path: Path, name: str) -> None:
    """Each profile compiles; the same one with a rule cut short, or a permission that there is none of, does not."""
    path = tmp_path / name
    path.write_text(profile(name))
    assert compiled(path) == 0
    for broken in (profile(name).replace("/dev/shm/ r,", "/dev/shm/ r", 1), profile(name).replace(" rwk,", " rwq,", 1)):
        assert broken != profile(name)
        path.write_text(broken)
        assert compiled(path) != 0


def test_debians_profile_of_tor_compiles_with_our_lines(tmp_path: Path) -> None:
    """The two sockets are open to tor: our lines stand where Debian's profile includes them."""
    shutil.copytree("/etc/apparmor.d", tmp_path / "apparmor.d")
    (tmp_path / "apparmor.d/local/system_tor").write_text(profile("system_tor"))
    said = ran(
        "apparmor_parser", "--preprocess", f"--base={tmp_path / 'apparmor.d'}", tmp_path / "apparmor.d/system_tor"
    )
    assert said.returncode == 0, said.stderr
    for socket in (host.SOURCE_SOCKET, host.DESK_SOCKET):
        assert f"{socket} rw," in said.stdout


@pytest.mark.parametrize("name", PROFILES)
def test_no_profile_starts_programs_or_has_capabilities(name: str) -> None:
    """No rule executes anything, no capability is given, and no network but unix sockets."""
    text = re.sub(r"#.*", "", profile(name))
    assert re.findall(r"\s[rwmkl]*(?:ix|px|ux|cx|Px|Ux|Cx)\s*,", text) == []
    assert "capability" not in text
    assert set(re.findall(r"network (\w+)", text)) == {"unix"}


@pytest.mark.parametrize("name", PROFILES)
def test_keys_and_tor_are_in_no_profile_but_the_desks_credential(name: str) -> None:
    """Neither the folder of the keys nor anything of tor's is named; only the desk reads its credential."""
    text = profile(name)
    assert "/keys" not in text.replace("/watch-keys", "")
    assert "/var/lib/tor" not in text
    assert "/run/tor" not in text
    assert ("/run/credentials" in text) == (name == "dengwen-desk")
