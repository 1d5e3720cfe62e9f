# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The structured report from the form's fields to the reviewer's page: unchanged, in the reviewer's language, nothing trusted.
"""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from crypto.canonical import encode
from crypto.frame_header import CONSENTS
from journalist_app.vault import languages, models, reports
from journalist_app.vault.projection import compute_all
from journalist_app.vault.reports import TAXONOMY
from source_app.answers import answers_of, require_offered
from source_app.languages import LANGUAGES as SOURCE_LANGUAGES
from tests.journalist_app.vault.browsing import Browser
from tests.journalist_app.vault.fakes import Source
from tests.journalist_app.vault.pieces import Sender

FORM = {
    "danger": "yes",
    "consent": "confidential",
    "b-torture": "yes",
    "b-belief": "yes",
    "who": "陈全国",
    "post": "所长",
    "badge": "014321",
    "where": "قەشقەر",
    "when": "2024-05",
    "about": "yes",
    "how": "saw",
    "guess": "maybe",
}


def send(sender: Sender, form: dict[str, str], *, lang: str = "ug") -> None:
    """
    Answer the source's form, as far as the frame, and carry it into the vault.
    """
    for name, text in form.items():
        require_offered(name, text)
    answers = answers_of(form)
    report = answers.report.as_json() if answers.report else None
    sender.one.server.message(sender.source, "سۆز", lang=lang, consent=answers.consent, report=report)
    sender.carry()


def read_out(browser: Browser, address: str) -> str:
    """
    What a thread's page says, without its markup.
    """
    browser.get(address)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", browser.page)).split())


def reads_in(browser: Browser, tag: str) -> None:
    """
    Choose the language of codes and sentences.
    """
    browser.get("/")
    assert browser.post("/language", language=tag, page="/").status_code == 200


def test_the_vault_has_the_languages_of_the_source_s_pages():
    """The same tags, names, directions and drafts: the two rooms cannot import each other."""
    theirs = [(one.tag, one.name, one.direction, not one.complete) for one in SOURCE_LANGUAGES]
    ours = [(one.tag, one.name, one.direction, one.draft) for one in languages.LANGUAGES.values()]
    assert ours == theirs


def test_answers_of_a_form_stand_on_the_page_in_the_reviewer_s_language(sender: Sender, browser: Browser):
    """Codes by their labels, the source's words as they came, the date as approximate; in English until somebody chooses."""
    send(sender, FORM)
    for tag in ("en", "zh-Hant"):
        reads_in(browser, tag)
        said = read_out(browser, sender.address)
        for code in ("danger", "yes", "torture", "belief", "about", "saw", "maybe", "confidential", "harmed"):
            assert (TAXONOMY.label(code, tag) in said) == (code != "harmed")
        for words in ("陈全国", "所长", "014321", "قەشقەر", "2024-05"):
            assert words in said
    assert '<p class="words" dir="auto" lang="ug">قەشقەر</p>' in browser.page


def test_labels_of_a_draft_have_the_english_beside_them(sender: Sender, browser: Browser):
    """And their own language and direction; the complete languages have nothing beside."""
    send(sender, FORM)
    reads_in(browser, "ug")
    browser.get(sender.address)
    english = html.escape(TAXONOMY.label("torture", "en"))
    draft = html.escape(TAXONOMY.label("torture", "ug"))
    beside = f'<span class="beside" lang="en" dir="ltr">{english}</span>'
    assert f'<span lang="ug" dir="rtl">{draft}</span> {beside}' in browser.page
    reads_in(browser, "zh-Hans")
    browser.get(sender.address)
    assert beside not in browser.page


@pytest.mark.parametrize("consent", CONSENTS)
def test_the_answer_about_consent_travels_unchanged_from_the_form_to_the_page(
    sender: Sender, browser: Browser, consent: str
):
    """Item by item and for the thread, in words; no answer is "unanswered", and says what a person has to do."""
    send(sender, {"consent": consent} if consent != "unanswered" else {})
    said = read_out(browser, sender.address)
    question, answer = TAXONOMY.label("consent", "en"), TAXONOMY.label(consent, "en")
    assert said.count(f"{question} {answer}") == 2
    assert f"1 message: {answer}" in said
    assert ("A message was left unanswered" in said) == (consent == "unanswered")


def test_a_thread_allows_what_its_strictest_message_does_and_counts_them(sender: Sender, browser: Browser):
    """A later and wider answer widens nothing; a message sent twice is counted once."""
    for consent in ("unanswered", "publish"):
        send(sender, {} if consent == "unanswered" else {"consent": consent})
    sender.one.server.message(sender.source, "سۆز", lang="ug", consent="publish")
    sender.carry()
    said = read_out(browser, sender.address)
    assert "What this thread allows What may we do with it? Not answered" in said
    assert "1 message: Not answered 1 message: You may publish it" in said
    send(sender, {"consent": "read"})
    said = read_out(browser, sender.address)
    assert "What this thread allows What may we do with it? Only you may read it" in said
    assert "that one may only be read, whatever the others say" in said


def test_a_message_without_a_report_has_none_on_the_page(sender: Sender, browser: Browser):
    """Nor a heading of one."""
    send(sender, {})
    browser.get(sender.address)
    assert 'class="report"' not in browser.page


def test_codes_and_keys_of_a_later_version_stand_raw_beside_the_others(sender: Sender, browser: Browser):
    """A person may understand what the program does not; a code is looked up among the answers to its own question."""
    report = {"behaviours": ["torture", "sorcery", "where"], "how": "torture", "weather": {"a": [1]}, "danger": "soon"}
    sender.one.server.message(sender.source, "x", report=report)
    sender.carry()
    assert '{"a":[1]}' in read_out(browser, sender.address)
    for raw in ("sorcery", "where", "torture", "weather", "soon"):
        assert f"<code><bdi>{raw}</bdi></code>" in browser.page
    assert html.escape(TAXONOMY.label("torture", "en")) in browser.page


@pytest.mark.parametrize(
    "report", [{"badge": 1, "name": "x"}, {"behaviours": "torture"}, {"name": ""}, {"about": True}, {"how": "A B"}]
)
def test_a_report_that_is_not_as_its_format_says_is_shown_raw_and_breaks_no_page(
    sender: Sender, browser: Browser, report: dict[str, object]
):
    """An earlier version took any object: the page opens all the same, and a danger is urgent."""
    send(sender, FORM)
    with sender.one.vaults[0].write() as connection:
        fields = encode({"consent": "read", "channel": "onion", "report": {**report, "danger": "yes"}}).decode()
        connection.execute(update(models.items).values(fields=fields))
        compute_all(connection)
    said = read_out(browser, sender.address)
    assert all(key in said for key in report)
    assert "A message says that someone is in danger now" in said


def test_words_of_a_report_are_no_markup_and_turn_nothing(sender: Sender, browser: Browser):
    """Tags are escaped, overrides stand by their number, in texts, keys and values alike."""
    report = {"name": "<b>x</b>\u202egpj", "where": "a\nb", "\u202ek": "\u2066v"}
    sender.one.server.message(sender.source, "x", lang="ug", report=report)
    sender.carry()
    browser.get(sender.address)
    assert "<b>" not in browser.page
    assert not set("\u202e\u2066") & set(browser.page)
    assert "&lt;b&gt;x&lt;/b&gt;⟦U+202E⟧gpj" in browser.page
    assert "a\nb" in browser.page


def test_the_language_is_kept_for_each_person_in_the_database(sender: Sender, browser: Browser):
    """Another person at the same laptop still reads English; what is no language is refused."""
    reads_in(browser, "bo")
    with sender.one.vaults[0].read() as connection:
        assert languages.chosen(connection, "Person 1") == "bo"
        assert languages.chosen(connection, "Person 2") == "en"
    for tag in ("", "fr", "zh-hans", "../x"):
        browser.get("/")
        assert browser.post("/language", language=tag).status_code == 409


def test_choosing_a_language_leads_back_to_the_thread_and_nowhere_else(sender: Sender, browser: Browser):
    """A form cannot send the browser away."""
    send(sender, {})
    # The second is where the sentences of a reply are put in, and a refused form is shown again.
    back = [(sender.address, sender.address), (f"{sender.address}/phrases", sender.address)]
    for page, path in (*back, ("//evil.example", "/"), ("/import", "/"), (f"{sender.address}/x/y", "/"), ("", "/")):
        browser.get("/")
        assert browser.post("/language", language="en", page=page).request.path == path


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=9),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=9), one, max_size=3),
    max_leaves=9,
)
KEYS = st.sampled_from([*TAXONOMY.fields, "behaviours", "about", "how", "guess", "danger", "other"])


@given(st.dictionaries(KEYS, JSON) | JSON, st.sampled_from(list(languages.LANGUAGES)))
def test_nothing_in_a_report_is_lost_or_breaks_the_page(report: object, tag: str):
    """Every key of any report stands in some line, or the report is shown raw; what is no object has no line."""
    found = reports.answers(report, tag)
    keys = set(report) if isinstance(report, dict) else set()
    shown = {answer.question.text for answer in found}
    assert len(found) == len(keys - {"about"}) or shown == keys


def test_sources_and_reviewers_see_one_another_s_words_under_the_right_thread(sender: Sender, browser: Browser):
    """A report belongs to its message: another source's page has nothing of it."""
    other = Source()
    sender.one.server.message(other, "other words")
    send(sender, FORM)
    assert "陈全国" not in read_out(browser, f"/threads/{other.thread.hex()}")
