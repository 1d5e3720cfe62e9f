# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Nothing outside the text of a page tells whether a codename was ever used, or how much lies under it.

Power of the test of times: with COUNT times of each state, A between two equal states has a standard deviation of 0.053, and the bound of
4.5 of them is passed by chance in one of 25,000 runs (six pairs). States whose A lies 0.37 or more from 0.5 are found in 99 of 100 runs: times that
differ by more than their spread. `tests.bench.shape` measures the same over 2,000 requests to a real server.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import escape
from werkzeug.test import TestResponse, create_environ

from crypto import signing
from crypto.age import HybridIdentity
from source_app import even, render, slots
from source_app.even import hold, keep_steps
from source_app.languages import LANGUAGES as ALL
from source_app.slots import CUT_BYTES, PART_BYTES, part_of
from store.engine import Store
from tests.source_app import telling
from tests.source_app.multipart_forms import text
from tests.source_app.telling import STATES, four_threads
from tests.source_app.window import House, Window

COUNT = 60
BOUND = 4.5 * telling.noise(COUNT)
#: One of each kind: complete, in letters of one byte and of three; a draft, whose pages say everything twice, right to left.
LANGUAGES = ["en", "zh-Hans", "ug"]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """An app with one seat."""
    return House.open(tmp_path_factory.mktemp("shape"))


@pytest.fixture(scope="module")
def words(house: House) -> dict[str, str]:
    """A codename in each of the four states."""
    return four_threads(house)


def opened(house: House, words: dict[str, str], language: str = "en") -> dict[str, Window]:
    """A window on each of the four threads."""
    windows = {state: Window(house, language) for state in STATES}
    for state, window in windows.items():
        window.come_back(words[state])
    return windows


def shape(page: TestResponse) -> tuple[int, int, tuple[tuple[str, int], ...]]:
    """What somebody sees who cannot read: status, size, and every header's name and length."""
    return page.status_code, len(page.data), tuple((name, len(value)) for name, value in page.headers)


def act(name: str, **fields: str) -> Callable[[Window], TestResponse]:
    """Sends a form of a thread's page, without following where it leads."""

    def send(window: Window) -> TestResponse:
        token = window.hidden("forget")["token"]
        sent = [text(field, value) for field, value in fields.items()]
        return window.post(name, text("token", token), *sent, follow=False)

    return send


ACTS: dict[str, Callable[[Window], TestResponse]] = {
    "the thread": lambda window: window.go("thread"),
    "newest again": act("thread", slot="0"),
    "older": act("thread", slot="3"),
    "too old": act("thread", slot="9999"),
    "next part": act("thread", slot="1", part="1"),
    "delete an answer": act("delete", item="ab" * 16),
    "delete an answer that is not there": act("delete", item="ab" * 16, sure="yes"),
    "delete nothing": act("delete", item="", sure="yes"),
    "delete everything": act("forget"),
    "an empty message": act("answer", message=" "),
    "more words": act("answer", message="more"),
    "the list of the visit": lambda window: window.go("received"),
    "how far it has come": lambda window: window.go("progress"),
    "what has arrived": lambda window: window.go("sent"),
    "files without frames": lambda window: window.go("files"),
    "a slip": act("slip"),
    "log out": act("leave"),
    "quick exit": act("exit"),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ACTS)
def test_every_answer_of_the_thread_side_has_one_shape(tmp_path: Path, language: str, name: str) -> None:
    """Status, size and headers are the same for a codename never used, an empty thread, one with an answer and a full one."""
    house = House.open(tmp_path)
    windows = opened(house, four_threads(house), language)
    assert len({shape(ACTS[name](window)) for window in windows.values()}) == 1


def test_everything_deleted_looks_the_same_where_there_was_nothing(tmp_path: Path) -> None:
    """The last page, and that it takes the same number of steps."""
    house = House.open(tmp_path)
    windows = opened(house, four_threads(house))
    assert len({shape(act("forget", sure="yes")(window)) for window in windows.values()}) == 1


@pytest.mark.parametrize("language", [one.path for one in ALL])
def test_the_fullest_page_of_the_longest_name_fits_the_shape(tmp_path: Path, language: str) -> None:
    """With every form, two statuses' worth of sentences and a name that grows fivefold when it is escaped."""
    house = House.open(tmp_path, organisation='"' * 120)
    for state, window in opened(house, four_threads(house), language).items():
        for send in ("the thread", "next part", "older", "an empty message"):
            assert len(ACTS[send](window).data) == render.SHAPE, (state, send)


@pytest.mark.parametrize(
    "name", ["", "write", "return", "thread", "received", "guidance/codename", "authorship", "blank", "nowhere"]
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_has_a_size_of_whole_shapes(house: House, language: str, name: str) -> None:
    """Also the refusals."""
    page = Window(house, language).go(name)
    assert len(page.data) == render.SHAPE
    assert page.data.rstrip(b" ").endswith(b"</html>")


def test_the_choice_of_language_has_the_same_size(house: House) -> None:
    """It is the only page without a language in its address."""
    assert len(house.app.test_client().get("/").data) == render.SHAPE


def test_text_that_is_kept_makes_a_page_of_more_shapes(house: House) -> None:
    """Its length shows no more exactly than that."""
    window = Window(house)
    window.go("write")
    window.send("write", message="x" * 400_001)
    assert window.page.status_code == 413
    assert len(window.page.data) > render.SHAPE
    assert len(window.page.data) % render.SHAPE == 0


@pytest.mark.parametrize("length", [400_001, 410_000, 425_000])
def test_text_that_is_kept_hides_what_stands_beside_it(house: House, words: dict[str, str], length: int) -> None:
    """Its page would else be larger where an answer and the text together pass a border that the text alone does not."""
    sent = [act("answer", message="x" * length)(window) for window in opened(house, words).values()]
    assert [page.status_code for page in sent] == [413] * len(sent)
    assert len({shape(page) for page in sent}) == 1


def test_the_page_of_a_gateway_has_the_same_size(house: House) -> None:
    """Whoever counts bytes does not learn that somebody was turned away."""
    page = house.app.test_client().get("/en/", headers={"X-Tor2web": "1"})
    assert (page.status_code, len(page.data)) == (403, render.SHAPE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_codename_is_opened_with_one_answer(house: House, words: dict[str, str], language: str) -> None:
    """The redirect, its cookies and its size."""
    answers = set()
    for codename in words.values():
        window = Window(house, language)
        window.go("return")
        token = text("token", window.hidden("return")["token"])
        answers.add(shape(window.post("return", token, text("codename", codename), follow=False)))
    assert len(answers) == 1


def test_redirects_have_one_size_wherever_they_lead(house: House) -> None:
    """Address and body together, in whatever language."""
    sizes = set()
    for language in LANGUAGES:
        for name in ("thread", "received", "blank"):
            with house.app.test_request_context(f"/{language}/"):
                answer = render.redirected(name)
            assert answer.status_code == 303
            sizes.add(len(answer.headers["Location"]) + len(answer.data))
    assert sizes == {render.REDIRECT}


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Counts what a page does: looks into the store, keys decapsulated, signatures checked."""
    found: Counter[str] = Counter()

    def counting(name: str, real: Callable[..., object]) -> Callable[..., object]:
        def call(*what: object, **named: object) -> object:
            found[name] += 1
            return real(*what, **named)

        return call

    slots._dummy()
    with monkeypatch.context() as patch:
        patch.setattr(Store, "read", counting("reads", Store.read))
        patch.setattr(Store, "rows", counting("rows", Store.rows))
        patch.setattr(Store, "write", counting("writes", Store.write))
        patch.setattr(HybridIdentity, "unwrap", counting("decapsulated", HybridIdentity.unwrap))
        patch.setattr(signing, "verify", counting("verified", signing.verify))
        yield found


@pytest.mark.parametrize("name", ["the thread", "older", "next part", "delete an answer that is not there"])
def test_every_thread_costs_the_same_work(
    house: House, words: dict[str, str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """As many looks into the store, decapsulations and signatures, whatever there is."""
    spent = []
    for window in opened(house, words).values():
        # The room for files is looked at every other second, whoever comes: not now.
        monkeypatch.setattr(house.parts.intake.space, "_again", float("inf"))
        with counted(monkeypatch) as found:
            ACTS[name](window)
        spent.append(found)
    assert spent[0]["decapsulated"] == spent[0]["verified"] == slots.WINDOW
    assert spent[0]["writes"] == 0
    assert spent == [spent[0]] * len(spent)


def timed(windows: dict[str, Window], slower: str = "") -> dict[str, list[float]]:
    """COUNT times of each state, taken in turn; one of them may be made slower, as a bad page would be."""
    times: dict[str, list[float]] = {state: [] for state in windows}
    for number in range(COUNT + 5):
        for state, window in windows.items():
            began = time.perf_counter()
            window.go("thread")
            if state == slower:
                time.sleep(0.05)
            if number >= 5:
                times[state].append(time.perf_counter() - began)
    return times


def test_no_two_states_are_told_apart_by_time(house: House, words: dict[str, str]) -> None:
    """See the head of this file for what this would find."""
    assert telling.largest_effect(timed(opened(house, words))) < BOUND


def test_a_page_that_took_longer_would_be_found(
    house: House, words: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above can fail."""
    monkeypatch.setattr("source_app.thread.PAGE_SECONDS", 0.001)
    assert telling.largest_effect(timed(opened(house, words), slower="full")) > BOUND


def held(work: Callable[[], object], seconds: float) -> tuple[int, float]:
    """What an app answers that does some work in steps, and after how long."""
    app = Flask("held")
    keep_steps(app)

    @app.get("/")
    def show() -> str:
        hold(seconds)
        work()
        hold(3_600)
        return "x"

    began = time.monotonic()
    return app.test_client().get("/").status_code, time.monotonic() - began


@pytest.mark.parametrize("work", [0.0, 0.02, 0.095, 0.105])
def test_what_is_held_ends_at_a_whole_step(work: float) -> None:
    """Never earlier, and soon after it; the first word counts."""
    status, spent = held(lambda: time.sleep(work), 0.1)
    assert status == 200
    assert spent >= (0.2 if work > 0.1 else 0.1)
    assert spent % 0.1 < 0.09


def test_what_fails_is_held_too() -> None:
    """A refusal is as long as an answer."""
    status, spent = held([].pop, 0.1)
    assert (status, spent >= 0.1) == (500, True)


def test_nothing_of_a_held_answer_is_made_after_it_was_held(
    house: House, words: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its cookies and headers stand before: what they take is slept over too."""
    window = opened(house, words)["full"]
    seen = window.go("thread").request.environ
    told: list[str] = []

    def start(_status: str, headers: list[tuple[str, str]], _error: object = None) -> Callable[[bytes], object]:
        told.extend(name for name, _ in headers)
        return lambda _: None

    clock = SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: told.append("held"))
    monkeypatch.setattr("source_app.even.time", clock)
    asked = create_environ("/en/thread", headers={"Cookie": seen["HTTP_COOKIE"]})
    body = b"".join(house.app.wsgi_app(asked, start))
    assert body.rstrip().endswith(b"</html>")
    assert {"Set-Cookie", "Content-Security-Policy", "Content-Length"} <= set(told[:-1])
    assert told[-1] == "held"


def test_the_steps_are_longer_than_the_work(
    house: House, words: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work of a page takes less than half a step, at its best of ten, so that it ends within one."""
    monkeypatch.setattr("source_app.thread.PAGE_SECONDS", 1e-6)
    window = opened(house, words)["full"]
    spent = []
    for _ in range(10):
        began = time.perf_counter()
        window.go("thread")
        spent.append(time.perf_counter() - began)
    assert min(spent) < even.PAGE_SECONDS / 2


ESCAPED = st.text(st.sampled_from("&<>\"'; \nab证\U00020000ཀ\u0f71"), max_size=400)


@settings(max_examples=60, deadline=None)
@given(pieces=st.lists(ESCAPED, min_size=1, max_size=5), times=st.integers(1, 200))
def test_the_parts_of_an_answer_make_up_the_answer(pieces: list[str], times: int) -> None:
    """No character is lost, doubled or cut, no entity is torn, and no part is larger than it may be."""
    whole = "".join(pieces) * times
    parts, more, number = [], True, 0
    while more:
        part, more = part_of(whole, number)
        parts.append(part)
        number += 1
    assert "".join(parts) == str(escape(whole))
    assert all(len(part.encode()) <= PART_BYTES + CUT_BYTES for part in parts)
    assert "".join(str(part.unescape()) for part in parts) == whole


def test_a_part_that_is_not_there_is_empty() -> None:
    """A form may ask for any number."""
    assert part_of("short", 64) == ("", False)
