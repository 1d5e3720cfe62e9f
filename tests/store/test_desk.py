# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What the desk keeps here: its people and its audit log.
"""

from __future__ import annotations

import datetime

import pytest
from sqlalchemy import delete, update

from store import audit, reviewers
from store.engine import Store
from store.errors import ConflictError, DamagedError, MissingError
from store.models import AuditRow
from tests.store.factories import DAY


def add(store: Store, name: str = "heron", **more) -> reviewers.Person:
    facts = {"role": "reviewer", "seat": 1, "passphrase": "$argon2id$one", "totp": b"secret of totp", **more}
    return reviewers.add(store, name=name, **facts)


def test_a_person_is_found_by_name_and_id(store: Store):
    """
    What was added is what is found; nobody else is.
    """
    person = add(store)
    assert reviewers.find(store, "heron") == reviewers.get(store, person.id) == person
    assert reviewers.find(store, "Heron") is None
    with pytest.raises(MissingError):
        reviewers.get(store, bytes(16))
    add(store, "crane", role="operator", seat=None)
    assert [found.name for found in reviewers.everyone(store)] == ["crane", "heron"]


def test_secrets_of_people_do_not_print(store: Store):
    """
    Neither hash nor TOTP secret shows in a log of the object.
    """
    assert "argon2id" not in repr(add(store))
    assert "totp=<Hidden>" in repr(add(store, "crane"))


def test_a_name_is_taken_once(store: Store):
    """
    The second of that name is a conflict, and the first stays as it was.
    """
    first = add(store)
    with pytest.raises(ConflictError):
        add(store, passphrase="$argon2id$two")
    assert reviewers.find(store, "heron") == first


@pytest.mark.parametrize("facts", [{"role": "reviewer", "seat": None}, {"role": "operator", "seat": 1}])
def test_reviewers_have_a_seat_and_operators_none(store: Store, facts: dict):
    """
    The other two combinations are refused.
    """
    with pytest.raises(ValueError, match="seat"):
        add(store, **facts)


def test_what_changes_of_a_person(store: Store):
    """
    Passphrase, TOTP secret and whether the login is open; for nobody, an error.
    """
    person = add(store)
    reviewers.set_passphrase(store, person.id, "$argon2id$two")
    reviewers.set_totp(store, person.id, b"another")
    reviewers.disable(store, person.id)
    changed = reviewers.get(store, person.id)
    assert (changed.passphrase, changed.totp, changed.disabled) == (b"$argon2id$two", b"another", True)
    reviewers.disable(store, person.id, disabled=False)
    assert not reviewers.get(store, person.id).disabled
    with pytest.raises(MissingError):
        reviewers.set_passphrase(store, bytes(16), "x")


def test_a_code_is_spent_once_and_so_are_the_earlier_ones(store: Store):
    """
    The same step and an earlier one are refused, a later one is taken, however far the clock is set back afterwards.
    """
    person = add(store)
    reviewers.use_step(store, person.id, 100)
    for spent in (100, 99):
        with pytest.raises(ConflictError):
            reviewers.use_step(store, person.id, spent)
    reviewers.use_step(store, person.id, 101)
    for spent in (101, 100, 1):
        with pytest.raises(ConflictError):
            reviewers.use_step(store, person.id, spent)


def test_the_audit_log_is_a_chain(store: Store):
    """
    Each line carries the digest of the one before, and the head is the last.
    """
    assert audit.head(store) == audit.verify(store) == bytes(32)
    first = audit.append(store, "heron took out batch 1", day=DAY)
    second = audit.append(store, "crane cancelled a deletion of seat 2", day=DAY)
    assert audit.verify(store) == audit.head(store) == second
    newest, oldest = audit.newest(store)
    assert (newest.previous, oldest.previous) == (first, bytes(32))
    assert audit.newest(store, below=2) == (oldest,)


@pytest.mark.parametrize(
    "tamper",
    [
        update(AuditRow).where(AuditRow.number == 2).values(act="nothing"),
        update(AuditRow).where(AuditRow.number == 2).values(day=DAY + datetime.timedelta(days=1)),
        update(AuditRow).where(AuditRow.number == 3).values(previous=bytes(32)),
        delete(AuditRow).where(AuditRow.number == 1),
        delete(AuditRow).where(AuditRow.number == 2),
    ],
    ids=["act", "day", "previous", "first cut", "middle cut"],
)
def test_a_changed_or_cut_line_is_noticed(store: Store, tamper):
    """
    Whatever was changed, the chain no longer holds.
    """
    for number in range(4):
        audit.append(store, f"act {number}", day=DAY)
    with store.write() as connection:
        connection.execute(tamper)
    with pytest.raises(DamagedError):
        audit.verify(store)


@pytest.mark.parametrize("act", ["", "two\nlines", "x" * 1001, "bidi \u202e override"])
def test_an_act_is_one_printable_line(store: Store, act: str):
    """
    Nothing that could forge a second line or hide its end.
    """
    with pytest.raises(ValueError, match="act"):
        audit.append(store, act, day=DAY)


def test_an_act_that_fails_is_not_in_the_log(store: Store):
    """
    Inside the block of the act, both happen or neither.
    """
    with pytest.raises(MissingError), store.write():  # noqa: PT012  (the whole block is undone)
        audit.append(store, "heron disabled nobody", day=DAY)
        reviewers.disable(store, bytes(16))
    assert audit.head(store) == bytes(32)
