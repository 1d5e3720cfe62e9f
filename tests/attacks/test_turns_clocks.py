# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A clock jumps: a battery dies, an hour is set by hand, a time server lies.

Visits and codenames on a page go by a clock that nobody sets. What goes by the calendar (epochs, expiry) goes on taking words and never
destroys early: a night's care does nothing under a day that it cannot believe.
"""

from __future__ import annotations

import datetime
import time
from pathlib import Path

import pytest

from deploy.care import care
from deploy.errors import DeployError
from store import replies
from tests.journeys.world import World
from tests.source_app.multipart_forms import text
from tests.source_app.window import House, Window
from tests.store.factories import locator_of

YEARS = 3_650


@pytest.mark.parametrize("jump", [YEARS * 86_400.0, -YEARS * 86_400.0, 3_600.0], ids=["ahead", "back", "an hour"])
def test_a_visit_and_its_codename_do_not_notice_a_jump(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    """The wall clock jumps by ten years or an hour while a page lies open: the same visit, the codename still shown, the form still good."""
    house = House.open(tmp_path)
    window = Window(house)
    words = window.write("before the jump")
    token = window.hidden("attach")["token"]
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + jump)
    assert window.go("received").status_code == 200
    assert window.codename() == words
    assert window.go("thread").status_code == 200
    assert window.post("answer", text("token", token), text("message", "after the jump")).status_code == 200
    assert house.texts() == ["after the jump", "before the jump"]


@pytest.mark.parametrize("days", [-60, -1, 1, 200, YEARS])
def test_words_are_taken_and_open_whatever_day_it_is_called(tmp_path: Path, days: int) -> None:
    """Under a day before the root, or long after every sheet ran out, and again under the right one: sealed, stored, and every seat reads all."""
    house = House.open(tmp_path)
    intake = house.parts.intake
    right = intake.clock
    Window(house).write("on the right day")
    intake.clock = lambda: right() + datetime.timedelta(days=days)
    Window(house).write("on the wrong day")
    intake.clock = right
    Window(house).write("on the right day again")
    assert house.texts() == ["on the right day", "on the right day again", "on the wrong day"]


def test_a_care_under_a_wrong_day_destroys_nothing(world: World) -> None:
    """Ahead: refused whole, until somebody has looked. Back: nothing runs out, and the right day is then refused once too."""
    window = Window(world)
    words = window.write("words")
    thread = world.server_thread(words)
    assert thread is not None
    world.carry()
    ends = world.calendar.today() + datetime.timedelta(days=90)
    replies.publish(world.store, thread.id, replies.NewReply(id=b"r" * 16, header=b"h", payload=b"p", expires=ends))
    right = world.calendar.today()
    care(world.server, day=lambda: right)
    before = replies.slots(world.store, locator_of(world.store, thread.id), offset=0, count=5)
    assert len(before) == 1
    for days in (3, 91, YEARS):
        with pytest.raises(DeployError, match="Look at the clock"):
            care(world.server, day=lambda days=days: right + datetime.timedelta(days=days))
    care(world.server, day=lambda: right - datetime.timedelta(days=YEARS))
    with pytest.raises(DeployError, match="Look at the clock"):
        care(world.server, day=lambda: right)
    assert care(world.server, day=lambda: right, day_is_right=True).expired_replies == 0
    assert replies.slots(world.store, locator_of(world.store, thread.id), offset=0, count=5) == before
