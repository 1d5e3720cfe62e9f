# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Who may read the server's keys: a file of the account's own, or what systemd lends a unit.
"""

from __future__ import annotations

import dataclasses
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.verbs import apps
from journalist_app.desk.errors import KeysError
from journalist_app.desk.keys import NAME, ServerKeys, is_private, make_server_keys, require_private
from journalist_app.desk.serve import serve
from journalist_app.desk.settings import DeskSettings
from store.errors import ExposedError
from store.schema import migrate

OURS = os.geteuid()
STRANGER = OURS + 7


def found(mode: int, user: int, group: int, kind: int = stat.S_IFREG) -> os.stat_result:
    """What fstat would say."""
    return os.stat_result((kind | mode, 1, 1, 1, user, group, 10, 0, 0, 0))


@pytest.mark.parametrize(
    ("mode", "user", "group", "lent", "private"),
    [
        (0o600, OURS, 5, False, True),
        (0o400, OURS, 5, False, True),
        (0o400, 0, 0, True, True),
        (0o440, 0, 0, True, True),
        (0o440, OURS, 0, True, True),
        (0o440, 0, 0, False, False),
        (0o440, 0, 5, True, False),
        (0o640, 0, 0, True, False),
        (0o460, 0, 0, True, False),
        (0o444, 0, 0, True, False),
        (0o604, OURS, 5, False, False),
        (0o620, OURS, 5, False, False),
        (0o644, OURS, 5, True, False),
        (0o600, STRANGER, 5, False, False),
        (0o400, STRANGER, 0, True, False),
        (0o440, STRANGER, 0, True, False),
    ],
)
def test_who_may_read_decides(mode: int, user: int, group: int, *, lent: bool, private: bool) -> None:
    """The account's own, 0600 or 0400; or 0440 of root's, where a unit's credentials are mounted; nobody else's at all."""
    assert is_private(found(mode, user, group), lent=lent) is private


@pytest.mark.parametrize("kind", [stat.S_IFDIR, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR])
def test_what_is_no_file_holds_no_keys(kind: int) -> None:
    """Whatever its mode."""
    assert not is_private(found(0o400, OURS, 0, kind), lent=True)


@pytest.fixture
def mounted() -> Iterator[Path]:
    """A file's place in the root of a mount, as a credential's is."""
    memory = Path("/dev/shm")
    assert memory.is_mount()
    path = memory / f"dengwen-{secrets.token_hex(8)}"
    yield path
    path.unlink(missing_ok=True)


def test_a_credential_is_read(tmp_path: Path, mounted: Path) -> None:
    """0440 with root's group on its own mount, where root can make it so; with another group it is refused, and in a plain folder."""
    keys = make_server_keys(tmp_path)
    shutil.copyfile(tmp_path / NAME, mounted)
    mounted.chmod(0o400)
    assert ServerKeys.load(mounted).public() == keys.public()
    mounted.chmod(0o440)
    if mounted.stat().st_gid == 0:
        assert ServerKeys.load(mounted).public() == keys.public()
    else:
        with pytest.raises(KeysError):
            ServerKeys.load(mounted)
    (tmp_path / NAME).chmod(0o440)
    with pytest.raises(KeysError, match="may be read by others: mode 0440"):
        ServerKeys.load(tmp_path / NAME)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    """By its name, without the folder."""
    with pytest.raises(KeysError, match=r"^server\.json: No such file"):
        require_private(tmp_path / NAME)


@pytest.mark.parametrize("lent", [True, False])
def test_the_verb_uses_what_systemd_lends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, lent: bool) -> None:
    """`dengwen desk` takes the keys from $CREDENTIALS_DIRECTORY if there is one, and else from its settings."""
    settings = DeskSettings(store=tmp_path, keys=tmp_path / "keys.json", organisation="O")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    if lent:
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/x")
    expected = Path("/run/credentials/x/server.json") if lent else settings.keys
    assert apps._with_credential(settings) == dataclasses.replace(settings, keys=expected)


def test_the_desk_says_what_it_misses_before_it_starts(tmp_path: Path) -> None:
    """Keys that others may read, and a store that others may look into: an error each, and no worker that fails to boot."""
    migrate(tmp_path / "store")
    make_server_keys(tmp_path)
    settings = DeskSettings(store=tmp_path / "store", keys=tmp_path / NAME, organisation="O")
    (tmp_path / NAME).chmod(0o640)
    with pytest.raises(KeysError):
        serve(settings)
    (tmp_path / "store").chmod(0o755)
    with pytest.raises(ExposedError):
        serve(settings)
