# SPDX-License-Identifier: AGPL-3.0-or-later
"""
From a form to a vault: what is committed opens to what was sent, once, under what is installed now.
"""

from __future__ import annotations

import datetime
import os
import threading
from functools import partial

import pytest

from crypto.epochs import number_on
from crypto.frame import decode_list
from source_app.errors import ClosedError, SendAgainError
from source_app.intake import Intake
from source_app.sealed_file import HEAD
from store import batches, seats
from store.engine import Store
from tests.source_app.commits import FORM, files
from tests.source_app.throwaway import Opened, Throwaway, sender


def by_kind(organisation: Throwaway, store: Store, kind: str) -> list[Opened]:
    return [item for item in organisation.opened(store) if item.header.kind == kind]


def test_a_message_opens_to_what_was_written(organisation: Throwaway, intake: Intake) -> None:
    """Every seat opens it, and the frame names thread, card, epoch, seats, language and where to answer."""
    arrived = intake.submission(sender(), FORM).message("他们昨夜带走了他。")
    for seat in (1, 2, 3):
        (item,) = organisation.opened(intake.store, seat)
        assert item.body.decode() == "他们昨夜带走了他。"
        assert item.item == item.header.item == arrived.item
        assert bytes(item.header.thread) == bytes(sender().thread)
        assert item.header.card == organisation.card.digest
        assert item.header.seats == (1, 2, 3)
        assert item.header.lang == "zh-Hans"
        assert item.header.fields["reply_to"] == sender().reply_to


@pytest.mark.parametrize("length", [0, 1, HEAD - 1, HEAD, HEAD + 1, 1_000_003])
def test_a_file_opens_to_what_was_sent(organisation: Throwaway, intake: Intake, length: int) -> None:
    """Name and bytes come out as they went in, whatever the size; the list at the end names it."""
    content = os.urandom(length)
    form = intake.submission(sender(), FORM)
    sink = form.file("证据.jpg")
    for start in range(0, length, 50_000):
        sink.write(content[start : start + 50_000])
    arrived = sink.finish()
    form.close()
    (item,) = by_kind(organisation, intake.store, "file")
    assert (item.header.fields["name"], item.body, item.item) == ("证据.jpg", content, arrived.item)
    (listed,) = by_kind(organisation, intake.store, "files")
    assert [(one.item, one.length) for one in decode_list(listed.body)] == [(arrived.item, length)]
    assert listed.header.submission == item.header.submission


def test_a_form_without_files_has_no_list(intake: Intake, organisation: Throwaway) -> None:
    """A list is written only if there is something to list."""
    form = intake.submission(sender(), FORM)
    form.message("m")
    form.close()
    assert by_kind(organisation, intake.store, "files") == []


def test_an_aborted_file_leaves_nothing(intake: Intake, organisation: Throwaway) -> None:
    """Neither row nor blob nor half-written file is left of a cut upload, and no list names it."""
    form = intake.submission(sender(), FORM)
    sink = form.file("a")
    sink.write(bytes(3 * HEAD))
    assert files(intake.store)
    sink.abort()
    form.close()
    assert files(intake.store) == []
    assert list(organisation.opened(intake.store)) == []


def test_the_same_form_again_is_the_same_items(intake: Intake, organisation: Throwaway) -> None:
    """A repeat is answered as before and adds nothing: no row, no blob."""

    def once() -> list[bytes]:
        form = intake.submission(sender(), FORM)
        message = form.message("m")
        sink = form.file("a")
        sink.write(b"x" * (HEAD - 1))
        arrived = [message.item, sink.finish().item]
        form.close()
        return arrived

    first, before = once(), sorted(files(intake.store))
    assert once() == first
    assert sorted(files(intake.store)) == before
    assert len(list(organisation.opened(intake.store))) == 3


@pytest.mark.parametrize(
    ("name", "content"),
    [("b", b"x" * 90_000), ("a", b"y" * 90_000)],
    ids=["another name", "another beginning"],
)
def test_another_file_under_a_used_form_is_kept(
    intake: Intake, name: str, content: bytes, organisation: Throwaway
) -> None:
    """A form whose token was used brings a different file: it is never mistaken for the first."""
    for named, raw in (("a", b"x" * 90_000), (name, content)):
        sink = intake.submission(sender(), FORM).file(named)
        sink.write(raw)
        sink.finish()
    kept = {(item.header.fields["name"], item.body) for item in by_kind(organisation, intake.store, "file")}
    assert kept == {("a", b"x" * 90_000), (name, content)}


def test_a_newer_file_of_the_same_name_and_beginning_is_kept(intake: Intake, organisation: Throwaway) -> None:
    """Stopped, saved anew, chosen again on the same page: what is acknowledged is what is stored."""
    old, new = b"x" * 72_000 + b"a" * 100, b"x" * 72_000 + b"b" * 100
    for content in (old, new):
        form = intake.submission(sender(), FORM)
        sink = form.file("log.txt")
        sink.write(content[:72_000])
        sink.write(content[72_000:])
        assert sink.finish().length == len(content)
        form.close()
    assert {item.body for item in by_kind(organisation, intake.store, "file")} == {old, new}


def test_two_requests_with_one_form_at_once_keep_both_files(intake: Intake, organisation: Throwaway) -> None:
    """Neither is acknowledged on the strength of the other."""
    sinks = [intake.submission(sender(), FORM).file("log.txt") for _ in range(2)]
    for letter in (b"x", b"y"):
        for sink in sinks:
            sink.write(letter * HEAD)
    assert len({sink.finish().item for sink in sinks}) == 2
    assert len(by_kind(organisation, intake.store, "file")) == 2


@pytest.mark.parametrize("length", [HEAD - 1, HEAD])
def test_one_byte_decides_whether_a_file_is_known_again(intake: Intake, organisation: Throwaway, length: int) -> None:
    """Below the bound its id is made from all of it; from there on it is stored once more rather than guessed at."""
    for _ in range(2):
        sink = intake.submission(sender(), FORM).file("a")
        sink.write(bytes(length))
        sink.finish()
    assert len(by_kind(organisation, intake.store, "file")) == (1 if length < HEAD else 2)


def test_a_seat_that_is_removed_during_an_upload_does_not_get_the_file(store: Store) -> None:
    """It was sealed to that seat, so it is not kept; words are sealed again, to those who are left."""
    organisation = Throwaway(3)
    organisation.install(store)
    intake = Intake(store, reserve=0)
    form = intake.submission(sender(), FORM)
    sink = form.file("a")
    sink.write(bytes(2 * HEAD))
    old = intake.addressees()
    organisation.install_card(store, seats_=[1, 2])
    with pytest.raises(SendAgainError):
        sink.finish()
    sink.abort()
    assert files(store) == []
    moments = iter([old])
    real = intake.addressees
    intake.addressees = lambda: next(moments, None) or real()  # type: ignore[method-assign]
    form.message("m")
    (item,) = batches.pending(store, budget=1 << 30)
    assert item.seats == (1, 2)


def test_a_card_that_removes_nobody_costs_no_upload(store: Store) -> None:
    """A seat that is added meanwhile is no reason to send twenty gigabytes again."""
    organisation = Throwaway(3)
    organisation.install(store)
    sink = Intake(store, reserve=0).submission(sender(), FORM).file("a")
    sink.write(bytes(2 * HEAD))
    organisation.install_card(store, seats_=[1, 2, 3])
    assert sink.finish().length == 2 * HEAD


def test_twins_in_one_form_are_two(intake: Intake, organisation: Throwaway) -> None:
    """Two files of one name and content are two items, as they were sent."""
    form = intake.submission(sender(), FORM)
    for _ in range(2):
        sink = form.file("a")
        sink.write(b"x")
        sink.finish()
    assert len(by_kind(organisation, intake.store, "file")) == 2


def test_another_text_under_a_used_form_is_kept(intake: Intake, organisation: Throwaway) -> None:
    """Words that were changed and sent again are a second message."""
    for words in ("one", "two"):
        intake.submission(sender(), FORM).message(words)
    assert {item.body for item in organisation.opened(intake.store)} == {b"one", b"two"}


def test_an_id_of_another_thread_is_refused(intake: Intake) -> None:
    """Two sources cannot hold one form's items; nothing of the second is kept."""
    intake.submission(sender(1), FORM).message("m")
    with pytest.raises(SendAgainError):
        intake.submission(sender(2), FORM).message("m")
    sink = intake.submission(sender(1), FORM).file("a")
    sink.finish()
    before = files(intake.store)
    again = intake.submission(sender(2), FORM).file("a")
    with pytest.raises(SendAgainError):
        again.finish()
    again.abort()
    assert files(intake.store) == before


def test_nothing_is_sealed_to_nobody(store: Store, organisation: Throwaway) -> None:
    """Before installation, and with a card but no sheet, the service is closed, not plain."""
    intake = Intake(store, reserve=0)
    for installed in (False, True):
        if installed:
            organisation.install(store, sheets=False)
        with pytest.raises(ClosedError):
            intake.submission(sender(), FORM).message("m")
        with pytest.raises(ClosedError):
            intake.submission(sender(), FORM).file("a")
    assert files(store) == []


def test_a_new_installation_is_noticed(intake: Intake, organisation: Throwaway) -> None:
    """What is installed is parsed once for each version, and again when it changes."""
    first = intake.organisation()
    assert intake.organisation() is first
    seats.raise_floor(intake.store, 3)
    assert intake.organisation().floor == 3


def test_an_older_reading_does_not_stay_under_a_newer_version(store: Store) -> None:
    """One thread read the card before a seat was removed and keeps its reading while another is keeping the newer one."""
    three = Throwaway(3)
    three.install(store)
    begun, older, newer = threading.Event(), threading.Event(), threading.Event()

    class Late(Intake):
        def __setattr__(self, name: str, value: object) -> None:
            first = name == "_reading" and value is not None and threading.current_thread() is late
            if first:
                begun.set()
                newer.wait(10)
            super().__setattr__(name, value)
            if name == "_reading" and value is not None and not first:
                newer.set()
                older.wait(10)

        def keep(self) -> None:
            self.organisation()
            older.set()

    late = threading.Thread(target=lambda: intake.keep())  # noqa: PLW0108 - there is none yet
    intake = Late(store, reserve=0)
    late.start()
    assert begun.wait(10)
    three.install_card(store, [1, 2])
    intake.organisation()
    late.join(10)
    assert [seat.number for seat in intake.organisation().card.seats] == [1, 2]


def test_a_floor_that_rises_between_sealing_and_commit_seals_the_message_again(
    intake: Intake, organisation: Throwaway
) -> None:
    """Words sealed under an epoch that closes meanwhile are sealed under the next; nobody loses them."""
    old = intake.organisation()
    now = number_on(intake.clock(), old.root.first_day)
    moments = iter([old])

    class Late(Intake):
        def organisation(self) -> object:  # type: ignore[override]
            return next(moments, None) or super().organisation()

    late = Late(intake.store, reserve=0)
    form = intake.submission(sender(), FORM)
    form.intake = late
    seats.raise_floor(intake.store, now + 1)
    form.message("m")
    (item,) = organisation.opened(intake.store)
    assert item.header.epoch == now + 1


def test_a_file_whose_epoch_closed_is_not_kept(intake: Intake) -> None:
    """Its plaintext is gone, so it cannot be sealed again: the source is asked to, and no blob is left."""
    form = intake.submission(sender(), FORM)
    sink = form.file("a")
    sink.write(bytes(HEAD))
    now = number_on(intake.clock(), intake.organisation().root.first_day)
    seats.raise_floor(intake.store, now + 1)
    with pytest.raises(SendAgainError):
        sink.finish()
    sink.abort()
    assert files(intake.store) == []


def test_a_clock_set_back_and_forward_still_seals(store: Store, organisation: Throwaway) -> None:
    """The server's clock decides the epoch and never whether a message is taken."""
    organisation.install(store)
    for mark, year in enumerate((2001, 2099), 1):
        intake = Intake(store, reserve=0, clock=partial(datetime.date, year, 1, 1))
        intake.submission(sender(mark), bytes([mark]) * 16).message("m")
    assert min(item.header.epoch for item in organisation.opened(store)) == 0
    assert len(list(organisation.opened(store))) == 2
