# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Every page of the source app in every state and every language, light and dark, judged by axe-core and pictured for a person to look at.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from source_app.languages import LANGUAGES, Language
from tests.browser.axe import violations
from tests.browser.every_page import Walk
from tests.browser.firefox import Firefox
from tests.browser.looking import Looker
from tests.browser.service import Here

pytestmark = [pytest.mark.browser, pytest.mark.slow]

#: Tor Browser tells every page that the system is light; the dark pages are for other browsers, and for those who change that.
DARK = {"privacy.resistFingerprinting": False, "layout.css.prefers-color-scheme.content-override": 0}


#: A complete one, a draft from right to left, and one with lines of their own height.
DARK_LANGUAGES = [one for one in LANGUAGES if one.path in {"en", "ug", "bo"}]


@pytest.fixture(scope="module")
def dark(here: Here, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    """A browser on a system that is dark."""
    with Firefox(tmp_path_factory.mktemp("firefox"), proxy=here.circuit.place, changed=DARK) as page:
        yield page


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda one: one.path)
def test_no_rule_of_accessibility_is_broken(
    language: Language, here: Here, page: Firefox, looker: Looker, tmp_path: Path
) -> None:
    """On every page in every state, on a light system: that is what Tor Browser says of each."""
    for stop in Walk(here, page, language.path, tmp_path).stops():
        if stop.startswith("frame-"):
            assert violations(page, framed=True) == [], stop
        else:
            looker.look(page, f"{language.path}-{stop}")


@pytest.mark.parametrize("language", DARK_LANGUAGES, ids=lambda one: one.path)
def test_no_rule_of_accessibility_is_broken_in_the_dark(
    language: Language, here: Here, dark: Firefox, looker: Looker, tmp_path: Path
) -> None:
    """The colours are others there, and the rules the same. Languages differ in their lines, not in their colours: one of each kind is judged."""
    broken = {}
    for stop in Walk(here, dark, language.path, tmp_path).stops():
        assert dark.asked("return matchMedia('(prefers-color-scheme: dark)').matches")
        broken[stop] = violations(dark, framed=stop.startswith("frame-"))
        looker.picture(dark, f"{language.path}-{stop}-dark")
    assert {stop: found for stop, found in broken.items() if found} == {}


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ("color-contrast", "document.querySelector('.lead').style.color = '#bbb'"),
        ("page-has-heading-one", "document.querySelector('h1').remove()"),
        ("html-has-lang", "document.documentElement.removeAttribute('lang')"),
        ("button-name", "document.querySelector('.exit button').textContent = ''"),
    ],
    ids=lambda one: one if one.islower() and " " not in one else "",
)
def test_a_fault_is_seen(here: Here, page: Firefox, rule: str, fault: str) -> None:
    """The judge is awake: each of these is named."""
    page.open(f"{here.circuit.origin}/en/")
    page.asked(fault)
    assert rule in {line.partition(":")[0] for line in violations(page)}


def test_nothing_moves_for_those_who_asked_for_stillness(here: Here, page: Firefox) -> None:
    """No style of ours animates anything at all, so there is nothing to turn off."""
    page.open(f"{here.circuit.origin}/en/write")
    moving = page.asked(
        "return [...document.querySelectorAll('*')].map(one => getComputedStyle(one)).filter("
        "style => parseFloat(style.transitionDuration) > 0 || style.animationName !== 'none').length"
    )
    assert moving == 0
