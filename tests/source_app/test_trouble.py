# SPDX-License-Identifier: AGPL-3.0-or-later
"""
When something of ours fails half-way: what was typed stays, what arrived is named, and nothing untrue is said.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from crypto.codename import Codename
from source_app import space, submission
from source_app.kdf import BusyError, Derivations
from store.errors import DamagedError, FullError, OverloadedError
from store.items import deposit
from tests.source_app.multipart_forms import text
from tests.source_app.window import House, Window

FAILURES = [OSError(errno.EIO, "a secret path"), DamagedError("a blob is missing"), TimeoutError("the pool is empty")]


def failing(error: Exception, *, after: int = 0, before: bool = True) -> Callable[..., object]:
    """A store that keeps so many items, and then fails before or after it has kept the next."""
    left = [after]

    def keep(*given: object, **named: object) -> object:
        left[0] -= 1
        if left[0] < 0 and before:
            raise error
        done = deposit(*given, **named)  # type: ignore[arg-type]
        if left[0] < 0:
            raise error
        return done

    return keep


@pytest.mark.parametrize("error", FAILURES, ids=lambda one: type(one).__name__)
def test_a_failure_after_the_words_still_gives_the_codename(
    house: House, window: Window, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The words are stored; without the codename nobody could come back to them."""
    window.go("write")
    with monkeypatch.context() as patch:
        patch.setattr(submission, "deposit", failing(error, after=1))
        window.send("write", ("a.bin", b"x" * 100), message="words")
    assert window.page.status_code == 500
    assert window.shows_codename()
    assert "<h1>Received</h1>" in window.html
    assert "perhaps not kept" in window.html
    assert "a secret path" not in window.html
    words = window.codename()
    assert house.texts() == ["words"]
    back = Window(house)
    back.come_back(words)
    assert "<h1>Answers</h1>" in back.html


def test_files_that_arrived_before_a_failure_are_listed(
    house: House, window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each counts for itself; only the one that failed is called doubtful."""
    window.write("words")
    monkeypatch.setattr(submission, "deposit", failing(OSError(errno.EIO, ""), after=1))
    window.send("attach", ("good.bin", b"1"), ("bad.bin", b"2"))
    assert window.page.status_code == 500
    assert "good.bin" in window.html
    assert "received, 1 B" in window.html
    assert "perhaps not kept" in window.html


@pytest.mark.parametrize("before", [True, False])
def test_words_whose_fate_is_unknown_can_be_sent_again_and_are_stored_once(
    house: House,
    window: Window,
    monkeypatch: pytest.MonkeyPatch,
    before: bool,  # noqa: FBT001 (a case)
) -> None:
    """The page shows the same form with the text in it."""
    window.go("write")
    with monkeypatch.context() as patch:
        patch.setattr(submission, "deposit", failing(OSError(errno.EIO, ""), before=before))
        window.send("write", message="words")
    assert window.page.status_code == 500
    assert ">\nwords</textarea>" in window.html
    assert "we do not know whether it was stored" in window.html
    window.send("write", message="words")
    assert window.shows_codename()
    assert house.texts() == ["words"]


@pytest.mark.parametrize(
    ("error", "status", "before"),
    [(FullError("full"), 503, True), (OSError(errno.EIO, ""), 500, True), (OSError(errno.EIO, ""), 500, False)],
    ids=["full", "failed", "failed late"],
)
def test_the_text_of_an_ended_visit_outlives_a_store_that_takes_nothing(
    house: House,
    window: Window,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    before: bool,  # noqa: FBT001 (a case)
) -> None:
    """Text and codename stand in the page; the next press sends them, once."""
    words = window.write("first")
    window.go("thread")
    old = window.hidden("answer")["token"]
    after = Window(house.restarted())
    after.post("answer", text("token", old), text("message", "second"))
    with monkeypatch.context() as patch:
        patch.setattr(submission, "deposit", failing(error, before=before))
        after.send("again", codename=words, message="second")
    assert after.page.status_code == status
    assert ">\nsecond</textarea>" in after.html
    assert f"{words}</textarea>" in after.html
    after.send("again", codename=words, message="second")
    assert after.page.status_code == 200
    assert house.texts() == ["first", "second"]


def test_the_text_of_an_ended_visit_outlives_a_server_without_seats(tmp_path: Path) -> None:
    """Nobody could read it now; it is still there when somebody can."""
    house = House.open(tmp_path, sheets=False)
    window = Window(house)
    words = " ".join(Codename.generate().words())
    window.go("thread")
    token = text("token", window.hidden("again")["token"])
    window.post("again", token, text("codename", words), text("message", "is anybody there"))
    assert window.page.status_code == 503
    assert ">\nis anybody there</textarea>" in window.html
    assert f"{words}</textarea>" in window.html


def test_a_typed_codename_outlives_a_crowd(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine words are long to type."""
    words = " ".join(Codename.generate().words())

    def busy(*_: object, **__: object) -> None:
        raise BusyError(12)

    window.go("return")
    with monkeypatch.context() as patch:
        patch.setattr(Derivations, "derive", busy)
        window.send("return", codename=words)
    assert window.page.status_code == 503
    assert f"{words}</textarea>" in window.html
    window.send("return", codename=words)
    assert "<h1>Answers</h1>" in window.html


def without_room(patch: pytest.MonkeyPatch, house: House, error: Exception) -> None:
    """Nobody can say how much room there is, neither for a form nor for the page that answers it."""

    def fails(*_: object, **__: object) -> None:
        raise error

    patch.setattr(space, "room", fails)
    house.parts.intake.space._again = 0.0


@pytest.mark.parametrize("error", [*FAILURES, OverloadedError("crowd")], ids=lambda one: type(one).__name__)
def test_words_need_nobody_to_know_how_much_room_there_is(
    house: House, window: Window, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """They are stored; a file with them is refused, and called so."""
    window.go("write")
    with monkeypatch.context() as patch:
        without_room(patch, house, error)
        window.send("write", ("a.bin", b"x"), message="words")
    assert window.page.status_code == 500
    assert window.shows_codename()
    assert "perhaps not kept" in window.html
    assert house.texts() == ["words"]


def test_refused_words_stand_in_a_page_that_does_not_know_the_room(
    house: House, window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One store fails both: the item and the number beside the file field. The text is the last thing that may go."""
    words = window.write("first")
    other = Window(house)
    other.come_back(words)
    window.go("write")
    with monkeypatch.context() as patch:
        without_room(patch, house, OverloadedError("crowd"))
        patch.setattr(submission, "deposit", failing(OSError(errno.EIO, "")))
        window.send("write", message="second")
        other.send("answer", message="third")
    for page, said in ((window, "second"), (other, "third")):
        assert page.page.status_code == 500
        assert f">\n{said}</textarea>" in page.html


@pytest.mark.parametrize("before", [True, False])
def test_an_answer_whose_fate_is_unknown_can_be_sent_again_and_is_stored_once(
    house: House,
    window: Window,
    monkeypatch: pytest.MonkeyPatch,
    before: bool,  # noqa: FBT001 (a case)
) -> None:
    """The thread's page shows the same form with the text in it, as a first contact does."""
    window.write("first")
    window.go("thread")
    with monkeypatch.context() as patch:
        patch.setattr(submission, "deposit", failing(OSError(errno.EIO, ""), before=before))
        window.send("answer", message="second")
    assert window.page.status_code == 500
    assert ">\nsecond</textarea>" in window.html
    window.send("answer", message="second")
    assert house.texts() == ["first", "second"]


def test_an_answer_that_is_too_long_stands_in_its_page(house: House, window: Window) -> None:
    """So that it can be cut in two."""
    window.write("first")
    window.go("thread")
    window.send("answer", message="y" * 400_001)
    assert window.page.status_code == 413
    assert "y" * 400_001 in window.html
    assert house.texts() == ["first"]
