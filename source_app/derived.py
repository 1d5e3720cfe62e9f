# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Codenames in line as all workers see them: who derives one, and what it derived to, until its browser comes for it.

A record stands under a name made from its ticket, and what was derived is sealed under a key made from it too. The ticket is in the browser alone, so the
memory by itself opens nothing. A worker that died derives nothing any more: its records count for none.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from nacl.secret import SecretBox

from crypto.derive import Subkeys
from crypto.hidden import Hidden
from source_app.limits import DERIVED_SECONDS, LINE_SECONDS
from source_app.memory import purpose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from source_app.memory import Memory

_PENDING: Final = struct.Struct(">BIQ")
_ONE: Final = struct.Struct(">I32s32s32s")
_WAITS, _READY = 1, 2


@dataclass(frozen=True, slots=True)
class Pending:
    """
    Args:
        process: that derives it.
        seconds: until it is derived, as that process saw it; never negative.
    """

    process: int
    seconds: int


class Derived:
    """
    The records, in the memory that all workers share.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def expect(self, ticket: bytes, seconds: float) -> None:
        """Tell the others that this process will derive it."""
        at = self._memory.now() + int(seconds) + 1
        self._memory.derived.put(_name(ticket), _PENDING.pack(_WAITS, os.getpid(), at), LINE_SECONDS)

    def put(self, ticket: bytes, derived: Mapping[int, Subkeys]) -> None:
        """Put aside what a codename derived to, by the generations' numbers."""
        plain = b"".join(
            _ONE.pack(number, keys.locator_token, keys.thread, keys.reply_seed) for number, keys in derived.items()
        )
        box = SecretBox(_key(ticket)).encrypt(plain)
        self._memory.derived.put(_name(ticket), bytes((_READY,)) + box, DERIVED_SECONDS)

    def find(self, ticket: bytes) -> dict[int, Subkeys] | Pending | None:
        """What is there under a ticket: what was derived, who is about to, or nothing."""
        record = self._memory.derived.get(_name(ticket))
        if record is None:
            return None
        if record[0] == _READY:
            return {
                number: Subkeys(Hidden(token), Hidden(thread), Hidden(seed))
                for number, token, thread, seed in _ONE.iter_unpack(SecretBox(_key(ticket)).decrypt(record[1:]))
            }
        _, process, at = _PENDING.unpack(record)
        return Pending(process, max(0, at - self._memory.now())) if _lives(process) else None

    def drop(self, ticket: bytes) -> None:
        """Nothing will come of it."""
        self._memory.derived.drop(_name(ticket))


def _name(ticket: bytes) -> bytes:
    return bytes(purpose(Hidden(ticket), b"line name"))[:16]


def _key(ticket: bytes) -> bytes:
    return bytes(purpose(Hidden(ticket), b"line key"))


def _lives(process: int) -> bool:
    # Not by a signal, which a profile may forbid; whoever gets the same number later keeps a place waiting, and it ends by itself.
    try:
        os.getpgid(process)
    except ProcessLookupError:
        return False
    return True
