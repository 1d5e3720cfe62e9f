# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Urgent threads: which are, that they stand first on every page of the list, and when a closing ends it.
"""

from __future__ import annotations

import hashlib
import re
import time

import pytest
from sqlalchemy import Connection, insert, select

from crypto.errors import FormatError
from crypto.signing import sign_document, write_document
from journalist_app.vault import entries, models, projection, reading, replies
from journalist_app.vault.identity import load
from journalist_app.vault.importer import import_batch
from journalist_app.vault.models import threads
from tests.journalist_app.vault.browsing import Browser
from tests.journalist_app.vault.fakes import Organisation, Source

DANGER = {"danger": "yes"}
MARK = "Someone is in danger now"
MANY = 100_000


def urgent(one: Organisation, source: Source, seat: int = 1) -> bool:
    """
    What a vault computed of a thread.
    """
    with one.vaults[seat - 1].read() as connection:
        query = select(threads.c.urgent).where(threads.c.thread == bytes(source.thread))
        return bool(connection.execute(query).scalar_one())


def carry(one: Organisation) -> None:
    """
    Everything that waits, into every vault.
    """
    path = one.server.batch(one.stick)
    for vault in one.vaults:
        import_batch(vault, path)


@pytest.mark.parametrize(
    ("report", "expected"), [(DANGER, True), ({"danger": "no"}, False), ({"danger": "unknown"}, False), (None, False)]
)
def test_only_a_yes_is_urgent(one: Organisation, report: dict[str, str] | None, expected: object):
    """Not knowing and saying nothing are not."""
    source = Source()
    one.server.message(source, "x", report=report)
    carry(one)
    assert urgent(one, source) is expected


def test_the_word_elsewhere_in_a_message_is_not_urgent(one: Organisation):
    """Nor in its text, another field or a file's name: only the answer to the question counts."""
    source = Source()
    one.server.message(source, '{"report":{"danger":"yes"}}', report={"name": "danger yes", "guess": "yes"})
    one.server.files(source, **{'{"report":{"danger":"yes"}}': b"x"})
    carry(one)
    assert not urgent(one, source)


def test_urgent_threads_stand_first_with_a_mark_in_the_list_and_on_their_page(one: Organisation, browser: Browser):
    """However old they are; the others have no mark."""
    old, new = Source(), Source()
    one.server.message(old, "old and urgent", report=DANGER)
    carry(one)
    one.turn(9)
    one.server.message(new, "new and calm", report={"danger": "no"})
    carry(one)
    browser.get("/")
    assert browser.page.index("old and urgent") < browser.page.index("new and calm")
    assert browser.page.count(MARK) == 1
    browser.get(f"/threads/{old.thread.hex()}")
    assert "A message says that someone is in danger now" in browser.page
    browser.get(f"/threads/{new.thread.hex()}")
    assert "A message says that someone is in danger now" not in browser.page


def test_a_closed_thread_is_not_urgent_until_a_later_batch_brings_a_danger(one: Organisation, browser: Browser):
    """What came after the closing nobody has seen; closing it again ends it, opening it brings it back."""
    source, vault = Source(), one.vaults[0]
    one.server.message(source, "first", report=DANGER)
    carry(one)
    replies.set_state(vault, bytes(source.thread), "closed")
    assert not urgent(one, source)
    one.server.message(source, "still calm")
    carry(one)
    assert not urgent(one, source)
    one.server.message(source, "second", report=DANGER)
    carry(one)
    assert urgent(one, source)
    browser.get(f"/threads/{source.thread.hex()}")
    assert "It came after the thread was closed" in browser.page
    replies.set_state(vault, bytes(source.thread), "closed")
    assert not urgent(one, source)
    replies.set_state(vault, bytes(source.thread), "reading")
    assert urgent(one, source)


def test_every_seat_computes_the_same(three: Organisation):
    """Also of a closing that a danger overtook on its way: the closing names the batch it knew of."""
    source = Source()
    three.server.message(source, "first", report=DANGER)
    carry(three)
    replies.set_state(three.vaults[0], bytes(source.thread), "closed")
    three.server.message(source, "second", report=DANGER)
    three.send(three.vaults[0])
    carry(three)
    assert [urgent(three, source, seat) for seat in (1, 2, 3)] == [True, True, True]
    replies.set_state(three.vaults[1], bytes(source.thread), "closed")
    three.send(three.vaults[1])
    carry(three)
    assert [urgent(three, source, seat) for seat in (1, 2, 3)] == [False, False, False]


@pytest.mark.parametrize("through", [2**31 - 1, None])
def test_no_closing_covers_what_came_after_it_whatever_it_names(three: Organisation, through: int | None):
    """A seat that names a batch of next year, or an older version that names none, silences no danger of next week."""
    source, vault = Source(), three.vaults[0]
    three.server.message(source, "first", report=DANGER)
    carry(three)
    thread = bytes(source.thread)
    with vault.write() as connection:
        named = {} if through is None else {"through": through}
        fields = {"state": "closed", **named}
        entry = entries.write_entry(connection, vault, load(connection), kind="state", thread=thread, fields=fields)
        row = {"kind": "entry", "fields": entry.signed.encode(), "header": b"", "payload": b"", "outbox": 0}
        connection.execute(insert(models.pending).values(row))
        projection.compute(connection, [thread])
    assert not urgent(three, source)
    three.send(vault)
    carry(three)
    assert [urgent(three, source, seat) for seat in (1, 2, 3)] == [False, False, False]
    three.server.message(source, "second", report=DANGER)
    carry(three)
    assert [urgent(three, source, seat) for seat in (1, 2, 3)] == [True, True, True]


@pytest.mark.parametrize("through", ["9", -1, True, 2**31, [1], None])
def test_a_closing_that_names_no_batch_in_numbers_is_no_entry(one: Organisation, through: object):
    """A word would stand above every number."""
    with one.vaults[0].read() as connection:
        key = load(connection).signing
    contents = {"seat": 1, "number": 1, "previous": bytes(32).hex(), "clock": 1, "person": "x", "day": "2026-03-02"}
    contents |= {"type": "state", "thread": "07" * 32, "state": "closed", "through": through}
    signed = sign_document("entry", write_document("entry", contents), [key])
    with pytest.raises(FormatError):
        entries.parse_entry(signed)


def test_those_that_are_not_urgent_can_be_shown_alone(one: Organisation, browser: Browser):
    """Anybody can call a thread urgent as often as they like: it must not hide the others."""
    urgently, calm = Source(), Source()
    one.server.message(urgently, "the urgent one", report=DANGER)
    one.server.message(calm, "the calm one")
    carry(one)
    browser.get("/")
    (address,) = re.findall(r'href="(/\?state=not-urgent)"', browser.page)
    browser.get(address)
    assert "the calm one" in browser.page
    assert "the urgent one" not in browser.page


@pytest.fixture
def crowded(one: Organisation) -> Organisation:
    """
    A vault with very many threads, a tenth of them urgent, all on a few days.
    """
    rows = [
        {
            **dict.fromkeys(("server_thread", "recipient"), b""),
            **dict.fromkeys(("messages", "files", "missing", "differing", "misfiled", "recipients"), 0),
            **dict.fromkeys(("replies", "notes"), 0),
            "thread": hashlib.sha256(number.to_bytes(4)).digest(),
            "recipient": "",
            "first_day": "2026-03-02",
            "last_day": f"2026-03-{number % 7 + 1:02d}",
            "state": "closed" if number % 997 == 0 else "new",
            "urgent": int(number % 10 == 3),
        }
        for number in range(MANY)
    ]
    with one.vaults[0].write() as connection:
        connection.execute(insert(models.threads), rows)
    return one


def walk(connection: Connection, state: str | None) -> list[tuple[int, str, bytes]]:
    """
    Every page of the list, one after the other.
    """
    found: list[tuple[int, str, bytes]] = []
    after = None
    while True:
        rows, after = reading.page(connection, after=after, state=state)
        found += [(row.urgent, row.last_day, row.thread) for row in rows]
        if after is None:
            return found


def test_pages_over_very_many_threads_have_no_gap_and_nothing_twice(crowded: Organisation):
    """Urgent ones first, then by day; with a state too. No page is slower for being late."""
    with crowded.vaults[0].read() as connection:
        found = walk(connection, None)
        assert len(found) == len({thread for _, _, thread in found}) == MANY
        assert found == sorted(found, reverse=True)
        assert sum(one[0] for one in found[: MANY // 10]) == MANY // 10
        closed = walk(connection, "closed")
        assert len({thread for _, _, thread in closed}) == len(closed) == len(range(0, MANY, 997))
        started = time.perf_counter()
        reading.page(connection, after=found[-100])
        assert time.perf_counter() - started < 0.5


@pytest.mark.parametrize(
    ("state", "index"),
    [(None, "threads_by_urgency"), ("closed", "threads_by_state"), (reading.CALM, "threads_by_urgency")],
)
@pytest.mark.parametrize("after", [None, (0, "2026-03-04", bytes(32))], ids=["first", "later"])
def test_the_list_is_read_along_an_index(
    one: Organisation, state: str | None, index: str, after: reading.ThreadPlace | None
):
    """From the place of the page before, and nothing is sorted."""
    asked: list[str] = []
    with one.vaults[0].read() as connection:
        inner = connection.connection.dbapi_connection
        inner.set_trace_callback(asked.append)
        reading.page(connection, after=after, state=state)
        inner.set_trace_callback(None)
        (statement,) = [one for one in asked if "FROM threads" in one]
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")]
    assert any(index in step for step in plan), plan
    assert not any("B-TREE" in step for step in plan), plan
    if after:
        assert any(re.search(rf"SEARCH threads USING INDEX {index}", step) for step in plan), plan


@pytest.mark.parametrize(
    "after", ["", "1", "2.2026-03-01." + "0" * 64, "1.2026-03-01.zz", "x.2026-03-01." + "0" * 64, "1..", "-1." * 9]
)
def test_a_place_that_is_none_shows_the_first_page(one: Organisation, browser: Browser, after: str):
    """An address that somebody altered is no error."""
    one.server.message(Source(), "the first")
    carry(one)
    assert browser.get("/", query_string={"after": after}).status_code == 200
    assert "the first" in browser.page
