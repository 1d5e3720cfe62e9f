# SPDX-License-Identifier: AGPL-3.0-or-later
"""
From a codename's secret to the three things it is good for (spec D).

Promises: one derivation for each generation, the same everywhere and for ever. Costs outside D2 are refused when a generation is
read, long before they are spent.
Leaves to others: the codename's own checks (`codename`), how many run at once, and which generations are live (`root`).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from crypto.argon import CHEAPEST, KEY_SIZE, LEAST_KIB_A_LANE, SALT_SIZE, Costs, argon2id
from crypto.codename import SECRET_SIZE
from crypto.errors import CodenameError, FormatError
from crypto.hidden import Hidden

__all__ = ["CHEAPEST", "PRODUCTION", "Costs", "Generation", "Subkeys", "derive"]

# spec D2
PRODUCTION: Final = Costs(memory_kib=19_456, passes=2, lanes=1)
MAX_MEMORY_KIB: Final = 262_144
MAX_PASSES: Final = 8
MAX_LANES: Final = 4
MAX_NUMBER: Final = 2**31 - 1

_LOCATOR: Final = b"dengwen/v1/locator"
_THREAD: Final = b"dengwen/v1/thread"
_REPLY: Final = b"dengwen/v1/reply"


@dataclass(frozen=True, slots=True)
class Generation:
    """
    How codenames are derived (spec D1). It stands in the root and never changes.

    Args:
        number: 1, 2, …
        salt: 16 bytes, public.
        memory_kib: Argon2id's memory, in KiB.
        passes: over that memory.
        lanes: that may run at the same time.

    Raises:
        FormatError: outside the bounds of D2.
    """

    number: int
    salt: bytes
    memory_kib: int
    passes: int
    lanes: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= MAX_NUMBER:
            raise FormatError("generation: number out of bounds")
        if len(self.salt) != SALT_SIZE:
            raise FormatError(f"generation: a salt of {len(self.salt)} bytes where {SALT_SIZE} are needed")
        if not 1 <= self.passes <= MAX_PASSES:
            raise FormatError("generation: passes out of bounds")
        if not 1 <= self.lanes <= MAX_LANES:
            raise FormatError("generation: lanes out of bounds")
        if not LEAST_KIB_A_LANE * self.lanes <= self.memory_kib <= MAX_MEMORY_KIB:
            raise FormatError("generation: memory out of bounds")

    @classmethod
    def fresh(cls, number: int, *, costs: Costs = PRODUCTION) -> Generation:
        """
        A new generation with a random salt. Tests alone pass costs, and those are `CHEAPEST`.
        """
        return cls(number, secrets.token_bytes(SALT_SIZE), *costs)

    @property
    def costs(self) -> Costs:
        """
        Memory, passes and lanes.
        """
        return Costs(self.memory_kib, self.passes, self.lanes)

    def require_production(self) -> None:
        """
        Refuse costs that are for tests only (spec D2).

        Raises:
            FormatError: too cheap for people's codenames.
        """
        if self.memory_kib < PRODUCTION.memory_kib or self.passes < PRODUCTION.passes:
            raise FormatError("generation: too cheap for production")


@dataclass(frozen=True, slots=True)
class Subkeys:
    """
    What a codename derives to (spec D4), 32 bytes each.

    Args:
        locator_token: what finds the thread; the server stores only its hash.
        thread: the thread value (spec D6).
        reply_seed: the seed of the identity that opens replies (spec D7).
    """

    locator_token: Hidden
    thread: Hidden
    reply_seed: Hidden

    @property
    def locator(self) -> bytes:
        """
        All that the server stores of a codename (spec D5), 32 bytes.
        """
        return hashlib.sha256(_LOCATOR + b"\0" + self.locator_token).digest()


def derive(secret: Hidden, generation: Generation) -> Subkeys:
    """
    Run the KDF of one generation (spec D3, D4).

    Args:
        secret: the codename's 18 bytes (spec K2).
        generation: its costs are spent here.

    Raises:
        CodenameError: the secret has not the size of a codename's.
    """
    if len(secret) != SECRET_SIZE:
        raise CodenameError("not the secret of a codename")
    root = argon2id(secret, generation.salt, generation.costs)
    return Subkeys(_subkey(root, _LOCATOR), _subkey(root, _THREAD), _subkey(root, _REPLY))


def _subkey(root: Hidden, label: bytes) -> Hidden:
    return Hidden(HKDF(SHA256(), KEY_SIZE, salt=None, info=label).derive(root))
