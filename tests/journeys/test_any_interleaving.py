# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Whatever order people act in, sticks travel in and batches are imported in: in the end every seat's vault holds the same tables.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from journalist_app.vault import models, replies
from journalist_app.vault.projection import compute_all
from tests.journeys.world import World
from tests.source_app.window import Window

pytestmark = pytest.mark.slow

STEPS = 24


class Play:
    """
    Two sources, three seats, one desk, and chance.
    """

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.chance = random.Random(seed)
        self.sources = [Window(world), Window(world)]
        self.values = [world.thread_value(one.write("first words")) for one in self.sources]
        self.batches: list[Path] = [world.take_out()]
        self.imported = dict.fromkeys(world.vaults, 0)

    def step(self) -> None:
        """One thing happens."""
        moves: list[Callable[[], object]] = [
            self.say,
            self.note,
            self.state,
            self.reply,
            self.send,
            self.take,
            self.read,
            self.read,
        ]
        self.chance.choice(moves)()

    def say(self) -> None:
        """A source writes more."""
        window = self.chance.choice(self.sources)
        window.go("thread")
        window.send("answer", message=f"more {self.chance.random()}")

    def note(self) -> None:
        """A seat that has a thread notes something about it."""
        self._act(lambda vault, value: replies.note(vault, value, f"note {self.chance.random()}"))

    def state(self) -> None:
        """A seat sets a state."""
        self._act(
            lambda vault, value: replies.set_state(vault, value, self.chance.choice(["reading", "waiting", "closed"]))
        )

    def reply(self) -> None:
        """A seat answers."""
        self._act(lambda vault, value: replies.reply(vault, value, f"reply {self.chance.random()}"))

    def send(self, seat: int | None = None) -> None:
        """A seat's outbox reaches the desk."""
        self.world.send(seat or self.chance.choice(list(self.world.vaults)))

    def take(self) -> None:
        """The desk takes out a batch."""
        self.batches.append(self.world.take_out())

    def read(self, seat: int | None = None) -> None:
        """A seat imports the next batch, if there is one."""
        chosen = seat or self.chance.choice(list(self.world.vaults))
        if self.imported[chosen] < len(self.batches):
            self.world.import_all(self.batches[self.imported[chosen]], chosen)
            self.imported[chosen] += 1

    def end(self) -> None:
        """Everything that waits arrives everywhere."""
        for seat in self.world.vaults:
            self.send(seat)
        self.take()
        for seat in self.world.vaults:
            while self.imported[seat] < len(self.batches):
                self.read(seat)

    def _act(self, act: Callable[..., object]) -> None:
        """A seat does something to a thread that it has."""
        vault = self.chance.choice(list(self.world.vaults.values()))
        with vault.read() as connection:
            known = (
                connection.execute(select(models.threads.c.thread).order_by(models.threads.c.thread)).scalars().all()
            )
        if known:
            act(vault, self.chance.choice(known))


@pytest.mark.parametrize("seed", range(3))
def test_every_seat_ends_with_the_same_tables(world: World, seed: int) -> None:
    """Items, payloads, lists, entries, threads: row for row, no alarm anywhere, and computing the threads anew changes nothing."""
    play = Play(world, seed)
    for _ in range(STEPS):
        play.step()
    play.end()
    dumps = [world.dump(seat) for seat in world.vaults]
    assert dumps[0] == dumps[1] == dumps[2]
    assert dumps[0]["entries"]
    assert [world.alarms(seat) for seat in world.vaults] == [[], [], []]
    with world.vaults[1].write() as connection:
        compute_all(connection)
    assert world.dump(1) == dumps[0]
