# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The questions as a source meets them: what is in sight, what is folded, what is chosen beforehand, and what stands there again after a refusal.
"""

from __future__ import annotations

import re

import pytest

from crypto.report import TEXTS as MOST
from source_app import render
from source_app.answers import NAMES, WRITTEN
from source_app.errors import NoSpaceError
from source_app.kdf import BusyError
from source_app.languages import LANGUAGES
from source_app.report_form import asked
from source_app.submission import Submission
from tests.source_app.answered import EVERY, REPORT, TEXTS, UNTOUCHED, sealed, still_shown
from tests.source_app.multipart_forms import text
from tests.source_app.window import House, Window

#: The same as `EVERY`, as a page holds it.
SHOWN = {**EVERY, "description": "高个子\n四十岁"}
TWO = {name: EVERY[name] for name in ("danger", "consent")}
EVERY_LANGUAGE = pytest.mark.parametrize("language", [one.path for one in LANGUAGES])


@pytest.fixture
def window(house: House) -> Window:
    """An English window on its form."""
    found = Window(house)
    found.go("write")
    return found


def form_of(window: Window, act: str) -> str:
    """The HTML of the shown page's form to `act`."""
    found = re.search(rf'<form[^>]*action="/{window.language}/{act}".*?</form>', window.html, re.DOTALL)
    assert found is not None
    return found[0]


@EVERY_LANGUAGE
def test_nothing_is_chosen_beforehand_but_rather_not_say(house: House, language: str) -> None:
    """And every question of the taxonomy is on the page, with a name of its own."""
    window = Window(house, language)
    page = window.go("write")
    assert still_shown(page, "write") == {**UNTOUCHED, "message": ""}
    assert set(re.findall(r' name="([^"]+)"', window.html)) >= NAMES


@EVERY_LANGUAGE
def test_words_come_first_then_two_questions_in_sight_and_the_rest_folded(house: House, language: str) -> None:
    """Nothing has to be answered, and no fold is open."""
    window = Window(house, language)
    window.go("write")
    form = form_of(window, "write")
    fold = form.index('<details class="more">')
    assert form.index('id="message"') < form.index('name="danger"') < form.index('name="consent"') < fold
    folded = form[fold : form.index("</details>", fold)]
    for name in NAMES - {"danger", "consent"}:
        assert f' name="{name}"' in folded
    assert form.index("</details>", fold) < form.index('name="files"')
    assert " required" not in form


@EVERY_LANGUAGE
def test_every_group_has_a_legend_and_every_field_a_word_on_what_not_to_write(house: House, language: str) -> None:
    """What describes a field is on the page, under an id that is there once."""
    window = Window(house, language)
    window.go("write")
    groups = re.findall(r"<fieldset.*?>\s*<legend>(.+?)</legend>", window.html, re.DOTALL)
    assert len(groups) == window.html.count("<fieldset") == 6
    ids = re.findall(r' id="([^"]+)"', window.html)
    assert len(ids) == len(set(ids))
    described = re.findall(r' aria-describedby="([^"]+)"', window.html)
    assert {*described} <= {*ids}
    for field in (*TEXTS, "message"):
        assert f"{field}-hint" in described


def test_the_enter_key_sends_no_half_written_report(house: House, window: Window) -> None:
    """A browser lets it press the form's first button; that one does nothing, and is seen and heard by nobody."""
    token = window.hidden("write")["token"]
    forms = [form_of(window, "write")]
    window.send("write", message="first")
    window.go("thread")
    forms.append(form_of(window, "answer"))
    after = Window(house.restarted())
    after.post("answer", text("token", token), text("message", "second"))
    forms.append(form_of(after, "again"))
    for form in forms:
        button = re.search(r"<button[^>]*>", form)
        assert button is not None
        assert button[0] == "<button disabled hidden>"
    # A style for every button would show it again.
    assert "\n[hidden] { display: none; }\n" in window.client.get("/static/style.css").text


def test_what_is_written_is_bounded_and_not_remembered(window: Window) -> None:
    """The browser stops at the limit, keeps no list of what was typed, and sends no word to a spelling service."""
    for field in TEXTS:
        control = re.search(rf'<(?:input|textarea)[^>]* name="{field}"[^>]*>', window.html)
        assert control is not None
        assert f'maxlength="{MOST[WRITTEN[field]]}"' in control[0]
        assert {'autocomplete="off"', 'dir="auto"', 'spellcheck="false"'} <= set(control[0].split())


def test_nobody_is_asked_who_they_are(window: Window) -> None:
    """No field of a type that a browser fills in with what it knows of its owner."""
    kinds = set(re.findall(r'<input type="(\w+)"', form_of(window, "write")))
    assert kinds == {"hidden", "radio", "checkbox", "text", "file"}


@EVERY_LANGUAGE
def test_a_page_with_all_its_questions_has_one_shape(house: House, language: str) -> None:
    """Also a draft's, with the English beside each label."""
    window = Window(house, language)
    assert len(window.go("write").data) == render.SHAPE


@EVERY_LANGUAGE
def test_a_refused_form_stands_there_again_with_all_that_was_in_it(
    house: House, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """Too many at once: words, texts, ticks and choices, the fold open; and pressing the button once more sends them all."""
    window = Window(house, language)
    window.go("write")
    with monkeypatch.context() as patch:

        def busy(*_: object, **__: object) -> object:
            raise BusyError(20, kept=True)

        patch.setattr(type(house.parts.derivations), "derive", busy)
        window.send("write", message="words", **EVERY)
    assert window.page.status_code == 503
    again = still_shown(window.page, "write")
    assert again == {"message": "words", **SHOWN}
    assert '<details class="more" open>' in window.html
    window.send("write", **again)
    assert window.page.status_code == 200
    assert sealed(house) == [("words", "confidential", REPORT)]


def test_a_fold_stays_closed_over_nothing(window: Window) -> None:
    """Answers in sight alone open none, nor does an untouched form."""
    window.send("write", message="x" * 400_001, **{**UNTOUCHED, **TWO})
    assert window.page.status_code == 413
    assert still_shown(window.page, "write") == {**UNTOUCHED, **TWO, "message": "x" * 400_001}
    assert '<details class="more">' in window.html


def test_a_message_that_is_too_long_costs_no_answer(house: House, window: Window) -> None:
    """The fields behind it are read too, and shown with it."""
    window.send("write", ("a", b"x"), message="x" * 400_001, **EVERY)
    assert window.page.status_code == 413
    assert still_shown(window.page, "write") == {"message": "x" * 400_001, **SHOWN}
    assert "Had you chosen files, choose them again." in window.html
    assert house.kinds() == []


def test_an_answer_that_is_too_long_is_marked_and_shown_whole(window: Window) -> None:
    """So that it can be shortened where it stands."""
    window.send("write", message="words", **{**EVERY, "who": "x" * 81, "harmed": "y" * 241})
    assert window.page.status_code == 413
    assert still_shown(window.page, "write") == {"message": "words", **SHOWN, "who": "x" * 81, "harmed": "y" * 241}
    assert re.findall(r'name="(\w+)"[^>]* aria-invalid="true"', window.html) == ["who", "harmed"]


def test_a_first_form_after_a_restart_keeps_its_answers(house: House, window: Window) -> None:
    """Its token opens nothing any more; what was in it does no harm."""
    old = window.hidden("write")["token"]
    after = Window(house.restarted())
    after.post("write", text("token", old), *(text(*field) for field in {"message": "words", **EVERY}.items()))
    assert after.page.status_code == 403
    assert still_shown(after.page, "write") == {"message": "words", **SHOWN}


def test_hostile_answers_are_shown_as_text(window: Window) -> None:
    """Nothing that was typed becomes part of the page, and no answer that was not offered is chosen."""
    old = window.hidden("write")["token"][:-4]
    fields = {"who": '"><script>x</script>', "harmed": "</textarea><b>", "danger": '"checked', "b-torture": "<i>"}
    window.post("write", text("token", old), *(text(*field) for field in fields.items()))
    assert window.page.status_code == 403
    assert not re.search(r"<script|<b>|<i>", window.html)
    shown = still_shown(window.page, "write")
    assert (shown["who"], shown["harmed"]) == (fields["who"], fields["harmed"])
    assert "danger" not in shown


@EVERY_LANGUAGE
def test_the_end_of_a_visit_costs_no_answer(house: House, language: str) -> None:
    """The two questions of the thread's page come back with the words, and are sent with them."""
    window = Window(house, language)
    words = window.write("first")
    window.go("thread")
    assert '<details class="more">' in form_of(window, "answer")
    old = window.hidden("answer")["token"]
    after = Window(house.restarted(), language)
    after.post("answer", text("token", old), text("message", "second"), *(text(*one) for one in TWO.items()))
    assert after.page.status_code == 403
    again = still_shown(after.page, "again")
    assert again == {"codename": "", "message": "second", **TWO}
    after.send("again", **{**again, "codename": "not these"})
    assert after.page.status_code == 400
    again = still_shown(after.page, "again")
    assert again == {"codename": "not these", "message": "second", **TWO}
    assert '<details class="more" open>' in after.html
    after.send("again", **{**again, "codename": words})
    assert after.page.status_code == 200
    assert sorted(sealed(house)) == [("first", "unanswered", None), ("second", "confidential", {"danger": "yes"})]


def test_a_refused_answer_on_the_threads_page_keeps_its_questions(window: Window) -> None:
    """Folded there, and open when one of them is answered."""
    window.send("write", message="first")
    window.go("thread")
    window.send("answer", message="x" * 400_001, **TWO)
    assert window.page.status_code == 413
    assert still_shown(window.page, "answer") == {"message": "x" * 400_001, **TWO}
    assert '<details class="more" open>' in form_of(window, "answer")


def test_answers_without_words_are_shown_again_where_a_file_was_refused_with_them(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full: what was chosen is not lost because nothing was written beside it."""
    window.send("write", message="first")
    window.go("thread")
    with monkeypatch.context() as patch:

        def full(*_: object, **__: object) -> object:
            raise NoSpaceError("full")

        patch.setattr(Submission, "_small", full)
        window.send("answer", ("a", b"x"), message="", **TWO)
    assert window.page.status_code == 503
    assert still_shown(window.page, "answer") == {"message": "", **TWO}


@pytest.mark.parametrize("whole", [True, False])
def test_what_answers_add_to_a_form_is_counted_to_the_byte(house: House, whole: bool) -> None:  # noqa: FBT001 (a case)
    """Or the padding would tell what stands beside them."""
    with house.app.test_request_context("/ug/"):
        blank, filled = asked(whole=whole), asked(EVERY, whole=whole)
    assert (blank.kept, filled.kept) == (0, len(filled.html.encode()) - len(blank.html.encode()))
    assert filled.kept > 0


def test_kept_answers_hide_what_stands_beside_them(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page with them is whole shapes, and as many for one tick as for a few: only their own length moves it."""
    monkeypatch.setattr(type(house.parts.derivations), "derive", lambda *_, **__: (_ for _ in ()).throw(BusyError(20)))
    sizes = []
    for answers in ({"danger": "yes"}, {"danger": "yes", "b-torture": "yes", "who": "x" * 80}, EVERY):
        for message in ("", "words", "w" * 1_000):
            window = Window(house)
            window.go("write")
            window.send("write", message=message, **answers)
            assert window.page.status_code == 503
            sizes.append(len(window.page.data))
    assert set(sizes) == {2 * render.SHAPE}
