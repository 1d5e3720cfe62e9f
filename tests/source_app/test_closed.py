# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Intake closes when what is installed cannot be sealed to, says so, keeps nothing, and opens by itself.
"""

from __future__ import annotations

import datetime
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from crypto.age import HybridIdentity
from source_app import intake as intake_module
from source_app import organisation as reading
from source_app import slots
from source_app.app import create_app
from source_app.errors import ClosedError
from source_app.intake import AGAIN_SECONDS, Intake
from source_app.settings import SourceSettings
from store import seats, threads
from store.engine import Store
from tests.source_app.throwaway import Throwaway, sender
from tests.source_app.window import House, Window

FORM = bytes(range(16))


@pytest.fixture
def organisation() -> Throwaway:
    return Throwaway()


def row(store: Store, statement: str, *values: object) -> None:
    """Damage the database by hand; the version rises, as when something is installed."""
    with sqlite3.connect(store.folder / "dengwen.db") as raw:
        raw.execute(statement, values)
        raw.execute("UPDATE organisation SET version = version + 1")
    raw.close()


def raw_of(store: Store, kind: str, seat: int) -> bytes:
    with sqlite3.connect(store.folder / "dengwen.db") as raw:
        found: bytes = raw.execute("SELECT raw FROM documents WHERE kind = ? AND seat = ?", (kind, seat)).fetchone()[0]
    raw.close()
    return found


def flipped(raw: bytes) -> bytes:
    """The same bytes but for one in the middle."""
    at = len(raw) // 2
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


def damaged(kind: str, seat: int, change: Callable[[bytes], object]) -> Callable[[Store, Throwaway], None]:
    """One document's bytes become something else."""

    def act(store: Store, _organisation: Throwaway) -> None:
        row(
            store,
            "UPDATE documents SET raw = ? WHERE kind = ? AND seat = ?",
            change(raw_of(store, kind, seat)),
            kind,
            seat,
        )

    return act


def without(statement: str) -> Callable[[Store, Throwaway], None]:
    return lambda store, _organisation: row(store, statement)


def another_recipient(raw: bytes) -> bytes:
    """A sheet with a recipient of the right form that its seat never signed."""
    text = raw.decode()
    at = text.index("age1pq1")
    other = str(HybridIdentity.generate().recipient)
    return (text[:at] + other + text[at + len(other) :]).encode()


def swapped(store: Store, _organisation: Throwaway) -> None:
    """Seat 2's sheet in seat 1's row: both are signed, and one seat would get nothing."""
    row(store, "UPDATE documents SET raw = ? WHERE kind = 'sheet' AND seat = 1", raw_of(store, "sheet", 2))


DAMAGE: dict[str, tuple[Callable[[Store, Throwaway], None], str]] = {
    "a card with a flipped bit": (damaged("card", 0, flipped), "the card"),
    "a card that is no bytes": (damaged("card", 0, lambda _: 7), "the card"),
    "an empty card": (damaged("card", 0, lambda _: b""), "the card"),
    "a root with a flipped bit": (damaged("root", 0, flipped), "the root"),
    "a sheet with a flipped bit": (damaged("sheet", 2, flipped), "the sheet of seat 2"),
    "half a sheet": (damaged("sheet", 3, lambda raw: raw[: len(raw) // 2]), "the sheet of seat 3"),
    "a sheet of text": (damaged("sheet", 1, lambda _: "text"), "the sheet of seat 1"),
    "a recipient nobody signed": (damaged("sheet", 1, another_recipient), "the sheet of seat 1"),
    "another seat's sheet": (swapped, "the sheet of seat 1"),
    "a card's seats that are no list": (
        without("UPDATE documents SET seats = 'x' WHERE kind = 'card'"),
        "what is installed",
    ),
    "no sheet": (without("DELETE FROM documents WHERE kind = 'sheet'"), "no seat is active"),
    "no card": (without("DELETE FROM documents WHERE kind = 'card'"), "no card is installed"),
    "nothing": (without("DELETE FROM documents"), "no card is installed"),
    "a floor that is no number": (without("UPDATE organisation SET floor = 'x'"), "a seat cannot be sealed to"),
}


@pytest.mark.parametrize(("damage", "named"), DAMAGE.values(), ids=DAMAGE.keys())
def test_what_is_damaged_closes_intake(
    store: Store, organisation: Throwaway, damage: Callable[[Store, Throwaway], None], named: str
) -> None:
    """However it is damaged: nothing is sealed or stored, the reason names the document, and the whole opens it again."""
    organisation.install(store)
    intake = Intake(store, reserve=0)
    intake.submission(sender(), FORM).message("before")
    assert not intake.closed()
    before = documents(store)
    damage(store, organisation)
    for _ in range(2):
        with pytest.raises(ClosedError, match=named):
            intake.submission(sender(2), FORM).message("lost")
        with pytest.raises(ClosedError):
            intake.submission(sender(2), FORM).file("lost")
    assert intake.closed()
    assert threads.find(store, sender(2).locator) is None
    assert not list((store.folder / "incoming").iterdir())
    restore(store, before)
    assert not intake.closed()
    intake.submission(sender(2), FORM).message("after")
    assert threads.find(store, sender(2).locator) is not None


def documents(store: Store) -> list[tuple[object, ...]]:
    with sqlite3.connect(store.folder / "dengwen.db") as raw:
        found = raw.execute("SELECT kind, seat, sequence, digest, seats, raw FROM documents").fetchall()
    raw.close()
    return found


def restore(store: Store, rows: list[tuple[object, ...]]) -> None:
    """As after an operator installed what is good."""
    with sqlite3.connect(store.folder / "dengwen.db") as raw:
        raw.execute("DELETE FROM documents")
        raw.executemany(
            "INSERT INTO documents (kind, seat, sequence, digest, seats, raw) VALUES (?, ?, ?, ?, ?, ?)", rows
        )
        raw.execute("UPDATE organisation SET version = version + 1, floor = 0")
    raw.close()


class Unwilling:
    """A recipient that parses, and to which nothing can be sealed: garbage of the right length."""

    def wrap(self, _file_key: object) -> object:
        raise ValueError("not a point of the curve")


def test_a_seat_that_cannot_be_sealed_to_closes_intake(
    store: Store, organisation: Throwaway, caplog: pytest.LogCaptureFixture
) -> None:
    """Parsed, signed and useless: it shows when something is really sealed, before anything of a source is."""
    organisation.install(store)
    intake = Intake(store, reserve=0)
    sheet = intake.organisation().sheets[2]
    for epoch in sheet.epochs:
        object.__setattr__(epoch, "recipient", Unwilling())
    with caplog.at_level(logging.ERROR), pytest.raises(ClosedError, match="a seat cannot be sealed to: ValueError"):
        intake.addressees()
    assert intake.closed()
    assert [record.getMessage() for record in caplog.records] == [
        "intake is closed: a seat cannot be sealed to: ValueError"
    ]
    with pytest.raises(ClosedError):
        intake.submission(sender(), FORM).message("lost")
    assert threads.find(store, sender().locator) is None


def test_every_active_seat_is_really_sealed_to(
    store: Store, organisation: Throwaway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for a version and an epoch, each with the recipient of that epoch; not once for each request."""
    organisation.install(store)
    day = [organisation.root.first_day]
    intake = Intake(store, reserve=0, clock=lambda: day[0])
    sealed: list[tuple[int, tuple[int, ...], tuple[str, ...]]] = []
    really = reading.prove

    def proved(to: object) -> None:
        sealed.append((to.epoch, to.seats, tuple(map(str, to.recipients))))
        really(to)

    monkeypatch.setattr(intake_module, "prove", proved)
    for _ in range(50):
        intake.addressees()
    day[0] += datetime.timedelta(days=14)
    for _ in range(50):
        intake.addressees()
    seats.raise_floor(store, 1)
    intake.addressees()
    assert [(epoch, numbers) for epoch, numbers, _ in sealed] == [(0, (1, 2, 3)), (1, (1, 2, 3)), (1, (1, 2, 3))]
    for epoch, _, recipients in sealed:
        assert recipients == tuple(str(sheet.recipient_for(epoch)) for sheet in organisation.sheets)


def test_what_is_closed_is_not_read_at_each_request(
    store: Store, organisation: Throwaway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for each version, and again after a while, so that a row that was mended by hand opens it too."""
    organisation.install(store)
    good = documents(store)
    row(store, "UPDATE documents SET raw = ? WHERE kind = 'card'", b"")
    read_times, now = [], [0.0]
    really = intake_module.read
    monkeypatch.setattr(intake_module, "read", lambda it: (read_times.append(now[0]), really(it))[1])
    monkeypatch.setattr(intake_module.time, "monotonic", lambda: now[0])
    intake = Intake(store, reserve=0)
    for _ in range(20):
        assert intake.closed()
    assert read_times == [0.0]
    with sqlite3.connect(store.folder / "dengwen.db") as raw:
        raw.execute(
            "UPDATE documents SET raw = ? WHERE kind = 'card'", (good[0][5] if good[0][0] == "card" else good[1][5],)
        )
    raw.close()
    assert intake.closed()
    now[0] = AGAIN_SECONDS
    for _ in range(20):
        assert not intake.closed()
    assert read_times == [0.0, AGAIN_SECONDS]


def closed_house(house: House) -> None:
    """Its only sheet is damaged."""
    row(house.store, "UPDATE documents SET raw = ? WHERE kind = 'sheet'", b"{}")


def test_pages_say_that_we_are_closed_and_a_form_is_refused_with_its_text(tmp_path: Path) -> None:
    """Before anybody writes, and in the answer to who does: 503, the words stand in it, nothing is stored; then it opens by itself."""
    house = House.open(tmp_path)
    good = documents(house.store)
    closed_house(house)
    for language, said in (("en", "We are temporarily closed"), ("zh-Hans", "我们暂时关闭")):
        window = Window(house, language)
        for page in ("", "write"):
            assert window.go(page).status_code == 200
            assert said in window.html
        answer = window.send("write", ("a.txt", b"file"), message="keep these words")
        assert answer.status_code == 503
        assert said in window.html
        assert "keep these words" in window.html
        assert not window.shows_codename()
    for page in ("return", "received", "thread"):
        assert Window(house).go(page).status_code in {200, 403}
    assert house.store.folder.joinpath("incoming").stat().st_nlink == 2
    assert not [path for path in (house.store.folder / "blobs").rglob("*") if path.is_file()]
    restore(house.store, good)
    assert house.texts() == []
    window.go("write")
    assert said not in window.html
    window.send("write", message="again")
    assert window.shows_codename()
    assert house.texts() == ["again"]


def test_no_codename_is_derived_while_closed(tmp_path: Path) -> None:
    """The KDF is not paid for what is refused anyway."""
    house = House.open(tmp_path)
    window = Window(house)
    window.go("write")
    closed_house(house)

    def dear(*_: object, **__: object) -> None:
        raise AssertionError("derived")

    house.parts.derivations.derive = dear  # type: ignore[method-assign,assignment]
    assert window.send("write", message="words").status_code == 503


def test_answers_are_read_while_intake_is_closed(tmp_path: Path) -> None:
    """A source comes back and reads a reply; writing more is refused, with the text kept; deleting works."""
    house = House.open(tmp_path)
    words = Window(house).write()
    house.publish(words, text="We have read it.")
    closed_house(house)
    window = Window(house)
    window.come_back(words)
    assert window.page.status_code == 200
    assert "We have read it." in window.html
    assert "signed by seat 1" in window.html
    assert window.send("answer", message="more words").status_code == 503
    assert "more words" in window.html
    assert house.texts() == ["What I saw"]


def test_answers_are_read_while_the_card_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reply is shown; that its signature cannot be checked just now is said, and nothing fails. Who has read the card before needs no row."""
    monkeypatch.setattr(slots, "_cards", {})
    house = House.open(tmp_path)
    words = Window(house).write()
    house.publish(words, text="We have read it.")
    ((good,),) = house.store.rows("SELECT raw FROM documents WHERE kind = 'card'", {})
    row(house.store, "UPDATE documents SET raw = ? WHERE kind = 'card'", b"{}")
    window = Window(house)
    window.come_back(words)
    assert window.page.status_code == 200
    assert "We have read it." in window.html
    assert "signed by seat 1" not in window.html
    row(house.store, "UPDATE documents SET raw = ? WHERE kind = 'card'", good)
    window.go("thread")
    assert "signed by seat 1" in window.html
    row(house.store, "UPDATE documents SET raw = ? WHERE kind = 'card'", b"{}")
    window.go("thread")
    assert "signed by seat 1" in window.html


def test_a_card_under_the_digest_of_another_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signature is checked with the keys of the card that the reply names, not of whichever stands under its name."""
    monkeypatch.setattr(slots, "_cards", {})
    house = House.open(tmp_path)
    ((digest,),) = house.store.rows("SELECT digest FROM documents WHERE kind = 'card'", {})
    with house.app.app_context():
        row(house.store, "UPDATE documents SET digest = ? WHERE kind = 'card'", bytes(32))
        assert slots._card(bytes(32)) is None
        row(house.store, "UPDATE documents SET digest = ? WHERE kind = 'card'", digest)
        assert slots._card(digest) is not None


def test_a_visit_that_adds_files_is_told_so_too(tmp_path: Path) -> None:
    """On the page of what arrived, 503, and what had arrived stays listed."""
    house = House.open(tmp_path)
    window = Window(house)
    window.write()
    closed_house(house)
    assert window.send("attach", ("b.txt", b"more")).status_code == 503
    assert "temporarily closed" in window.html
    assert house.kinds() == ["message"]


def test_a_server_without_a_root_shows_no_empty_fingerprint(store: Store) -> None:
    """The page says that it is closed; a heading over nothing would look as if something had been taken away."""
    app = create_app(SourceSettings(store=store.folder, organisation="Centre", reserve_bytes=0))
    page = app.test_client().get("/en/").text
    assert "closed" in page
    assert "fingerprint</h2>" not in page
    assert '<p class="fingerprint">' not in page
