# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Days, floors and clocks that cannot be: none of them stops a vault.
"""

from __future__ import annotations

import datetime

import pytest
from sqlalchemy import select

from crypto.signing import sign_document, write_document
from journalist_app.vault import entries, epochs, models, outbox, projection, replies
from journalist_app.vault.errors import NotNowError, UnbelievableError
from journalist_app.vault.identity import floor_stated, later, load, newest_own_sheet, server_day, working_day
from journalist_app.vault.importer import import_batch
from journalist_app.vault.job import Job
from tests.journalist_app.vault.fakes import FIRST_DAY, Organisation, Source
from tests.journalist_app.vault.looks import count, kinds


def bring(one: Organisation, **changes: object) -> object:
    """
    One batch, in which the server says this.
    """
    one.server.manifest_changes = changes
    path = one.server.batch(one.stick)
    one.server.manifest_changes = {}
    return import_batch(one.vaults[0], path)


def signed_entry(one: Organisation, seat: int, **changes: object) -> entries.Entry:
    """
    An entry signed by this seat with any contents.
    """
    with one.vaults[seat - 1].read() as connection:
        key = load(connection).signing
    contents = {"seat": seat, "number": 1, "previous": bytes(32).hex(), "clock": 1, "person": "x", "day": "2026-03-02"}
    contents |= {"type": "state", "thread": "07" * 32, "state": "closed", **changes}
    return entries.parse_entry(sign_document("entry", write_document("entry", contents), [key]))


@pytest.mark.parametrize(
    ("changes", "alarm"),
    [({"day": datetime.date(9999, 12, 31)}, "far-day"), ({"floor": 10_000}, "far-floor"), ({"floor": 1}, "far-floor")],
)
def test_a_day_or_floor_that_cannot_be_is_refused_and_the_run_can_go_on(
    one: Organisation, changes: dict[str, object], alarm: str
):
    """The page names it; a person may take the items without believing it, and every later batch comes in."""
    vault, server = one.vaults[0], one.server
    bring(one)
    server.message(Source(), "in the batch with the false word")
    with pytest.raises(UnbelievableError):
        bring(one, **changes)
    assert kinds(vault) == {alarm}
    job = Job(vault, one.stick / "batch-2.tar")
    job.start()
    job.wait(10)
    assert job.unbelievable
    report = import_batch(vault, one.stick / "batch-2.tar", despite=True)
    assert (report.imported, report.whole) == (1, True)
    with vault.read() as connection:
        assert (server_day(connection), floor_stated(connection)) == (FIRST_DAY, 0)
        assert connection.execute(select(models.items.c.day)).scalar() == FIRST_DAY.isoformat()
    server.message(Source(), "after it")
    assert bring(one).whole
    assert count(vault) == 2
    assert one.send(vault) == 1


def test_a_day_that_is_believed_for_once_breaks_no_later_outbox(one: Organisation):
    """A year ahead is accepted, but no seed is made for it beyond a month past the laptop's day."""
    vault = one.vaults[0]
    bring(one, day=FIRST_DAY + datetime.timedelta(days=399))
    with vault.read() as connection:
        assert working_day(connection, vault) == FIRST_DAY + datetime.timedelta(days=28)
    for _ in range(3):
        one.send(vault)
        bring(one)
    with vault.read() as connection:
        assert max(epochs.seeds(connection)) == 28


def test_a_sheet_has_at_most_sixty_four_epochs_and_reaches_the_current_one(one: Organisation):
    """Years without an outbox, or seeds far ahead from a wrong clock, do not make the next one fail."""
    vault = one.vaults[0]
    for day, first, last in (
        (FIRST_DAY + datetime.timedelta(days=14 * 200), 163, 226),
        (FIRST_DAY + datetime.timedelta(days=14 * 210), 173, 236),
        (datetime.date(9999, 12, 31), 9936, 9999),
        (FIRST_DAY + datetime.timedelta(days=14 * 215), 173, 236),
    ):
        with vault.write() as connection:
            sheet = epochs.renew_sheet(connection, load(connection), day)
            assert (sheet.first, sheet.last) == (first, last)
            newest = newest_own_sheet(connection, load(connection))
            assert newest is not None
            assert newest.digest == sheet.digest


def test_a_day_past_the_calendar_is_its_last():
    """No sum of days raises."""
    assert later(datetime.date(9999, 12, 30), datetime.timedelta(days=28)) == datetime.date.max
    assert later(FIRST_DAY, datetime.timedelta(days=28)) == FIRST_DAY + datetime.timedelta(days=28)


def test_an_outbox_that_cannot_be_sealed_again_does_not_undo_the_import(
    one: Organisation, monkeypatch: pytest.MonkeyPatch
):
    """The batch is whole all the same; the failure is an alarm."""

    def broken(*_: object) -> None:
        raise OverflowError("no such day")

    monkeypatch.setattr("journalist_app.vault.importer.seal_again", broken)
    assert bring(one).whole
    assert kinds(one.vaults[0]) == {"outbox-stuck"}
    with one.vaults[0].read() as connection:
        assert connection.execute(select(models.batches.c.complete)).scalars().all() == [1]


def test_one_entry_with_the_highest_clock_silences_nobody(three: Organisation):
    """It is shown with an alarm; the vault writes on, and what it writes decides the state."""
    source, vault = Source(), three.vaults[0]
    three.server.message(source, "hello")
    import_batch(vault, three.server.batch(three.stick))
    thread = bytes(source.thread)
    for number, clock in enumerate((2**53 - 1, 2**52), 1):
        entry = signed_entry(three, 2, clock=clock, thread=thread.hex(), number=number)
        with vault.write() as connection:
            entries.keep(connection, entry, batch=1)
            projection.compute(connection, [thread])
            assert connection.execute(select(models.threads.c.state)).scalar() == "new"
    assert "entry-clock" in kinds(vault)
    assert replies.set_state(vault, thread, "reading").clock == 1
    with vault.read() as connection:
        assert connection.execute(select(models.threads.c.state)).scalar() == "reading"


def test_a_seat_that_uses_up_the_clocks_does_not_keep_its_state_for_ever(three: Organisation):
    """Among entries with the last clock that counts the later batch decides, in every vault alike."""
    source, first, second = Source(), *three.vaults[:2]
    three.server.message(source, "hello")
    path = three.server.batch(three.stick)
    thread = bytes(source.thread)
    for vault in (first, second):
        import_batch(vault, path)
        with vault.write() as connection:
            entry = signed_entry(three, 3, clock=2**52 - 1, thread=thread.hex())
            entries.keep(connection, entry, batch=1)
            projection.compute(connection, [thread])
    for vault, state in ((second, "verified"), (first, "reading"), (first, "waiting")):
        replies.set_state(vault, thread, state)
        three.send(vault)
        path = three.server.batch(three.stick)
        for one in (first, second):
            import_batch(one, path)
            with one.read() as connection:
                assert connection.execute(select(models.threads.c.state)).scalar() == state


def test_the_last_clock_that_counts_and_the_last_number_leave_a_next_one(one: Organisation):
    """Even whoever holds this seat's key cannot make writing fail."""
    source, vault = Source(), one.vaults[0]
    one.server.message(source, "hello")
    import_batch(vault, one.server.batch(one.stick))
    entry = signed_entry(one, 1, clock=2**52 - 1, number=2**31 - 1)
    with vault.write() as connection:
        entries.keep(connection, entry, batch=1)
    assert kinds(vault) == {"own-entry"}
    for number in (1, 2):
        written = replies.note(vault, bytes(source.thread), "still here")
        assert (written.number, written.clock) == (number, 2**52 - 1)


def test_forks_of_a_seat_cost_one_look_each(one: Organisation):
    """A thousand entries with two numbers: two forks, and the chain is compared exactly."""
    vault = one.vaults[0]
    with vault.write() as connection:
        identity_key = load(connection).signing
        statements = []
        for turn in range(1000):
            contents = {"seat": 1, "number": 1 + turn % 2, "previous": bytes(32).hex(), "clock": 1, "person": f"{turn}"}
            contents |= {"day": "2026-03-02", "type": "note", "thread": "07" * 32, "text": "x"}
            document = write_document("entry", contents)
            statements.append(entries.parse_entry(sign_document("entry", document, [identity_key])))
        rows = []
        connection.connection.driver_connection.set_trace_callback(rows.append)
        for entry in statements:
            entries.keep(connection, entry, batch=0)
        connection.connection.driver_connection.set_trace_callback(None)
    assert len(rows) < 12 * len(statements)
    assert all("BETWEEN" not in row for row in rows)
    assert kinds(vault) == {"entry-fork", "entry-chain"}


def test_an_epoch_is_not_closed_on_the_word_of_the_server_alone(one: Organisation):
    """Its day may be a year ahead; the laptop's is not."""
    bring(one, day=FIRST_DAY + datetime.timedelta(days=300))
    with pytest.raises(NotNowError, match="this laptop"):
        epochs.close_through(one.vaults[0], 5)
    one.clock.day += datetime.timedelta(days=300)
    epochs.close_through(one.vaults[0], 5)


def test_an_entry_of_this_seat_that_it_never_wrote_is_an_alarm(one: Organisation):
    """Its key may be stolen. Its own entries coming back are none."""
    source, vault = Source(), one.vaults[0]
    one.server.message(source, "hello")
    bring(one)
    replies.note(vault, bytes(source.thread), "mine")
    one.send(vault)
    bring(one)
    assert kinds(vault) == set()
    with vault.write() as connection:
        entries.keep(connection, signed_entry(one, 1, number=2), batch=2)
    assert "own-entry" in kinds(vault)


def test_an_outbox_takes_what_the_desk_can_and_the_rest_waits(one: Organisation, monkeypatch: pytest.MonkeyPatch):
    """Oldest first; each outbox still has its sheet, and nothing is lost."""
    source, vault = Source(), one.vaults[0]
    one.server.message(source, "hello")
    bring(one)
    monkeypatch.setattr(outbox, "MAX_RECORDS", 2)
    for turn in range(5):
        replies.note(vault, bytes(source.thread), f"note {turn}")
    left = []
    for _ in range(3):
        one.send(vault)
        with vault.read() as connection:
            left.append(outbox.waiting(connection))
    assert left == [3, 1, 0]
    assert one.server.sheets[1].sequence == 4
    monkeypatch.setattr(outbox, "MAX_BYTES", 100_000)
    for turn in range(2):
        replies.note(vault, bytes(source.thread), "x" * 20_000 + str(turn))
    outbox.freeze(vault)
    with vault.read() as connection:
        assert outbox.waiting(connection) == 1
