# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Slips: what one is good for, and everything it is not.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import io
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from source_app import space
from source_app.errors import TokenError
from source_app.headers import HEADERS
from source_app.limits import MISSING_NAMED, SLIP_DAYS
from source_app.sets import MOST_PARTS
from source_app.slip import Slip, open_slip
from store import slips, threads
from store.models import SlipRow
from tests.source_app.multipart_forms import CONTENT_TYPE, body, file, text
from tests.source_app.terminal import printed, slip_of
from tests.source_app.window import House, Window

STEP = 1 << 16
CONTENT = os.urandom(2 * STEP + 100)
SET = hashlib.sha256(CONTENT).hexdigest()[:32]
ASKED = {"set": SET, "size": str(len(CONTENT))}


@pytest.fixture
def house(tmp_path: Path) -> House:
    """An app with parts of 64 KiB."""
    return House.open(tmp_path, part_bytes=STEP)


@pytest.fixture
def window(house: House) -> Window:
    """A source's browser, in which something was sent."""
    made = Window(house)
    made.write("more is to come")
    return made


class Slow(io.BytesIO):
    """A body during which something else happens, in a thread of its own."""

    def __init__(self, raw: bytes, act: Callable[[], object]) -> None:
        super().__init__(raw)
        self._act: Callable[[], object] | None = act

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() and self._act is not None:
            act, self._act = self._act, None
            with ThreadPoolExecutor(1) as beside:
                beside.submit(act).result()
        return super().read(size)


def slip(window: Window) -> str:
    """A fresh slip of a visit."""
    window.go("received")
    window.send("slip")
    assert window.page.status_code == 200
    return slip_of(printed(window.html))


def post(house: House, *parts: bytes, **headers: str) -> TestResponse:
    """A form to `/parts`, from somebody without cookies."""
    return house.app.test_client().post("/parts", data=body(*parts), content_type=CONTENT_TYPE, headers=headers)


def ask(house: House, token: str, **fields: str) -> str:
    """What is answered to a question."""
    named = {"token": token, **ASKED, **fields}
    return post(house, *(text(name, value) for name, value in named.items())).text


def bring(house: House, token: str, number: int, content: bytes | None = None, **fields: str) -> str:
    """What is answered to a part."""
    named = {"token": token, **ASKED, "part": str(number), "name": "leak.bin", **fields}
    raw = CONTENT[(number - 1) * STEP : number * STEP] if content is None else content
    return post(house, *(text(name, value) for name, value in named.items()), file("-", raw)).text


def parts_of(house: House) -> list[tuple[int, bytes]]:
    """The parts that are stored, by number."""
    opened = house.organisation.opened(house.store)
    return sorted((int(str(one.header.fields["part"])), one.body) for one in opened if one.header.kind == "file")


def test_parts_arrive_in_any_order_and_the_rest_is_named(house: House, window: Window) -> None:
    """Missing, received, missing the others, complete; what is stored is the file."""
    token = slip(window)
    assert ask(house, token) == "missing 1 2 3\n"
    assert bring(house, token, 3) == "received 3\n"
    assert ask(house, token) == "missing 1 2\n"
    assert [bring(house, token, number) for number in (1, 2)] == ["received 1\n", "received 2\n"]
    assert ask(house, token) == "complete\n"
    assert b"".join(content for _, content in parts_of(house)) == CONTENT


def test_a_part_says_in_its_frame_what_a_vault_needs_to_join_it(house: House, window: Window) -> None:
    """Name, set, number and count, the thread's value, the source's language, and no list of files beside it."""
    window.language = "zh-Hans"
    words = window.write("更多")
    token = slip(window)
    bring(house, token, 2)
    found = next(one for one in house.organisation.opened(house.store) if one.header.kind == "file")
    assert found.header.fields == {"name": "leak.bin", "set": SET, "part": 2, "parts": 3}
    assert (found.header.thread, found.header.lang) == (house.subkeys(words).thread, "zh-Hans")
    assert "files" not in house.kinds()


def test_a_part_that_comes_twice_is_stored_once_under_whichever_slip(house: House, window: Window) -> None:
    """A second slip of the thread sees the parts of the first."""
    one, other = slip(window), slip(window)
    assert one != other
    assert bring(house, one, 1) == bring(house, other, 1) == bring(house, one, 1) == "received 1\n"
    assert ask(house, other) == "missing 2 3\n"
    assert len(parts_of(house)) == 1
    assert sum(1 for one_ in (house.store.folder / "blobs").rglob("*") if one_.is_file()) == 1


def test_another_codenames_slip_sees_nothing_of_it(house: House, window: Window) -> None:
    """The ids of parts are made from the thread value."""
    bring(house, slip(window), 1)
    other = Window(house)
    other.write("somebody else")
    assert ask(house, slip(other)) == "missing 1 2 3\n"


def test_a_slip_of_a_codename_nothing_was_sent_under_begins_its_thread(house: House) -> None:
    """The first part makes it."""
    unused = Window(house)
    words = unused.write("x")
    unused.go("thread")
    unused.send("forget")
    unused.send("forget", sure="yes")
    unused.come_back(words)
    token = slip(unused)
    assert threads.find(house.store, house.subkeys(words).locator) is None
    assert bring(house, token, 1) == "received 1\n"
    assert threads.find(house.store, house.subkeys(words).locator) is not None


def test_a_slip_outlives_the_visit_and_a_restart(house: House, window: Window) -> None:
    """It hangs on neither cookie nor RAM keys."""
    token = slip(window)
    window.send("leave")
    later = house.restarted()
    assert bring(later, token, 1) == "received 1\n"
    assert ask(later, token) == "missing 2 3\n"


@pytest.mark.parametrize(("days", "said"), [(SLIP_DAYS - 1, "missing 1 2 3\n"), (SLIP_DAYS, "refused slip\n")])
def test_a_slip_is_refused_after_fourteen_days(house: House, window: Window, days: int, said: str) -> None:
    """For questions and for parts; one day before, it is good."""
    token = slip(window)
    intake = house.parts.intake
    day = intake.clock() + datetime.timedelta(days=days)
    intake.clock = lambda: day
    assert ask(house, token) == said
    assert bring(house, token, 1) == ("received 1\n" if said.startswith("missing") else said)


def test_a_slip_is_refused_once_everything_was_deleted(house: House, window: Window) -> None:
    """Also where nothing had been sent but parts."""
    token = slip(window)
    bring(house, token, 1)
    window.go("thread")
    window.send("forget")
    window.send("forget", sure="yes")
    assert ask(house, token) == bring(house, token, 2) == "refused slip\n"
    assert parts_of(house) == []


def test_a_part_on_its_way_while_everything_is_deleted_is_not_kept(house: House, window: Window) -> None:
    """It is asked once more in the moment of the commit."""
    token = slip(window)
    found = open_slip_in(house, token)

    named = {"token": token, **ASKED, "part": "1", "name": "n"}
    raw = body(*(text(name, value) for name, value in named.items()), file("-", CONTENT[:STEP]))
    answer = house.app.test_client().post(
        "/parts",
        input_stream=Slow(raw, lambda: slips.drop(house.store, found.digest)),
        content_type=CONTENT_TYPE,
        content_length=len(raw),
    )
    assert (answer.status_code, answer.text) == (400, "refused slip\n")
    assert parts_of(house) == []


def open_slip_in(house: House, token: str) -> Slip:
    """A slip as the app opens it."""
    with house.app.app_context():
        return open_slip(token)


@pytest.mark.parametrize(
    "act", ["write", "return", "attach", "answer", "thread", "delete", "forget", "leave", "slip", "again"]
)
def test_a_slip_is_no_token_of_any_form(house: House, window: Window, act: str) -> None:
    """Not with the visit's own cookie, and not without: nothing is stored, read or deleted."""
    token = slip(window)
    before = house.kinds()
    for browser in (window, Window(house)):
        browser.post(act, text("token", token), text("message", "forged"), text("codename", "x"), text("sure", "yes"))
        # Who wants out is let out, whatever the token.
        assert browser.page.status_code in (400, 403) or act == "leave"
    assert house.kinds() == before


def test_a_forms_token_is_no_slip(house: House, window: Window) -> None:
    """The token of the visit's own page opens nothing here."""
    window.go("received")
    token = window.hidden("attach")["token"]
    assert post(house, text("token", token), *(text(*one) for one in ASKED.items())).text == "refused slip\n"


@pytest.mark.parametrize("field", ["message", "codename", "only", "slot", "item", "sure"])
def test_a_slip_is_good_for_no_other_field(house: House, window: Window, field: str) -> None:
    """Words in a form to this address are refused, not stored."""
    before = house.kinds()
    assert ask(house, slip(window), **{field: "1"}) == "refused file\n"
    assert house.kinds() == before


def test_a_file_without_a_number_and_a_number_without_a_file_are_refused(house: House, window: Window) -> None:
    """A slip sends parts alone, one at a time."""
    token = slip(window)
    common = [text("token", token), *(text(*one) for one in ASKED.items())]
    number, name, part = text("part", "1"), text("name", "n"), file("-", CONTENT[:STEP])
    for parts in ([part], [number, part], [name, part], [number, name], [number], [part, number, name]):
        assert post(house, *common, *parts).text == "refused file\n"
    assert parts_of(house) == []
    # The first of two was asked for and is whole; the second ends the form.
    assert post(house, *common, number, name, part, part).text == "refused file\n"
    assert len(parts_of(house)) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"set": SET[:-1]},
        {"set": SET + "0"},
        {"set": SET.upper() + "é"},
        {"set": "g" * 32},
        {"set": "A" * 32},
        {"size": "-1"},
        {"size": "1.0"},
        {"size": "01"},
        {"size": ""},
        {"size": "１"},
        {"size": "9" * 21},
        {"size": str(MOST_PARTS * STEP + 1)},
    ],
    ids=str,
)
def test_a_set_has_one_accepted_form(house: House, window: Window, fields: dict[str, str]) -> None:
    """32 small hexadecimal digits; a size in plain decimal, at most as many parts as a frame counts."""
    token = slip(window)
    assert ask(house, token, **fields) == bring(house, token, 1, None, **fields) == "refused file\n"


@pytest.mark.parametrize("number", ["0", "4", "65537", "-1", "1 ", "", "one", "01"])
def test_a_part_that_the_set_has_not_is_refused(house: House, window: Window, number: str) -> None:
    """Its number runs from one to the count."""
    assert bring(house, slip(window), 1, part=number) == "refused file\n"
    assert parts_of(house) == []


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("change", [-1, 1, -(1 << 20)], ids=["shorter", "longer", "empty"])
def test_a_part_of_another_length_is_refused_and_leaves_nothing(
    house: House, window: Window, number: int, change: int
) -> None:
    """A failing disk gives less, a file that grew gives more: neither is a part of this set."""
    raw = CONTENT[(number - 1) * STEP : number * STEP]
    wrong = raw + b"x" if change > 0 else raw[: max(0, len(raw) + change)]
    token = slip(window)
    assert bring(house, token, number, wrong) == "refused file\n"
    assert ask(house, token) == "missing 1 2 3\n"
    assert not [
        one for name in ("blobs", "incoming") for one in (house.store.folder / name).rglob("*") if one.is_file()
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(token=st.text(max_size=60) | st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=52, max_size=52))
def test_no_other_text_is_a_slip(house: House, token: str) -> None:
    """Whatever it is, it opens nothing and costs a look."""
    with house.app.app_context(), pytest.raises(TokenError):
        open_slip(token)


def test_a_slip_has_one_spelling(house: House, window: Window) -> None:
    """Capitals, padding, and the letter whose last bits are not looked at elsewhere."""
    token = slip(window)
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    other = token[:-1] + letters[letters.index(token[-1]) ^ 1]
    for spelled in (token.upper(), f"{token}====", f" {token}", other):
        assert ask(house, spelled) == "refused slip\n"
    assert ask(house, token) != "refused slip\n"


def test_the_store_cannot_make_a_slip_of_what_it_keeps(house: House, window: Window) -> None:
    """Neither the token nor the thread value lies in any file; the box has one length in every language."""
    token = slip(window)
    raw = base64.b32decode(token.upper() + "====")
    thread = bytes(open_slip_in(house, token).thread)
    window.language = "zh-Hans"
    slip(window)
    with house.store.read() as connection:
        boxes = connection.execute(SlipRow.__table__.select()).all()
    assert len({len(one.sealed) for one in boxes}) == 1
    for stored in house.store.folder.glob("dengwen.db*"):
        for secret in (raw, token.encode(), thread):
            assert secret not in stored.read_bytes()


def test_pressing_twice_makes_one_slip(house: House, window: Window) -> None:
    """The form's id makes it, so reloading the page shows the same one."""
    window.go("received")
    token = window.hidden("slip")["token"]
    pages = [window.post("slip", text("token", token)).text for _ in range(2)]
    assert len({slip_of(printed(page)) for page in pages}) == 1
    with house.store.read() as connection:
        assert len(connection.execute(SlipRow.__table__.select()).all()) == 1


def test_no_slip_is_made_for_a_visit_that_was_left_or_deleted(house: House, window: Window) -> None:
    """Asked behind the store's gate, so that none outlives the deletion."""
    window.go("received")
    token = window.hidden("slip")["token"]
    window.go("thread")
    window.send("forget")
    window.send("forget", sure="yes")
    window.post("slip", text("token", token))
    assert window.page.status_code == 403
    with house.store.read() as connection:
        assert connection.execute(SlipRow.__table__.select()).all() == []


def test_the_answer_is_a_line_of_text_with_the_headers_of_every_other_and_no_cookie(
    house: House, window: Window
) -> None:
    """For curl, which shows it as it is."""
    answer = post(house, *(text(*one) for one in {"token": slip(window), **ASKED}.items()))
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "Set-Cookie" not in answer.headers
    for name, value in HEADERS.items():
        assert answer.headers.getlist(name) == [value]


def test_a_form_from_another_website_is_refused(house: House, window: Window) -> None:
    """Nothing says where curl comes from; a browser does."""
    fields = [text(*one) for one in {"token": slip(window), **ASKED}.items()]
    assert post(house, *fields, Origin="http://elsewhere.example").status_code == 403
    assert post(house, *fields).status_code == 200


def test_where_nobody_could_read_it_the_shell_is_told_to_wait(tmp_path: Path) -> None:
    """Nothing is sealed to nobody; the function waits and asks again."""
    house = House.open(tmp_path, part_bytes=STEP)
    window = Window(house)
    window.write("x")
    token = slip(window)
    with house.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM documents WHERE kind = 'sheet'")
        connection.exec_driver_sql("UPDATE organisation SET version = version + 1")
    assert bring(house, token, 1) == "later closed\n"


def test_on_a_full_disk_the_shell_is_told_to_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words still get through; parts do not, and nothing of them stays."""
    house = House.open(tmp_path, part_bytes=STEP)
    window = Window(house)
    window.write("x")
    token = slip(window)
    monkeypatch.setattr(space, "free_for_files", lambda *_: 0)
    assert bring(house, token, 1) == "later room\n"
    assert parts_of(house) == []


def test_an_answer_names_a_bounded_number_of_missing_parts(house: House, window: Window) -> None:
    """The largest set there is gets an answer as short as any, and the first that are missing."""
    said = ask(house, slip(window), size=str(MOST_PARTS * STEP))
    assert said == f"missing {' '.join(map(str, range(1, MISSING_NAMED + 1)))}\n"
