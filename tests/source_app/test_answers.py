# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What was answered beside the words is sealed with them, exactly and once; what did not come whole is unanswered, and costs no words.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.report import TEXTS as MOST
from source_app.answers import BEHAVIOURS, CHOSEN, WRITTEN
from source_app.errors import NoSpaceError
from source_app.submission import Submission
from tests.source_app.answered import EVERY, REPORT, TEXTS, UNTOUCHED, messages, report_of, sealed, still_shown
from tests.source_app.multipart_forms import CONTENT_TYPE, body, file, text
from tests.source_app.window import House, Window


@pytest.fixture
def window(house: House) -> Window:
    """An English window on its form."""
    found = Window(house)
    found.go("write")
    return found


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> House:
    """An app that every example of a property sends to."""
    return House.open(tmp_path_factory.mktemp("answers"))


def send(window: Window, *fields: tuple[str, str | bytes], files: int = 0) -> None:
    """The fields in this order under the form's token, then so many files."""
    token = window.hidden("write")["token"]
    parts = [text(name, value) for name, value in (("token", token), *fields)]
    window.post("write", *parts, *(file(f"{number}.bin", b"x") for number in range(files)))


def break_off(window: Window, raw: bytes, cut: int) -> None:
    """A circuit that breaks after so many bytes of a form."""
    window.page = window.client.post(
        "/en/write",
        input_stream=io.BytesIO(raw[:cut]),
        content_type=CONTENT_TYPE,
        environ_overrides={"CONTENT_LENGTH": str(len(raw))},
    )


SIGNS = st.characters(exclude_categories=("Cs", "Cc")) | st.just("\n")
WRITINGS = {field: st.text(SIGNS, max_size=MOST[name]).map(str.strip).filter(bool) for field, name in WRITTEN.items()}
ANSWERED = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.sampled_from(codes) for name, codes in CHOSEN.items()},
        **{name: st.just("yes") for name in (*BEHAVIOURS, "about")},
        **WRITINGS,
    },
)


def expected(fields: Mapping[str, str]) -> tuple[str, dict[str, Any] | None]:
    """Consent and report, put together here from the clauses of crypto/README.md."""
    report: dict[str, Any] = {name: fields[field] for field, name in WRITTEN.items() if field in fields}
    report.update({name: fields[name] for name in ("guess", "danger") if name in fields})
    if fields.get("how", "unsaid") != "unsaid":
        report["how"] = fields["how"]
    behaviours = [code for field, code in BEHAVIOURS.items() if field in fields]
    if behaviours:
        report["behaviours"] = behaviours
    if "about" in fields and "when" in fields:
        report["about"] = True
    return fields.get("consent", "unanswered"), report or None


@settings(max_examples=40, deadline=None)
@given(answered=ANSWERED, words=st.text(SIGNS, min_size=1, max_size=30).filter(str.strip), files=st.integers(0, 1))
def test_a_frame_holds_exactly_what_was_chosen(shared: House, answered: dict[str, str], words: str, files: int) -> None:
    """Whatever was answered, before a file or without one, with a browser's line ends."""
    window = Window(shared)
    window.go("write")
    known = {one.item for one in messages(shared)}
    fields = {"message": words, **answered}
    send(window, *((name, value.replace("\n", "\r\n")) for name, value in fields.items()), files=files)
    assert window.page.status_code == 200
    (item,) = [one for one in messages(shared) if one.item not in known]
    assert (item.body.decode(), (item.header.fields["consent"], report_of(item))) == (words, expected(answered))


@pytest.mark.parametrize("fields", [{}, UNTOUCHED], ids=["fields of before", "an untouched form"])
def test_not_answering_is_a_state_of_its_own(house: House, window: Window, fields: dict[str, str]) -> None:
    """Neither "only read" nor "rather not say" nor an empty text is put into a source's mouth."""
    window.send("write", message="words", **fields)
    assert sealed(house) == [("words", "unanswered", None)]


def test_every_answer_arrives(house: House, window: Window) -> None:
    """With a file behind them, and the list of files last."""
    window.send("write", ("a.txt", b"x"), message="words", **EVERY)
    assert sealed(house) == [("words", "confidential", REPORT)]
    assert house.kinds() == ["file", "files", "message"]


@pytest.mark.parametrize("files", [0, 1])
def test_answers_alone_are_a_message_without_words(house: House, window: Window, files: int) -> None:
    """A consent is not lost because somebody sends files only."""
    send(window, ("message", " \r\n"), *{**UNTOUCHED, "consent": "publish"}.items(), files=files)
    assert window.page.status_code == 200
    assert [one[1:] for one in sealed(house)] == [("publish", None)]


def test_a_tick_at_a_date_that_was_not_written_is_no_answer(house: House, window: Window) -> None:
    """A form with that alone has nothing in it."""
    window.send("write", message="", **{**UNTOUCHED, "about": "yes"})
    assert window.page.status_code == 400
    assert house.kinds() == []


def test_the_same_words_with_other_answers_are_another_message(house: House, window: Window) -> None:
    """And with the same ones they are the same: a repeat of a form stores once."""
    token = window.hidden("write")["token"]
    for consent in ("read", "publish", "read"):
        window.post("write", text("token", token), text("message", "words"), text("consent", consent))
    assert sorted(one[1] for one in sealed(house)) == ["publish", "read"]


def test_the_words_are_committed_before_the_first_byte_of_a_file(
    house: House, window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the answers with them."""
    seen: list[list[tuple[str, Any, Any]]] = []
    real = Submission.file

    def opened(self: Submission, name: str) -> object:
        seen.append(sealed(house))
        return real(self, name)

    monkeypatch.setattr(Submission, "file", opened)
    window.send("write", ("a", b"1"), ("b", b"2"), message="words", danger="yes")
    assert seen == [[("words", "unanswered", {"danger": "yes"})]] * 2


@pytest.mark.parametrize("name", list(EVERY))
def test_a_form_that_breaks_off_keeps_the_words_and_what_was_answered_whole(
    house: House, window: Window, name: str
) -> None:
    """Cut within any answer: that one and those behind it are unanswered."""
    fields = {"message": "words", **EVERY}
    raw = body(*(text(key, value) for key, value in {**window.hidden("write"), **fields}.items()), file("a", b"x"))
    cut = raw.index(f'name="{name}"'.encode()) + 20
    break_off(window, raw, cut)
    before = dict(list(EVERY.items())[: list(EVERY).index(name)])
    consent, report = expected({key: value.replace("\r\n", "\n") for key, value in before.items()})
    assert sealed(house) == [("words", consent, report)]
    assert house.kinds() == ["message"]


def test_a_form_that_breaks_off_within_the_words_keeps_nothing(house: House, window: Window) -> None:
    """Half a message is not a message."""
    raw = body(text("token", window.hidden("write")["token"]), text("message", "half of"))
    cut = raw.index(b"half") + 4
    break_off(window, raw, cut)
    assert house.kinds() == []


def test_a_form_that_breaks_off_leaves_out_an_answer_that_does_not_fit(house: House, window: Window) -> None:
    """It cannot be shown again, and the words matter more."""
    raw = body(
        text("token", window.hidden("write")["token"]),
        text("message", "words"),
        text("when", "x" * 61),
        text("where", "和田"),
        text("guess", "no"),
    )
    cut = raw.index(b"guess") + 9
    break_off(window, raw, cut)
    assert sealed(house) == [("words", "unanswered", {"where": "和田"})]


def test_signs_that_nobody_can_read_cost_no_answer_of_a_form_that_is_not_shown_again(
    house: House, window: Window
) -> None:
    """They are taken out; a mark that cannot be seen is no reason to lose what stands around it."""
    raw = body(
        text("token", window.hidden("write")["token"]),
        text("message", "words"),
        text("where", "和\x0b田 \x85"),
        text("unit", "\x07"),
        text("guess", "no"),
    )
    break_off(window, raw, raw.index(b"guess") + 9)
    assert sealed(house) == [("words", "unanswered", {"where": "和田"})]


BAD: dict[str, list[tuple[str, str | bytes]]] = {
    "a consent that is none": [("consent", "everything")],
    "an unanswered one": [("consent", "unanswered")],
    "an empty one": [("consent", "")],
    "a danger that is none": [("danger", "perhaps")],
    "two consents": [("consent", "publish"), ("consent", "read")],
    "both answers": [("danger", "yes"), ("danger", "no")],
    "the same answer twice": [("guess", "no"), ("guess", "no")],
    "a tick that is none": [("b-torture", "on")],
    "a behaviour that is none": [("b-arson", "yes")],
    "a text twice": [("where", "a"), ("where", "b")],
    "a field that no page has": [("phone", "123")],
    "an answer that is not UTF-8": [("when", b"\xff")],
    "an answer longer than any field": [("when", "x" * 5_000)],
}


@pytest.mark.parametrize("name", BAD)
def test_an_answer_that_no_page_offers_ends_the_form_but_not_the_words(house: House, window: Window, name: str) -> None:
    """What came whole before it is sealed, but for a consent; nothing behind it. The page says so."""
    consents = [] if "consent" in dict(BAD[name]) else [("consent", "publish")]
    send(window, ("message", "words"), *consents, ("b-plunder", "yes"), *BAD[name], ("badge", "behind"), files=1)
    assert window.page.status_code == 400
    ((words, consent, report),) = sealed(house)
    assert (words, consent) == ("words", "unanswered")
    # Of two answers to one question the first had come whole.
    first = dict(BAD[name][:1]) if len(BAD[name]) == 2 else {}
    first.pop("consent", None)
    assert report == {"behaviours": ["plunder"], **first}
    assert "What is listed as received is safe." in window.html
    assert house.kinds() == ["message"]


@pytest.mark.parametrize("act", ["attach", "answer"])
def test_files_before_an_answer_that_no_page_offers_are_not_called_lost(house: House, window: Window, act: str) -> None:
    """They are safe, and the page says so wherever they were sent."""
    window.send("write", message="first")
    window.go("received" if act == "attach" else "thread")
    window.post(act, text("token", window.hidden(act)["token"]), file("a", b"x"), text("danger", "perhaps"))
    assert window.page.status_code == 400
    assert "What is listed as received is safe." in window.html
    assert "Nothing was taken" not in window.html
    assert house.kinds() == ["file", "files", "message"]


@pytest.mark.parametrize("ended", [False, True])
def test_a_form_with_two_consents_is_shown_again_with_none(house: House, window: Window, ended: bool) -> None:  # noqa: FBT001 (a case)
    """Or the next press of the button would send the first of the two."""
    token = "ended" if ended else window.hidden("write")["token"]
    window.post("write", text("token", token), text("how", "unsaid"), *(text(*one) for one in BAD["two consents"]))
    assert window.page.status_code == 400
    assert "consent" not in still_shown(window.page, "write")
    assert house.kinds() == []


@pytest.mark.parametrize("field", TEXTS)
@pytest.mark.parametrize("files", [0, 1])
def test_an_answer_at_its_limit_is_taken_and_one_over_it_named(
    house: House, window: Window, field: str, files: int
) -> None:
    """In characters of any script; nothing is stored of a form that can be shown again."""
    most = MOST[WRITTEN[field]]
    send(window, ("message", "words"), (field, "𠀀" * (most + 1)), files=files)
    assert window.page.status_code == 413
    assert f"takes at most {most} characters" in window.html
    assert "Had you chosen files, choose them again." in window.html
    assert house.kinds() == []
    send(window, ("message", "words"), (field, "𠀀" * most))
    assert sealed(house) == [("words", "unanswered", {WRITTEN[field]: "𠀀" * most})]


@pytest.mark.parametrize("sign", ["\0", "\x07", "\x1b", "\x7f", "\x85", "a\rb"])
def test_signs_that_nobody_can_read_are_taken_out_and_shown(house: House, window: Window, sign: str) -> None:
    """Not silently: the form is shown again without them, and can be sent as it stands."""
    send(window, ("message", "words"), ("where", f"和{sign}田"))
    assert window.page.status_code == 413
    assert "held signs that cannot be read" in window.html
    assert house.kinds() == []
    readable = f"和{''.join(filter(str.isalpha, sign))}田"
    assert f'value="{readable}"' in window.html
    window.send("write", **still_shown(window.page, "write"))
    assert sealed(house) == [("words", "unanswered", {"where": readable})]


def test_tabs_and_spaces_around_an_answer_are_no_reason_to_refuse_it(house: House, window: Window) -> None:
    """Whoever pastes from a table brings them."""
    send(window, ("message", "words"), ("where", " 和田\t县 \r\n"))
    assert sealed(house) == [("words", "unanswered", {"where": "和田 县"})]


def test_an_answer_behind_a_file_is_a_message_of_its_own(house: House, window: Window) -> None:
    """No page sends it so; what a script sends so is not lost."""
    token = text("token", window.hidden("write")["token"])
    window.post("write", token, text("message", "words"), file("a", b"x"), text("consent", "read"))
    assert sorted(sealed(house)) == [("", "read", None), ("words", "unanswered", None)]


def test_words_behind_a_file_are_taken_as_before(house: House, window: Window) -> None:
    """For scripts that send the fields in another order."""
    token = text("token", window.hidden("write")["token"])
    window.post("write", token, file("a", b"x"), text("message", "words"))
    assert house.kinds() == ["file", "files", "message"]


@pytest.mark.parametrize("files", [0, 1])
def test_words_behind_a_file_are_not_lost_with_an_answer_that_does_not_fit(
    house: House, window: Window, files: int
) -> None:
    """What arrived is listed, so the form is not shown again: it is the answer that stays behind."""
    parts = [file("a", b"x"), text("message", "words"), text("when", "x" * 61), text("where", "和田")]
    window.post("write", text("token", window.hidden("write")["token"]), *parts, *[file("b", b"y")] * files)
    assert window.page.status_code == 200
    assert sealed(house) == [("words", "unanswered", {"where": "和田"})]


@pytest.mark.parametrize("files", [0, 1])
def test_what_could_not_be_stored_is_not_tried_again_behind_the_refusal(
    house: House, window: Window, monkeypatch: pytest.MonkeyPatch, files: int
) -> None:
    """The refusal is said once, and the form comes back whole."""
    tried: list[str] = []

    def full(self: Submission, *_: object, **__: object) -> object:
        tried.append("once")
        raise NoSpaceError("full")

    monkeypatch.setattr(Submission, "_small", full)
    window.send("write", *[("a", b"x")] * files, message="words", **EVERY)
    assert window.page.status_code == 503
    assert tried == ["once"]
    assert house.kinds() == []


def test_the_two_questions_stand_on_the_threads_page_too(house: House, window: Window) -> None:
    """Folded, and they travel with the words that follow."""
    window.send("write", message="first")
    window.go("thread")
    window.send("answer", message="second", danger="yes", consent="publish")
    assert sorted(sealed(house)) == [("first", "unanswered", None), ("second", "publish", {"danger": "yes"})]
