# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Sentences chosen by number on a thread's page: what comes into the reply's box, and that nothing is sealed before a person says so.
"""

from __future__ import annotations

import html
import re

import pytest
from sqlalchemy import func, select

from crypto.age import Header
from crypto.replies import open_reply
from journalist_app.vault import models
from journalist_app.vault.phrasebook import BOOK
from tests.journalist_app.vault.browsing import Browser
from tests.journalist_app.vault.pieces import Sender


def box(browser: Browser) -> str:
    """
    The text in the reply's box.
    """
    found = re.search(r'<textarea id="reply"[^>]*>\n(.*?)</textarea>', browser.page, re.DOTALL)
    return html.unescape(found[1]) if found else ""


def language(browser: Browser) -> str:
    """
    The language that the reply's form has chosen: the first if none is marked.
    """
    options = re.search(r'<select id="lang".*?</select>', browser.page, re.DOTALL)[0]
    marked = re.search(r"<option(?: value=\"\")? selected>([^<]*)", options)
    return (marked or re.search(r"<option>([^<]*)", options))[1]


def waiting(sender: Sender) -> int:
    """
    How many things wait for the next outbox.
    """
    with sender.one.vaults[0].read() as connection:
        return connection.execute(select(func.count()).select_from(models.pending)).scalar_one()


def hear(sender: Sender, browser: Browser, lang: str) -> None:
    """
    A message in a language, and the thread's page open.
    """
    sender.one.server.message(sender.source, "x", lang=lang)
    sender.carry()
    browser.get(sender.address)


def choose(sender: Sender, browser: Browser, **form: object) -> int:
    """
    Put sentences into the reply; the status of the answer.
    """
    return browser.post(f"{sender.address}/phrases", **form).status_code


def test_numbers_become_the_source_s_language_and_nothing_is_sealed(sender: Sender, browser: Browser):
    """Typed ones first, then ticked ones; the page comes again with the text, and a person may alter it."""
    hear(sender, browser, "zh-Hans")
    assert (
        choose(sender, browser, numbers="9, 1", ticked=["12", "2"], lang="zh-Hans", **{"value-parts": "17, 31"}) == 200
    )
    assert box(browser) == BOOK.compose([9, 1, 2, 12], "zh-Hans", {"parts": "17, 31"})
    assert language(browser) == "zh-Hans"
    assert " checked" not in browser.page
    assert waiting(sender) == 0
    assert "Nothing yet." in browser.page


def test_a_draft_goes_to_the_source_with_the_english_under_it(sender: Sender, browser: Browser):
    """From the form to what the source opens with the codename's key; the page says that the words are a draft."""
    hear(sender, browser, "ug")
    assert "no native reader has checked them" in browser.page
    choose(sender, browser, numbers="1 18", lang="ug")
    text = box(browser)
    assert text == BOOK.compose([1, 18], "ug", {})
    browser.post(f"{sender.address}/reply", text=text.replace("\n", "\r\n"), lang="ug")
    sender.one.send(sender.one.vaults[0])
    ((_, raw),) = sender.one.server.published
    header = raw[: Header.length(raw)]
    reply = open_reply(header, raw[len(header) :], sender.source.reply)
    assert (reply.text, reply.lang) == (text, "ug")


def test_the_form_offers_what_is_missing(sender: Sender, browser: Browser):
    """The numbers that the vault knows, for the first such file; all are named beside the field."""
    for number in set(range(1, 41)) - {17, 31}:
        sender.part(number, 40, b"%d" % number)
    sender.file("a.001", b"a")
    sender.file("a.005", b"e")
    hear(sender, browser, "en")
    offered = re.search(r'name="value-parts"[^>]*value="([^"]*)"', browser.page)[1]
    assert offered in ("17, 31", "2–4")
    for file, numbers in (("disk.img", "17, 31"), ("a", "2–4")):
        assert f'<bdi dir="auto">{file}</bdi>: {numbers}' in browser.page


def test_the_sentences_go_under_what_was_written(sender: Sender, browser: Browser):
    """Nobody loses a word; words in another language keep the name of theirs."""
    hear(sender, browser, "ru")
    choose(sender, browser, numbers="2", text="сначала\r\nэто", lang="ru")
    assert box(browser) == f"сначала\nэто\n\n{BOOK.compose([2], 'en', {})}"
    assert language(browser) == "ru"


@pytest.mark.parametrize("lang", ["ru", "", "zh", "x-unknown"])
def test_a_source_of_another_language_gets_english(sender: Sender, browser: Browser, lang: str):
    """And the page says so before and after."""
    hear(sender, browser, lang)
    assert "they are English" in browser.page
    choose(sender, browser, numbers="1", lang=lang)
    assert box(browser) == BOOK.compose([1], "en", {})
    assert language(browser) == "en"


def test_the_list_shows_both_languages(sender: Sender, browser: Browser):
    """The reviewer's, and under it what would be sent; once if they are the same."""
    hear(sender, browser, "kk")
    browser.post("/language", language="zh-Hans", page=sender.address)
    for sentence in BOOK.sentences:
        for tag in ("zh-Hans", "kk", "en"):
            assert html.escape(sentence.says[tag]) in browser.page
    assert browser.page.count(f">{html.escape(BOOK.sentences[0].says['zh-Hans'])}<") == 1
    browser.post("/language", language="kk", page=sender.address)
    assert browser.page.count(f">{html.escape(BOOK.sentences[0].says['kk'])}<") == 1


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({}, "no sentence was chosen"),
        ({"numbers": " "}, "no sentence was chosen"),
        ({"numbers": "99"}, "there is no sentence 99"),
        ({"numbers": "1 one"}, "chosen by their numbers"),
        ({"numbers": "1000000000000"}, "chosen by their numbers"),
        ({"numbers": "١"}, "chosen by their numbers"),
        ({"numbers": "1 " * 5_000}, "chosen by their numbers"),
        ({"numbers": "1\u202e2"}, "chosen by their numbers"),
        ({"ticked": "77"}, "there is no such sentence"),
        ({"ticked": ["1"] * 900}, ""),
        ({"ticked": [str(number) for number in range(900)]}, "there is no such sentence"),
        ({"ticked": "<b>"}, "there is no such sentence"),
        ({"numbers": "10", "value-name": "a\u202eb"}, "some that cannot be seen"),
        ({"numbers": "10", "value-name": "<script>" * 99}, "longer than"),
        ({"numbers": "9", "value-parts": ""}, "needs a value: parts"),
        ({"numbers": "20", "value-days": "9999"}, "between 1 and 365"),
    ],
    ids=lambda one: str(one)[:40],
)
def test_a_choice_that_is_none_is_refused_and_loses_nothing(
    sender: Sender, browser: Browser, form: dict[str, object], said: str
):
    """The page says why and has everything as it was typed; nothing is sealed."""
    hear(sender, browser, "mn")
    status = choose(sender, browser, text="my words", lang="mn", **form)
    assert status == (409 if said else 200)
    assert said in html.unescape(browser.page)
    assert box(browser).startswith("my words")
    assert waiting(sender) == 0
    for tag in ("<script", "<b>"):
        assert tag not in browser.page
    if form.get("numbers") == "99":
        assert 'value="99"' in browser.page
        assert '<details class="phrases" open>' in browser.page


def test_a_value_is_no_markup(sender: Sender, browser: Browser):
    """It stands in the box as it was typed."""
    hear(sender, browser, "en")
    choose(sender, browser, numbers="10", lang="en", **{"value-name": "</textarea><b>{days}"})
    assert "</textarea><b>{days}" in box(browser)
    assert "<b>" not in browser.page


def test_enter_in_a_field_puts_sentences_in_and_seals_nothing(sender: Sender, browser: Browser):
    """The first button of the form is the one that Enter presses."""
    hear(sender, browser, "en")
    form = browser.page[browser.page.index("Reply to the source") :]
    assert form.index("/phrases") < form.index("Seal the reply")


def test_a_thread_that_cannot_be_answered_offers_no_sentences(sender: Sender, browser: Browser):
    """There is no box to put them into."""
    sender.file("a", b"a")
    sender.carry()
    browser.get(sender.address)
    assert "phrases" not in browser.page
    assert "No message has come, so nothing but reading is allowed" in browser.page


def test_a_refused_reply_keeps_its_language(sender: Sender, browser: Browser):
    """With the text: a second press must not send it under another name."""
    hear(sender, browser, "ug")
    assert browser.post(f"{sender.address}/reply", text="x" * 70_000, lang="kk").status_code == 409
    assert language(browser) == "kk"
    assert len(box(browser)) == 70_000


def test_another_language_of_the_page_keeps_the_reply(sender: Sender, browser: Browser):
    """The menu stands at the foot of the page, below a box that may hold an hour's work."""
    hear(sender, browser, "zh-Hans")
    menu = re.search(r'<button class="quiet" form="answer" formaction="([^"#]*)#reply" formnovalidate>', browser.page)
    assert '<select id="reads" name="language" form="answer">' in browser.page
    shown = browser.post(menu[1], language="zh-Hant", text="half a\r\nreply", lang="zh-Hans", numbers="9", ticked=["2"])
    assert shown.status_code == 200
    assert '<option value="zh-Hant" lang="zh-Hant" selected>' in browser.page
    assert (box(browser), language(browser)) == ("half a\nreply", "zh-Hans")
    assert 'value="9"' in browser.page
    assert 'value="2" checked' in browser.page
    assert waiting(sender) == 0


def test_where_nothing_is_written_the_menu_is_a_form_of_its_own(sender: Sender, browser: Browser):
    """A page whose button belongs to a form that is not there would do nothing."""
    sender.file("a", b"a")
    sender.carry()
    for address in (sender.address, "/"):
        browser.get(address)
        assert 'action="/language"' in browser.page
        assert 'form="answer"' not in browser.page
