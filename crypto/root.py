# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The root: whose keys an organisation's cards are signed with, and what never changes.

Its fingerprint is what people compare by eye; everything else follows from it by signatures. It promises that a root
was signed by the threshold of its own keys (spec R1) and, read after another, by the threshold of the other's too
(spec R2). Whether the first one is the right one only the fingerprint says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Self

from crypto.canonical import JSON, Fields
from crypto.derive import Generation
from crypto.errors import FormatError, StaleError
from crypto.signing import KEY_SIZE, SignedDocument

SUITE: Final = "ed25519"
MAX_KEYS: Final = 5
MAX_GENERATIONS: Final = 2
# A root's, card's or sheet's number: more than one a minute for a thousand years.
MAX_SEQUENCE: Final = 10**9
# With epochs.MAX_EPOCH every day that a sheet can name is in the calendar.
EARLIEST_DAY: Final = date(2000, 1, 1)
LATEST_DAY: Final = date(2999, 12, 31)

_FINGERPRINT_DIGITS: Final = 40
_FINGERPRINT_GROUP: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """
    A root whose own signatures have been checked.

    Args:
        number: 1, 2, …
        threshold: how many of ``keys`` must sign.
        keys: Ed25519 public keys, 32 bytes each.
        generations: what codenames are derived with, ascending; at most two live.
        first_day: where epoch 0 begins.
        signed: the document as it is stored.
    """

    number: int
    threshold: int
    keys: tuple[bytes, ...]
    generations: tuple[Generation, ...]
    first_day: date
    signed: SignedDocument

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        """
        Read a root and check it against its own keys (spec R1).

        Raises:
            FormatError: it is not a root.
            SignatureError: fewer than the threshold of its own keys signed, or a signature is wrong.
        """
        root = cls.draft(SignedDocument.decode(raw))
        root.signed.require("root", root.keys, root.threshold)
        return root

    @classmethod
    def draft(cls, signed: SignedDocument) -> Self:
        """
        Read a root whose signatures are still being gathered: for showing it to those who are asked to sign.

        Raises:
            FormatError: it is not a root.
        """
        return cls._read(Fields(signed.contents("root"), "root"), signed)

    @classmethod
    def _read(cls, fields: Fields, signed: SignedDocument) -> Self:
        keys = tuple(_read_key(key) for key in fields.list("keys", MAX_KEYS))
        if not keys or len(set(keys)) != len(keys):
            raise FormatError(f"a root has 1 to {MAX_KEYS} different keys; this one lists {len(keys)}")
        suite = fields.text("suite", 64)
        if suite != SUITE:
            raise FormatError(f"the root's suite is not {SUITE}; signatures of another cannot be checked here")
        root = cls(
            number=fields.number("number", 1, MAX_SEQUENCE),
            threshold=fields.number("threshold", 1, len(keys)),
            keys=keys,
            generations=_read_generations(fields),
            first_day=fields.day("first_day"),
            signed=signed,
        )
        fields.done()
        if not EARLIEST_DAY <= root.first_day <= LATEST_DAY:
            raise FormatError(f"the root's first day {root.first_day} is not between {EARLIEST_DAY} and {LATEST_DAY}")
        return root

    def accept_next(self, raw: bytes) -> Self:
        """
        The root after this one, signed by the threshold of both (spec R2).

        Raises:
            StaleError: its number is not above this one's.
            SignatureError: it lacks this root's threshold, or its own.
            FormatError: it leaves a root out, moves the first day or alters a generation.
        """
        following = type(self).decode(raw)
        if following.number <= self.number:
            raise StaleError(f"root {following.number} is not newer than root {self.number}, which is installed")
        if following.number != self.number + 1:
            raise FormatError(f"root {following.number} cannot follow root {self.number}: one between is missing")
        following.signed.require("root", self.keys, self.threshold)
        if following.first_day != self.first_day:
            raise FormatError(f"the new root's first day is {following.first_day}, the old one's {self.first_day}")
        _require_unaltered(self.generations, following.generations)
        return following

    @property
    def digest(self) -> bytes:
        """
        SHA-256 of the document (spec S4): what cards and sheets name.
        """
        return self.signed.digest

    @property
    def fingerprint(self) -> str:
        """
        The digest for human eyes: 40 digits in eight groups of five (spec R1).
        """
        digits = f"{int.from_bytes(self.digest) % 10**_FINGERPRINT_DIGITS:0{_FINGERPRINT_DIGITS}d}"
        groups = range(0, _FINGERPRINT_DIGITS, _FINGERPRINT_GROUP)
        return " ".join(digits[start : start + _FINGERPRINT_GROUP] for start in groups)


def _read_key(value: JSON) -> bytes:
    return Fields({"key": value}, "root keys").hex("key", KEY_SIZE)


def _read_generations(fields: Fields) -> tuple[Generation, ...]:
    generations = tuple(_read_generation(entry) for entry in fields.objects("generations", MAX_GENERATIONS))
    numbers = [generation.number for generation in generations]
    # spec D1: one or two, and one order only.
    if not numbers or numbers != sorted(set(numbers)):
        raise FormatError(f"a root lists one or two generations, ascending; this one lists {numbers}")
    return generations


def _read_generation(fields: Fields) -> Generation:
    # Generation refuses costs outside the bounds of spec D2.
    generation = Generation(
        number=fields.number("number", 1, MAX_SEQUENCE),
        salt=fields.hex("salt", 16),
        memory_kib=fields.number("memory_kib", 0, 2**32),
        passes=fields.number("passes", 0, 2**32),
        lanes=fields.number("lanes", 0, 2**32),
    )
    fields.done()
    return generation


def write_generation(generation: Generation) -> Mapping[str, JSON]:
    """
    A generation as it stands in the root.
    """
    return {
        "number": generation.number,
        "salt": generation.salt.hex(),
        "memory_kib": generation.memory_kib,
        "passes": generation.passes,
        "lanes": generation.lanes,
    }


def _require_unaltered(old: tuple[Generation, ...], new: tuple[Generation, ...]) -> None:
    known = {generation.number: generation for generation in old}
    for generation in new:
        former = known.get(generation.number)
        # spec R2, D1: an altered generation would shut out every source who holds a codename of it. A new number
        # must be above all old ones: below them it might be a retired one with other costs.
        if former != generation and (former is not None or generation.number < max(known)):
            raise FormatError(f"generation {generation.number} is not as the old root has it")
