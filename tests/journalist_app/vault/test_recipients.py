# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The pinned reply recipient between the seats: what one seals to, the others compare with their own.
"""

from __future__ import annotations

import pytest

from crypto.age import HybridIdentity
from journalist_app.vault import reading, recipients, replies
from journalist_app.vault.errors import NotNowError
from journalist_app.vault.importer import import_batch
from tests.journalist_app.vault.browsing import Browser
from tests.journalist_app.vault.fakes import Organisation, Source


@pytest.fixture
def forged(tmp_path):
    """
    Seat 1 saw the true first message; seat 2 joined later and saw one that the server forged with its own recipient.
    """
    made = Organisation(tmp_path)
    source = Source()
    made.server.message(source, "first, with the true recipient")
    import_batch(made.vaults[0], made.server.batch(made.stick))
    made.admit(1)
    made.server.message(source, "forged", reply_to=str(HybridIdentity.generate().recipient))
    batch = made.server.batch(made.stick)
    for vault in made.vaults:
        import_batch(vault, batch)
    yield made, bytes(source.thread)
    made.close()


def standing(made: Organisation, seat: int, thread: bytes) -> recipients.Standing:
    """
    What a seat's page says.
    """
    with made.vaults[seat - 1].read() as connection:
        return reading.thread(connection, thread).recipient


def carry(made: Organisation, seat: int) -> None:
    """
    A seat's outbox to the server, and the next batch to every seat.
    """
    made.send(made.vaults[seat - 1])
    batch = made.server.batch(made.stick)
    for vault in made.vaults:
        import_batch(vault, batch)


def test_a_seat_that_joined_later_says_that_it_cannot_know(forged):
    """Until another seat's reply confirms a recipient; the seat that was there from the first batch is sure."""
    made, thread = forged
    assert standing(made, 2, thread).unsure
    assert not standing(made, 1, thread).unsure


def test_two_recipients_stop_replies_until_a_person_chooses(forged):
    """The true seat answers; the deceived one learns that its recipient is another, and seals nothing."""
    made, thread = forged
    replies.reply(made.vaults[0], thread, "to the source")
    carry(made, 1)
    assert standing(made, 1, thread).others == ()
    assert standing(made, 2, thread) == recipients.Standing(others=(1,), chosen=False, confirmed=False, joined=2)
    with made.vaults[1].read() as connection:
        assert [row.thread for row in recipients.disputed(connection)] == [thread]
        assert reading.blocked(connection, reading.page(connection)[0]) == {thread}
    with pytest.raises(NotNowError, match="seat 1 answers this thread at another recipient"):
        replies.reply(made.vaults[1], thread, "to the server")
    with pytest.raises(NotNowError):
        replies.tell_status(made.vaults[1], thread, "read")
    with made.vaults[1].read() as connection:
        assert len(reading.thread(connection, thread).entries) == 1


def test_the_seat_that_is_right_keeps_its_own_and_answers_on(forged):
    """The deceived seat answered first: both stop, the true one chooses, and a newer contradiction stops it again."""
    made, thread = forged
    first, second = made.vaults
    with pytest.raises(NotNowError, match="nothing to choose"):
        replies.keep_recipient(first, thread)
    replies.reply(second, thread, "to the server, unknowingly")
    carry(made, 2)
    assert standing(made, 1, thread).blocked
    with pytest.raises(NotNowError):
        replies.reply(first, thread, "wait")
    replies.keep_recipient(first, thread)
    assert not standing(made, 1, thread).blocked
    replies.reply(first, thread, "to the source")
    with pytest.raises(NotNowError, match="nothing to choose"):
        replies.keep_recipient(first, thread)
    carry(made, 1)
    assert standing(made, 2, thread).blocked
    assert standing(made, 1, thread).chosen


def test_a_reply_of_another_seat_confirms_a_recipient(forged):
    """A thread that began after the later seat joined: the same recipient at both, confirmed by the other's reply."""
    made, _ = forged
    source = Source()
    made.server.message(source, "new")
    batch = made.server.batch(made.stick)
    for vault in made.vaults:
        import_batch(vault, batch)
    thread = bytes(source.thread)
    assert standing(made, 2, thread).unsure
    replies.tell_status(made.vaults[0], thread, "read")
    carry(made, 1)
    found = standing(made, 2, thread)
    assert (found.confirmed, found.unsure, found.blocked) == (True, False, False)
    replies.reply(made.vaults[1], thread, "good day")


def test_the_page_says_it_and_takes_the_choice(forged):
    """The deceived seat answered: the true seat's page has no reply form until a person keeps the recipient."""
    made, thread = forged
    replies.reply(made.vaults[1], thread, "to the server, unknowingly")
    carry(made, 2)
    browser = Browser(made.folder / "v1", made.stick, made.clock)
    browser.enter()
    address = f"/threads/{thread.hex()}"
    browser.get("/alarms")
    assert address in browser.page
    browser.get(address)
    assert "Seat 2 answers this thread at another recipient" in browser.page
    assert "Seal the reply" not in browser.page
    assert "Tell the source" not in browser.page
    assert browser.post(f"{address}/reply", text="no", lang="en").status_code == 409
    browser.get(address)
    browser.post(f"{address}/recipient")
    assert "Replies go on to the recipient that was pinned at this seat" in browser.page
    assert "Seal the reply" in browser.page
    browser.close()
    late = Browser(made.folder / "v2", made.stick, made.clock)
    late.enter()
    other = Source()
    made.server.message(other, "later")
    import_batch(made.vaults[1], made.server.batch(made.stick))
    late.get(f"/threads/{bytes(other.thread).hex()}")
    assert "its first message was not seen here" in late.page
    late.close()
