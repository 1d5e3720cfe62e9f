# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Every page of the source app in each of its states, wide and narrow: judged here, and pictured for a person to look at (see `looking`).
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from crypto.codename import Codename
from crypto.derive import MAX_MEMORY_KIB, MAX_PASSES, Costs
from tests.browser.circuit import ONION
from tests.browser.evidence import nothing, photo, snapshot
from tests.browser.firefox import Firefox
from tests.browser.looking import Looker
from tests.browser.service import LIMIT, Here, opened
from tests.source_app.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]

REPLY = "We have read it. Which gate did the cars come out of, and on which day?\nPlease do not go there again."
LONG = "A long answer, in two parts. " * 1_500
#: Return forms at once, on one slot, each as dear as a root may make it: more than a request waits for.
CROWD = 12
DEAREST = Costs(MAX_MEMORY_KIB, MAX_PASSES, 1)


def codename_on(page: Firefox) -> str:
    """The codename, shown."""
    page.unfold("Show my codename")
    return " ".join(page.texts("ol.codename.words li"))


def wrote(page: Firefox, address: str) -> str:
    """A first contact; returns its codename."""
    page.open(f"{address}/en/write")
    page.type("Your message", "Two cars left the yard at four in the morning.")
    page.press("Send")
    return codename_on(page)


def test_the_pages_of_a_first_visit(here: Here, page: Firefox, looker: Looker, tmp_path: Path) -> None:
    """From the choice of a language to the blank page, with what can go wrong on the way."""
    home = here.circuit.origin
    page.open(f"{home}/")
    looker.look(page, "choose")
    for language in ("en", "zh-Hans"):
        for name in ("", "write", "return", "guidance/codename", "authorship", "nothing", "received", "waiting"):
            page.open(f"{home}/{language}/{name}")
            looker.look(page, f"{language}-{name.replace('/', '-')}")
    page.open(f"{home}/en/write")
    page.press("Send")
    looker.look(page, "en-write-nothing")
    page.open(f"{home}/en/write")
    page.type("Your message", "Two cars left the yard at four in the morning.")
    page.press("Send")
    looker.look(page, "received")
    codename_on(page)
    looker.look(page, "received-codename")
    page.press("I have it")
    looker.look(page, "received-known")
    page.attach("Files", photo(tmp_path / "yard.png"), nothing(tmp_path / "film-of-the-whole-night.mp4", 2 * LIMIT))
    page.touch("Send files")
    page.until(lambda: "too large" in page.framed("iframe.sent"), "the refusal in its frame")
    page.until(lambda: "Not arrived" in page.framed("iframe.progress"), "the count in its frame")
    looker.look(page, "received-too-large")
    page.open(f"{home}/en/received")
    here.circuit.cut_after(LIMIT // 2, LIMIT // 2)
    page.attach("Files", snapshot(tmp_path / "gate.png", 1))
    page.touch("Send files")
    page.until(lambda: "gate.png" in page.framed("iframe.progress"), "the cut file in its frame")
    looker.look(page, "received-cut")
    page.press("Nothing moves here? Send from a simpler page.")
    looker.look(page, "files")
    page.press("Back to your visit")
    looker.look(page, "received-list")
    page.unfold("Very large files, or a connection that keeps breaking: send in parts from Tails")
    page.press("Make a slip")
    looker.look(page, "slip")
    page.press("Quick exit")
    assert page.text.strip() == ""
    assert page.cookies == []


def test_the_pages_of_a_return(here: Here, page: Firefox, looker: Looker) -> None:
    """Answers, long and short, deleting, forgetting, logging out; a codename that is none, and a visit that has ended."""
    home = here.circuit.origin
    words = wrote(page, home)
    page.press("Quick exit")
    page.open(f"{home}/en/return")
    looker.look(page, "return")
    page.type("Your codename", "abandon abilty able")
    page.press("Open")
    looker.look(page, "return-wrong")
    page.type("Your codename", " ".join(Codename.generate().words()))
    page.press("Open")
    looker.look(page, "thread-never-used")
    page.press("Log out")
    looker.look(page, "left")
    here.house.publish(words, status="read")
    here.house.publish(words, text=LONG)
    here.house.publish(words, text=REPLY)
    page.open(f"{home}/en/return")
    page.type("Your codename", words)
    page.press("Open")
    looker.look(page, "thread")
    page.press("Older answers")
    looker.look(page, "thread-older")
    page.press("Newest answer")
    page.press("Delete this answer")
    looker.look(page, "delete")
    page.press("No, go back")
    page.press("Delete everything…")
    looker.look(page, "forget")
    page.press("Yes, delete everything")
    looker.look(page, "forgotten")


def test_the_pages_of_an_ended_visit(here: Here, page: Firefox, looker: Looker) -> None:
    """The text that was typed stands there again, with a field for the codename."""
    words = wrote(page, here.circuit.origin)
    page.press("Quick exit")
    page.open(f"{here.circuit.origin}/en/return")
    page.type("Your codename", words)
    page.press("Open")
    page.type("Your message", "One of the cars was grey.")
    with here.started_anew():
        page.press("Send")
        assert page.control("Your message").get_property("value") == "One of the cars was grey."
        looker.look(page, "again")


def test_the_page_of_a_gateway(tmp_path_factory: pytest.TempPathFactory, firefox: Firefox, looker: Looker) -> None:
    """Whoever comes by another name than the onion's reads why not, in all languages, with the onion as text."""
    with opened(tmp_path_factory.mktemp("source"), told=False, onion=ONION) as here:
        firefox.open(f"{here.app.origin}/en/write")
        assert ONION in firefox.text
        assert firefox.elements("form") == []
        looker.look(firefox, "gateway")


@pytest.mark.parametrize(
    ("name", "sheets", "reserve"), [("closed", False, 0), ("no-room", True, 1 << 49)], ids=["closed", "no room"]
)
def test_the_pages_of_a_service_that_cannot_take_everything(
    tmp_path_factory: pytest.TempPathFactory, looker: Looker, name: str, *, sheets: bool, reserve: int
) -> None:
    """They say so before anybody writes or chooses."""
    with (
        opened(tmp_path_factory.mktemp("source"), sheets=sheets, reserve_bytes=reserve) as here,
        Firefox(tmp_path_factory.mktemp("firefox"), proxy=here.circuit.place) as page,
    ):
        page.open(f"{here.circuit.origin}/en/write")
        looker.look(page, f"{name}-write")
        page.open(f"{here.circuit.origin}/en/")
        looker.look(page, f"{name}-landing")


def returns(origin: str) -> None:
    """Somebody who comes back with a codename of their own, and does not stay."""
    visitor = Visitor(origin)
    page = visitor.get("/en/return")
    visitor.send(page, page.form("codename"), {"codename": " ".join(Codename.generate().words())})


def test_the_page_of_those_who_wait(tmp_path_factory: pytest.TempPathFactory, looker: Looker) -> None:
    """It says how long, looks by itself, and leads into the visit. One worker: each has a line of its own, and the crowd is to stand in ours."""
    with (
        opened(tmp_path_factory.mktemp("source"), costs=DEAREST, told=False, kdf_slots=1, workers=1) as here,
        Firefox(tmp_path_factory.mktemp("firefox"), proxy=here.circuit.place) as page,
        ThreadPoolExecutor(CROWD) as crowd,
    ):
        page.open(f"{here.circuit.origin}/en/return")
        page.type("Your codename", " ".join(Codename.generate().words()))
        others = [crowd.submit(returns, here.app.origin) for _ in range(CROWD)]
        time.sleep(3)
        page.press("Open")
        assert page.texts("h1") == ["You stand in line"]
        looker.look(page, "waiting")
        page.until(lambda: page.texts("h1") == ["Answers"], "its turn", 180)
        for one in others:
            one.result()
