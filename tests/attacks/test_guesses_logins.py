# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Somebody reached the desk's onion and guesses.

Five tries for a name in a quarter of an hour, every failure at the same time and in the same words; and what is guessed at has
77 random bits and a code that works once.
"""

from __future__ import annotations

import dataclasses
import time

import pyotp
import pytest

from crypto.passwords import CHEAPEST, LOGIN
from deploy.settings import load
from journalist_app.desk import create_app
from journalist_app.desk.login import TRIES, WINDOW_SECONDS
from journalist_app.desk.settings import DeskSettings
from tests.journeys.world import World

DELAY = 0.2


@pytest.fixture
def desk(world: World):
    """A desk whose failures take a fifth of a second."""
    settings = dataclasses.replace(load(world.server).desk, login_milliseconds=int(DELAY * 1_000))
    return create_app(settings, profile=CHEAPEST, clock=world.calendar.seconds).test_client()


def _typed(world: World, seat: int, **changed: str) -> dict[str, str]:
    """What a person types, with a fresh code."""
    world.calendar.step()
    person = world.people[seat]
    code = pyotp.TOTP(person.totp).at(int(world.calendar.seconds()))
    return {"name": person.person.name, "passphrase": person.passphrase, "code": code, **changed}


def test_guessing_ends_after_a_few_tries_and_the_right_words_do_not_help_then(world: World, desk) -> None:
    """Whoever guesses past the limit learns nothing even by guessing right; other people are not kept out."""
    for _ in range(TRIES):
        assert desk.post("/login", data=_typed(world, 1, passphrase="a guess")).status_code == 403
    assert desk.post("/login", data=_typed(world, 1)).status_code == 403
    assert desk.post("/login", data=_typed(world, 2)).status_code == 303


def test_a_name_spelled_otherwise_is_not_a_new_line_of_tries(world: World, desk) -> None:
    """Compositions of one name are counted as one."""
    spellings = ("ame\u0301r", "am\u00e9r", "ame\u0301r", "am\u00e9r", "ame\u0301r", "am\u00e9r")
    pages = {desk.post("/login", data=_typed(world, 1, name=name)).text for name in spellings}
    assert len(pages) == 1


def test_every_failure_is_the_same_page_at_the_same_time(world: World, desk) -> None:
    """Unknown name, wrong passphrase, wrong code, spent code, nothing at all."""
    spent = _typed(world, 1)
    assert desk.post("/login", data=spent).status_code == 303
    tries = (
        _typed(world, 1, name="nobody"),
        _typed(world, 2, passphrase="wrong"),
        _typed(world, 3, code="000000"),
        spent,
        {},
    )
    answers, times = [], []
    for typed in tries:
        began = time.monotonic()
        answers.append(desk.post("/login", data=typed))
        times.append(time.monotonic() - began)
    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.text for answer in answers}) == 1
    assert min(times) >= DELAY
    assert not [answer for answer in answers if "Set-Cookie" in answer.headers]


def test_a_code_that_was_seen_over_a_shoulder_works_once(world: World, desk) -> None:
    """The passphrase too, and within the same half minute."""
    typed = _typed(world, 1)
    assert desk.post("/login", data=typed).status_code == 303
    assert desk.post("/login", data=typed).status_code == 403


def test_the_rate_that_is_left_is_far_from_enough() -> None:
    """As installed: five tries a quarter of an hour, two seconds each, against 77 bits and a code."""
    guesses_a_year = TRIES * 365 * 86_400 / WINDOW_SECONDS
    assert guesses_a_year < 200_000
    assert guesses_a_year / 2**77 < 1e-17
    assert DeskSettings.__dataclass_fields__["login_milliseconds"].default >= 2_000
    assert (LOGIN.memory_kib, LOGIN.passes) >= (65_536, 3)
