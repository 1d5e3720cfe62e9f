# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Epochs: what is sealed to whom on any day a clock can show, the floor, and the two trips before a seed dies.
"""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.age import HybridIdentity
from crypto.epochs import (
    MAX_EPOCH,
    SPAN_DAYS,
    addressees,
    destroyable,
    number_on,
    raise_floor,
    sealing_epoch,
    settled_floor,
    span,
)
from crypto.errors import EpochError, NoSeatError
from crypto.root import EARLIEST_DAY, LATEST_DAY
from crypto.sheet import Sheet
from tests.crypto.organisations import FIRST_DAY, Organisation, seed, sheet_of

EPOCHS = 4
ONE = Organisation.make(epochs=EPOCHS)
DAYS = st.dates()
FLOORS = st.integers(0, MAX_EPOCH + 1)


def day_of(epoch: int, offset: int = 0) -> date:
    """A day counted from the first day of an epoch."""
    return FIRST_DAY + timedelta(days=SPAN_DAYS * epoch + offset)


@pytest.mark.parametrize(
    ("offset", "epoch"), [(-4000, 0), (-1, 0), (0, 0), (13, 0), (14, 1), (27, 1), (28, 2), (14 * 26, 26)]
)
def test_an_epoch_is_fourteen_days_from_the_first(offset: int, epoch: int) -> None:
    """Counted from 0; before the first day it is epoch 0 all the same."""
    assert number_on(FIRST_DAY + timedelta(days=offset), FIRST_DAY) == epoch


@given(st.integers(0, MAX_EPOCH), st.dates(EARLIEST_DAY, LATEST_DAY))
def test_span_and_number_are_each_other_backwards(epoch: int, first_day: date) -> None:
    """Both ends of every epoch are in it, and the days around are not."""
    first, last = span(epoch, first_day)
    assert (last - first).days == SPAN_DAYS - 1
    assert number_on(first, first_day) == number_on(last, first_day) == epoch
    if epoch:
        assert span(epoch - 1, first_day)[1] == first - timedelta(days=1)


@pytest.mark.parametrize("epoch", [-1, MAX_EPOCH + 1, 10**9])
def test_there_is_no_epoch_outside_the_calendar(epoch: int) -> None:
    """It is refused by number; no date overflows."""
    with pytest.raises(EpochError, match=f"epoch {epoch} is not between"):
        span(epoch, LATEST_DAY)


@given(DAYS, DAYS, FLOORS)
def test_sealing_never_goes_below_the_floor(day: date, first_day: date, floor: int) -> None:
    """Whatever the clock says, and never below the epoch of the day either."""
    epoch = sealing_epoch(day, first_day, floor)
    assert epoch >= floor
    assert epoch >= number_on(day, first_day)


@given(day=DAYS, floor=FLOORS, installed=st.sets(st.sampled_from([1, 2, 3])))
def test_every_active_seat_gets_one_recipient_in_seat_order(day: date, floor: int, installed: set[int]) -> None:
    """On any day, above any floor: exactly the seats whose sheets are installed, ascending."""
    sheets = {number: ONE.sheets[number] for number in sorted(installed, reverse=True)}
    if not installed:
        with pytest.raises(NoSeatError, match="none of the 3 seats of card 1"):
            addressees(ONE.card, sheets, day, FIRST_DAY, floor)
        return
    to = addressees(ONE.card, sheets, day, FIRST_DAY, floor)
    epoch = max(number_on(day, FIRST_DAY), floor)
    assert to.seats == tuple(sorted(installed))
    assert to.epoch == epoch
    held = min(epoch, EPOCHS - 1)
    assert to.recipients == tuple(HybridIdentity(ONE.seeds[number][held]).recipient for number in to.seats)
    assert (to.card_digest, to.card_sequence) == (ONE.card.digest, 1)


@pytest.mark.parametrize(
    ("day", "floor", "epoch", "key"),
    [
        (day_of(0), 0, 0, 0),
        (day_of(1, 13), 0, 1, 1),
        (day_of(0, -400), 0, 0, 0),
        (day_of(0, -400), 2, 2, 2),
        (day_of(1), 3, 3, 3),
        (day_of(3), 1, 3, 3),
        (day_of(4), 0, 4, 3),
        (day_of(500), 0, 500, 3),
        (date.max, 0, MAX_EPOCH, 3),
        (date.min, 0, 0, 0),
        (day_of(2), 9, 9, 3),
    ],
    ids=[
        "first day",
        "last day of epoch 1",
        "clock set back before the first day",
        "clock set back, floor stands",
        "floor ahead of the day",
        "day ahead of the floor",
        "sheet ran out yesterday",
        "sheet ran out long ago",
        "clock at the end of time",
        "clock at the beginning of time",
        "floor beyond the sheet",
    ],
)
def test_what_is_sealed_under_on_a_given_day(day: date, floor: int, epoch: int, key: int) -> None:
    """The epoch that is named, and the key that is used where a sheet does not reach it."""
    to = ONE.addressees(day, floor)
    assert to.epoch == epoch
    assert to.recipients[0] == HybridIdentity(ONE.seeds[1][key]).recipient


def test_a_sheet_that_begins_later_lends_its_first_key() -> None:
    """A seat admitted in epoch 2 is sealed to by a server whose clock still says 1 (spec E4)."""
    held = {epoch: seed("late", epoch) for epoch in (2, 3)}
    sheets = {**ONE.sheets, 3: sheet_of(ONE.root, ONE.card, 3, held, ONE.signing[3])}
    to = addressees(ONE.card, sheets, day_of(1), FIRST_DAY, 0)
    assert to.epoch == 1
    assert to.recipients[2] == HybridIdentity(held[2]).recipient


def test_a_sheet_of_a_former_holder_seals_to_nobody() -> None:
    """The card gave the number another key: the lost laptop's sheet does not make the seat active."""
    seats = (dataclasses.replace(ONE.card.seats[0], signing=bytes(32)), *ONE.card.seats[1:])
    to = addressees(dataclasses.replace(ONE.card, seats=seats), ONE.sheets, day_of(0), FIRST_DAY, 0)
    assert to.seats == (2, 3)


def test_sheets_of_seats_off_the_card_are_not_looked_at() -> None:
    """A removed seat is out with the card, whatever sheets are still there."""
    card = dataclasses.replace(ONE.card, seats=ONE.card.seats[:2])
    assert addressees(card, ONE.sheets, day_of(0), FIRST_DAY, 0).seats == (1, 2)


@pytest.mark.parametrize("offset", [-30, 0, 13])
def test_an_epoch_is_not_closed_before_its_end_has_passed(offset: int) -> None:
    """Not on its last day either: a source may be writing."""
    with pytest.raises(EpochError, match="epoch 2 lasts until"):
        raise_floor(0, 2, day_of(2, offset), FIRST_DAY)


def test_an_epoch_is_closed_on_the_day_after() -> None:
    """And the floor is one past it."""
    assert raise_floor(0, 2, day_of(3), FIRST_DAY) == 3


def test_a_late_announcement_does_not_lower_the_floor() -> None:
    """Seat 3 closes epoch 0 when seat 1 has long closed 4."""
    assert raise_floor(5, 0, day_of(9), FIRST_DAY) == 5


@pytest.mark.parametrize("epoch", [-1, MAX_EPOCH + 1])
def test_an_epoch_that_does_not_exist_is_not_closed(epoch: int) -> None:
    """Closing -1 would look like a floor of 0."""
    with pytest.raises(EpochError, match=f"epoch {epoch} is not"):
        raise_floor(0, epoch, date.max, FIRST_DAY)


@given(st.lists(st.tuples(st.integers(-2, 40), st.integers(-100, 600)), max_size=20))
def test_no_sequence_of_closes_lowers_the_floor(closes: list[tuple[int, int]]) -> None:
    """In any order, on any days, with clocks set back in between; and it never passes the latest day's epoch."""
    floor, latest = 0, 0
    for through, offset in closes:
        day = FIRST_DAY + timedelta(days=offset)
        latest = max(latest, number_on(day, FIRST_DAY))
        try:
            raised = raise_floor(floor, through, day, FIRST_DAY)
        except EpochError:
            continue
        assert raised >= floor
        assert raised >= through + 1
        floor = raised
    assert floor <= latest


@pytest.mark.parametrize(
    ("imported", "settled"),
    [
        ({}, 0),
        ({1: 0}, 0),
        ({1: 0, 2: 3}, 3),
        ({1: 0, 3: 9}, 0),
        ({2: 9}, 0),
        ({0: 9}, 0),
        ({1: 2, 2: 4, 4: 9}, 4),
        ({3: 5, 1: 1, 2: 2}, 5),
        ({1: 4, 2: 0}, 4),
    ],
)
def test_a_floor_counts_when_every_batch_before_it_is_imported(imported: dict[int, int], settled: int) -> None:
    """A gap may hold an item that only the old seed opens."""
    assert settled_floor(imported) == settled


def destroyed(settled: int, day: date, installed_last: int | None = 25, held: range = range(6)) -> tuple[int, ...]:
    """What may be destroyed of the first six epochs."""
    return destroyable(held, settled=settled, installed_last=installed_last, day=day, first_day=FIRST_DAY)


def test_a_seed_dies_after_two_trips_and_fourteen_days() -> None:
    """Epoch 1 ends on the 27th day from 0; with the floor above it settled it goes fourteen days later, not earlier."""
    last = span(1, FIRST_DAY)[1]
    assert destroyed(2, last + timedelta(days=13)) == (0,)
    assert destroyed(2, last + timedelta(days=14)) == (0, 1)


def test_without_a_settled_floor_nothing_dies() -> None:
    """However late it is."""
    assert destroyed(0, date.max) == ()


def test_epochs_at_and_above_the_floor_live() -> None:
    """However late it is."""
    assert destroyed(3, date.max) == (0, 1, 2)


@pytest.mark.parametrize("last", range(6))
def test_the_last_epoch_of_the_installed_sheet_is_never_destroyed(last: int) -> None:
    """The server falls back to it when the sheet has run out."""
    assert destroyed(100, date.max, installed_last=last) == tuple(epoch for epoch in range(6) if epoch != last)


def test_a_seat_without_an_installed_sheet_destroys_nothing() -> None:
    """It cannot know which key the server falls back to."""
    assert destroyed(100, date.max, installed_last=None) == ()


@given(
    held=st.sets(st.integers(0, 60)),
    settled=st.integers(0, 60),
    last=st.integers(0, 60),
    offset=st.integers(-100, 1000),
)
def test_what_is_destroyed_meets_all_four_conditions(held: set[int], settled: int, last: int, offset: int) -> None:
    """And what is kept misses one of them (spec E6)."""
    day = FIRST_DAY + timedelta(days=offset)
    gone = destroyable(held, settled=settled, installed_last=last, day=day, first_day=FIRST_DAY)
    assert list(gone) == sorted(gone)
    for epoch in held:
        ended = FIRST_DAY + timedelta(days=SPAN_DAYS * (epoch + 1) - 1)
        conditions = epoch < settled, epoch != last, (day - ended).days >= 14
        assert (epoch in gone) == all(conditions)


@given(day=DAYS, floor=st.integers(0, 80), settled=st.integers(0, 80), offset=st.integers(0, 1200))
def test_a_destroyed_seed_is_never_sealed_to_again(day: date, floor: int, settled: int, offset: int) -> None:
    """Once a floor is settled on every side, no clock makes the server use a key that is gone."""
    sheet: Sheet = ONE.sheets[1]
    vault_day = FIRST_DAY + timedelta(days=offset)
    gone = destroyable(
        ONE.seeds[1].keys(), settled=settled, installed_last=sheet.last, day=vault_day, first_day=FIRST_DAY
    )
    used = sheet.recipient_for(sealing_epoch(day, FIRST_DAY, max(floor, settled)))
    assert used not in {HybridIdentity(ONE.seeds[1][epoch]).recipient for epoch in gone}
