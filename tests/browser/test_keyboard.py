# SPDX-License-Identifier: AGPL-3.0-or-later
"""
By keyboard alone, and twice as large: nothing needs a pointer, and nothing is cut off.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pytest

from source_app.languages import LANGUAGES, Language
from tests.browser.every_page import OPEN_ALL, Walk
from tests.browser.firefox import NARROW, WIDE, Firefox
from tests.browser.keyboard import Keyboard
from tests.browser.looking import OVERFLOW, OVERHANGING
from tests.browser.service import Here

pytestmark = [pytest.mark.browser, pytest.mark.slow]

#: WCAG 2.2, 1.4.10: so wide is a page of 1280 at four times its size.
REFLOW = 320
#: Of the controls of a page, those that the tabulator stops at: of radio buttons of one name it stops at one, and arrows lead on.
STOPS = """
const all = [...document.querySelectorAll("a[href], button, summary, textarea, select, input:not([type=hidden])")].filter(one => one.checkVisibility());
const radios = all.filter(one => one.type === "radio");
return all.length - radios.length + new Set(radios.map(one => one.name)).size;
"""
NAMED = "return [one.tagName, one.name || one.getAttribute('href') || one.textContent.trim().slice(0, 30)];"
OUTLINED = (
    "const style = getComputedStyle(one); return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;"
)


@pytest.mark.parametrize("name", ["", "write", "return", "guidance/before"])
@pytest.mark.parametrize("language", LANGUAGES, ids=lambda one: one.path)
def test_the_tabulator_leads_to_every_control_and_each_shows_it(
    language: Language, name: str, here: Here, page: Firefox
) -> None:
    """In a finite number of steps, and none of them keeps the focus."""
    page.open(f"{here.circuit.origin}/{language.path}/{name}")
    keyboard, reached = Keyboard(page), []
    wanted = page.asked(STOPS)
    for _ in range(wanted):
        keyboard.tab()
        reached.append(tuple(keyboard.focused(NAMED)))
        assert keyboard.focused(OUTLINED), f"{reached[-1]} does not show that it has the focus"
    assert ("BODY", "") not in reached
    assert len(set(reached)) >= wanted - 2, f"the focus is kept somewhere: {reached}"


def test_a_source_writes_and_leaves_with_the_keyboard_alone(here: Here, page: Firefox) -> None:
    """From the choice of a language to the codename and out again."""
    page.open(f"{here.circuit.origin}/")
    keyboard = Keyboard(page)
    for way in ('a[href="/en/"]', 'main a[href="/en/write"]'):
        keyboard.to(way)
        keyboard.go()
    keyboard.to("#message")
    keyboard.type("Two cars left the yard.")
    keyboard.to('form[action="/en/write"] button.first')
    keyboard.go()
    keyboard.to("details.secret > summary")
    keyboard.enter()
    assert len(page.texts("ol.codename.words li")) == 9
    keyboard.to('form[action="/en/known"] button')
    keyboard.go()
    keyboard.to(".exit button")
    keyboard.go()
    assert page.text.strip() == ""


def test_enter_in_an_answer_sends_nothing(here: Here, page: Firefox) -> None:
    """Browsers press a form's first button for whoever presses enter in a field of one line: half a report would be gone."""
    page.open(f"{here.circuit.origin}/en/write")
    page.asked(OPEN_ALL)
    keyboard = Keyboard(page)
    keyboard.to("input[name=who]")
    keyboard.type("Chief of the second station")
    keyboard.enter()
    keyboard.to("input[name=post]")
    assert page.address.endswith("/en/write")
    assert page.element("input[name=who]").get_property("value") == "Chief of the second station"


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda one: one.path)
def test_nothing_is_cut_off_when_it_is_larger(language: Language, here: Here, page: Firefox, tmp_path: Path) -> None:
    """Text twice as large, on a phone and on a laptop; and as narrow as a laptop's page at four times its size."""
    walk = Walk(here, page, language.path, tmp_path)
    for stop in chain(walk.outside(), walk.first_visit()):
        for width, times in ((REFLOW, 1.0), (NARROW, 2.0), (WIDE, 2.0)):
            page.resize(width)
            page.enlarge_text(times)
            over = page.asked(OVERFLOW)
            assert over <= 0, f"{stop} at {width}, text × {times}, sticks out: {page.asked(OVERHANGING)}"
        page.enlarge_text(1.0)
    page.resize(WIDE)
