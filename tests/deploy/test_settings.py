# SPDX-License-Identifier: AGPL-3.0-or-later
"""
dengwen.toml: what runs is what is written, and nothing else is accepted.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy import server
from deploy.errors import DeployError, SettingsFileError
from deploy.settings import NAME, load
from deploy.torrc import OnionSettings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    server.initialise(tmp_path / "d", "Centre “A” 中心", source="127.0.0.1:1", desk="unix:/run/desk")
    return tmp_path / "d"


def change(folder: Path, old: str, new: str) -> None:
    path = folder / NAME
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_what_init_wrote_is_what_is_read(folder: Path) -> None:
    """The first file reads back into the settings it was written from, quotes and Chinese included."""
    settings = load(folder)
    assert settings.organisation == settings.source.organisation == settings.desk.organisation == "Centre “A” 中心"
    assert (settings.source.bind, settings.desk.bind) == ("127.0.0.1:1", "unix:/run/desk")
    assert settings.source.store == settings.desk.store == folder / "store"
    assert settings.desk.keys == folder / "keys/server.json"
    assert settings.onion == OnionSettings()


def test_behind_tor_the_circuit_is_expected_and_elsewhere_not(folder: Path) -> None:
    """A unix socket is tor's, which names the circuit first; a port of the demo is a browser's, which does not."""
    settings = load(folder)
    assert (settings.source.circuits, settings.desk.circuits) == (False, True)


def test_a_path_outside_the_folder_stays_where_it_is(folder: Path) -> None:
    """What doctor writes lies on tmpfs: an absolute path is written and read as it is."""
    change(folder, 'keys = "keys/server.json"', 'keys = "/run/elsewhere/server.json"')
    settings = load(folder)
    assert settings.desk.keys == Path("/run/elsewhere/server.json")
    written = server.write_settings(folder, settings.organisation, settings.source, settings.desk, settings.onion)
    assert 'keys = "/run/elsewhere/server.json"' in written
    assert 'store = "store"' in written


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param("workers = 2", "workers = 2\nworkerz = 2", "unknown: workerz", id="unknown key"),
        pytest.param("workers = 2\n", "", "missing: workers", id="missing key"),
        pytest.param("workers = 2", 'workers = "2"', "workers: int expected", id="text for a number"),
        pytest.param("workers = 2", "workers = true", "workers: int expected", id="truth for a number"),
        pytest.param("workers = 2", "workers = 0", "workers: 1 to 64", id="out of bounds"),
        pytest.param("[desk]", "[desk_]", "unknown: desk_; missing: desk", id="unknown table"),
        pytest.param('store = "store"', 'secret = "x"', "unknown: secret; missing: store", id="top level"),
        pytest.param("[desk]", "[desk", "dengwen.toml", id="not TOML"),
        pytest.param("max_streams = 64", "max_streams = 6", r"\[onion\]: max_streams: 32 to", id="a browser's six"),
        pytest.param("ssh = false", "", r"\[onion\]: missing: ssh", id="missing in onion"),
        pytest.param("pow = true", "pow = 1", r"\[onion\] pow: bool expected", id="a number for truth"),
    ],
)
def test_a_file_that_differs_is_refused_by_name(folder: Path, old: str, new: str, said: str) -> None:
    """Unknown, missing, mistyped and unbounded settings are each named."""
    change(folder, old, new)
    with pytest.raises(SettingsFileError, match=said):
        load(folder)


def test_a_file_without_end_is_not_read(folder: Path) -> None:
    """A settings file has a largest size."""
    with (folder / NAME).open("a") as file:
        file.write("#" * 70_000)
    with pytest.raises(SettingsFileError, match="longer than"):
        load(folder)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A folder without settings is no server."""
    with pytest.raises(SettingsFileError, match=NAME):
        load(tmp_path)


def test_a_server_is_never_made_twice(folder: Path) -> None:
    """Its keys stand on the card; making them again would cut off every vault."""
    before = (folder / "keys/server.json").read_bytes()
    with pytest.raises(DeployError, match="already"):
        server.initialise(folder, "Another")
    assert (folder / "keys/server.json").read_bytes() == before


def test_only_its_owner_reads_a_server(folder: Path) -> None:
    """The folder and the key file are closed to other accounts, and the public file holds no private half."""
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / "keys/server.json").stat().st_mode & 0o077 == 0
    private = (folder / "keys/server.json").read_text()
    public = (folder / server.PUBLIC).read_text()
    assert private.split('"signing":"')[1][:64] not in public
    assert private.split('"transfer":"')[1][:64] not in public
