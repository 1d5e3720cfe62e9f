# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Somebody had a seat and has it no more: their laptop was lost, or they left. Removing a seat is one act, the next card.

They keep what their vault holds. They get nothing new: no item is sealed to them, no batch, no outbox of theirs is taken, and the desk
does not know them any more.
"""

from __future__ import annotations

import pyotp
import pytest

from crypto.errors import CryptoError
from journalist_app.bundle.errors import BundleError
from journalist_app.vault import ceremony, replies
from journalist_app.vault.errors import VaultError
from journalist_app.vault.importer import import_batch
from store import batches
from tests.attacks.hostile import capture
from tests.journeys.world import World
from tests.source_app.window import Window


@pytest.fixture
def removed(world: World) -> World:
    """Seat 3 read the first report, and was taken off the card by seat 1."""
    window = Window(world)
    window.write("what all three read")
    world.carry()
    world.browser(3)
    world.next_card(ceremony.draft_card(world.vaults[1], remove=[3]))
    return world


def test_nothing_new_is_sealed_to_them(removed: World) -> None:
    """From the card on, items have two stanzas, and the batch is not theirs to open."""
    words = Window(removed).write("what two may read")
    pending = batches.pending(removed.store, budget=1 << 30)
    assert {item.seats for item in pending} == {(1, 2)}
    path = removed.take_out()
    for seat in (1, 2):
        removed.import_all(path, seat)
        assert removed.texts(seat, removed.thread_value(words)) == ["what two may read"]
    assert {item.seats for item in capture(removed, path).manifest.items} == {(1, 2)}
    with pytest.raises((VaultError, CryptoError, BundleError)):
        import_batch(removed.vaults[3], path)


def test_their_outboxes_are_refused(removed: World) -> None:
    """Whatever they wrote before or after."""
    with removed.vaults[3].read() as connection:
        value = connection.exec_driver_sql("SELECT thread FROM threads").scalar_one()
    replies.note(removed.vaults[3], value, "one more word")
    answer = removed.bring(removed.write_outbox(3).read_bytes())
    assert answer.status == 400
    assert "not on card" in answer.text


def test_they_cannot_log_in_at_the_desk(removed: World) -> None:
    """People of the desk are those of the card's seats, and operators."""
    removed.calendar.step()
    person = removed.people[3]
    code = pyotp.TOTP(person.totp).at(int(removed.calendar.seconds()))
    typed = {"name": person.person.name, "passphrase": person.passphrase, "code": code}
    assert removed.desk.test_client().post("/login", data=typed).status_code == 403


def test_their_open_session_at_the_desk_has_ended(removed: World) -> None:
    """A login from before the card shows no thread and takes out no batch."""
    Window(removed).write("what two may read")
    browser = removed.browser(3)
    assert browser.get("/").status_code in {302, 303, 403}
    assert browser.get("/batches/1/download").status_code in {302, 303, 403}


def test_a_note_written_by_them_before_stays_theirs(world: World) -> None:
    """History is kept: an entry under the old card verifies under the old card."""
    window = Window(world)
    words = window.write("what all three read")
    value = world.thread_value(words)
    world.carry()
    replies.note(world.vaults[3], value, "from the third seat")
    world.send(3)
    world.next_card(ceremony.draft_card(world.vaults[1], remove=[3]))
    path = world.take_out()
    world.import_all(path, 1, 2)
    for seat in (1, 2):
        assert [(one.seat, one.fields["text"]) for one in world.thread(seat, value).entries] == [
            (3, "from the third seat")
        ]
