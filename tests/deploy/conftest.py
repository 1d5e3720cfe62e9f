# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A server's folder made once and copied for each test, and the root of a Debian to set up.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.host_files import a_server, ran


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server's folder, made once."""
    return a_server(tmp_path_factory.mktemp("made") / "d")


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A server's folder of this test's own."""
    ran("cp", "-a", made, tmp_path / "d")
    return tmp_path / "d"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The root of a Debian that has tor and nftables."""
    made = tmp_path / "root"
    for name, text in (("nftables.conf", "#!/usr/sbin/nft -f\nflush ruleset\n"), ("tor/torrc", "# Debian's\n")):
        (made / "etc" / name).parent.mkdir(parents=True, exist_ok=True)
        (made / "etc" / name).write_text(text)
    (made / "var/lib/tor").mkdir(parents=True, mode=0o700)
    return made
