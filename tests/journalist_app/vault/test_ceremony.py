# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The ceremony through its verbs: an organisation from nothing, two of three root keys, three seats, and every refusal.
"""

from __future__ import annotations

import dataclasses
import os
import re
import resource
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from crypto import canonical
from crypto.age import HybridIdentity
from crypto.card import Card, Seat
from crypto.passwords import CHEAPEST
from crypto.root import Root
from crypto.sheet import Sheet
from crypto.signing import SigningKey
from journalist_app.vault import cardtext, ceremony, keystore, rootkeys
from journalist_app.vault.__main__ import main
from journalist_app.vault.errors import CeremonyError
from journalist_app.vault.identity import load
from journalist_app.vault.verbs import Terms
from tests.journalist_app.vault.fakes import PASSPHRASE, Clock, Organisation


class Table:
    """
    A table with a stick on it, and the verbs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.terms = Terms(profile=CHEAPEST, clock=Clock())
        self.secrets = folder / "secrets"
        self.secrets.write_text(PASSPHRASE + "\n")
        server = {
            "kind": "server",
            "version": 1,
            "signing": SigningKey.generate().public.hex(),
            "transfer": str(HybridIdentity.generate().recipient),
        }
        (folder / "server-public.json").write_bytes(canonical.encode(server))

    def run(self, *arguments: object, asked: str | None = None, fails: bool = False) -> Result:
        """
        One verb, its passphrases from a file unless somebody types.
        """
        given = [str(argument) for argument in arguments]
        if asked is None:
            given += ["--passphrase-file", str(self.secrets)]
        result = CliRunner().invoke(main, given, obj=self.terms, input=asked)
        assert (result.exit_code != 0) == fails, result.output
        return result

    def path(self, name: str) -> Path:
        """
        A file on the table.
        """
        return self.folder / name

    def init(self, **options: object) -> Result:
        """
        The first verb.
        """
        extra = [part for key, value in options.items() for part in (f"--{key}", value)]
        return self.run(
            *("init", "--dir", self.path("v1"), "--server", self.path("server-public.json")),
            *("--out", self.path("out"), "--person", "One", *extra),
        )

    def root(self) -> Root:
        """
        The root that init wrote.
        """
        return Root.decode(self.path("out/root-1.json").read_bytes())


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """
    An empty table.
    """
    return Table(tmp_path)


def test_init_writes_root_keys_apart_and_what_the_server_installs(table: Table):
    """install.json holds root, card and first sheet, each signed; the fingerprint is printed."""
    said = table.init(roots=3, threshold=2).output
    root = table.root()
    assert root.fingerprint in said
    assert (root.threshold, len(root.keys)) == (2, 3)
    install = canonical.Fields(canonical.decode(table.path("out/install.json").read_bytes(), limit=1 << 20), "install")
    assert Root.decode(install.text("root", 1 << 20).encode()).digest == root.digest
    card = Card.decode(install.text("card", 1 << 20).encode(), root)
    (sheet,) = (Sheet.decode(str(text).encode(), root, card) for text in install.list("sheets", 16))
    assert (sheet.seat, len(sheet.epochs)) == (1, 27)
    for number in (1, 2, 3):
        path = table.path(f"out/root-key-{number}.json")
        assert path.stat().st_mode & 0o077 == 0
        assert rootkeys.read_root_key(path, PASSPHRASE).public in root.keys
    generated = root.generations[0]
    generated.require_production()


def test_no_root_key_lies_in_the_vault(table: Table):
    """Neither its seed nor its sealed file is in the vault's folder or database."""
    table.init()
    seed = bytes(rootkeys.read_root_key(table.path("out/root-key-1.json"), PASSPHRASE).seed)
    vault = keystore.open_vault(table.path("v1"), PASSPHRASE)
    with vault.read() as connection:
        tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
        held = repr([connection.exec_driver_sql(f"SELECT * FROM {name}").all() for name in tables])
    vault.close()
    assert repr(seed)[2:-1] not in held
    assert seed.hex() not in held


def test_passphrases_are_generated_and_shown_once_without_a_file(table: Table):
    """Seven words for the vault, seven for the root key; they open what was made."""
    said = CliRunner().invoke(
        main,
        ["init", "--dir", str(table.path("v1")), "--server", str(table.path("server-public.json")),
         "--out", str(table.path("out")), "--person", "One"],
        obj=table.terms,
    ).output  # fmt: skip
    made = re.findall(r"^ {4}(\S+(?: \S+){6})$", said, re.MULTILINE)
    assert len(made) == 2
    keystore.open_vault(table.path("v1"), made[0]).close()
    rootkeys.read_root_key(table.path("out/root-key-1.json"), made[1])


def test_a_second_seat_is_admitted_by_two_of_three_keys_held_apart(table: Table):
    """The card travels as a draft, gathers signatures, is installed, and the further laptop takes its seat."""
    table.init(roots=3, threshold=2)
    keys = [table.path(f"out/root-key-{number}.json") for number in (1, 2, 3)]
    stick = table.path("stick")
    stick.mkdir()
    request = table.path("request.json")
    said = table.run("seat-request", "--dir", table.path("v2"), "--out", request, "--person", "Two").output
    number = re.search(r"compare there: ([\d ]+)", said)[1]
    v1 = ("--dir", table.path("v1"))
    said = table.run(
        "seat-admit", *v1, request, "--root-key", keys[0], "--yes", "--out", table.path("draft.json")
    ).output
    assert f'seat 2: {number.strip()}, named "Two"' in said
    assert "1 of 2 signatures" in said
    early = ("seat-accept", "--dir", table.path("v2"), table.path("draft.json"), table.path("out/root-1.json"))
    fingerprint = ("--fingerprint", table.root().fingerprint)
    assert "1 of the 2 signatures" in table.run(*early, *fingerprint, fails=True).output
    table.run("card", table.path("draft.json"), *v1, "--sign", keys[0], "--yes", "--out", table.path("x"), fails=True)
    signed = table.path("card.json")
    root = ("--root", table.path("out/root-1.json"))
    said = table.run("card", table.path("draft.json"), *root, "--sign", keys[2], "--yes", "--out", signed).output
    assert "2 of 2 signatures" in said
    assert "seats 1, 2" in said
    assert "installed in this vault" in table.run("card", signed, *v1).output
    accept = ("seat-accept", "--dir", table.path("v2"), signed, table.path("out/root-1.json"))
    wrong = "0" * 40
    assert "not the one" in table.run(*accept, "--fingerprint", wrong, fails=True).output
    said = table.run(*accept, *fingerprint, "--stick", stick).output
    assert "This is seat 2" in said
    assert [path.name for path in stick.iterdir()] == ["outbox-2-00000001.tar"]
    assert "already" in table.run(*accept, *fingerprint, fails=True).output


def test_a_card_is_drafted_signed_and_counted_by_its_verb(table: Table):
    """One verb for all three; it says what is missing when something is."""
    table.init()
    v1, key = ("--dir", table.path("v1")), table.path("out/root-key-1.json")
    table.run("seat-request", "--dir", table.path("v2"), "--out", table.path("r.json"), "--person", "Two")
    drafted = ("card", *v1, "--draft", "--add", table.path("r.json"), "--out", table.path("draft.json"))
    assert "0 of 1 signatures" in table.run(*drafted).output
    assert "0 of 1" in table.run("card", table.path("draft.json"), "--root", table.path("out/root-1.json")).output
    signing = ("card", table.path("draft.json"), *v1, "--sign", key, "--yes")
    made = table.run(*signing, "--out", table.path("card.json")).output
    assert "1 of 1 signatures" in made
    for wrong in (
        ("card", *v1),
        ("card", table.path("card.json")),
        ("card", "--draft", "--root", table.path("out/root-1.json"), "--out", table.path("y")),
        ("card", table.path("card.json"), *v1, "--sign", key, "--yes"),
        ("card", key, *v1),
    ):
        table.run(*wrong, fails=True)


def test_a_seat_is_removed_by_the_next_card(three: Organisation):
    """Numbers are not given again."""
    draft = ceremony.draft_card(three.vaults[0], remove=[2])
    signed = rootkeys.sign_card(draft, three.root_keys[0], three.server.root)
    card = ceremony.install_card(three.vaults[0], signed)
    assert [seat.number for seat in card.seats] == [1, 3]
    again = Card.draft(ceremony.draft_card(three.vaults[0], admit=[three.request(4)]), three.server.root)
    assert [seat.number for seat in again.seats] == [1, 3, 4]
    with pytest.raises(CeremonyError, match="not on card"):
        ceremony.draft_card(three.vaults[0], remove=[2])


def test_an_older_card_is_not_installed(three: Organisation):
    """Nobody brings a seat back."""
    vault = three.vaults[0]
    first = ceremony.draft_card(vault, remove=[2])
    old = three.server.card.signed
    ceremony.install_card(vault, rootkeys.sign_card(first, three.root_keys[0], three.server.root))
    with pytest.raises(CeremonyError, match="older"):
        ceremony.install_card(vault, old)


def test_a_key_that_is_not_the_root_s_signs_nothing(one: Organisation):
    """A root key of another organisation."""
    draft = ceremony.draft_card(one.vaults[0], admit=[one.request(2)])
    with pytest.raises(CeremonyError, match="not one of the root's"):
        rootkeys.sign_card(draft, SigningKey.generate(), one.server.root)


def test_a_card_that_does_not_list_this_vault_is_refused(one: Organisation):
    """A further laptop does not take another's seat."""
    one.request(2)
    vault = one.open(2)
    with pytest.raises(CeremonyError, match="does not list"):
        ceremony.accept_seat(vault, one.server.card.signed, [one.server.root.signed], one.server.root.fingerprint)
    with vault.read() as connection, pytest.raises(CeremonyError):
        load(connection)
    vault.close()


@pytest.mark.parametrize("raw", [b"", b"{}", b'{"kind":"server","version":2}', b"\xff" * 10], ids=repr)
def test_files_that_are_not_what_they_should_be_are_refused(raw: bytes):
    """Server keys and requests have one form."""
    for read in (ceremony.read_server, ceremony.read_request):
        with pytest.raises(CeremonyError):
            read(raw)


def test_a_request_reads_back_as_it_was_written():
    """And its fingerprint is that of both its keys."""
    signing, recipient = SigningKey.generate().public, HybridIdentity.generate().recipient
    request = ceremony.read_request(ceremony.write_request(signing, recipient, "热娜"))
    assert (request.signing, request.recipient, request.person) == (signing, recipient, "热娜")
    assert re.fullmatch(r"(\d{5} ){7}\d{5}", request.fingerprint)


@pytest.mark.parametrize(
    "person",
    ["", "  ", "x" * (ceremony.MAX_PERSON + 1), "Two: 12345\n67890", "Two\x1b[8m", "a\u202eb", "a\u200bb"],
    ids=repr,
)
def test_a_request_whose_name_could_print_something_else_is_refused(person: str):
    """Beside the digits that people compare, a name is one short line and no escape."""
    signing, recipient = SigningKey.generate().public, HybridIdentity.generate().recipient
    with pytest.raises(CeremonyError, match="printable"):
        ceremony.read_request(ceremony.write_request(signing, recipient, person))


def test_whoever_signs_is_shown_the_card_first_and_asked(table: Table):
    """Seats, digits and differences come before the question; a no opens no root key and writes nothing."""
    table.init()
    v1, key = ("--dir", table.path("v1")), table.path("out/root-key-1.json")
    said = table.run("seat-request", "--dir", table.path("v2"), "--out", table.path("r.json"), "--person", "Two").output
    number = re.search(r"compare there: ([\d ]+)", said)[1].strip()
    passphrases = ("--passphrase-file", table.secrets)
    out = table.path("card.json")
    # The root key's file is nonsense here: it must not be looked at before the answer.
    nonsense = table.path("nonsense.json")
    nonsense.write_bytes(b"nonsense")
    admit = ("seat-admit", *v1, table.path("r.json"), "--out", out, *passphrases)
    said = table.run(*admit, "--root-key", nonsense, asked="n\n", fails=True).output
    shown, _, after = said.partition("Sign this card?")
    assert f'seat 2: {number}, named "Two"' in shown
    assert re.search(r'seat 1: [\d ]{47}, named "One"', shown)
    assert "server: " in shown
    assert "added: seat 2" in shown
    assert "nothing was signed" in after
    assert not out.exists()
    assert "1 of 1 signatures" in table.run(*admit, "--root-key", key, asked="y\n").output
    draft = table.path("draft.json")
    table.run("card", *v1, "--draft", "--remove", 2, "--out", draft)
    sign = ("card", draft, *v1, "--sign", nonsense, "--out", table.path("x.json"), *passphrases)
    said = table.run(*sign, asked="n\n", fails=True).output
    assert "removed: seat 2" in said.partition("Sign this card?")[0]
    assert not table.path("x.json").exists()


def test_a_holder_alone_sees_the_same_digits_and_that_nothing_is_held(table: Table):
    """Without a vault there is the root only: the digits are still those that the new laptop printed."""
    table.init()
    said = table.run("seat-request", "--dir", table.path("v2"), "--out", table.path("r.json"), "--person", "Two").output
    number = re.search(r"compare there: ([\d ]+)", said)[1].strip()
    draft = table.path("draft.json")
    table.run("card", "--dir", table.path("v1"), "--draft", "--add", table.path("r.json"), "--out", draft)
    said = table.run("card", draft, "--root", table.path("out/root-1.json")).output
    assert f"seat 2: {number}" in said
    assert "No card is held here" in said


def test_keys_that_changed_under_a_number_are_named(one: Organisation):
    """A card with another laptop under seat 1's number, and another server."""
    held = one.server.card
    other = Seat(number=1, signing=SigningKey.generate().public, recipient=held.seats[0].recipient)
    changed = dataclasses.replace(
        held, sequence=2, seats=(other,), server_signing=SigningKey.generate().public, signed=one.server.root.signed
    )
    lines = cardtext.describe(changed, one.server.root, held, {})
    assert "  changed: seat 1 has other keys" in lines
    assert "  changed: the server has other keys" in lines


def test_what_a_verb_makes_is_its_owners_alone_and_no_core_is_written(table: Table):
    """Even under a lax umask, which is as it was afterwards."""
    before = os.umask(0)
    try:
        table.init()
        assert os.umask(0) == 0
    finally:
        os.umask(before)
    for path in (*table.path("v1").rglob("*"), *table.path("out").rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path
    assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0


def test_init_overwrites_nothing(table: Table):
    """A second init into the same folders is refused, and the first still stands."""
    table.init()
    before = table.path("out/root-key-1.json").read_bytes()
    arguments = ("--server", table.path("server-public.json"), "--out", table.path("out"), "--person", "One")
    assert "already" in table.run("init", "--dir", table.path("v9"), *arguments, fails=True).output
    assert "no root" in table.run(
        "init", "--dir", table.path("v9"), "--server", table.path("server-public.json"), "--out", table.path("o"),
        "--person", "One", "--roots", 1, "--threshold", 2, fails=True,
    ).output  # fmt: skip
    assert table.path("out/root-key-1.json").read_bytes() == before


def test_another_person_gets_a_passphrase_at_this_laptop(table: Table):
    """By typing, as people do."""
    table.init()
    said = (
        CliRunner()
        .invoke(
            main,
            ["person-add", "--dir", str(table.path("v1")), "--person", "One", "--new-person", "Two"],
            obj=table.terms,
            input=PASSPHRASE + "\n",
        )
        .output
    )
    made = re.findall(r"^ {4}(\S+(?: \S+){6})$", said, re.MULTILINE)
    assert PASSPHRASE not in said
    vault = keystore.open_vault(table.path("v1"), made[0], "Two")
    assert vault.person == "Two"
    vault.close()
