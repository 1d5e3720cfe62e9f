# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What a source sent twice: what a thread's page shows under one card, and what stays apart.
"""

from __future__ import annotations

import secrets

from sqlalchemy import select

from journalist_app.vault import models
from tests.journalist_app.vault.browsing import Browser
from tests.journalist_app.vault.pieces import Sender, cards


def test_the_same_file_sent_twice_is_one_card(sender: Sender, browser: Browser):
    """Under another name, and in parts: the bytes decide, and every copy is named."""
    sender.file("a.jpg", b"picture")
    sender.file("b.jpg", b"another picture")
    sender.carry()
    sender.file("copy of a.jpg", b"picture")
    sender.carry()
    assert len(cards(browser, sender)) == 2
    assert browser.page.count("sent twice") == 1
    assert "copy of a.jpg" in browser.page
    assert "2 files" in browser.page
    for number, body in ((1, b"pic"), (2, b"ture")):
        sender.part(number, 2, body, name="a again.jpg")
    sender.carry()
    assert len(cards(browser, sender)) == 2
    assert "sent 3 times" in browser.page
    assert "a again.jpg" in browser.page


def test_large_files_of_one_length_are_compared_and_no_others_are_read(sender: Sender, browser: Browser):
    """Above the size that is hashed as it comes: equal ones are one card, others of their length stay apart."""
    same, other = b"a" * 1_300_000, b"b" * 1_300_000
    sender.file("first.mov", same)
    sender.carry()

    def hashed() -> dict[str, bool]:
        with sender.one.vaults[0].read() as connection:
            query = select(models.items.c.name, models.bodies.c.sha256).join_from(
                models.items, models.bodies, models.items.c.item == models.bodies.c.item
            )
            return {row.name: bool(row.sha256) for row in connection.execute(query)}

    assert hashed() == {"first.mov": False}
    for name, body in (("again.mov", same), ("other.mov", other), ("longer.mov", other + b"b")):
        sender.file(name, body)
    sender.carry()
    assert hashed() == {"first.mov": True, "again.mov": True, "other.mov": True, "longer.mov": False}
    assert len(cards(browser, sender)) == 3
    assert browser.page.count("sent twice") == 1
    for number, body in ((1, other), (2, b"b")):
        sender.part(number, 2, body, name="in parts.mov")
    sender.carry()
    assert len(cards(browser, sender)) == 3
    assert browser.page.count("sent twice") == 2


def test_a_large_part_that_came_twice_is_compared(sender: Sender, browser: Browser):
    """Alike it is one part; with one byte changed it is another content, however long."""
    large = b"a" * 1_300_000
    for number, body in ((1, large), (2, b"end"), (1, large)):
        sender.part(number, 2, body)
    sender.carry()
    (card,) = cards(browser, sender)
    assert "SHA-256" in card
    sender.part(1, 2, large[:-1] + b"b")
    sender.carry()
    (card,) = cards(browser, sender)
    assert "part 1 came with two contents" in card


def test_copies_of_two_threads_are_two_files(sender: Sender, browser: Browser):
    """That two sources have the same file says nothing that this page may say."""
    other = Sender(sender.one)
    sender.file("a.jpg", b"picture")
    other.file("a.jpg", b"picture")
    sender.carry()
    for one in (sender, other):
        assert len(cards(browser, one)) == 1
        assert "sent twice" not in browser.page


def test_a_copy_filed_under_another_thread_stays_in_sight(sender: Sender, browser: Browser):
    """What the server did wrong is not folded away."""
    sender.file("a.jpg", b"picture")
    sender.source.server_thread = secrets.token_bytes(16)
    sender.file("a.jpg", b"picture")
    sender.carry()
    assert len(cards(browser, sender)) == 2
    assert browser.page.count("filed wrongly by the server</span>") == 1


def test_a_message_sent_twice_on_one_day_is_one_and_weeks_later_another(sender: Sender, browser: Browser):
    """A second click is a copy; the same word to another question is an answer."""
    one = sender.one
    for _ in range(2):
        one.server.message(sender.source, "yes")
    one.server.message(sender.source, "yes", consent="publish")
    sender.carry()
    browser.get(sender.address)
    assert browser.page.count('class="text"') == 2
    assert browser.page.count("sent twice") == 1
    assert "2 messages" in browser.page
    one.turn(14)
    one.server.message(sender.source, "yes")
    sender.carry()
    browser.get(sender.address)
    assert browser.page.count('class="text"') == 3
