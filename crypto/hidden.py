# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A bytes type for secrets: it does not print, does not pickle, compares in constant time.

What it does not promise: wiping. CPython's bytes are immutable and copied freely; THREATS says what follows from that.
"""

from __future__ import annotations

import hmac
from typing import NoReturn


class Hidden(bytes):
    """
    Secret bytes that keep themselves out of logs, tracebacks and caches.
    """

    def __repr__(self) -> str:
        return "<Hidden>"

    # bytes defines __str__ apart from __repr__, so one alone would still print.
    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "<Hidden>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, bytes) and hmac.compare_digest(bytes(self), bytes(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    # A hash of a secret in a dictionary is an equality oracle that needs no constant-time comparison.
    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is not pickled")
