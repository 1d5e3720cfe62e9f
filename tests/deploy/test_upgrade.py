# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A server of an older version: its settings and its store are brought to this one, and what an operator wrote stays.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from deploy import server
from deploy.cli import main
from deploy.errors import SettingsFileError
from deploy.settings import NAME, load
from deploy.upgrade import with_new
from tests.deploy.host_files import a_server

NEW = ("onion", "part_bytes", "reads", "texts", "thread_bytes")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return a_server(tmp_path / "d")


def without(text: str, names: tuple[str, ...]) -> str:
    """As a version wrote it that did not know these."""
    return "".join(line for line in text.splitlines(keepends=True) if line.partition(" =")[0] not in names)


def test_a_server_of_the_version_before_is_brought_to_this_one_by_one_verb(folder: Path) -> None:
    """Before: the settings do not read, and the message names the verb. After: they read, and the store opens."""
    path = folder / NAME
    now = load(folder)
    before = "# mine\n" + without(path.read_text(), NEW)
    path.write_text(before)
    with sqlite3.connect(folder / "store" / "dengwen.db") as connection:
        connection.execute("DROP TABLE slips")
        connection.execute("DROP INDEX ix_threads_files")
        for column in ("accepted_until", "accepted_bytes", "files"):
            connection.execute(f"ALTER TABLE threads DROP COLUMN {column}")
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    connection.close()
    with pytest.raises(
        SettingsFileError, match=r"missing: onion, part_bytes, reads, texts, thread_bytes.*dengwen server upgrade"
    ):
        load(folder)
    done = CliRunner().invoke(main, ["server", "upgrade", "--dir", str(folder)])
    assert done.exit_code == 0, done.output
    assert "[source] part_bytes = 67108864" in done.output
    assert load(folder) == now
    assert without(path.read_text(), NEW) == before
    server.opened(folder).close()
    again = CliRunner().invoke(main, ["server", "upgrade", "--dir", str(folder)])
    assert (again.exit_code, "added" in again.output) == (0, False)


@given(st.sets(st.sampled_from(NEW)), st.sampled_from(["", "  # the source's", "\n# more"]))
def test_no_line_of_an_operator_is_touched(names: set[str], more: str) -> None:
    """Whichever are new, and whatever stands behind the table's name."""
    text = f"organisation = 'x'\n[source]{more}\nonion = 'mine' # kept\n[desk]\n[onion]\n"
    text = without(text, tuple(names & {"onion"}))
    after, added = with_new(text)
    assert set(text.splitlines()) <= set(after.splitlines())
    assert with_new(after) == (after, ())
    assert any("onion = " in line and "[source]" in line for line in added) == ("onion" in names)


@pytest.mark.parametrize(
    "text", ["", "[source", "[source]\n[desk]\n", "source = {}\ndesk = {}\nonion = {}\n", "source = 3"]
)
def test_what_is_no_such_file_is_refused(text: str) -> None:
    """No table, no TOML, or tables in a spelling of their own."""
    with pytest.raises(ValueError, match=r"."):
        with_new(text)
