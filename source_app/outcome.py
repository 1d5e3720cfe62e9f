# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What became of a form: which items arrived, which was cut, which was refused.

Plain values for the pages of this one visit. They live in RAM, name no source and are never logged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Reason(StrEnum):
    """
    Why a file was refused.
    """

    TOO_LARGE = "too large"
    TOO_MANY = "too many"
    FULL = "full"
    SEND_AGAIN = "send again"
    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """
    One item that is durable and committed.

    Attributes:
        name: the file's name as the source's browser gave it; empty for a message.
        length: bytes of content, before padding.
        item: the 16-byte item id.
        again: whether it was there already: a repeat of its form brought it.
    """

    name: str
    length: int
    item: bytes
    again: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """
    A file the circuit, or a malformed form, broke off: nothing of it was kept.
    """

    name: str


@dataclass(frozen=True, slots=True)
class Refused:
    """
    A file that was not taken, and why: nothing of it was kept (after trouble of ours: perhaps it was).
    """

    name: str
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """
    The outcome of one form.

    Attributes:
        fields: the text fields that were complete, by name.
        arrived: the files that are safe, in the form's order.
        cut: at most one file: what follows a cut was never seen.
        refused: at most one file, for the same reason.
    """

    fields: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    arrived: tuple[Arrived, ...] = ()
    cut: tuple[Cut, ...] = ()
    refused: tuple[Refused, ...] = ()
