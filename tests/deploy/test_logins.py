# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Logins after they were made: renewed, closed, listed, on the server alone.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy import logins, server
from deploy.errors import DeployError
from deploy.verbs.person import person_close, person_list, person_renew
from store import audit, reviewers


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A server with one reviewer and one operator."""
    server.initialise(tmp_path / "d", "Centre")
    server.add_person(tmp_path / "d", "amber", role="reviewer", seat=1)
    server.add_person(tmp_path / "d", "olive", role="operator", seat=None)
    return tmp_path / "d"


def typed(verb, folder: Path, *arguments: str) -> str:
    """What a verb prints."""
    done = CliRunner().invoke(verb, ["--dir", str(folder), *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_new_secrets_replace_the_old_and_open_a_closed_login(folder: Path) -> None:
    """They are printed once; nobody is ever removed; each act is on the log."""
    store = server.opened(folder)
    before = reviewers.find(store, "amber")
    typed(person_close, folder, "amber")
    assert typed(person_list, folder) == "amber  seat 1  closed\nolive  operator  open\n"
    printed = typed(person_renew, folder, "amber")
    assert re.search(r"passphrase: ([a-z]+ ){6}[a-z]+\nTOTP:       [A-Z2-7]{32}\n", printed)
    after = reviewers.find(store, "amber")
    assert not after.disabled
    assert bytes(after.totp) != bytes(before.totp)
    assert bytes(after.passphrase) != bytes(before.passphrase)
    assert typed(person_list, folder) == "amber  seat 1  open\nolive  operator  open\n"
    acts = [one.act for one in audit.newest(store)][:2]
    assert acts == ["dengwen: new passphrase for amber", "dengwen: closed the login of amber"]


@pytest.mark.parametrize("name", ["nobody", "", "a\nb", "x" * 65])
def test_nobody_else_is_touched(folder: Path, name: str) -> None:
    """A name that is not there is one sentence, and leaves no line in the log."""
    before = len(audit.newest(server.opened(folder)))
    for act in (logins.renew_person, logins.close_person):
        with pytest.raises(DeployError):
            act(folder, name)
    assert len(audit.newest(server.opened(folder))) == before
