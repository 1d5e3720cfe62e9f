# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Sessions: random ids that mean something in this process's memory alone. A restart ends them all.

Nothing about a session is written down: when someone was logged in is nobody's business later.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from journalist_app.desk.errors import FormError
from store.reviewers import Person

COOKIE = "desk"
# However busy: a day's work, not a week's.
LONGEST_SECONDS = 12 * 3600
MAX_SESSIONS = 1_000


@dataclass(slots=True)
class Session:
    """
    One login.

    Args:
        person: Who.
        mark: `mark_of` them when it began.
        token: What every form of theirs carries.
        began: When, on the monotonic clock.
        seen: When last used.
    """

    person: bytes
    mark: bytes = field(repr=False)
    began: float
    seen: float
    token: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    def require_token(self, given: str) -> None:
        """
        Raises:
            FormError: The form does not carry this session's token.
        """
        if not hmac.compare_digest(self.token.encode(), given.encode()):
            raise FormError("the form does not belong to this login")


def mark_of(person: Person) -> bytes:
    """
    What changes with a person's secrets. They are renewed by another program, which cannot end sessions; a session whose mark is old has ended.
    """
    return hashlib.sha256(bytes(person.totp)).digest()


class Sessions:
    """
    All logins of this process.

    Args:
        idle_seconds: After how long without a request one ends.
        clock: A clock that does not jump.
    """

    def __init__(self, idle_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._idle = idle_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[str, Session] = {}

    def begin(self, person: Person) -> str:
        """
        Begin one.

        Returns:
            Its id, for the cookie.
        """
        now = self._clock()
        name = secrets.token_urlsafe(32)
        with self._lock:
            self._sweep(now)
            if len(self._open) >= MAX_SESSIONS:
                oldest = min(self._open, key=lambda one: self._open[one].seen)
                del self._open[oldest]
            self._open[name] = Session(person.id, mark_of(person), now, now)
        return name

    def find(self, name: str) -> Session | None:
        """
        The session of this id, if it has not ended. Asking counts as use.
        """
        now = self._clock()
        with self._lock:
            session = self._open.get(name)
            if session is None:
                return None
            if self._ended(session, now):
                del self._open[name]
                return None
            session.seen = now
            return session

    def end(self, name: str) -> None:
        """
        End one.
        """
        with self._lock:
            self._open.pop(name, None)

    def _sweep(self, now: float) -> None:
        self._open = {name: session for name, session in self._open.items() if not self._ended(session, now)}

    def _ended(self, session: Session, now: float) -> bool:
        return now - session.seen > self._idle or now - session.began > LONGEST_SECONDS
