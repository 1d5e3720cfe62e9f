# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The vault's folder: who opens it, what lies in it readable, what is refused.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select

from crypto.passwords import CHEAPEST
from journalist_app.vault import keystore, models
from journalist_app.vault.errors import FolderError, InputError, LockedError
from journalist_app.vault.names import disk_name, visible_name, visible_text
from tests.journalist_app.vault.fakes import PASSPHRASE


@pytest.fixture
def vault(tmp_path: Path):
    """
    An empty vault.
    """
    made = keystore.create(tmp_path / "v", "布谷 Cuckoo", PASSPHRASE, profile=CHEAPEST)
    yield made
    made.close()


def test_the_database_is_not_readable_without_the_key(vault: keystore.Vault):
    """No word of it stands in any file of the folder, the log among them."""
    word = b"a very particular sentence"
    with vault.write() as connection:
        connection.execute(insert(models.facts).values(name="x", content=word))
        raw = b"".join(path.read_bytes() for path in vault.folder.rglob("*") if path.is_file())
    assert word not in raw
    assert b"SQLite format" not in raw
    raw = b"".join(path.read_bytes() for path in vault.folder.rglob("*") if path.is_file())
    assert word not in raw


def test_files_of_a_vault_are_its_owner_s_alone(vault: keystore.Vault):
    """Nobody else on the machine reads them."""
    for path in (vault.folder, vault.folder / "vault.db", *(vault.folder / "slots").iterdir()):
        assert path.stat().st_mode & 0o077 == 0


def test_each_person_opens_with_their_own_passphrase_and_nothing_else(vault: keystore.Vault):
    """Two slots, one key; wrong passphrase and unknown name give one message."""
    keystore.add_person(
        vault.folder,
        "Second",
        "another one",
        opener=vault.person,
        opener_passphrase=PASSPHRASE,
        profile=CHEAPEST,
    )
    second = keystore.open_vault(vault.folder, "another one", "Second")
    assert second.person == "Second"
    second.close()
    messages = set()
    for person, passphrase in (("Second", PASSPHRASE), ("Third", "another one")):
        with pytest.raises(LockedError) as refused:
            keystore.open_vault(vault.folder, passphrase, person)
        messages.add(str(refused.value))
    assert len(messages) == 1
    with pytest.raises(LockedError, match="whose"):
        keystore.open_vault(vault.folder, PASSPHRASE)
    with pytest.raises(InputError):
        keystore.add_person(
            vault.folder, "Second", "x", opener=vault.person, opener_passphrase=PASSPHRASE, profile=CHEAPEST
        )


def test_a_folder_that_is_no_vault_is_refused(tmp_path: Path, vault: keystore.Vault):
    """Nothing is overwritten, nothing is guessed."""
    with pytest.raises(FolderError):
        keystore.open_vault(tmp_path / "nothing", PASSPHRASE)
    with pytest.raises(FolderError, match="not empty"):
        keystore.create(vault.folder, "x", PASSPHRASE, profile=CHEAPEST)
    (vault.folder / "slots" / "02.json").write_bytes(b'{"kind":"slot"}')
    with pytest.raises(FolderError, match="not a slot"):
        keystore.slots(vault.folder)


def test_a_slot_whose_key_is_another_vault_s_opens_nothing(tmp_path: Path, vault: keystore.Vault):
    """The key decides, not the passphrase; and nothing is printed about it."""
    other = keystore.create(tmp_path / "w", "Other", PASSPHRASE, profile=CHEAPEST)
    other.close()
    (vault.folder / "slots" / "02.json").write_bytes((tmp_path / "w" / "slots" / "01.json").read_bytes())
    with pytest.raises(LockedError):
        keystore.open_vault(vault.folder, PASSPHRASE, "Other")


def test_a_write_that_fails_leaves_nothing(vault: keystore.Vault):
    """All of a transaction or none of it."""

    def fail() -> None:
        with vault.write() as connection:
            connection.execute(insert(models.facts).values(name="x", content=b"y"))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with vault.read() as connection:
        assert connection.execute(select(models.facts)).all() == []


def test_what_is_deleted_leaves_the_log(vault: keystore.Vault):
    """After settling, the write-ahead log is empty."""
    with vault.write() as connection:
        connection.execute(insert(models.epochs).values(number=1, seed=bytes(32)))
        connection.execute(models.epochs.delete())
    vault.database.settle()
    assert (vault.folder / "vault.db-wal").stat().st_size == 0


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 121, "a\u202eb"], ids=repr)
def test_a_name_that_cannot_stand_in_an_entry_is_refused(name: str):
    """Names are printable."""
    with pytest.raises(InputError):
        keystore.person_name(name)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("证据.jpg", "证据.jpg"),
        ("photo\u202egpj.exe", "photo⟦U+202E⟧gpj.exe"),
        ("a\x00b\nc", "a⟦U+0000⟧b⟦U+000A⟧c"),
        ("zero\u200bwidth", "zero⟦U+200B⟧width"),
        ("no\u00a0break", "no⟦U+00A0⟧break"),
        ("دەلىل.pdf", "دەلىل.pdf"),
    ],
)
def test_what_cannot_be_seen_in_a_name_is_shown_as_its_number(name: str, shown: str):
    """Letters stay, tricks are named."""
    assert visible_name(name) == shown


def test_a_text_keeps_its_lines_and_joiners_and_shows_its_overrides():
    """Persian needs its joiner; nobody needs an override."""
    assert visible_text("می\u200cخواهم\n\u202eabc\x07") == "می\u200cخواهم\n⟦U+202E⟧abc⟦U+0007⟧"


@given(st.text(max_size=300))
def test_a_name_for_the_disk_never_leaves_its_folder(name: str):
    """Whatever a stranger called it."""
    made = disk_name(name, b"\xab" * 16)
    assert made.startswith("abababab-")
    assert len(made.encode()) <= 255
    assert Path(made).name == made
    assert visible_name(made) == made
