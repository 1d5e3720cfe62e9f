# SPDX-License-Identifier: AGPL-3.0-or-later
"""
DESIGN §2: somebody forces a source to open the browser.

They learn that Tor Browser is there, and, while the visit lasts, its answers and the list of what arrived in it. They do not learn a word of
what was sent, nor the codename once "I have it" was pressed: not from a page, and not from the cookie, with the server's memory in hand.
"""

from __future__ import annotations

import base64

import pytest
from nacl.secret import SecretBox

from crypto.codename import Codename
from source_app.memory import purpose
from source_app.parts import KEY
from tests.journeys.world import World
from tests.source_app.window import Window

WORDS = "昨夜他们带走了我的邻居。 What nobody may read here."
PAGES = ("", "write", "return", "received", "thread")


@pytest.fixture
def window(world: World) -> Window:
    """A browser in which somebody has just written and attached something."""
    made = Window(world)
    made.write(WORDS, ("photo.jpg", b"\xff\xd8 inside the picture"))
    return made


def _inside(world: World, cookie: str | None) -> bytes:
    """What a cookie holds, for whoever also has the server's memory."""
    assert cookie is not None
    raw = base64.b64decode(cookie.encode(), altchars=b"-_", validate=True)
    newest, _ = world.app.extensions[KEY].memory.ram_keys()
    return SecretBox(purpose(newest, b"cookie")).decrypt(raw)


def _shown(window: Window) -> str:
    """All pages of the visit, one after the other."""
    shown = ""
    for page in PAGES:
        window.go(page)
        shown += window.html
    return shown


def _symbols(codename: str) -> list[str]:
    """The codename's nine symbols in order, as a page could carry them."""
    name = Codename.parse(codename)
    return [
        joint.join(rendering)
        for rendering in (name.words(), name.characters(), tuple(map(str, name.numbers())))
        for joint in (" ", "", "</bdi></li><li><bdi>", "</bdi></li>\n<li><bdi>")
    ]


def test_before_it_is_known_the_codename_is_in_the_cookie_and_on_the_page(world: World, window: Window) -> None:
    """So that the next test can fail: this is what "I have it" takes away."""
    name = Codename.parse(window.codename())
    assert bytes(name.secret) in _inside(world, window.cookie())
    assert any(symbols in _shown(window) for symbols in _symbols(" ".join(name.words())))


def test_after_i_have_it_the_cookie_does_not_hold_the_codename(world: World, window: Window) -> None:
    """Even opened with the server's own key: subkeys only, from which nobody computes it back."""
    name = Codename.parse(window.codename())
    window.send("known")
    inside = _inside(world, window.cookie())
    assert bytes(name.secret) not in inside
    keys = world.subkeys(" ".join(name.words()))
    assert bytes(keys.thread) in inside
    assert not [symbols for symbols in _symbols(" ".join(name.words())) if symbols in _shown(window)]


def test_an_older_cookie_does_not_bring_the_codename_back(window: Window, world: World) -> None:
    """A copy of the cookie from before "I have it", put back into the browser: the workers remember."""
    words = window.codename()
    old = window.cookie()
    window.send("known")
    window.client.set_cookie("s", old or "")
    window.go("received")
    assert not window.shows_codename()
    assert not [symbols for symbols in _symbols(words) if symbols in window.html]
    assert bytes(Codename.parse(words).secret) not in _inside(world, window.cookie())


def test_after_twenty_minutes_it_is_gone_without_a_press(world: World, window: Window) -> None:
    """The tab was left open."""
    words = window.codename()
    memory = world.app.extensions[KEY].memory
    before = memory._clock
    memory._clock = lambda: before() + 20 * 60 + 1
    window.go("received")
    assert not window.shows_codename()
    assert bytes(Codename.parse(words).secret) not in _inside(world, window.cookie())


@pytest.mark.parametrize("known", [False, True])
def test_no_page_shows_what_was_sent(window: Window, known: bool) -> None:  # noqa: FBT001 (a case)
    """Every page of the open visit: no word of the message, no byte of the file."""
    if known:
        window.send("known")
    shown = _shown(window)
    for piece in ("带走了我的邻居", "nobody may read", "inside the picture"):
        assert piece not in shown


def test_what_the_visit_lists_ends_with_it(window: Window) -> None:
    """The names of this visit's files are listed while it lasts (DESIGN §7), and after "log out" by no page."""
    window.send("known")
    assert "photo.jpg" in _shown(window)
    cookie = window.cookie()
    window.send("leave")
    window.client.set_cookie("s", cookie or "")
    assert "photo.jpg" not in _shown(window)


def test_nothing_stays_in_the_browsers_cache(window: Window) -> None:
    """Every page says no-store, and logging out asks the browser to forget the rest."""
    for page in PAGES:
        window.go(page)
        assert window.page.headers["Cache-Control"] == "no-store"
    window.go("received")
    window.send("leave")
    assert '"cache"' in window.page.headers["Clear-Site-Data"]


def test_the_cookie_is_of_one_length_with_or_without_the_codename(world: World, window: Window) -> None:
    """Its look says nothing about the state of the visit."""
    lengths = {len(window.cookie() or "")}
    window.send("known")
    lengths.add(len(window.cookie() or ""))
    other = Window(world)
    other.come_back(" ".join(Codename.generate().words()))
    lengths.add(len(other.cookie() or ""))
    assert len(lengths) == 1
