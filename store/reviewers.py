# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The people who may log in at the desk: a pseudonym, a role, a seat, a passphrase hash, a TOTP secret.

Nothing of a source is here. The store compares nothing: hashes are verified by the desk. The last used TOTP step is
the one time in this database finer than a day. It is a reviewer's, never a source's, and stays until the next login or
a new secret: without it a clock that was set back would take old codes again.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from crypto.hidden import Hidden
from store.errors import ConflictError, MissingError
from store.models import PersonRow

if TYPE_CHECKING:
    from sqlalchemy import Row

    from store.engine import Store

Role: TypeAlias = Literal["reviewer", "operator"]


@dataclass(frozen=True, slots=True)
class Person:
    """
    Someone who may log in.

    Args:
        id: 16 random bytes.
        name: The pseudonym, as typed at login.
        role: "reviewer" or "operator".
        seat: The seat a reviewer sits at; None for operators.
        passphrase: The Argon2id string (PHC).
        totp: The TOTP secret.
        disabled: Whether the login is closed.

    """

    id: bytes
    name: str
    role: Role
    seat: int | None
    passphrase: Hidden
    totp: Hidden
    disabled: bool


_PERSON = select(
    PersonRow.id,
    PersonRow.name,
    PersonRow.role,
    PersonRow.seat,
    PersonRow.passphrase,
    PersonRow.totp,
    PersonRow.disabled,
)


def add(store: Store, *, name: str, role: Role, seat: int | None, passphrase: str, totp: bytes) -> Person:
    """
    Let someone log in.

    Args:
        name: A pseudonym, 1 to 64 characters, compared exactly.
        role: "reviewer" (with a seat) or "operator" (without).
        seat: The reviewer's seat number.
        passphrase: The Argon2id string of the generated passphrase, never the passphrase.
        totp: The TOTP secret.

    Raises:
        ConflictError: The name is taken.

    """
    if (role == "reviewer") != (seat is not None):
        raise ValueError("a reviewer has a seat, an operator none")
    row = {
        "id": secrets.token_bytes(16),
        "name": name,
        "role": role,
        "seat": seat,
        "passphrase": passphrase,
        "totp": bytes(totp),
        "totp_step": 0,
        "disabled": False,
    }
    try:
        with store.write() as connection:
            connection.execute(insert(PersonRow), row)
            return _person(connection.execute(_PERSON.where(PersonRow.id == row["id"])).one())
    except IntegrityError:
        raise ConflictError("this name is taken") from None


def find(store: Store, name: str) -> Person | None:
    """
    The person of this name, disabled or not, or None.
    """
    with store.read() as connection:
        row = connection.execute(_PERSON.where(PersonRow.name == name)).one_or_none()
    return None if row is None else _person(row)


def get(store: Store, person: bytes) -> Person:
    """
    The person of this id.

    Raises:
        MissingError: There is none.

    """
    with store.read() as connection:
        row = connection.execute(_PERSON.where(PersonRow.id == person)).one_or_none()
    if row is None:
        raise MissingError("there is no such person")
    return _person(row)


def everyone(store: Store) -> tuple[Person, ...]:
    """
    Everyone, by name.
    """
    with store.read() as connection:
        return tuple(_person(row) for row in connection.execute(_PERSON.order_by(PersonRow.name)))


def page(store: Store, *, after: str = "", limit: int = 50) -> tuple[Person, ...]:
    """
    People by name.

    Args:
        after: The name of the last one of the page before.
        limit: How many at most.

    """
    statement = _PERSON.where(PersonRow.name > after).order_by(PersonRow.name).limit(limit)
    with store.read() as connection:
        return tuple(_person(row) for row in connection.execute(statement))


def set_passphrase(store: Store, person: bytes, passphrase: str) -> None:
    """
    Replace the Argon2id string: a new passphrase, or the same one under a newer profile.

    Raises:
        MissingError: There is no such person.

    """
    _change(store, person, {"passphrase": passphrase})


def set_totp(store: Store, person: bytes, totp: bytes) -> None:
    """
    Replace the TOTP secret.

    Raises:
        MissingError: There is no such person.

    """
    _change(store, person, {"totp": bytes(totp), "totp_step": 0})


def disable(store: Store, person: bytes, *, disabled: bool = True) -> None:
    """
    Close a login, or open it again.

    Raises:
        MissingError: There is no such person.

    """
    _change(store, person, {"disabled": disabled})


def use_step(store: Store, person: bytes, step: int) -> None:
    """
    Spend a TOTP step: neither it nor an earlier one is accepted again.

    Args:
        step: The number of the 30-second step whose code was right.

    Raises:
        ConflictError: It was spent already.

    """
    spend = update(PersonRow).where(PersonRow.id == person, PersonRow.totp_step < step).values(totp_step=step)
    with store.write() as connection:
        if connection.execute(spend).rowcount == 0:
            raise ConflictError("this code was used already")


def _change(store: Store, person: bytes, values: dict[str, object]) -> None:
    with store.write() as connection:
        if connection.execute(update(PersonRow).where(PersonRow.id == person).values(values)).rowcount == 0:
            raise MissingError("there is no such person")


def _person(row: Row[bytes, str, Role, int | None, str, bytes, bool]) -> Person:
    identity, name, role, seat, passphrase, totp, disabled = row
    return Person(identity, name, role, seat, Hidden(passphrase.encode()), Hidden(totp), disabled)
