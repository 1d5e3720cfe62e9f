# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Room on the disk: lanes, days until full, inodes, and the short and coarse history behind them.
"""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.doctor import space
from deploy.doctor.machine import Unseen
from deploy.doctor.space import GIB, MIB, Room
from deploy.doctor.space_history import MOST, STEPS, Reading, coarse, decode, encode, per_day, with_reading
from deploy.errors import CannotLookError

D = "/var/lib/dengwen"
ROOM = Room(
    total=640 * GIB,
    free=320 * GIB,
    reserve=32 * GIB,
    files=250 * GIB,
    wanted=20 * GIB,
    inodes=1_000_000,
    inodes_free=900_000,
)
LANE = 125 * GIB
DAY = datetime.date(2026, 11, 21)


def test_a_disk_with_room_is_well() -> None:
    """Every lane, by name."""
    assert space.files(ROOM, LANE, D).seen == "There is room for a file of 20 GiB, the largest the settings allow."
    assert space.words(ROOM, D).seen == "32 GiB or more is kept for words, and all of it is free."
    assert space.days_until_full(ROOM, 0.1, D).seen == "At the pace of the last weeks, more than 30 days."
    assert space.inodes(ROOM, D).seen == "At least 10 % of the inodes are free."
    assert all(one.ok for one in (space.files(ROOM, LANE, D), space.words(ROOM, D), space.inodes(ROOM, D)))


def test_smaller_files_than_promised_are_told_as_strangers_learn_it() -> None:
    """A power of two, as the pages say it."""
    found = space.files(replace(ROOM, files=7 * GIB), 5 * GIB, D)
    assert (found.ok, found.urgent) == (False, False)
    assert (
        found.seen
        == "The largest file that is taken now is 4 GiB, less than the 20 GiB of the settings, and accepting a thread helps little: the disk has no more."
    )
    assert f"dengwen server care --dir {D}" in found.fix


def test_a_full_lane_of_files_is_urgent() -> None:
    """Sources can only write."""
    found = space.files(replace(ROOM, files=0), 0, D)
    assert (found.urgent, found.seen) == (True, "No room is left for files: sources can only write.")


def test_a_lane_that_strangers_filled_is_told_although_the_disk_has_room() -> None:
    """Half of the disk is empty and is not theirs: a smaller file than promised, then none; and a reviewer can accept."""
    less, none = space.files(ROOM, 7 * GIB, D), space.files(ROOM, 0, D)
    assert (less.ok, less.urgent) == (False, False)
    assert "a thread that nobody accepted is 4 GiB, less than the 20 GiB of the settings" in less.seen
    assert (none.ok, none.urgent) == (False, True)
    assert "only accepted threads can send files" in none.seen
    assert all("a reviewer can accept" in one.fix for one in (less, none))


def test_a_lane_that_cannot_be_seen_is_said() -> None:
    """The store does not open."""
    found = space.files(ROOM, Unseen("no such store"), D)
    assert (found.ok, found.seen) == (False, "Could not be checked: no such store.")


def test_words_that_are_about_to_be_refused_are_urgent() -> None:
    """The last half gigabyte."""
    found = space.words(replace(ROOM, free=511 * MIB), D)
    assert (found.urgent, found.seen) == (True, "Less than 512 MiB is free in all: soon not even words can be taken.")


def test_a_reserve_in_use_and_one_that_is_not_kept_are_said() -> None:
    """Both are wrong and neither is urgent."""
    used = space.words(replace(ROOM, free=31 * GIB), D)
    none = space.words(replace(ROOM, reserve=0), D)
    assert (used.ok, used.urgent, used.seen) == (
        False,
        False,
        "The part of the disk that is kept for words is being used.",
    )
    assert (none.ok, none.urgent) == (False, False)
    assert "reserve_bytes = 2147483648 under [source]" in none.fix


@pytest.mark.parametrize(
    ("pace", "ok", "urgent", "said"),
    [
        (None, True, False, "too few daily readings"),
        (0.0, True, False, "not filling"),
        (-1.0, True, False, "not filling"),
        (1.0, False, False, "in about 28 days"),
        (10.0, False, True, "in about 2 days"),
        (28.8, False, True, "in about 1 day."),
    ],
)
def test_days_until_full_follow_the_pace(pace: float | None, *, ok: bool, urgent: bool, said: str) -> None:
    """What is free above the reserve, through what fills in a day."""
    found = space.days_until_full(ROOM, pace, D)
    assert (found.ok, found.urgent) == (ok, urgent)
    assert said in found.seen


def test_readings_that_cannot_be_kept_are_no_good_news() -> None:
    """The folder they lie in is named."""
    found = space.days_until_full(ROOM, Unseen("Permission denied"), D)
    assert (found.ok, found.seen) == (False, "Could not be checked: Permission denied.")
    assert f"install -d -o dengwen-care -g dengwen -m 0700 {D}/doctor" in found.fix


@pytest.mark.parametrize(
    ("free", "ok", "urgent"),
    [(100_000, True, False), (99_999, False, False), (20_000, False, False), (19_999, False, True)],
)
def test_inodes_run_out_like_bytes(free: int, *, ok: bool, urgent: bool) -> None:
    """Below a tenth it is said, below a fiftieth it is urgent."""
    found = space.inodes(replace(ROOM, inodes_free=free), D)
    assert (found.ok, found.urgent) == (ok, urgent)
    assert ok or "du --inodes" in found.fix


def test_a_file_system_without_a_fixed_number_of_inodes_is_well() -> None:
    """As btrfs, which says 0."""
    assert space.inodes(replace(ROOM, inodes=0, inodes_free=0), D).ok


days = st.dates(datetime.date(2000, 1, 1), datetime.date(2999, 12, 31))
histories = st.lists(days, max_size=MOST, unique=True).flatmap(
    lambda found: st.tuples(*(st.builds(Reading, st.just(day), st.integers(0, STEPS)) for day in sorted(found)))
)


@given(histories)
def test_a_history_reads_back_as_it_was_written(history: tuple[Reading, ...]) -> None:
    """Day by day."""
    assert decode(encode(history)) == history


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[[]]",
        b'[["2026-11-21", 65]]\n',
        b'[["2026-11-21", -1]]\n',
        b'[["2026-11-21", true]]\n',
        b'[["2026-11-21", 1.5]]\n',
        b'[["20261121", 1]]\n',
        b'[["2026-11-21", 1], ["2026-11-21", 1]]\n',
        b'[["2026-11-21", 1], ["2026-11-20", 1]]\n',
        b'[["2026-11-21",1]]\n',
        b'[["2026-11-21", 1, 2]]\n',
        b"[" * 3_000,
        encode(tuple(Reading(DAY + datetime.timedelta(days=at), 1) for at in range(MOST + 1))),
        b" " * 5_000,
    ],
)
def test_what_doctor_does_not_write_is_no_history(raw: bytes) -> None:
    """One accepted form."""
    with pytest.raises(CannotLookError):
        decode(raw)


@given(histories, days, st.integers(0, STEPS))
def test_a_history_has_one_reading_a_day_and_stays_short(
    history: tuple[Reading, ...], day: datetime.date, used: int
) -> None:
    """The first of a day counts; what lies after today was a wrong clock's."""
    found = with_reading(history, day, used)
    assert decode(encode(found)) == found
    assert found[-1].day == day
    assert with_reading(found, day, (used + 1) % STEPS) == found


def test_the_pace_is_told_from_three_days_on() -> None:
    """From the oldest reading to the newest."""
    first = Reading(DAY, 10)
    assert per_day(()) is None
    assert per_day((first, Reading(DAY + datetime.timedelta(days=2), 20))) is None
    assert per_day((first, Reading(DAY + datetime.timedelta(days=4), 12))) == 0.5


@given(st.integers(0, 1 << 50), st.integers(1, 1 << 50))
def test_a_reading_is_a_sixty_fourth_and_no_finer(used: int, total: int) -> None:
    """Nothing that was erased can be read out of it."""
    assert 0 <= coarse(used, total) <= STEPS
    assert coarse(total, total) == STEPS


@given(st.integers(0, 1 << 50))
def test_measured_sizes_are_told_as_powers_of_two(count: int) -> None:
    """Never more than there is, never less than half."""
    said = space.size(count)
    number, unit = said.split()
    value = int(number) * {"GiB": GIB, "MiB": MIB, "KiB": 1 << 10, "bytes": 1}[unit]
    assert value <= count < 2 * max(1, value)
