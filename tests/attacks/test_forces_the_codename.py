# SPDX-License-Identifier: AGPL-3.0-or-later
"""
DESIGN §2: somebody forces the codename out of a source.

They learn the answers that were not deleted, and that there are some. They do not learn what was sent, and a codename that was
never used opens the same page: a source can give a false one.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

import pytest

from crypto.age import Header, HybridIdentity
from crypto.codename import Codename
from crypto.hidden import Hidden
from journalist_app.vault import replies
from tests.journeys.world import World
from tests.source_app.window import Window

TOKENS = re.compile(r'value="[A-Za-z0-9_=-]{100,}"')


@pytest.fixture
def words(world: World) -> str:
    """The codename of somebody who wrote, attached and was not answered yet."""
    return Window(world).write("What I sent", ("the-list.txt", b"inside the list"))


def test_a_codename_never_used_opens_the_same_page(world: World, words: str) -> None:
    """Status, headers, length and every byte but the sealed tokens."""
    used, unused = Window(world), Window(world)
    used.come_back(words)
    unused.come_back(" ".join(Codename.generate().words()))
    assert used.page.status_code == unused.page.status_code == 200
    assert TOKENS.sub("", used.html) == TOKENS.sub("", unused.html)
    assert len(used.html) == len(unused.html)
    names = [[name for name, _ in window.page.headers] for window in (used, unused)]
    assert names[0] == names[1]


@pytest.mark.parametrize("page", ["received", "write", "return", "thread"])
def test_every_further_page_is_the_same_too(world: World, words: str, page: str) -> None:
    """There is no second page that tells a used codename from an unused one."""
    used, unused = Window(world), Window(world)
    used.come_back(words)
    unused.come_back(" ".join(Codename.generate().words()))
    for window in (used, unused):
        window.go(page)
    assert TOKENS.sub("", used.html) == TOKENS.sub("", unused.html)


def test_what_was_sent_is_on_no_page(world: World, words: str) -> None:
    """No word, no name of a file, no count, no size."""
    window = Window(world)
    window.come_back(words)
    shown = window.html
    for page in ("received", "thread"):
        window.go(page)
        shown += window.html
    for piece in ("What I sent", "the-list.txt", "inside the list", "received, "):
        assert piece not in shown


def test_answers_that_are_there_are_read_and_a_deleted_one_is_not(world: World, words: str) -> None:
    """This they learn; "delete this answer" is what takes it away."""
    world.carry(1)
    value = world.thread_value(words)
    for text in ("the first answer", "the second answer"):
        replies.reply(world.vaults[1], value, text)
        # One outbox each: within one, records stand in the order of their digests.
        world.send(1)
    source = Window(world)
    source.come_back(words)
    assert "the second answer" in source.html
    item = re.search(r'name="item" value="([0-9a-f]{32})"', source.html)
    assert item is not None
    source.send("delete", item=item[1])
    source.send("delete", sure="yes")
    thief = Window(world)
    thief.come_back(words)
    assert "the first answer" in thief.html
    assert "the second answer" not in thief.html


def test_the_codename_opens_nothing_that_was_sent_with_it(world: World, words: str) -> None:
    """With the codename and the server's whole disk: what it derives to unwraps no stanza of any item."""
    keys = world.subkeys(words)
    identities = [
        HybridIdentity(Hidden(secret)) for secret in (keys.reply_seed, keys.thread, keys.locator_token, keys.locator)
    ]
    with closing(sqlite3.connect(world.server / "store" / "dengwen.db")) as database:
        headers = [row[0] for row in database.execute("SELECT header FROM envelopes")]
    assert len(headers) == 3
    for raw in headers:
        for stanza in Header.parse(raw).stanzas:
            assert [one.unwrap(stanza) for one in identities] == [None] * 4


def test_after_forget_the_codename_is_as_good_as_never_used(world: World, words: str) -> None:
    """The thread is gone; the page is that of any unused codename."""
    window = Window(world)
    window.come_back(words)
    window.send("forget")
    window.send("forget", sure="yes")
    again, unused = Window(world), Window(world)
    again.come_back(words)
    unused.come_back(" ".join(Codename.generate().words()))
    assert TOKENS.sub("", again.html) == TOKENS.sub("", unused.html)
