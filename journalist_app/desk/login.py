# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Judging a login: passphrase and TOTP code together, one answer for every failure, at one time.

Unknown name, closed login, a seat that left the card, wrong passphrase, wrong or spent code, too many tries: the same work is done, the same error
raised, and the caller answers at the same moment after the request began. Tries are counted in memory by name, known or
not; a restart forgets them, which costs an attacker more than it gives.
"""

from __future__ import annotations

import base64
import threading
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import pyotp

from crypto.argon import Costs
from crypto.errors import PassphraseError
from crypto.passwords import generate_passphrase, hash_passphrase, verify_passphrase
from journalist_app.desk.errors import LoginError
from journalist_app.desk.persons import MAX_NAME
from store import reviewers
from store.engine import Store
from store.errors import ConflictError

STEP_SECONDS = 30
# A clock may be one step behind or ahead.
DRIFT = 1
TRIES = 5
WINDOW_SECONDS = 15 * 60
# Names are a stranger's to choose: the oldest are forgotten beyond this many.
MAX_COUNTED = 10_000
# Each verification takes the profile's memory.
AT_ONCE = 2


@dataclass(slots=True)
class _Tries:
    since: float
    count: int = field(default=0)


class Login:
    """
    The door.

    Args:
        store: Where people are.
        seated: Whether somebody of this seat (None: an operator) still belongs here.
        profile: What passphrase hashes cost now; older ones are made again at login.
        clock: The wall clock, for TOTP.
        delay: Seconds every failure takes.
        sleep: How to wait; tests give their own.
    """

    def __init__(
        self,
        store: Store,
        *,
        seated: Callable[[int | None], bool],
        profile: Costs,
        clock: Callable[[], float],
        delay: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._seated = seated
        self._profile = profile
        self._clock = clock
        self._delay = delay
        self._sleep = sleep
        self._lock = threading.Lock()
        self._tries: OrderedDict[str, _Tries] = OrderedDict()
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        # What a passphrase is compared with when there is nobody of that name: it costs the same.
        self._nobody = hash_passphrase(generate_passphrase(), profile)

    def enter(self, name: str, passphrase: str, code: str) -> reviewers.Person:
        """
        Judge a login.

        Raises:
            LoginError: It fails, whatever the reason; raised `delay` seconds after the call.
        """
        began = time.monotonic()
        try:
            return self._judge(unicodedata.normalize("NFC", name)[:MAX_NAME], passphrase, code)
        except LoginError:
            self._sleep(max(0.0, self._delay - (time.monotonic() - began)))
            raise

    def _judge(self, name: str, passphrase: str, code: str) -> reviewers.Person:
        allowed = self._count(name)
        person = reviewers.find(self._store, name)
        stored = self._nobody if person is None else bytes(person.passphrase).decode()
        with self._slots:
            right, renewed = self._compare(stored, passphrase)
        step = self._step(b"\0" * 20 if person is None else bytes(person.totp), code)
        if not allowed or person is None or person.disabled or not right or step is None:
            raise LoginError
        # Their seat left the card: the passphrase is right and opens nothing.
        if not self._seated(person.seat):
            raise LoginError
        try:
            reviewers.use_step(self._store, person.id, step)
        except ConflictError:
            raise LoginError from None
        if renewed is not None:
            reviewers.set_passphrase(self._store, person.id, renewed)
        with self._lock:
            self._tries.pop(name, None)
        return person

    def _compare(self, stored: str, passphrase: str) -> tuple[bool, str | None]:
        try:
            return True, verify_passphrase(stored, passphrase, self._profile)
        except PassphraseError:
            return False, None

    def _step(self, secret: bytes, code: str) -> int | None:
        totp = pyotp.TOTP(base64.b32encode(secret).decode(), interval=STEP_SECONDS)
        digits = "".join(code.split())
        now = self._now()
        found = None
        # All steps are tried, so that the time taken says nothing.
        for step in range(max(0, now - DRIFT), now + DRIFT + 1):
            if pyotp.utils.strings_equal(digits, totp.generate_otp(step)):
                found = step
        return found

    def _now(self) -> int:
        return int(self._clock()) // STEP_SECONDS

    def _count(self, name: str) -> bool:
        now = time.monotonic()
        with self._lock:
            tries = self._tries.get(name)
            if tries is None or now - tries.since > WINDOW_SECONDS:
                tries = _Tries(now)
            tries.count += 1
            self._tries[name] = tries
            self._tries.move_to_end(name)
            while len(self._tries) > MAX_COUNTED:
                self._tries.popitem(last=False)
            return tries.count <= TRIES
