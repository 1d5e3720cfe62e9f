# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What the store refuses, one class for each thing a caller may do about it.

Messages name fields, numbers and days; never an id of a thread, a locator or a byte of content.
"""

from __future__ import annotations


class StoreError(Exception):
    """The store could not do this, and nothing of it was kept."""


class FullError(StoreError):
    """There is no room on the disk. Nothing was stored."""


class OverloadedError(StoreError):
    """Too many are reading or writing at once. Nothing was stored; trying again in some minutes helps."""


class EpochBelowFloorError(StoreError):
    """This was sealed under an epoch that is closed. It must be sealed again under a later one."""


class DamagedError(StoreError):
    """What is stored is not what was written: a file is missing or a record was altered."""


class NotInstalledError(StoreError):
    """There is no store of this version here. Create or upgrade it first."""


class ExposedError(StoreError):
    """Others than its accounts may look into the store's folder."""


class MissingError(StoreError):
    """There is nothing of that number or name."""


class ConflictError(StoreError):
    """This contradicts what is already stored."""


class StaleError(StoreError):
    """This is older than what is already installed."""


class GapError(StoreError):
    """
    Something that must come before this has not arrived.

    Args:
        expected: The number that has to come next.

    """

    def __init__(self, message: str, expected: int) -> None:
        super().__init__(message)
        self.expected = expected
