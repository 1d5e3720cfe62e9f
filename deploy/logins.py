# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Logins at the desk, after they were made: new secrets, an end, a list. Nobody is removed, because the audit log names them.

This is done on the server by whoever is root there, and at no page: the desk has no role that could let itself or others in.
"""

from __future__ import annotations

from pathlib import Path

from deploy.errors import DeployError
from deploy.server import opened, settings_of, today
from journalist_app.desk.errors import DeskError
from journalist_app.desk.persons import Enrolment, clean_name, renew
from store import audit, reviewers
from store.engine import Store
from store.reviewers import Person


def renew_person(folder: Path, name: str) -> Enrolment:
    """
    Give someone new secrets and let them in. Their sessions end, and what they had opens nothing any more.

    Raises:
        DeployError: There is nobody of that name.
    """
    store = opened(folder)
    with store.write():
        person = _person(store, name)
        made = renew(store, person.id, organisation=settings_of(folder).organisation)
        audit.append(store, f"dengwen: new passphrase for {person.name}", day=today())
    return made


def close_person(folder: Path, name: str) -> None:
    """
    Shut someone out; their sessions end. Only new secrets let them in again.

    Raises:
        DeployError: There is nobody of that name.
    """
    store = opened(folder)
    with store.write():
        person = _person(store, name)
        reviewers.disable(store, person.id)
        audit.append(store, f"dengwen: closed the login of {person.name}", day=today())


def everyone(folder: Path) -> tuple[Person, ...]:
    """
    Everyone, by name.
    """
    return reviewers.everyone(opened(folder))


def _person(store: Store, name: str) -> Person:
    try:
        person = reviewers.find(store, clean_name(name))
    except DeskError as error:
        raise DeployError(str(error)) from None
    if person is None:
        raise DeployError(f"there is nobody of the name {name}")
    return person
