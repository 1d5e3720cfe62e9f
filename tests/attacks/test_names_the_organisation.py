# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Hostile operator text: whoever writes the settings puts markup, templates and formats into the organisation's name.

By mistake or not, the name is text: it stands on every page as it was written, and makes no element, no header, no sentence. What could
hide or break a line is refused before anything starts.
"""

from __future__ import annotations

import dataclasses
import html
import re
from pathlib import Path

import pytest

from deploy import server
from deploy.settings import load
from source_app.app import create_app
from source_app.settings import SettingsError, SourceSettings
from tests.source_app.window import House, Window

NAMES = {
    "an element": "<script>alert(1)</script>",
    "an end of a title": "</title></head><body onload=x>",
    "an end of an attribute": "\"'><img src=x onerror=alert(1)>",
    "a template": "{{ 7*7 }}{% raw %}{# #}",
    "a format": "%(organisation)s %s %d %% {0} {organisation}",
    "an entity": "&lt;b&gt;&amp;&#0;",
    "a path": "../../etc/passwd",
    "a header": "x: y; Set-Cookie=s",
    "as long as may be": "组" * 120,
}
PAGES = ("", "write", "return", "received", "thread", "nothing")
_TAG = re.compile(r"<[a-zA-Z/!][^>]*>")


def _named(house: House, name: str) -> House:
    """The same organisation under another name."""
    return House(
        house.organisation, house.store, create_app(dataclasses.replace(house.parts.settings, organisation=name))
    )


def _pages(house: House, language: str) -> list[str]:
    """Every page of a visit, with the answers' headers."""
    window = Window(house, language)
    shown = []
    for page in PAGES[:3]:
        window.go(page)
        shown.append(window.html)
    window.go("write")
    window.send("write", message="words")
    for page in PAGES[3:]:
        answer = window.go(page)
        assert not any("7*7" in value or "onerror" in value for value in answer.headers.values())
        shown.append(window.html)
    return shown


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_name_is_text_on_every_page(tmp_path: Path, name: str, language: str) -> None:
    """The tags of each page are those it has under an ordinary name; the name stands there as it was written."""
    house = House.open(tmp_path)
    ordinary = [[tag.split(" ")[0].rstrip(">") for tag in _TAG.findall(page)] for page in _pages(house, language)]
    hostile = _pages(_named(house, name), language)
    found = [[tag.split(" ")[0].rstrip(">") for tag in _TAG.findall(page)] for page in hostile]
    assert found == ordinary
    assert name in html.unescape(hostile[0])


@pytest.mark.parametrize(
    "name",
    ["", " ", "x" * 121, "a\nb", "a\r\nX: y", "a\x00b", "a\x1b[2J", "\u202egnorw", "a\u200bb", "\ud800", "a\u2028b"],
    ids=[
        "empty",
        "blank",
        "long",
        "line",
        "header",
        "nul",
        "terminal",
        "bidi",
        "invisible",
        "half a character",
        "separator",
    ],
)
def test_a_name_that_could_hide_something_is_refused(tmp_path: Path, name: str) -> None:
    """By the setting's name, before anything listens."""
    with pytest.raises(SettingsError, match="organisation"):
        SourceSettings(store=tmp_path, organisation=name)


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_name_is_read_back_as_it_was_written(tmp_path: Path, name: str) -> None:
    """A settings file with quotes and brackets in a value has the same settings in it."""
    server.initialise(tmp_path / "server", name, source="127.0.0.1:0", desk="127.0.0.1:0")
    assert load(tmp_path / "server").source.organisation == name
