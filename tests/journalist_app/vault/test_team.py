# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What the page of seats says of their silence.
"""

from __future__ import annotations

from journalist_app.vault.importer import import_batch
from journalist_app.vault.team import overview
from tests.journalist_app.vault.fakes import Organisation


def silent(made: Organisation) -> dict[int, int]:
    """
    For each seat that seat 1's page calls silent: for how many days.
    """
    with made.vaults[0].read() as connection:
        return {seat.number: seat.silent_days for seat in overview(connection).seats if seat.silent}


def carried(made: Organisation, *numbers: int) -> None:
    """
    The next batch, imported by these seats.
    """
    batch = made.server.batch(made.stick)
    for number in numbers:
        import_batch(made.vaults[number - 1], batch)


def test_a_seat_without_a_batch_to_acknowledge_is_not_silent(three: Organisation):
    """Sixty days without a batch: the first one after them accuses nobody, nor does a seat accuse itself."""
    carried(three, 1, 2, 3)
    three.send(three.vaults[1])
    three.send(three.vaults[2])
    carried(three, 1, 2, 3)
    three.turn(60)
    carried(three, 1, 2, 3)
    assert 1 not in silent(three)


def test_a_seat_that_left_a_batch_unacknowledged_for_thirty_days_is(three: Organisation):
    """Counted from the first batch it should have acknowledged; the seat that did is not named."""
    carried(three, 1, 2)
    three.send(three.vaults[1])
    three.turn(20)
    carried(three, 1, 2)
    assert silent(three) == {}
    three.send(three.vaults[1])
    three.turn(15)
    carried(three, 1, 2)
    assert silent(three) == {3: 35}
