# SPDX-License-Identifier: AGPL-3.0-or-later
"""
`dengwen vault authorship`: a codename given up by its source, compared with sealed frames.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select

from crypto.age import HybridIdentity
from crypto.codename import Codename
from crypto.derive import derive
from journalist_app.vault import authorship, models
from journalist_app.vault.__main__ import main
from journalist_app.vault.errors import NotFoundError
from journalist_app.vault.importer import import_batch
from journalist_app.vault.verbs import Terms
from tests.journalist_app.vault.fakes import PASSPHRASE, Organisation, Source


@dataclasses.dataclass
class Known:
    """
    A source whose codename the test knows.
    """

    one: Organisation
    codename: Codename
    source: Source

    def verb(self, said: str, *more: str, answer: str | None = "y\n") -> Result:
        """
        The verb, with the vault's passphrase and these words typed in.
        """
        typed = f"{answer or ''}{PASSPHRASE}\n{said}\n"
        arguments = ["authorship", "--dir", str(self.one.folder / "v1"), *more]
        return CliRunner().invoke(main, arguments, obj=Terms(clock=self.one.clock), input=typed)


@pytest.fixture
def known(one: Organisation) -> Known:
    """
    Two messages and a file of a source, in seat 1's vault.
    """
    codename = Codename.generate()
    keys = derive(codename.secret, one.server.root.generations[0])
    source = Source(thread=keys.thread, reply=HybridIdentity(keys.reply_seed))
    for text in ("first", "second"):
        one.server.message(source, text)
    one.server.files(source, a=b"file")
    import_batch(one.vaults[0], one.server.batch(one.stick))
    return Known(one, codename, source)


def everything(known: Known) -> dict[str, int]:
    """
    How many rows each table of the vault has.
    """
    with known.one.vaults[0].read() as connection:
        tables = models.metadata.sorted_tables
        return {one.name: connection.execute(select(func.count()).select_from(one)).scalar_one() for one in tables}


@pytest.mark.parametrize("rendering", ["words", "characters", "numbers"])
def test_the_codename_of_a_thread_is_recognised(known: Known, rendering: str):
    """In any rendering; every item's frame is opened again, and the verb says what this proves and what it cost."""
    said = " ".join(map(str, getattr(known.codename, rendering)()))
    done = known.verb(said)
    assert done.exit_code == 0, done.output
    assert known.source.thread.hex()[:8] in done.output
    assert known.source.thread.hex() not in done.output
    assert "frame holds its thread value: 4." in done.output
    assert "name its reply recipient: 2." in done.output
    assert "ANOTHER" not in done.output
    assert done.output.index(authorship.COST) < done.output.index("Codename:") < done.output.index(authorship.PROOF)
    assert said not in done.output


def test_another_codename_is_said_to_prove_nothing(known: Known):
    """It is refused with what that means, and it is spent all the same."""
    done = known.verb(" ".join(Codename.generate().words()))
    assert done.exit_code == 1
    assert authorship.NO_PROOF in done.output
    assert authorship.PROOF not in done.output


def test_a_message_with_another_recipient_is_counted_apart(known: Known):
    """A server that learnt the thread value can add an item: its own recipient in it is told from the codename's."""
    known.one.server.message(known.source, "mine", reply_to=str(HybridIdentity.generate().recipient))
    import_batch(known.one.vaults[0], known.one.server.batch(known.one.stick))
    done = known.verb(" ".join(known.codename.words()))
    assert "ANOTHER reply recipient: 1." in done.output


def test_nothing_is_asked_before_the_cost_is_accepted(known: Known):
    """A no ends it: no passphrase, no words."""
    done = known.verb("", answer="n\n")
    assert done.exit_code == 1
    assert "nothing was compared" in done.output
    assert "Passphrase" not in done.output
    assert "Codename:" not in done.output


def test_the_comparison_leaves_nothing_in_the_vault(known: Known):
    """No entry, nothing that waits for an outbox, no row anywhere."""
    before = everything(known)
    assert known.verb(" ".join(known.codename.words())).exit_code == 0
    assert everything(known) == before


def test_the_words_are_never_an_argument(known: Known):
    """There is no option for them; what is typed wrongly is refused before the KDF, in plain words."""
    refused = CliRunner().invoke(main, ["authorship", "--codename", "x"], obj=Terms())
    assert refused.exit_code == 2
    extra = CliRunner().invoke(main, ["authorship", "--dir", "x", *known.codename.words()], obj=Terms())
    assert extra.exit_code == 2
    done = known.verb("only three words here nowhere")
    assert done.exit_code == 1
    assert "Traceback" not in done.output


def test_a_script_gives_the_words_in_its_file(known: Known, tmp_path: Path):
    """The passphrase on the first line, the codename on the second."""
    answers = tmp_path / "answers"
    answers.write_text(f"{PASSPHRASE}\n{' '.join(known.codename.words())}\n")
    arguments = ["authorship", "--dir", str(known.one.folder / "v1"), "--yes", "--passphrase-file", str(answers)]
    done = CliRunner().invoke(main, arguments, obj=Terms(clock=known.one.clock))
    assert done.exit_code == 0, done.output


def test_an_item_that_no_longer_opens_says_nothing(known: Known):
    """Altered on this laptop's disk after the import: counted as broken, never as fitting."""
    vault = known.one.vaults[0]
    with vault.write() as connection:
        item = connection.execute(select(models.items.c.item).where(models.items.c.kind == "file")).scalar_one()
        connection.execute(models.payloads.update().where(models.payloads.c.item == item).values(payload=b"x" * 70_000))
    found = authorship.compare(vault, known.codename)
    assert (found.items, found.messages, found.broken) == (3, 2, 1)
    with pytest.raises(NotFoundError):
        authorship.compare(vault, Codename.generate())


def test_a_thread_of_which_nothing_opens_proves_nothing(known: Known):
    """What the database says of items is no proof."""
    with known.one.vaults[0].write() as connection:
        connection.execute(models.payloads.update().values(payload=b"x" * 70_000))
    done = known.verb(" ".join(known.codename.words()))
    assert done.exit_code == 1
    assert authorship.NOTHING_OPENS in done.output
    assert authorship.PROOF not in done.output
