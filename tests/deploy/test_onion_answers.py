# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What tor answers, read into types, and control ports that do not answer as one.
"""

from __future__ import annotations

import datetime
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy import onion, onion_answers
from deploy.errors import OnionError
from deploy.onion_answers import Directories

HOUR = datetime.timedelta(hours=1)
NOON = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("now", "skew"),
    [
        pytest.param(NOON, "right", id="as it begins"),
        pytest.param(NOON + HOUR, "right", id="fresh"),
        pytest.param(NOON + 2.9 * HOUR, "right", id="not fresh any more, as with every tor at times"),
        pytest.param(NOON + 3 * HOUR, "right", id="as it ends"),
        pytest.param(NOON - datetime.timedelta(seconds=1), "behind", id="before it began"),
        pytest.param(NOON + 3.1 * HOUR, "ahead or offline", id="after it ended"),
    ],
)
def test_the_clock_is_judged_by_the_hours_the_directories_signed(now: datetime.datetime, skew: str) -> None:
    """A clock outside the consensus is wrong, or tor has no newer one; inside it, nothing is said against it."""
    assert onion_answers.judge_clock(NOON, NOON + 3 * HOUR, now).skew == skew


@given(st.integers(0, 1 << 37))
def test_times_are_read_as_tor_writes_them(seconds: int) -> None:
    """Every second survives being written and read."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    assert onion_answers.read_time(f"{moment:%Y-%m-%d %H:%M:%S}") == moment


@pytest.mark.parametrize("written", ["", "2026-11-21", "2026-11-21T12:00:00", "2026-13-01 00:00:00", "now"])
def test_what_is_no_time_is_refused(written: str) -> None:
    """Half a time, and no time."""
    with pytest.raises(OnionError, match="no time"):
        onion_answers.read_time(written)


def test_a_bootstrap_that_is_stuck_says_why() -> None:
    """Progress, words and the reason that names a wrong clock."""
    done = onion_answers.read_bootstrap('NOTICE BOOTSTRAP PROGRESS=100 TAG=done SUMMARY="Done"')
    assert (done.percent, done.summary, done.reason) == (100, "Done", "")
    stuck = onion_answers.read_bootstrap(
        'WARN BOOTSTRAP PROGRESS=30 TAG=loading_status SUMMARY="Loading networkstatus consensus" '
        'WARNING="Clock skew -86400 in microdesc flavor consensus from CONSENSUS" REASON=CLOCK_SKEW COUNT=1 RECOMMENDATION=warn'
    )
    assert (stuck.percent, stuck.reason) == (30, "CLOCK_SKEW")


@pytest.mark.parametrize(
    "phase", ["", "NOTICE BOOTSTRAP", 'NOTICE BOOTSTRAP PROGRESS=101 TAG=done SUMMARY="Done"', "PROGRESS=100"]
)
def test_a_bootstrap_that_is_none_is_refused(phase: str) -> None:
    """Nothing is taken for "done" that does not say so."""
    with pytest.raises(OnionError):
        onion_answers.read_bootstrap(phase)


@pytest.mark.parametrize(
    ("status", "fine"),
    [("recommended", True), ("new", True), ("new in series", True), ("obsolete", False), ("unrecommended", False)],
)
def test_a_version_is_old_when_the_directories_say_so(status: str, *, fine: bool) -> None:
    """A tor newer than the directories know is not old."""
    assert onion_answers.Version("0.4.9.11", status).recommended is fine


def test_directories_are_counted_once_each() -> None:
    """One that failed and then gave it has it; one that never answers is named so; an answer nobody asked for counts nothing."""
    events = [
        ("REQUESTED", "A", ""),
        ("REQUESTED", "B", ""),
        ("REQUESTED", "C", ""),
        ("REQUESTED", "D", ""),
        ("RECEIVED", "A", ""),
        ("RECEIVED", "A", ""),
        ("FAILED", "B", "NOT_FOUND"),
        ("FAILED", "C", "UNEXPECTED"),
        ("REQUESTED", "C", ""),
        ("RECEIVED", "C", ""),
        ("RECEIVED", "Z", ""),
        ("UPLOADED", "Y", ""),
    ]
    assert onion_answers.count_directories(events) == Directories(asked=4, have=2, failed=("NOT_FOUND", "NO_ANSWER"))


@given(
    st.lists(
        st.tuples(st.sampled_from(["REQUESTED", "RECEIVED", "FAILED"]), st.sampled_from("ABC"), st.just("NOT_FOUND"))
    )
)
def test_no_order_of_events_counts_more_than_was_asked(events: list[tuple[str, str, str]]) -> None:
    """Those that have it and those that failed are together those that were asked."""
    found = onion_answers.count_directories(events)
    assert found.have + len(found.failed) == found.asked


def test_one_service_is_left_out_with_all_its_options() -> None:
    """Options belong to the HiddenServiceDir before them; the other services keep theirs, in order."""
    lines = [
        ("HiddenServiceDir", "/t/source"),
        ("HiddenServicePort", "80 unix:/a"),
        ("HiddenServiceDir", "/t/desk"),
        ("HiddenServicePort", "80 unix:/b"),
        ("HiddenServiceMaxStreams", "64"),
        ("HiddenServiceDir", "/t/ssh"),
        ("HiddenServicePort", "22"),
    ]
    assert list(onion_answers.without(lines, Path("/t/desk"))) == [*lines[:2], *lines[5:]]
    assert list(onion_answers.without(lines, Path("/t/none"))) == lines


@pytest.mark.parametrize("address", ["", "a" * 55, "A" * 56, "a" * 56 + ".onion", "a" * 55 + " ", "a" * 55 + "1"])
def test_no_address_carries_a_second_command(address: str) -> None:
    """What is put into a command is 56 letters and digits of Base32, or nothing is said."""
    with pytest.raises(OnionError, match="56"):
        onion_answers.require_address(address)


@pytest.mark.parametrize("raw", ["", "hs-descriptor 3\n", "x" * 1000])
def test_a_descriptor_that_is_none_is_refused(raw: str) -> None:
    """Nothing is said of a service from what is not its descriptor."""
    with pytest.raises(OnionError):
        onion.read_descriptor(raw, "a" * 56)


@contextmanager
def listening(path: Path, answer: bytes | None) -> Iterator[None]:
    """A control port that gives one answer to each connection, and hangs up; or says nothing."""
    done = threading.Event()

    def serve(listener: socket.socket) -> None:
        with listener:
            while not done.is_set():
                one, _ = listener.accept()
                if done.is_set():
                    one.close()
                elif answer is None:
                    kept.append(one)
                else:
                    with one, suppress(OSError):
                        one.sendall(answer)

    kept: list[socket.socket] = []
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    thread = threading.Thread(target=serve, args=(listener,))
    thread.start()
    try:
        yield
    finally:
        done.set()
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(str(path))
        thread.join()
        for one in kept:
            one.close()


def test_a_control_port_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Tor does not run: one sentence with the socket's path."""
    with pytest.raises(OnionError, match="control"), onion.opened(tmp_path / "control"):
        pass


def test_a_silent_control_port_is_left_in_time(tmp_path: Path) -> None:
    """A tor that hangs takes no longer than the deadline."""
    began = time.monotonic()
    with (
        listening(tmp_path / "control", None),
        pytest.raises(OnionError, match=r"within 0.5 seconds"),
        onion.opened(tmp_path / "control", seconds=0.5),
    ):
        pass
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400\r\n\r\n", b"514 Authentication required.\r\n", b"\x00\xff\r\n"])
def test_a_control_port_of_something_else_is_refused(tmp_path: Path, answer: bytes) -> None:
    """Whatever answers there that is not tor is an error of ours, not a traceback of stem's."""
    with (
        listening(tmp_path / "control", answer),
        pytest.raises(OnionError),
        onion.opened(tmp_path / "control", seconds=3),
    ):
        pass
