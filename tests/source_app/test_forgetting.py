# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Deleting everything, and leaving, while something of the visit is still on its way.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from source_app import visit
from store import checkpoint, erase, threads
from store.errors import FullError
from tests.source_app.meanwhile import FILES, beside, send_while
from tests.source_app.multipart_forms import text
from tests.source_app.window import House, Window


def delete_everything(window: Window) -> None:
    """Both presses."""
    window.go("thread")
    window.send("forget")
    window.send("forget", sure="yes")
    assert "Everything is deleted" in window.html


def blobs(house: House) -> list[str]:
    """Every blob and half-written file."""
    return [
        one.name for name in ("blobs", "incoming") for one in (house.store.folder / name).rglob("*") if one.is_file()
    ]


def test_an_upload_that_runs_while_everything_is_deleted_does_not_bring_the_thread_back(
    house: House, window: Window
) -> None:
    """From another tab of the same visit: nothing is stored afterwards, and no list of names is kept."""
    words = window.write("first")
    visit_id = house.parts.sealer.session(window.cookie() or "").id
    send_while(window, "attach", lambda: delete_everything(beside(window)), *FILES)
    assert window.page.status_code == 403
    assert "while this was on its way" in window.html
    assert house.kinds() == []
    assert blobs(house) == []
    assert threads.find(house.store, house.subkeys(words).locator) is None
    assert visit.listed(house.parts.memory, visit_id) == ((), False)


def test_deleting_from_another_device_reaches_an_upload_of_the_first(house: House, window: Window) -> None:
    """The visits differ, the codename is the same."""
    words = window.write("first")
    other = Window(house)
    other.come_back(words)
    send_while(window, "attach", lambda: delete_everything(other), *FILES)
    assert window.page.status_code == 403
    assert house.kinds() == []
    assert threads.find(house.store, house.subkeys(words).locator) is None


def test_words_that_are_written_after_everything_was_deleted_are_taken(house: House, window: Window) -> None:
    """The codename is as good as new."""
    words = window.write("first")
    delete_everything(window)
    window.come_back(words)
    window.send("answer", message="second")
    assert house.texts() == ["second"]


def test_leaving_ends_the_uploads_of_the_visit(house: House, window: Window) -> None:
    """What had arrived stays; the page shows nothing of the visit, and its list is forgotten."""
    window.write("first")
    visit_id = house.parts.sealer.session(window.cookie() or "").id

    def leave() -> None:
        other = beside(window)
        other.go("thread")
        other.send("leave")

    send_while(window, "attach", leave, *FILES)
    assert window.page.status_code == 403
    assert window.cookie() is None
    assert house.kinds() == ["message"]
    assert visit.listed(house.parts.memory, visit_id) == ((), False)


def test_a_first_contact_that_is_left_while_its_file_comes_shows_no_codename(house: House, window: Window) -> None:
    """The form was sent twice, and the first answer led to "log out" before the second was there."""
    window.go("write")
    twin = Window(house)
    token = window.hidden("write")["token"]

    def meanwhile() -> None:
        twin.post("write", text("token", token), text("message", "words"))
        twin.send("leave")

    send_while(window, "write", meanwhile, *FILES, message="words")
    assert window.page.status_code == 403
    assert not window.shows_codename()
    assert house.texts() == ["words"]


def test_a_first_contact_that_is_left_before_its_file_is_refused_shows_no_codename(tmp_path: Path) -> None:
    """Nothing had to be committed any more when it ended, so nothing but the page could ask."""
    house = House.open(tmp_path, file_bytes=1 << 17)
    window = Window(house)
    window.go("write")
    twin = Window(house)
    token = window.hidden("write")["token"]

    def meanwhile() -> None:
        twin.post("write", text("token", token), text("message", "words"))
        twin.send("leave")

    send_while(window, "write", meanwhile, b"1" * 200_000, message="words")
    assert window.page.status_code == 403
    assert not window.shows_codename()
    assert "while this was on its way" in window.html
    assert window.cookie() is None


def test_a_page_that_says_deleted_claims_no_more_than_the_store(
    house: House, window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says "cannot be opened any more" once the log is empty; before that, that remains are still to go."""
    window.write("first")
    delete_everything(window)
    assert "cannot be opened any more" in window.html
    window.write("second")
    monkeypatch.setattr(checkpoint, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(type(house.parts.store), "empty_log", lambda _: False)
    delete_everything(window)
    assert "cannot be opened any more" not in window.html
    assert "Remains of it leave the disk" in window.html


def _full(*_args: object, **_named: object) -> None:
    raise FullError("the disk takes no more")


def test_what_a_full_disk_does_not_let_go_is_not_called_deleted(
    house: House, window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page says so, the visit goes on, and the next try succeeds."""
    words = window.write("first")
    item = house.publish(words)
    with monkeypatch.context() as patch:
        patch.setattr(erase, "forget", _full)
        window.go("thread")
        window.send("forget")
        window.send("forget", sure="yes")
        assert window.page.status_code == 503
        assert "could not be deleted now" in window.html
        assert "is deleted" not in window.html.replace("says that it is deleted", "")
        patch.setattr("store.replies.delete", _full)
        window.go("thread")
        window.send("delete", item=item.hex())
        window.send("delete", sure="yes")
        assert window.page.status_code == 503
        assert "has been deleted" not in window.html
    delete_everything(window)
    assert house.kinds() == []
