# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What the other tests of this folder rest on: the browser is set as they say, and its verbs find what a person would.
"""

from __future__ import annotations

import pytest

from tests.browser.firefox import NARROW, Firefox, NotShownError

pytestmark = pytest.mark.browser

PAGE = """data:text/html,<html lang=en><title>still</title><script>document.title = "moved"</script><noscript>no scripts here</noscript>
<p><label for=a>Your <b>name</b></label><input id=a><input id=b><p style="width: 500px">wide"""


@pytest.fixture
def shown(firefox: Firefox) -> Firefox:
    """A page with a script, a field without a label, and something wide."""
    firefox.open(PAGE)
    return firefox


def test_scripts_do_not_run(shown: Firefox) -> None:
    """The script left the title alone, and what stands in its place is shown."""
    assert shown.title == "still"
    assert "no scripts here" in shown.text


def test_a_field_is_found_by_its_label_alone(shown: Firefox) -> None:
    """What is typed under a label stands in its field; a field without one is reported, and another label is not found."""
    shown.type("Your name", "无名氏")
    assert shown.control("Your name").get_property("value") == "无名氏"
    assert shown.nameless() == ['<input id="b">']
    with pytest.raises(NotShownError, match="no control “Name”"):
        shown.type("Name", "nobody")


def test_a_page_wider_than_a_phone_is_noticed(shown: Firefox) -> None:
    """At 360 px the page is 360 px wide, and what sticks out can be seen to."""
    shown.resize(NARROW)
    assert shown.asked("return window.innerWidth") == NARROW
    assert shown.asked("return document.documentElement.scrollWidth") > NARROW


def test_nothing_outside_this_machine_is_reached(firefox: Firefox) -> None:
    """A name of the outside world leads to the browser's own page about it."""
    firefox.open("http://dengwen.invalid/")
    assert firefox.broken
