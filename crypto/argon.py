# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Argon2id, version 1.3, for what is derived (spec D3) and what is sealed with a passphrase (spec P2).

Two implementations, one function: libsodium chooses at run time the widest instructions that a processor has, where argon2-cffi's wheels know
the oldest ones alone; libsodium has one lane only, so more are argon2-cffi's. It takes its memory from the kernel each time and gives it back
as it is: with huge pages (Debian's default) it needs two thirds of the other's time, without them as much.

What is not promised: that the memory was overwritten. argon2-cffi does so, libsodium leaves it to the kernel, which clears a page before
anybody else gets it.

Leaves to others: bounds on costs. Each caller has its own and checks them before it comes here.
"""

from __future__ import annotations

from typing import NamedTuple

from argon2.low_level import ARGON2_VERSION, Type, hash_secret_raw
from nacl.bindings import crypto_pwhash_alg, crypto_pwhash_ALG_ARGON2ID13

from crypto.hidden import Hidden

KEY_SIZE = 32
SALT_SIZE = 16
# Argon2's own floor: eight blocks of 1 KiB in each lane.
LEAST_KIB_A_LANE = 8


class Costs(NamedTuple):
    """
    What one derivation costs.

    Args:
        memory_kib: memory, in KiB.
        passes: over that memory.
        lanes: that may run at the same time.
    """

    memory_kib: int
    passes: int
    lanes: int


# Only for tests, and for figures that are measured beside the KDF.
CHEAPEST = Costs(memory_kib=8, passes=1, lanes=1)


def argon2id(secret: bytes, salt: bytes, costs: Costs) -> Hidden:
    """
    Derive 32 bytes.

    Args:
        secret: of any length.
        salt: 16 bytes.
        costs: what is spent; all of the memory at once.
    """
    if costs.lanes == 1:
        return Hidden(
            crypto_pwhash_alg(
                KEY_SIZE, secret, salt, costs.passes, costs.memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13
            )
        )
    return Hidden(
        hash_secret_raw(
            secret,
            salt,
            time_cost=costs.passes,
            memory_cost=costs.memory_kib,
            parallelism=costs.lanes,
            hash_len=KEY_SIZE,
            type=Type.ID,
            version=ARGON2_VERSION,
        )
    )
