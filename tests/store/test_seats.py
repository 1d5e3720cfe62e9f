# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What is installed, the floor, and what seats send back.
"""

from __future__ import annotations

import datetime

import pytest

from store import deletions, returns, seats, threads
from store.engine import Store
from store.errors import ConflictError, GapError, MissingError, NotInstalledError, StaleError
from tests.store.factories import DAY, install, make_thread, take_out

ONE, TWO, THREE = b"\x01" * 32, b"\x02" * 32, b"\x03" * 32


def test_an_empty_store_has_nothing_installed(store: Store):
    """
    Before the first installation there is no root, no card, no seat, and the floor is 0.
    """
    assert seats.organisation(store) == seats.Installed(None, None, {}, (), 0, 0)


def test_every_change_raises_the_version(store: Store):
    """
    Each installation counts once; the same again and a lower floor do not.
    """
    install(store)
    version = seats.version(store)
    assert version == 5
    installed = seats.organisation(store)
    assert (installed.root, installed.card) == (b"signed root", b"signed card")
    assert installed.sheets[2] == b"signed sheet 2"
    assert seats.raise_floor(store, 7) == 7
    assert seats.raise_floor(store, 6) == 7
    assert not seats.install_root(store, b"signed root", number=1, digest=bytes(32))
    assert seats.version(store) == version + 1
    assert seats.organisation(store).floor == 7


def test_a_seat_is_active_with_its_first_sheet(store: Store):
    """
    On the card without a sheet is not active; a sheet of a seat that is not on the card is refused.
    """
    with pytest.raises(NotInstalledError):
        seats.install_sheet(store, b"sheet", seat=1, sequence=1, digest=ONE)
    seats.install_card(store, b"card", sequence=1, digest=ONE, seats=(2, 1))
    assert seats.organisation(store).active == ()
    seats.install_sheet(store, b"sheet", seat=2, sequence=1, digest=ONE)
    assert seats.organisation(store).active == (2,)
    with pytest.raises(NotInstalledError):
        seats.install_sheet(store, b"sheet", seat=3, sequence=1, digest=ONE)


def test_older_documents_are_stale_and_twins_conflict(store: Store):
    """
    A lower sequence is refused, the same with another digest too, the same again has no effect.
    """
    seats.install_root(store, b"root 2", number=2, digest=ONE)
    seats.install_card(store, b"card 2", sequence=2, digest=ONE, seats=(1,))
    seats.install_sheet(store, b"sheet 2", seat=1, sequence=2, digest=ONE)
    for sequence, error in ((1, StaleError), (2, ConflictError)):
        with pytest.raises(error):
            seats.install_root(store, b"other", number=sequence, digest=TWO)
        with pytest.raises(error):
            seats.install_card(store, b"other", sequence=sequence, digest=TWO, seats=(1,))
        with pytest.raises(error):
            seats.install_sheet(store, b"other", seat=1, sequence=sequence, digest=TWO)
    assert not seats.install_card(store, b"card 2", sequence=2, digest=ONE, seats=(1,))
    assert seats.organisation(store).card == b"card 2"


def test_roots_and_cards_are_kept_and_sheets_replaced(store: Store):
    """
    An old card is still found by its digest, the chain of roots is whole, of a seat's sheets the newest stays.
    """
    for number, digest in ((1, ONE), (2, TWO)):
        seats.install_root(store, f"root {number}".encode(), number=number, digest=digest)
        seats.install_card(store, f"card {number}".encode(), sequence=number, digest=digest, seats=(1,))
        seats.install_sheet(store, f"sheet {number}".encode(), seat=1, sequence=number, digest=digest)
    assert seats.roots(store) == (b"root 1", b"root 2")
    assert seats.card_with(store, ONE) == b"card 1"
    assert seats.card_with(store, THREE) is None
    assert seats.organisation(store).sheets == {1: b"sheet 2"}


def test_a_removed_or_replaced_seat_begins_anew(store: Store):
    """
    Seat 3 leaves the card, seat 2 gets a new vault: their sheets and outbox numbers go, seat 1's stay.
    """
    install(store)
    for seat in (1, 2, 3):
        returns.record_outbox(store, seat=seat, sequence=1, digest=ONE)
    seats.install_card(store, b"card 2", sequence=2, digest=TWO, seats=(1, 2), replaced=(2,))
    assert seats.organisation(store).active == (1,)
    assert returns.last_outbox(store, 1) == returns.Outbox(1, 1, ONE)
    assert returns.last_outbox(store, 2) is None
    assert returns.record_outbox(store, seat=2, sequence=1, digest=TWO)


def test_outboxes_come_in_order_and_once(store: Store):
    """
    A gap names what is missing, the same again has no effect, another under the same number is an alarm.
    """
    assert returns.record_outbox(store, seat=1, sequence=1, digest=ONE)
    assert not returns.record_outbox(store, seat=1, sequence=1, digest=ONE)
    with pytest.raises(GapError, match="outbox 2 of seat 1 is missing") as caught:
        returns.record_outbox(store, seat=1, sequence=3, digest=THREE)
    assert caught.value.expected == 2
    with pytest.raises(ConflictError):
        returns.record_outbox(store, seat=1, sequence=1, digest=TWO)
    assert returns.record_outbox(store, seat=1, sequence=2, digest=TWO)
    assert not returns.record_outbox(store, seat=1, sequence=1, digest=ONE)
    assert returns.last_outbox(store, 1) == returns.Outbox(1, 2, TWO)
    assert [outbox.sequence for outbox in returns.untold_outboxes(store)] == [1, 2]


def test_an_outbox_that_is_refused_half_way_is_not_recorded(store: Store):
    """
    Its number and its records are one transaction: after an error the same outbox can come again.
    """
    with pytest.raises(MissingError), store.write():  # noqa: PT012  (the whole block is undone)
        returns.record_outbox(store, seat=1, sequence=1, digest=ONE)
        returns.record_acknowledgement(store, seat=1, batch=9, digest=ONE, signed=b"signed", day=DAY)
    assert returns.last_outbox(store, 1) is None


def test_acknowledgements_name_a_batch_and_its_digest(store: Store):
    """
    Kept once; for an unknown batch refused, with another digest an alarm; the newest of each seat is told.
    """
    install(store)
    made = []
    for _ in range(2):
        make_thread(store)
        made.append(take_out(store))
    for batch in made:
        arguments = {"seat": 2, "batch": batch.number, "digest": batch.digest, "signed": b"signed", "day": DAY}
        assert returns.record_acknowledgement(store, **arguments)
        assert not returns.record_acknowledgement(store, **arguments)
    with pytest.raises(MissingError):
        returns.record_acknowledgement(store, seat=1, batch=3, digest=ONE, signed=b"", day=DAY)
    with pytest.raises(ConflictError):
        returns.record_acknowledgement(store, seat=1, batch=1, digest=ONE, signed=b"", day=DAY)
    assert [(found.seat, found.batch) for found in returns.acknowledgements(store)] == [(2, 2)]


def test_the_orders_of_a_seat_that_left_or_was_replaced_are_dropped(store: Store):
    """
    A stolen laptop's deletions end with its place on the card; those of the others still wait.
    """
    install(store)
    made = [make_thread(store).thread for _ in range(3)]
    for seat, thread in zip((1, 2, 3), made, strict=True):
        deletions.queue_deletion(store, seat=seat, kind="thread", targets=[thread], day=DAY)
    seats.install_card(store, b"card 2", sequence=2, digest=TWO, seats=(1, 2), replaced=(2,))
    assert [(one.seat, one.target) for one in deletions.queued(store)] == [(1, made[0])]
    assert len(deletions.carry_out(store, DAY + datetime.timedelta(days=7))) == 1
    for thread in made[1:]:
        assert threads.get(store, thread).items == 1
