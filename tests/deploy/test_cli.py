# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The `dengwen` command as an operator types it.
"""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from crypto.derive import Generation
from deploy.cli import main
from deploy.verbs.options import Size
from tests.crypto.organisations import Organisation

README = Path(__file__).parent.parent.parent / "deploy" / "README.md"


def dengwen(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, arguments)
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    code, printed, said = dengwen("server", "init", "--dir", str(tmp_path / "d"), "--organisation", "Centre")
    assert code == 0, said
    assert printed.startswith('{"kind":"server"')
    return tmp_path / "d"


def install_file(path: Path, organisation: Organisation) -> Path:
    from crypto import canonical

    sheets = [sheet.signed.encode().decode() for sheet in organisation.sheets.values()]
    texts = {
        "root": organisation.root.signed.encode().decode(),
        "card": organisation.card.signed.encode().decode(),
        "sheets": sheets,
    }
    path.write_bytes(canonical.encode(texts))
    return path


def test_an_organisation_is_installed_with_its_fingerprint_alone(folder: Path, tmp_path: Path) -> None:
    """A wrong digit refuses everything; the right forty install root, card and sheets, and doing it again changes nothing."""
    organisation = Organisation.make(generation=Generation.fresh(1))
    file = install_file(tmp_path / "install.json", organisation)
    right = organisation.root.fingerprint
    wrong = ("1" if right[0] != "1" else "2") + right[1:]
    code, _, said = dengwen("server", "install", "--dir", str(folder), str(file), "--fingerprint", wrong)
    assert code == 1
    assert "40 digits" in said
    code, printed, _ = dengwen("server", "install", "--dir", str(folder), str(file), "--fingerprint", right)
    assert code == 0
    assert printed.count("installed") == 2 + len(organisation.sheets)
    code, printed, _ = dengwen("server", "install", "--dir", str(folder), str(file))
    assert code == 0
    assert printed.count("was installed already") == 2 + len(organisation.sheets)


def test_a_person_is_shown_their_secrets_once(folder: Path) -> None:
    """Seven words and a TOTP secret are printed; a second person of that name is refused in one sentence."""
    code, printed, _ = dengwen("person-add", "--dir", str(folder), "amber", "--seat", "1")
    assert code == 0
    assert re.search(r"passphrase: ([a-z]+ ){6}[a-z]+\n", printed)
    code, _, said = dengwen("person-add", "--dir", str(folder), "amber", "--seat", "1")
    assert (code, said.count("\n")) == (1, 1)
    code, _, said = dengwen("person-add", "--dir", str(folder), "birch")
    assert code == 1
    assert "seat" in said


def test_a_nights_care_of_an_empty_server_does_nothing(folder: Path) -> None:
    """Care runs on a server that nobody has written to."""
    code, printed, _ = dengwen("server", "care", "--dir", str(folder))
    assert code == 0
    assert "erasures finished: yes" in printed


def test_errors_are_one_sentence(tmp_path: Path) -> None:
    """No traceback reaches an operator."""
    code, _, said = dengwen("server", "care", "--dir", str(tmp_path))
    assert code == 1
    assert said.startswith("Error: ")
    assert "Traceback" not in said


def test_a_demo_never_takes_a_folder_that_is_not_its_own(tmp_path: Path) -> None:
    """A mistyped --dir costs nobody their files."""
    (tmp_path / "thesis.txt").write_text("years of work")
    code, _, said = dengwen("demo", "--dir", str(tmp_path))
    assert code == 1
    assert "something else" in said
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize(("text", "size"), [("7", 7), ("1KiB", 1024), ("64MiB", 64 << 20), ("20GiB", 20 << 30)])
def test_sizes_are_read(text: str, size: int) -> None:
    """Binary units, as printed everywhere else."""
    assert Size().convert(text, None, None) == size


@pytest.mark.parametrize("text", ["", "0", "-1", "1GB", "1.5GiB", "1 GiB", "٣MiB"])
def test_other_sizes_are_refused(text: str) -> None:
    """One accepted form."""
    with pytest.raises(click.BadParameter):
        Size().convert(text, None, None)
