# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What the desk's pages share, put together once by `app`, and how a page asks for it.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from flask import current_app, g

from crypto.argon import Costs
from journalist_app.desk.errors import RoleError
from journalist_app.desk.keys import ServerKeys
from journalist_app.desk.login import Login
from journalist_app.desk.organisation import Organisation
from journalist_app.desk.sessions import Session, Sessions
from journalist_app.desk.settings import DeskSettings
from store.engine import Store
from store.reviewers import Person

KEY = "dengwen desk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """
    The parts of one desk.

    Args:
        settings: What the installation decided.
        store: The store.
        keys: The server's keys.
        organisation: Root, card and sheets, verified.
        sessions: Who is logged in.
        login: The door.
        profile: What passphrase hashes cost.
        clock: The wall clock.
        freezing: Held while a batch is made, so that two people do not hash the same files at once.
    """

    settings: DeskSettings
    store: Store
    keys: ServerKeys
    organisation: Organisation
    sessions: Sessions
    login: Login
    profile: Costs
    clock: Callable[[], float]
    freezing: threading.Lock = field(default_factory=threading.Lock)

    def today(self) -> dt.date:
        """
        The server's day (UTC).
        """
        return dt.datetime.fromtimestamp(self.clock(), dt.UTC).date()


def parts() -> Parts:
    """
    The parts of the desk that answers this request.
    """
    found: Parts = current_app.extensions[KEY]
    return found


def me() -> Person:
    """
    Who is logged in. `guard` has let nobody else through.
    """
    person: Person = g.person
    return person


def session() -> Session:
    """
    Their session.
    """
    found: Session = g.session
    return found


def home(person: Person) -> str:
    """
    Where someone begins: the endpoint of their first page.
    """
    return "operating.show" if person.role == "operator" else "threads.show"


def require_reviewer() -> int:
    """
    The seat of whoever is logged in.

    Raises:
        RoleError: They are no reviewer.
    """
    seat = me().seat
    if seat is None:
        raise RoleError("only reviewers do this")
    return seat
