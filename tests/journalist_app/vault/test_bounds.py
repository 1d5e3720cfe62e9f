# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Pages stay readable whatever a source or a server sends: nothing grows without end, and no kind of alarm hides another.
"""

from __future__ import annotations

import re
import secrets

import pytest
from sqlalchemy import insert

from journalist_app.vault import alarms, models, reading, replies
from journalist_app.vault.alarms import Alarm, raise_alarm
from journalist_app.vault.importer import import_batch
from journalist_app.vault.projection import compute
from tests.journalist_app.vault.browsing import Browser
from tests.journalist_app.vault.fakes import Organisation, Source


@pytest.fixture
def browser(one: Organisation):
    """
    A browser inside seat 1's vault.
    """
    made = Browser(one.folder / "v1", one.stick, one.clock)
    made.enter()
    yield made
    made.close()


def test_every_kind_of_alarm_has_its_gravity_and_its_sentence():
    """Nothing that can be raised is without a place in the order."""
    assert sorted(alarms.GRAVITY) == sorted(alarms.SENTENCES)


def test_a_flood_of_small_alarms_hides_no_grave_one(one: Organisation, browser: Browser):
    """Six hundred repeated items of a later batch; the fork stands first, and all of the flood can be leafed through."""
    with one.vaults[0].write() as connection:
        raise_alarm(connection, Alarm("batch-fork", "2", "forged"), batch=2)
        for number in range(120):
            raise_alarm(connection, Alarm("repeated", f"{number:032x}"), batch=3 + number % 4)
        assert alarms.every(connection)[0].kind == "batch-fork"
    browser.get("/alarms")
    fork, flood = (browser.page.index(alarms.SENTENCES[kind]) for kind in ("batch-fork", "repeated"))
    assert fork < flood
    assert "120 new" in browser.page
    assert browser.page.count("<section") == 1 + alarms.FIRST
    seen, address = [], "/alarms/repeated"
    while address:
        browser.get(address)
        seen += re.findall(r'name="subject" value="([0-9a-f]{32})"', browser.page)
        following = re.search(r'href="(/alarms/repeated[^"]+)">Next', browser.page)
        address = following and following[1].replace("&amp;", "&")
    assert seen == list(dict.fromkeys(seen))
    assert len(seen) == 120
    browser.get("/alarms/repeated")
    browser.post("/alarms/seen", kind="repeated", subject=seen[0], page="1")
    assert "119 new" not in browser.page
    browser.get("/alarms")
    assert "119 new" in browser.page
    assert browser.get("/alarms/nothing").status_code == 404


def test_a_thread_of_many_items_comes_in_pages(one: Organisation, browser: Browser):
    """Each item once, none left out, in one order; entries likewise, the newest first."""
    source = Source()
    sent = [one.server.message(source, f"text {number}").hex()[:8] for number in range(60)]
    sent += [
        item.hex()[:8] for item in one.server.files(source, **{f"f{number}": b"%d" % number for number in range(55)})
    ]
    import_batch(one.vaults[0], one.server.batch(one.stick))
    for number in range(reading.PAGE + 3):
        replies.note(one.vaults[0], source.thread, f"note {number}.")
    seen, address = [], f"/threads/{source.thread.hex()}"
    while address:
        browser.get(address)
        cards = re.findall(r'<article class="card.*?</article>', browser.page, re.DOTALL)
        assert len(cards) <= reading.PAGE
        seen += [re.search(r'class="id">([0-9a-f]{8})<', card)[1] for card in cards]
        following = re.search(r'href="(/threads/[^"]+)">Next items', browser.page)
        address = following and following[1]
    assert sorted(seen) == sorted(sent)
    browser.get(f"/threads/{source.thread.hex()}")
    assert ">note 52." in browser.page
    assert ">note 2." not in browser.page
    browser.get(re.search(r'href="(/threads/[^"#]+)#done">Older entries', browser.page)[1])
    assert ">note 2." in browser.page
    assert ">note 3." not in browser.page


def test_a_long_text_is_folded_and_has_a_page_of_its_own(one: Organisation, browser: Browser):
    """Twelve messages of a million characters open at once as their beginnings."""
    source = Source()
    for number in range(12):
        one.server.message(source, "字" * 300_000 + f"{number} the end")
    import_batch(one.vaults[0], one.server.batch(one.stick))
    replies.note(one.vaults[0], source.thread, "n" * 60_000 + "the end")
    browser.get(f"/threads/{source.thread.hex()}")
    assert len(browser.page.encode()) < 1 << 20
    assert "the end" not in browser.page
    whole = re.findall(r'href="(/(?:items|entries)/[0-9a-f]+/text)"', browser.page)
    assert len(whole) == 13
    for address in (whole[0], whole[-1]):
        assert browser.get(address).status_code == 200
        assert "the end" in browser.page
    for wrong in ("/items/" + "0" * 32 + "/text", "/entries/" + "0" * 64 + "/text", "/entries/xx/text"):
        assert browser.get(wrong).status_code == 404


def test_of_many_missing_files_a_few_are_named_and_all_are_counted(one: Organisation, browser: Browser):
    """A list of files may name any number."""
    source = Source()
    one.server.message(source, "see my files")
    import_batch(one.vaults[0], one.server.batch(one.stick))
    lost = [{"item": secrets.token_bytes(16), "thread": bytes(source.thread), "length": 5} for _ in range(500)]
    with one.vaults[0].write() as connection:
        connection.execute(insert(models.listed), lost)
        compute(connection, [bytes(source.thread)])
    browser.get(f"/threads/{source.thread.hex()}")
    assert "500 files that the source sent are not here" in browser.page
    assert "and 480 more" in browser.page
    assert sum(line["item"].hex()[:8] in browser.page for line in lost) == reading.MISSING_SHOWN
