# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Somebody has a copy of a cookie: from a browser, a backup, a memory image. It opens what the browser could open, no longer than that.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from journalist_app.desk.parts import KEY as DESK
from journalist_app.vault.app import create_app
from journalist_app.vault.place import Place
from source_app.memory import ROTATION
from source_app.parts import KEY
from tests.journeys.world import World
from tests.source_app.multipart_forms import text
from tests.source_app.throwaway import Throwaway, new_store
from tests.source_app.visitor import PageForm, Running, Visitor, free_port, write_settings
from tests.source_app.window import Window


def _thief(world: World, cookie: str | None) -> Window:
    """A browser with somebody else's cookie."""
    window = Window(world)
    window.client.set_cookie("s", cookie or "")
    window.go("thread")
    return window


def test_a_sources_cookie_opens_while_the_visit_lasts(world: World) -> None:
    """So that the others can fail."""
    window = Window(world)
    window.write()
    assert _thief(world, window.cookie()).page.status_code == 200


def test_a_sources_cookie_opens_nothing_after_log_out(world: World) -> None:
    """Every copy of it, old ones too: the cookie slides, the visit is one."""
    window = Window(world)
    window.write()
    copies = [window.cookie()]
    window.go("received")
    copies.append(window.cookie())
    assert copies[0] != copies[1]
    window.send("leave")
    for copy in copies:
        thief = _thief(world, copy)
        assert thief.page.status_code == 403
        assert thief.cookie() is None


def test_a_sources_cookie_opens_nothing_after_forget(world: World) -> None:
    """The thread is gone, the visit too."""
    window = Window(world)
    window.write()
    copy = window.cookie()
    window.go("thread")
    window.send("forget")
    window.send("forget", sure="yes")
    assert _thief(world, copy).page.status_code == 403


def test_a_sources_cookie_opens_nothing_after_a_restart(world: World) -> None:
    """The keys were in memory, and the page says what happened."""
    window = Window(world)
    window.write()
    copy = window.cookie()
    world.start_source()
    thief = _thief(world, copy)
    assert thief.page.status_code == 403
    assert "started anew" in thief.html


@pytest.mark.slow
def test_a_sources_cookie_opens_nothing_after_a_restart_of_the_real_server(tmp_path: Path) -> None:
    """The same over loopback, on the same address."""
    store = new_store(tmp_path / "store")
    Throwaway(1).install(store)
    settings = write_settings(tmp_path / "settings.toml", store.folder, bind=f"127.0.0.1:{free_port()}")
    with Running(settings) as running:
        visitor = Visitor(running.origin)
        visitor.write("words")
        assert visitor.get("/en/thread").status == 200
        cookies = dict(visitor.cookies)
    with Running(settings) as running:
        visitor = Visitor(running.origin, cookies=cookies)
        assert visitor.get("/en/thread").status == 403
    store.close()


@pytest.mark.slow
def test_a_sources_cookie_is_replayed_at_every_worker_after_log_out(tmp_path: Path) -> None:
    """Log-out at one of the real server's workers; then every copy of the cookie, many times over, so that each worker meets it."""
    store = new_store(tmp_path / "store")
    Throwaway(1).install(store)
    with Running(write_settings(tmp_path / "settings.toml", store.folder, workers=3)) as running:
        visitor = Visitor(running.origin)
        visitor.write("words")
        first = dict(visitor.cookies)
        page = visitor.get("/en/thread")
        copies = (first, dict(visitor.cookies))
        hidden = re.search(r'action="/en/leave"[^>]*>\s*<input type="hidden" name="token" value="([^"]+)"', page.html)
        assert hidden is not None
        leave = PageForm("/en/leave", {"token": hidden[1]}, frozenset())
        assert visitor.send(page, leave).status == 200
        for copy in copies:
            for _ in range(12):
                assert Visitor(running.origin, cookies=dict(copy)).get("/en/thread").status == 403
    store.close()


def test_no_form_of_a_visit_does_anything_after_log_out(world: World) -> None:
    """Tokens are replayed with the cookie they belonged to: nothing is stored, deleted or shown."""
    window = Window(world)
    window.write("before")
    tokens = {"attach": window.hidden("attach")["token"], "known": window.hidden("known")["token"]}
    window.go("thread")
    tokens |= {act: window.hidden(act)["token"] for act in ("answer", "forget", "leave")}
    cookie = window.cookie()
    window.send("leave")
    for act, token in tokens.items():
        thief = _thief(world, cookie)
        thief.client.set_cookie("s", cookie or "")
        thief.post(act, text("token", token), text("message", "replayed"), text("sure", "yes"))
        # Log-out says the same to everybody.
        assert thief.page.status_code in {400, 403} or act == "leave", act
        assert thief.cookie() in {None, ""}, act
        assert not thief.shows_codename()
    with world.store.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM items").scalar_one() == 1


def test_a_sources_cookie_that_nobody_uses_dies_with_its_keys(world: World) -> None:
    """Two hours, two keys: after twice that it is noise."""
    window = Window(world)
    window.write()
    memory = world.app.extensions[KEY].memory
    before = memory._clock
    memory._clock = lambda: before() + 2 * ROTATION
    assert _thief(world, window.cookie()).page.status_code == 403


@pytest.mark.parametrize("at", [0, 10, 100, -5])
def test_a_changed_cookie_opens_nothing(world: World, at: int) -> None:
    """It is a box, not a form."""
    window = Window(world)
    window.write()
    cookie = window.cookie() or ""
    other = "A" if cookie[at] != "A" else "B"
    at %= len(cookie)
    assert _thief(world, cookie[:at] + other + cookie[at + 1 :]).page.status_code == 403


def test_a_token_is_no_cookie(world: World) -> None:
    """What is sealed for one place opens in no other."""
    window = Window(world)
    window.write()
    assert _thief(world, window.hidden("attach")["token"]).page.status_code == 403


def test_a_desks_cookie_opens_nothing_after_log_out(world: World) -> None:
    """A session is an id that means something in one process's memory until it ends."""
    browser, token = world.browser(1), world.token(1)
    cookie = browser.get_cookie("desk")
    assert cookie is not None
    assert browser.post("/logout", data={"token": token}).status_code == 303
    thief = world.desk.test_client()
    thief.set_cookie("desk", cookie.value)
    assert thief.get("/").headers["Location"] == "/login"


def test_a_desks_cookie_opens_nothing_after_a_restart_or_half_an_hour(world: World) -> None:
    """Nothing of a session is written down."""
    cookie = world.browser(1) and world.browser(1).get_cookie("desk")
    assert cookie is not None
    sessions = world.desk.extensions[DESK].sessions
    before = sessions._clock
    sessions._clock = lambda: before() + 31 * 60
    thief = world.desk.test_client()
    thief.set_cookie("desk", cookie.value)
    assert thief.get("/").headers["Location"] == "/login"
    sessions._clock = before
    world.start_desk()
    thief = world.desk.test_client()
    thief.set_cookie("desk", cookie.value)
    assert thief.get("/").headers["Location"] == "/login"


def test_a_vaults_address_works_once_and_its_cookie_in_one_process(world: World) -> None:
    """The second browser with the same address is refused, and so is the cookie after the vault was started again."""
    place = Place(folder=world.folder / "vault-1", sticks=(world.stick,), port=8_471)
    app = create_app(place, "t" * 43)
    base = f"http://{place.host}"
    first, second = app.test_client(), app.test_client()
    assert first.get(f"/?token={'t' * 43}", base_url=base).status_code == 303
    assert second.get(f"/?token={'t' * 43}", base_url=base).status_code == 403
    cookie = first.get_cookie(place.cookie, domain="127.0.0.1")
    assert cookie is not None
    assert first.get("/unlock", base_url=base).status_code == 200
    again = create_app(dataclasses.replace(place), "u" * 43).test_client()
    again.set_cookie(place.cookie, cookie.value, domain="127.0.0.1")
    assert again.get("/unlock", base_url=base).status_code == 403
