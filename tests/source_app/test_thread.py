# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Coming back: the codename, the answers, and what can be deleted.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crypto.age import HybridIdentity
from crypto.codename import Codename
from crypto.hidden import Hidden
from crypto.signing import SigningKey
from source_app import render, slots
from store import threads
from store.engine import Store
from tests.source_app.multipart_forms import text
from tests.source_app.window import House, Window

TOKENS = re.compile(r'value="[A-Za-z0-9_=-]{100,}"')


def test_a_codename_never_used_opens_the_same_page(house: House, window: Window) -> None:
    """Byte for byte the page of a thread that exists and has no answer, but for the sealed tokens."""
    words = window.write()
    known, unknown = Window(house), Window(house)
    known.come_back(words)
    unknown.come_back(" ".join(Codename.generate().words()))
    assert known.page.status_code == unknown.page.status_code == 200
    assert TOKENS.sub("", known.html) == TOKENS.sub("", unknown.html)
    assert len(known.html) == len(unknown.html)


def test_the_first_item_under_an_unused_codename_makes_its_thread(house: House, window: Window) -> None:
    """Writing needs no registration."""
    words = " ".join(Codename.generate().words())
    window.come_back(words)
    assert threads.find(house.store, house.subkeys(words).locator) is None
    window.send("answer", message="hello")
    assert threads.find(house.store, house.subkeys(words).locator) is not None


def test_coming_back_never_shows_the_codename(window: Window) -> None:
    """It is shown where it was made and nowhere else."""
    words = window.write()
    window.come_back(words)
    window.go("received")
    assert not window.shows_codename()


def test_the_codename_is_read_forgivingly(house: House, window: Window) -> None:
    """Any rendering, capitals, commas, no spaces between characters, and all of them mixed."""
    name = Codename.generate()
    words, characters, numbers = name.words(), name.characters(), name.numbers()
    for typed in (
        ", ".join(words).upper(),
        "".join(characters),
        " ".join(str(number) for number in numbers),
        " ".join([*words[:3], *characters[3:6], *map(str, numbers[6:])]),
    ):
        window.come_back(typed)
        assert "<h1>Answers</h1>" in window.html


@pytest.mark.parametrize("language", ["zh-Hans", "zh-Hant"])
def test_each_chinese_page_shows_the_characters_its_readers_learnt(house: House, language: str) -> None:
    """Those of the other list open the same thread."""
    window = Window(house, language)
    name = Codename.parse(window.write())
    assert window.codename() == " ".join(name.characters(traditional=language == "zh-Hant"))
    for traditional in (False, True):
        window.come_back("".join(name.characters(traditional=traditional)))
        assert 'action="/' + language + '/answer"' in window.html


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("abandon abilty able", 'Did you mean: <bdi dir="auto">ability'),
        ("abandon abilty able", '“<bdi dir="auto">abilty</bdi>” is in none of the lists'),
        ("0 1 2 3 4 5 6 7 8", "Numbers go from 1 to 2048"),
        ("abandon ability", "Here are 2"),
        ("", "Here are 0"),
        ("x" * 500, "…</bdi>” is in none of the lists"),
    ],
    ids=["nearest", "named", "number", "count", "empty", "long"],
)
def test_what_is_wrong_with_a_codename_is_said_before_any_derivation(
    house: House, window: Window, monkeypatch: pytest.MonkeyPatch, typed: str, said: str
) -> None:
    """And what was typed stays in the field."""
    monkeypatch.setattr(type(house.parts.derivations), "derive", lambda *_, **__: pytest.fail("derived"))
    window.come_back(typed)
    assert window.page.status_code == 400
    assert said in window.html
    assert f"{typed}</textarea>" in window.html


def test_nine_that_do_not_belong_together_are_refused_without_a_hint(window: Window) -> None:
    """One symbol replaced: the page does not say which."""
    name = list(Codename.generate().numbers())
    for other in range(1, 2049):
        wrong = [other, *name[1:]]
        try:
            Codename.parse(" ".join(map(str, wrong)))
        except Exception:  # noqa: BLE001 - any refusal will do to find one
            break
    window.come_back(" ".join(map(str, wrong)))
    assert window.page.status_code == 400
    assert "do not belong together" in window.html


def test_a_return_form_that_lay_too_long_asks_for_one_more_press(house: House, window: Window) -> None:
    """What was typed is still there."""
    window.go("return")
    house.later(5 * 60 * 60)
    window.send("return", codename="typed already")
    assert window.page.status_code == 403
    assert "typed already</textarea>" in window.html


def test_an_answer_is_shown_in_its_language_with_its_signature(house: House, window: Window) -> None:
    """Its own lang, a direction found from the text, and the seat that signed."""
    words = window.write()
    house.publish(words, text="مرحبا <b>", lang="ar")
    window.go("thread")
    assert '<div class="reply" lang="ar" dir="auto">مرحبا &lt;b&gt;</div>' in window.html
    assert "signed by seat 1" in window.html
    assert "verified" not in window.html


@pytest.mark.parametrize(
    ("status", "said"),
    [("read", "A person has read your report"), ("answered", "been answered"), ("closed", "been closed")],
)
def test_a_status_is_a_sentence(house: House, window: Window, status: str, said: str) -> None:
    """Signed like an answer."""
    words = window.write()
    house.publish(words, status=status)
    window.go("thread")
    assert said in window.html
    assert "signed by seat 1" in window.html


def test_one_answer_a_page_and_older_ones_by_post(house: House, window: Window) -> None:
    """Newest first, each once, statuses beside them, and the way back to the newest."""
    words = window.write()
    house.publish(words, text="oldest")
    house.publish(words, status="read")
    house.publish(words, text="middle")
    house.publish(words, text="newest")
    seen = []
    window.go("thread")
    while True:
        seen.append(re.findall(r'dir="auto">(\w+)</div>|A person has (\w+) your report', window.html))
        older = re.search(r'name="slot" value="(\d+)">Older', window.html)
        if older is None:
            break
        window.send("thread", slot=older[1])
    found = [{answer or status for answer, status in page} for page in seen]
    assert found == [{"newest"}, {"middle", "read"}, {"oldest"}]
    window.send("thread", slot="0")
    assert "newest</div>" in window.html


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_a_page_decapsulates_the_same_number_of_keys_whatever_there_is(
    house: House, window: Window, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """Dummies fill: the work does not say how many answers there are."""
    words = window.write()
    for _ in range(count):
        house.publish(words)
    slots._dummy()
    used = []
    real = HybridIdentity.unwrap
    monkeypatch.setattr(HybridIdentity, "unwrap", lambda *what: used.append(1) or real(*what))
    window.go("thread")
    assert len(used) == slots.WINDOW


def test_a_signature_that_does_not_hold_is_named_and_its_text_not_shown(house: House, window: Window) -> None:
    """A server that was taken over can seal a reply, but not sign it."""
    words = window.write()
    house.publish(words, text="come to the station", key=SigningKey.generate())
    window.go("thread")
    assert "come to the station" not in window.html
    assert "signature that does not hold" in window.html


def test_an_answer_under_a_card_that_is_gone_says_so(house: House, window: Window) -> None:
    """Shown, without the claim."""
    words = window.write()
    house.publish(words, card=bytes(32))
    window.go("thread")
    assert "We have read it." in window.html
    assert "cannot be checked" in window.html
    assert "signed by" not in window.html


@pytest.mark.parametrize("changed", [{"thread": Hidden(bytes(32))}, {"filed": b"\x01" * 16}], ids=["thread", "item"])
def test_an_answer_filed_under_another_place_is_not_shown(
    house: House, window: Window, changed: dict[str, object]
) -> None:
    """An honest envelope moved to another row or thread."""
    words = window.write()
    house.publish(words, text="not yours", **changed)
    window.go("thread")
    assert "not yours" not in window.html
    assert "does not belong to you" in window.html


def test_a_long_answer_is_read_in_parts(house: House, window: Window) -> None:
    """Every page keeps its size, and no character is lost between them."""
    words = window.write()
    long = "".join(f"&{number};" for number in range(9_000))
    house.publish(words, text=long)
    window.go("thread")
    read = ""
    while True:
        shown = re.search(r'dir="auto">(.*?)</div>', window.html, re.DOTALL)
        assert shown is not None
        assert len(window.page.data) == render.SHAPE
        read += shown[1].replace("&amp;", "&")
        more = re.search(r'name="part" value="(\d+)">Read on', window.html)
        if more is None:
            break
        window.send("thread", slot="0", part=more[1])
    assert read == long


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(slot=st.text(max_size=12), part=st.text(max_size=12))
def test_whatever_numbers_a_form_brings_a_page_comes_back(house: House, slot: str, part: str) -> None:
    """Negative, huge, full-width, or no numbers at all."""
    window = Window(house)
    window.come_back(" ".join(Codename.generate().words()))
    window.send("forget")
    window.post("thread", *[_text("token", window.hidden("forget")["token"]), _text("slot", slot), _text("part", part)])
    assert window.page.status_code == 200


def _text(name: str, value: str) -> bytes:
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value.encode("utf-8", "surrogatepass")


def test_deleting_an_answer_asks_first(house: House, window: Window) -> None:
    """One press shows the question, the second erases that answer and no other."""
    words = window.write()
    house.publish(words, text="stays")
    item = house.publish(words, text="goes")
    window.go("thread")
    window.send("delete", item=item.hex())
    assert "Delete this answer?" in window.html
    window.go("thread")
    assert "goes</div>" in window.html
    window.send("delete", item=item.hex())
    window.send("delete", sure="yes")
    assert "The answer has been deleted." in window.html
    assert "goes</div>" not in window.html
    assert "stays</div>" in window.html


@pytest.mark.parametrize("known", [True, False])
def test_a_wish_for_an_answer_that_is_not_there_writes_nothing(
    house: House,
    window: Window,
    monkeypatch: pytest.MonkeyPatch,
    known: bool,  # noqa: FBT001 (a case)
) -> None:
    """Under a codename that was used and under one that was not: nobody waits at the gate."""
    window.come_back(window.write() if known else " ".join(Codename.generate().words()))
    monkeypatch.setattr(Store, "write", lambda _: pytest.fail("the gate was taken"))
    token = _text("token", window.hidden("forget")["token"])
    window.post("delete", token, _text("item", "ab" * 16), _text("sure", "yes"))
    assert "The answer has been deleted." in window.html


def test_one_source_cannot_delete_anothers_answer(house: House, window: Window) -> None:
    """An item id is not enough."""
    words = window.write()
    item = house.publish(words, text="mine to keep")
    other = Window(house)
    other.write()
    other.go("thread")
    other.post(
        "delete", _text("token", other.hidden("forget")["token"]), _text("item", item.hex()), _text("sure", "yes")
    )
    window.go("thread")
    assert "mine to keep" in window.html


def test_forgetting_erases_the_thread_and_ends_the_visit(house: House, window: Window) -> None:
    """After one question; the codename then opens an empty page, like any other."""
    words = window.write("gone", ("f.txt", b"x"))
    house.publish(words)
    window.go("thread")
    window.send("forget")
    assert house.texts() == ["gone"]
    window.send("forget", sure="yes")
    assert "Everything is deleted" in window.html
    assert house.kinds() == []
    assert threads.find(house.store, house.subkeys(words).locator) is None
    assert window.go("thread").status_code == 403
    window.come_back(words)
    assert "There is no answer here yet." in window.html


def test_an_answer_behind_newer_notices_is_not_denied(house: House, window: Window) -> None:
    """Two notices fill the page: it says that more follows, and the next page has the answer."""
    words = window.write()
    house.publish(words, text="Thank you.")
    house.publish(words, status="answered")
    house.publish(words, status="closed")
    window.come_back(words)
    assert "There is no answer here" not in window.html
    assert "There is more. Press “Older answers”." in window.html
    window.post("thread", text("token", window.hidden("forget")["token"]), text("slot", "2"))
    assert "Thank you." in window.html


def test_logging_out_clears_the_browser_and_kills_the_cookie(house: House, window: Window) -> None:
    """A copy of the cookie opens nothing afterwards."""
    window.write()
    copy = window.cookie()
    window.send("leave")
    assert "cookies" in window.page.headers["Clear-Site-Data"]
    assert window.cookie() is None
    assert "You are logged out" in window.html
    thief = Window(house)
    thief.client.set_cookie("s", copy or "")
    assert thief.go("thread").status_code == 403


def test_an_answer_with_nothing_in_it_is_not_taken(house: House, window: Window) -> None:
    """The thread page again, with a sentence."""
    window.write()
    window.go("thread")
    window.send("answer", message="  ")
    assert window.page.status_code == 400
    assert "no words and no file" in window.html


def test_no_file_chosen_is_said(window: Window) -> None:
    """A browser sends a nameless empty part then."""
    window.write()
    window.send("attach", ("", b""))
    assert window.page.status_code == 400
    assert "No file was chosen." in window.html
