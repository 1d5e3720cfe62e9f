# SPDX-License-Identifier: AGPL-3.0-or-later
"""
How far files have come: counted by visit, shown in a frame, forgotten; and the visit that does not end under them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_app import limits, progress, visit
from source_app.limits import HOLD_SECONDS, HOLD_STEP_SECONDS, PROGRESS_FORMS, PROGRESS_STALE_SECONDS
from source_app.memory import ROTATION, Memory
from source_app.progress import IDLE, SOON, Coming, Way, look_again, look_anew, on_the_way
from source_app.settings import SourceSettings
from tests.source_app.meanwhile import beside, send_while
from tests.source_app.multipart_forms import file, text
from tests.source_app.window import House, Window

VISIT = b"v" * 16
HOUR = 60 * 60


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def coming(
    memory: Memory, length: int = 100, form: bytes = b"f" * 16, hold: Callable[[], None] = lambda: None
) -> Coming:
    """A form of the visit on its way."""
    return Coming(memory, visit=VISIT, form=form, length=length, hold=hold)


@cache
def _memory() -> Memory:
    # Made once: an example that ends leaves nothing in it.
    return Memory()


def told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every byte told, however fast they come."""
    monkeypatch.setattr(progress, "PROGRESS_SECONDS", 0.0)


@given(
    st.lists(
        st.tuples(st.integers(1, 2**53), st.floats(0, 1), st.integers(0, 3)), min_size=1, max_size=PROGRESS_FORMS + 2
    )
)
def test_what_forms_tell_is_what_is_shown(forms: list[tuple[int, float, int]]) -> None:
    """The newest of them together, as far as they are counted; and nothing once they have ended."""
    with pytest.MonkeyPatch.context() as patch:
        told_at_once(patch)
        memory = _memory()
        running = []
        for number, (length, share, files) in enumerate(forms):
            one = coming(memory, length, bytes([number + 1]) * 16)
            for _ in range(files):
                one.arrived()
            one.came(int(length * share))
            running.append(one)
        counted = forms[-PROGRESS_FORMS:]
        way = on_the_way(memory, VISIT)
        assert way is not None
        assert (way.came, way.length) == (sum(int(a * b) for a, b, _ in counted), sum(one[0] for one in counted))
        assert way.files == sum(one[2] for one in counted)
        assert 0 <= way.share <= 99
        for one in running:
            one.ended()
        assert on_the_way(memory, VISIT) is None


def test_another_visit_sees_nothing_of_it() -> None:
    """It is found by the visit's id alone."""
    memory = Memory()
    coming(memory)
    assert on_the_way(memory, b"w" * 16) is None


def test_a_form_that_ended_with_its_worker_is_forgotten() -> None:
    """Nobody tells its end; a form that only became silent is still shown, and its silence told."""
    clock = Clock()
    memory = Memory(clock=clock)
    coming(memory)
    clock.now += 40
    assert on_the_way(memory, VISIT) == Way(0, 100, 0, 40)
    clock.now += PROGRESS_STALE_SECONDS - 40
    assert on_the_way(memory, VISIT) is None


def test_the_count_is_not_written_for_every_piece() -> None:
    """Pieces may come by the thousand in a second; the memory is all workers'."""
    memory = Memory()
    one = coming(memory, 1_000_000)
    one.came(1)
    for length in range(2, 1000):
        one.came(length)
    assert on_the_way(memory, VISIT) == Way(1, 1_000_000, 0, 0)


def test_a_frame_looks_less_and_less_often_while_nothing_comes() -> None:
    """Then only when it is pressed, until the page around it is opened again or something comes."""
    memory = Memory()
    waits = [look_again(memory, VISIT) for _ in range(IDLE[-1][0] + 5)]
    assert waits[0] == IDLE[0][1] <= 2
    assert [one for one in waits if one is not None] == sorted(one for one in waits if one is not None)
    assert waits[-5:] == [None] * 5
    look_anew(memory, VISIT)
    assert look_again(memory, VISIT) == IDLE[0][1]
    for _ in waits:
        look_again(memory, VISIT)
    coming(memory).ended()
    assert look_again(memory, VISIT) == IDLE[0][1]


def test_looks_are_counted_to_an_end() -> None:
    """A page left open for weeks does not overflow its counter."""
    memory = Memory()
    memory.uploads.put(VISIT, b"\xff\xff")
    assert look_again(memory, VISIT) is None
    assert look_again(memory, VISIT) is None


def test_a_running_form_keeps_its_visit_every_minute_and_for_a_day_at_most() -> None:
    """Not for every piece, and not for ever."""
    clock, held = Clock(), []
    memory = Memory(clock=clock)
    one = coming(memory, hold=lambda: held.append(clock.now))
    for second in range(0, HOLD_SECONDS + HOUR, 20):
        clock.now = 1_000.0 + second
        one.came(second)
    gaps = {int(after - before) for before, after in itertools.pairwise(held)}
    assert gaps == {HOLD_STEP_SECONDS}
    assert max(held) < 1_000.0 + HOLD_SECONDS


def test_a_silent_body_is_waited_for_two_minutes(tmp_path: Path) -> None:
    """A circuit is built anew in less."""
    assert SourceSettings(store=tmp_path, organisation="x").silence_seconds >= 120
    assert limits.BODY_PATIENCE_SECONDS >= 120


# -- in the pages


@pytest.fixture
def window(house: House) -> Window:
    """An English window on it, in a visit."""
    window = Window(house)
    window.write()
    return window


def test_the_page_that_sends_has_a_frame_for_each_and_a_way_without(window: Window) -> None:
    """The form goes into one of them; both are there at once, in the visit; the page without has the same form."""
    assert re.search(r'<form[^>]* action="/en/attach" target="sent"', window.html)
    frames = re.findall(r'<iframe class="\w+" name="(\w+)" src="/en/(\w+)"', window.html)
    assert [name for name, _ in frames] == ["progress", "sent"]
    assert 'href="/en/files"' in window.html
    for _, name in frames:
        assert window.go(name).status_code == 200
        assert len(window.page.data) == 4_096
        assert '<base target="_top">' in window.html
    window.go("files")
    assert "target=" not in window.html.split("<main")[1].split("</main>")[0]
    assert window.offers("files")


@pytest.mark.parametrize("page", ["received", "files"])
def test_a_whole_folder_can_be_chosen(window: Window, page: str) -> None:
    """Beside single files, under the same name, with its limit."""
    window.go(page)
    assert re.search(r'<input type="file" id="folder" name="files" webkitdirectory multiple', window.html)
    assert "Up to 2,000 files at a time" in window.html


def test_the_frame_tells_how_far_files_have_come(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    """While they come, at least every two seconds; afterwards, what arrived in all."""
    told_at_once(monkeypatch)
    frame = beside(window)
    seen: list[tuple[int, str]] = []

    def look() -> None:
        assert int(frame.go("progress").headers["Refresh"]) <= 2
        seen.append((int((re.search(r'value="(\d+)"', frame.html) or pytest.fail(frame.html))[1]), frame.html))

    send_while(window, "attach", look, b"1" * 400_000, b"2" * 400_000, times=8)
    shares = [share for share, _ in seen]
    assert shares == sorted(shares)
    assert shares[0] < 20
    assert shares[-1] > 80
    assert "Files that arrived whole: 0." in seen[0][1]
    assert "Files that arrived whole: 1." in seen[-1][1]
    frame.go("progress")
    assert "Nothing is on its way." in frame.html
    assert "Files that arrived in this visit: 2, together 781 KB." in frame.html


def test_each_file_is_listed_when_it_has_arrived_and_not_only_at_the_end(window: Window) -> None:
    """The form may still run for hours, or be cut; in the end each stands there once, and is counted once."""
    other, seen = beside(window), []

    def look() -> None:
        other.go("received")
        seen.append(other.html)

    send_while(window, "attach", look, b"1" * 100_000, b"2" * 300_000)
    assert "0.bin" in seen[0]
    assert "1.bin" not in seen[0]
    assert window.html.count("0.bin") == window.html.count("1.bin") == 1
    assert "Files that arrived in this visit: 2, together 391 KB." in window.html


def test_a_silence_is_told(house: House, window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a source can do about it stands beside it."""
    told_at_once(monkeypatch)
    frame = beside(window)

    def wait() -> None:
        frame.go("progress")
        assert "Nothing has come" not in frame.html
        house.later(30)
        frame.go("progress")
        assert "Nothing has come for 30 seconds." in frame.html

    send_while(window, "attach", wait, b"1" * 100_000)


def test_a_frame_that_looks_at_nothing_keeps_no_visit_open(house: House, window: Window) -> None:
    """A page left lying open ends after its time, however often its frame looked; while files come, looking keeps it."""
    frame = beside(window)
    for _ in range(5):
        house.later(HOUR)
        page = frame.go("progress")
        assert not [
            one for one in page.headers.getlist("Set-Cookie") if one.startswith("s=") and "Max-Age=0" not in one
        ]
    assert page.status_code == 403
    assert "This visit has ended." in frame.html
    assert "Refresh" not in page.headers


def test_looking_while_files_come_keeps_the_visit_open(window: Window) -> None:
    """The frame carries the cookie on."""
    frame = beside(window)
    send_while(window, "attach", lambda: frame.go("progress"), b"1" * 100_000)
    assert any(one.startswith("s=") for one in frame.page.headers.getlist("Set-Cookie"))


def test_a_visit_does_not_end_under_a_running_upload(house: House, window: Window) -> None:
    """
    Ten hours, in a browser without frames, which cannot be told anything meanwhile, then the circuit breaks and no answer comes: its old cookie
    still opens, the form of its old page too, and the list is whole.
    """
    browser = beside(window)
    browser.go("received")
    old, token = window.cookie() or "", window.hidden("attach")["token"]
    send_while(window, "attach", lambda: house.later(HOUR), b"1" * 800_000, b"2" * 800_000, times=10)
    assert window.page.status_code == 200
    browser.client.set_cookie("s", old)
    browser.go("received")
    assert browser.page.status_code == 200
    assert "0.bin" in browser.html
    assert "1.bin" in browser.html
    browser.client.set_cookie("s", old)
    browser.post("attach", text("token", token), file("again.bin", b"3"))
    assert browser.page.status_code == 200
    assert "again.bin" in browser.html


def test_what_an_upload_kept_ends_after_it(house: House, window: Window) -> None:
    """Four hours later the old cookie opens nothing any more; another visit's, as old, never did."""
    other = Window(house)
    other.write()
    strangers = other.cookie() or ""
    old = window.cookie() or ""
    send_while(window, "attach", lambda: house.later(HOUR), b"1" * 800_000, times=6)
    for cookie, status in ((old, 200), (strangers, 403)):
        browser = Window(house)
        browser.client.set_cookie("s", cookie)
        assert browser.go("received").status_code == status
    house.later(2 * ROTATION)
    browser = Window(house)
    browser.client.set_cookie("s", old)
    assert browser.go("received").status_code == 403


def test_logging_out_during_a_long_upload_is_the_last_word(house: House, window: Window) -> None:
    """Hours later the upload is refused, no old cookie opens, and nothing is listed."""
    old = window.cookie() or ""
    visit_id = house.parts.sealer.session(old).id
    leaving = beside(window)

    def leave() -> None:
        leaving.client.set_cookie("s", old)
        leaving.go("thread")
        leaving.send("leave")

    steps: list[Callable[[], None]] = [*[lambda: house.later(HOUR)] * 3, leave, *[lambda: house.later(HOUR)] * 8]
    upcoming = iter(steps)

    def step() -> None:
        next(upcoming)()

    send_while(window, "attach", step, b"1" * 800_000, times=len(steps))
    assert window.page.status_code == 403
    assert house.kinds() == ["message"]
    browser = Window(house)
    browser.client.set_cookie("s", old)
    assert browser.go("received").status_code == 403
    assert visit.listed(house.parts.memory, visit_id) == ((), False)


def test_a_long_first_upload_keeps_its_form_and_its_codename(house: House) -> None:
    """Files sent with the first words, for seven hours: the codename has not been shown yet, and is shown then."""
    window = Window(house)
    window.go("write")
    send_while(window, "write", lambda: house.later(HOUR), b"1" * 800_000, times=7)
    assert window.page.status_code == 200
    assert window.shows_codename()


def test_more_files_than_a_form_may_bring_are_said_plainly(
    house: House, window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those before the bound are kept, the first one over it is named, and an archive is asked for."""
    monkeypatch.setattr(limits, "FILES", 3)
    window.send("attach", *[(f"案卷/{number}.txt", b"x") for number in range(5)])
    assert window.page.status_code == 413
    assert "Please send the folder as one archive." in window.html
    assert "not kept; please send the folder as one archive" in window.html
    assert "Files that arrived in this visit: 3, together 3 B. Not arrived: 1." in window.html
    assert house.kinds() == ["file"] * 3 + ["files", "message"]


def test_a_crowd_is_looked_at_less_often(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand frames that look every second would take what their files need."""
    crowd = progress._Crowd()
    crowd.add(progress.CROWD * 4)
    monkeypatch.setattr(progress, "_crowd", crowd)
    frame = beside(window)
    send_while(window, "attach", lambda: frame.go("progress"), b"1" * 100_000)
    assert int(frame.page.headers["Refresh"]) == SOON + 4


def test_who_is_disturbed_by_what_moves_can_stop_it(window: Window) -> None:
    """The count stands still until it is pressed, while files come and when nothing does; either leads to the other."""
    frame = beside(window)

    def look() -> None:
        assert 'href="/en/still"' in frame.go("progress").text
        page = frame.go("still")
        assert "Refresh" not in page.headers
        assert 'href="/en/progress"' in page.text
        assert "<progress" in page.text

    send_while(window, "attach", look, b"1" * 100_000)
    assert "Refresh" not in frame.go("still").headers
    assert "Refresh" in frame.go("progress").headers
