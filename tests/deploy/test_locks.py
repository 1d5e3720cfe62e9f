# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The locks: what is installed is named to the byte, and nothing says where from.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

LOCKS = Path(__file__).parents[2] / "deploy/locks"
NAMES = ("build", "server", "vault", "development")


def pins(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+) \\$", (LOCKS / f"{name}.txt").read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", NAMES)
def test_a_lock_names_bytes_and_no_place(name: str) -> None:
    """Every package has a version and a hash; no index, address or path stands in the file."""
    text = (LOCKS / f"{name}.txt").read_text()
    entries = re.split(r"\n(?=[a-z])", re.sub(r"^\s*#.*\n?", "", text, flags=re.MULTILINE).strip())
    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+==\S+ \\\n( +--hash=sha256:[0-9a-f]{64}( \\\n)?)+\s*$", entry), entry
    assert not re.search(r"://|--(extra-)?index|find-links|^ *file:|@ ", text, re.MULTILINE)


@pytest.mark.parametrize("name", ["server", "development"])
def test_what_builds_is_what_was_installed_first(name: str) -> None:
    """The packages that build the one that comes as source are the same in each lock that needs them."""
    assert pins("build").items() <= pins(name).items()
    assert "stem" in pins(name)


def test_a_vault_has_no_way_to_tor() -> None:
    """The offline machine installs neither stem nor a web client."""
    assert not {"stem", "requests", "urllib3"} & set(pins("vault"))
