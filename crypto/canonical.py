# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Canonical JSON (spec C): one value has one spelling, and only that spelling is read.

Promises: what `encode` writes, `decode` reads back equal; what `decode` accepts, `encode` writes again byte for byte.
Refuses: floating point, integers beyond 53 bits, lone surrogates, doubled keys, nesting deeper than eight, white space,
needless escapes, unsorted keys, and more bytes than the caller's limit.
Leaves to others: what the keys mean. `Fields` is how every parser of this project asks for them, one by one: each reader
gives exactly the type and range it names, or raises, and `done` refuses what nobody asked for.

Messages name the place and the field asked for, never a value and never a key that a stranger chose.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import NoReturn, TypeAlias

from crypto.errors import FormatError

JSON: TypeAlias = "Mapping[str, JSON] | Sequence[JSON] | str | int | bool | None"

MAX_DEPTH = 8
MAX_INTEGER = 2**53 - 1
# The longest spelling of such an integer; longer ones are refused before int() reads them.
MAX_INTEGER_TEXT = len(str(-MAX_INTEGER))

_HEX = re.compile(r"(?:[0-9a-f]{2})*")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def encode(value: JSON) -> bytes:
    """
    Write a value in its one spelling (spec C1).

    Raises:
        FormatError: the value is not of the kinds C1 names, or is nested too deeply.
    """
    _check(value, MAX_DEPTH)
    try:
        return _WRITER.encode(value).encode("utf-8")
    except UnicodeEncodeError:
        # spec C1: a lone surrogate has no UTF-8.
        raise FormatError("a string holds half a character") from None


def decode(raw: bytes, *, limit: int) -> JSON:
    """
    Read a value, accepting only the bytes that `encode` would write (spec C2).

    Args:
        raw: the whole document.
        limit: the most bytes this kind of document may have.

    Raises:
        FormatError: too long, not JSON, or JSON in another spelling.
    """
    if len(raw) > limit:
        raise FormatError(f"{len(raw)} bytes where at most {limit} are read")
    try:
        value: JSON = _READER.decode(raw.decode("utf-8"))
    # `from None`: these causes carry the document itself.
    except UnicodeDecodeError:
        raise FormatError("not UTF-8") from None
    except json.JSONDecodeError:
        raise FormatError("not JSON") from None
    except RecursionError:
        raise FormatError(f"nested deeper than {MAX_DEPTH}") from None
    if encode(value) != raw:
        raise FormatError("not in canonical form")
    return value


def _check(value: object, depth: int) -> None:
    if isinstance(value, str) or value is None:
        return
    if isinstance(value, int):
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise FormatError("an integer of more than 53 bits")
        return
    if not isinstance(value, (dict, list, tuple, Mapping)):
        raise FormatError(f"a {type(value).__name__} has no place in canonical JSON")
    if depth == 0:
        raise FormatError(f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, (list, tuple)):
        for member in value:
            _check(member, depth - 1)
        return
    for key, member in value.items():
        # json would quietly write True, None and 1 as keys.
        if not isinstance(key, str):
            raise FormatError("a key that is not text")
        _check(member, depth - 1)


def _object(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    found = dict(pairs)
    # spec C2: json would keep the last of two equal keys, another reader the first.
    if len(found) != len(pairs):
        raise FormatError("a key stands twice in one object")
    return found


def _integer(text: str) -> int:
    if len(text) > MAX_INTEGER_TEXT:
        raise FormatError("an integer of more than 53 bits")
    return int(text)


def _refuse_number(_text: str) -> NoReturn:
    raise FormatError("a number that is not an integer")


_READER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_refuse_number,
    parse_constant=_refuse_number,
)
# `default` sees only what _check let through: mappings that are not dict.
_WRITER = json.JSONEncoder(
    ensure_ascii=False,
    sort_keys=True,
    separators=(",", ":"),
    allow_nan=False,
    check_circular=False,
    default=dict,
)


class Fields:
    """
    One JSON object, read field by field.

    Args:
        value: the parsed value; anything but an object is refused.
        where: what it is, for messages: "root", "card.seats[2]".
        error: the class to raise.
    """

    __slots__ = ("_asked", "_error", "_mapping", "_where")

    def __init__(self, value: JSON, where: str, *, error: type[FormatError] = FormatError) -> None:
        self._error = error
        self._where = where
        self._asked: set[str] = set()
        if not isinstance(value, Mapping):
            raise error(f"{where}: not an object")
        self._mapping = value

    @classmethod
    def decode(cls, raw: bytes, where: str, *, limit: int, error: type[FormatError] = FormatError) -> Fields:
        """
        Parse a canonical document (spec C2) and read it as an object.

        Raises:
            FormatError: (or `error`) the bytes are too many, not canonical, or not an object.
        """
        try:
            value = decode(raw, limit=limit)
        except FormatError as reason:
            raise error(f"{where}: {reason}") from None
        return cls(value, where, error=error)

    def has(self, key: str) -> bool:
        """
        Tell whether an optional field is there; null counts as there, and is refused by its reader.
        """
        return key in self._mapping

    def value(self, key: str) -> JSON:
        """
        A field of any kind, as it was parsed.
        """
        if key not in self._mapping:
            self._refuse(key, "is missing")
        self._asked.add(key)
        return self._mapping[key]

    def text(self, key: str, limit: int) -> str:
        """
        A string of at most `limit` bytes of UTF-8; it may be empty.
        """
        value = self.value(key)
        if not isinstance(value, str):
            self._refuse(key, "is not text")
        # A string has at least one byte a character: the long ones are refused before they are encoded.
        if len(value) > limit or len(value.encode("utf-8")) > limit:
            self._refuse(key, f"has more than {limit} bytes")
        return value

    def choice(self, key: str, options: Collection[str]) -> str:
        """
        A string that is one of `options`.
        """
        value = self.value(key)
        if not isinstance(value, str) or value not in options:
            self._refuse(key, "is not one of the words it may be")
        return value

    def number(self, key: str, low: int, high: int) -> int:
        """
        An integer from `low` to `high`, both included.
        """
        value = self.value(key)
        # In Python true is the number 1; in a document it is not.
        if not isinstance(value, int) or isinstance(value, bool):
            self._refuse(key, "is not a number")
        if not low <= value <= high:
            self._refuse(key, f"is not between {low} and {high}")
        return value

    def numbers(self, key: str, limit: int, low: int, high: int) -> tuple[int, ...]:
        """
        A list of at most `limit` integers from `low` to `high`, strictly ascending.
        """
        found: list[int] = []
        for value in self.list(key, limit):
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                self._refuse(key, f"holds something other than numbers from {low} to {high}")
            if found and value <= found[-1]:
                self._refuse(key, "is not in ascending order")
            found.append(value)
        return tuple(found)

    def flag(self, key: str) -> bool:
        """
        True or false.
        """
        value = self.value(key)
        if not isinstance(value, bool):
            self._refuse(key, "is neither true nor false")
        return value

    def hex(self, key: str, size: int) -> bytes:
        """
        Exactly `size` bytes in lower-case hex (spec C3).
        """
        value = self.value(key)
        if not isinstance(value, str) or len(value) != 2 * size or not _HEX.fullmatch(value):
            self._refuse(key, f"is not {size} bytes in lower-case hex")
        return bytes.fromhex(value)

    def blob(self, key: str, limit: int) -> bytes:
        """
        At most `limit` bytes in lower-case hex (spec C3).
        """
        value = self.value(key)
        if not isinstance(value, str) or len(value) > 2 * limit or not _HEX.fullmatch(value):
            self._refuse(key, f"is not at most {limit} bytes in lower-case hex")
        return bytes.fromhex(value)

    def day(self, key: str) -> date:
        """
        An ISO day, `2026-03-01`.
        """
        value = self.value(key)
        # The pattern first: fromisoformat reads week dates and dates without hyphens too.
        if not isinstance(value, str) or not _DAY.fullmatch(value):
            self._refuse(key, "is not a day")
        try:
            return date.fromisoformat(value)
        except ValueError:
            self._refuse(key, "is not a day")

    def list(self, key: str, limit: int) -> tuple[JSON, ...]:
        """
        A list of at most `limit` values, as they were parsed.
        """
        value = self.value(key)
        if not isinstance(value, (list, tuple)):
            self._refuse(key, "is not a list")
        if len(value) > limit:
            self._refuse(key, f"has more than {limit} members")
        return tuple(value)

    def object(self, key: str) -> Fields:
        """
        A nested object.
        """
        return Fields(self.value(key), f"{self._where}.{key}", error=self._error)

    def objects(self, key: str, limit: int) -> tuple[Fields, ...]:
        """
        A list of at most `limit` objects.
        """
        return tuple(
            Fields(value, f"{self._where}.{key}[{position}]", error=self._error)
            for position, value in enumerate(self.list(key, limit))
        )

    def rest(self) -> dict[str, JSON]:
        """
        The fields nobody asked for, for formats that keep them (spec F9).
        """
        unread = {key: value for key, value in self._mapping.items() if key not in self._asked}
        self._asked.update(unread)
        return unread

    def done(self) -> None:
        """
        Refuse fields nobody asked for.
        """
        unread = len(self._mapping.keys() - self._asked)
        if unread:
            raise self._error(f"{self._where}: {unread} unknown fields")

    def _refuse(self, key: str, reason: str) -> NoReturn:
        raise self._error(f"{self._where}: {key} {reason}") from None
