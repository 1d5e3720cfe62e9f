# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The source's onion in dengwen.toml: written by setup when tor has made it, and nothing else is touched.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy import host, onion_keys, setup, source_address
from deploy.errors import SetupError
from deploy.settings import NAME, load
from deploy.setup import PENDING, set_up
from tests.deploy.host_files import a_server, change
from tests.deploy.test_setup import Machine

ONION = onion_keys.address_of_public(bytes(range(32))) + ".onion"
RESTART = ("systemctl", "restart", "dengwen-source.service")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return a_server(tmp_path / "d")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    (made / "etc").mkdir(parents=True)
    (made / "var/lib/tor").mkdir(parents=True, mode=0o700)
    return made


def tor_starts(root: Path, onion: str = ONION) -> None:
    """Tor makes the address."""
    service = root / host.SOURCE_ONION.relative_to("/")
    service.mkdir(mode=0o700, exist_ok=True)
    (service / "hostname").write_text(f"{onion}\n")


class Starting(Machine):
    """A machine on which tor makes the address when setup restarts it."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root_folder = root

    def run(self, command: object) -> None:
        super().run(command)  # type: ignore[arg-type]
        if self.ran[-1][-1].startswith("tor@default"):
            tor_starts(self.root_folder)


def do(folder: Path, root: Path, machine: Machine, *, dry: bool = False) -> str:
    said: list[str] = []
    set_up(folder, machine, say=said.append, root=root, dry=dry)
    return "\n".join(said)


def test_the_first_setup_writes_the_address_that_tor_made(folder: Path, root: Path) -> None:
    """After tor has started; then the source app is restarted, as the last thing that is done."""
    machine = Starting(root)
    said = do(folder, root, machine)
    assert load(folder).source.onion == ONION
    assert machine.ran[-1] == RESTART
    assert f"set: onion of [source] to {ONION}" in said
    assert not (folder / PENDING).exists()
    written = (folder / NAME).stat()
    assert machine.owner(written) == ("root", host.GROUP)
    assert written.st_mode & 0o777 == 0o640


def test_a_second_setup_does_nothing(folder: Path, root: Path) -> None:
    """What is so already stays."""
    machine = Starting(root)
    do(folder, root, machine)
    machine.ran, before = [], (folder / NAME).stat().st_ino
    assert do(folder, root, machine) == "Nothing to do: every file is as it is to be."
    assert machine.ran == []
    assert (folder / NAME).stat().st_ino == before


def test_before_tor_has_started_nothing_is_written(folder: Path, root: Path) -> None:
    """The pages then look at no host."""
    do(folder, root, Machine())
    assert load(folder).source.onion == ""


def test_an_address_that_tor_could_not_have_made_is_not_written(folder: Path, root: Path) -> None:
    """A mistake here would turn every source away."""
    tor_starts(root, "a" * 56 + ".onion")
    do(folder, root, Machine())
    assert load(folder).source.onion == ""


def test_another_address_is_followed(folder: Path, root: Path) -> None:
    """An imported key, or a new address: setup again, and the pages know it."""
    do(folder, root, Starting(root))
    other = onion_keys.address_of_public(bytes(32)) + ".onion"
    tor_starts(root, other)
    do(folder, root, Machine())
    assert load(folder).source.onion == other


def test_a_dry_run_shows_it_and_writes_nothing(folder: Path, root: Path) -> None:
    """Neither the settings nor a restart."""
    tor_starts(root)
    machine, before = Machine(), (folder / NAME).read_bytes()
    assert f"would set: onion of [source] to {ONION}" in do(folder, root, machine, dry=True)
    assert (folder / NAME).read_bytes() == before
    assert machine.ran == []


def test_a_restart_that_failed_is_made_up_for(folder: Path, root: Path) -> None:
    """The address stands in the file and the app does not know it yet: the next setup restarts it."""
    do(folder, root, Machine())
    tor_starts(root)
    with pytest.raises(SetupError):
        do(folder, root, Machine(fails="restart dengwen-source.service"))
    assert load(folder).source.onion == ONION
    machine = Machine()
    do(folder, root, machine)
    assert any("dengwen-source.service" in command and "restart" in command for command in machine.ran)
    assert not (folder / PENDING).exists()


def test_a_file_without_a_place_for_it_is_not_touched(folder: Path) -> None:
    """The operator is told what to write."""
    path = folder / NAME
    path.write_text(path.read_text().replace("onion = ", '"onion" = '))
    before = path.read_bytes()
    with pytest.raises(SetupError, match=f'write onion = "{ONION}"'):
        source_address.name_it(folder, ONION)
    assert path.read_bytes() == before


def test_what_an_operator_wrote_around_it_stays(folder: Path) -> None:
    """Comments, quotes of another kind, other tables that have such a key, and the file's mode."""
    path = folder / NAME
    change(folder, "onion", "''  # ours")
    path.chmod(0o640)
    source_address.name_it(folder, ONION)
    assert path.stat().st_mode & 0o777 == 0o640
    assert f'onion = "{ONION}"  # ours\n' in path.read_text()


@given(
    comment=st.text(st.characters(blacklist_categories=("Cc", "Cs")), max_size=30),
    organisation=st.text(st.characters(blacklist_categories=("Cc", "Cs"), blacklist_characters='"\\'), max_size=30),
    order=st.permutations(['onion = ""', "workers = 2", 'bind = "x"', "# onion = 'no'"]),
    other=st.sampled_from(["", '[desk]\nonion = "theirs"\n']),
)
def test_only_that_value_changes(comment: str, organisation: str, order: list[str], other: str) -> None:
    """Whatever stands around it, before, after, in comments and in other tables."""
    table = "[source]\n" + "\n".join(order) + "\n"
    text = f'organisation = "{organisation}"\n# {comment}\n{table}{other}'
    after = source_address.with_onion(text, ONION)
    wanted = tomllib.loads(text)
    wanted["source"]["onion"] = ONION
    assert tomllib.loads(after) == wanted
    assert after.replace(ONION, "") == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        'onion = ""\n',
        "[source]\n",
        '[desk]\nonion = ""\n',
        '[source]\nworkers = 2\n[desk]\nonion = ""\n',
        "[source]\nonion = 1\n",
        '[source]\nx = """\nonion = ""\n"""\n',
        "[source]\nonion = '''\n'''\n",
    ],
    ids=[
        "nothing",
        "no table",
        "no line",
        "another table",
        "in the next table",
        "no text",
        "inside a text",
        "many lines",
    ],
)
def test_a_text_without_its_line_is_refused(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match="line"):
        source_address.with_onion(text, ONION)


def test_the_restarted_unit_is_the_one_that_setup_writes() -> None:
    """Its name stands in the files of a server."""
    assert setup.SOURCE_UNIT.name == "dengwen-source.service"
