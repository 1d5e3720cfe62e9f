# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The codename (spec K): nine symbols that a source keeps in the head, in words, characters or numbers.

Promises: three renderings of one secret, each read back to it; forgiving of everything that cannot mean another codename.
Refuses: a symbol on no list, with the nearest words; another count than nine; nine that do not belong together, without
saying which is wrong. All of it costs no KDF.
Leaves to others: what the secret derives to (`derive`).
"""

from __future__ import annotations

import hashlib
import re
import secrets
import struct
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from crypto.errors import CheckError, CodenameError, SymbolCountError, UnknownSymbolError
from crypto.hidden import Hidden
from crypto.nearest import nearest
from crypto.wordlists import CHARACTERS, ENGLISH, SIMPLIFIED, SYMBOLS, TRADITIONAL, WORDS, fold

COUNT: Final = 9
SECRET_SIZE: Final = 2 * COUNT
# Nine of the longest words have 80; the rest is room for what stands between.
MAX_TEXT: Final = 1_000

_RANDOM_BITS: Final = 92
_CHECK_BITS: Final = 7
_INDEX_BITS: Final = 11
_LABEL: Final = b"dengwen/v1/codename"
# Characters that stand alone; all other letters run together to words. Compatibility ideographs are gone after NFKC.
_HANZI = re.compile("[\u3007\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]")
_RUNS = re.compile("[A-Za-z]+|[0-9]+")
_INDICES = struct.Struct(f">{COUNT}H")


@dataclass(frozen=True, slots=True)
class Codename:
    """
    One codename; there is none whose check bits are wrong.

    Args:
        secret: nine 2-byte big-endian indices from 0 to 2,047 (spec K2).

    Raises:
        CheckError: the check bits disagree.
        CodenameError: not nine indices.
    """

    secret: Hidden

    def __post_init__(self) -> None:
        if len(self.secret) != SECRET_SIZE or max(self._indices()) >= SYMBOLS:
            raise CodenameError("not the secret of a codename")
        number = 0
        for index in self._indices():
            number = number << _INDEX_BITS | index
        if number & ((1 << _CHECK_BITS) - 1) != _check(number >> _CHECK_BITS):
            raise CheckError("the symbols do not belong together")

    @classmethod
    def generate(cls) -> Codename:
        """
        A fresh codename: 92 random bits (spec K1).
        """
        random = secrets.randbits(_RANDOM_BITS)
        number = random << _CHECK_BITS | _check(random)
        shifts = range(_INDEX_BITS * (COUNT - 1), -1, -_INDEX_BITS)
        return cls(_pack([number >> shift & (SYMBOLS - 1) for shift in shifts]))

    @classmethod
    def from_secret(cls, secret: Hidden) -> Codename:
        """
        The codename of a secret that was kept.

        Raises:
            CodenameError: it is none.
        """
        return cls(secret)

    @classmethod
    def parse(cls, text: str) -> Codename:
        """
        Read what a person typed, in any rendering or several (spec K3, K4).

        Raises:
            UnknownSymbolError: a symbol is on no list.
            SymbolCountError: there are not nine.
            CheckError: the nine do not belong together.
            CodenameError: the text is longer than any codename could be.
        """
        if len(text) > MAX_TEXT:
            raise CodenameError(f"more than {MAX_TEXT} characters")
        indices = [_index(symbol) for symbol in _symbols(fold(text))]
        if len(indices) != COUNT:
            raise SymbolCountError(len(indices))
        return cls(_pack(indices))

    def words(self) -> tuple[str, ...]:
        """
        Nine English words.
        """
        return tuple(ENGLISH[index] for index in self._indices())

    def characters(self, *, traditional: bool = False) -> tuple[str, ...]:
        """
        Nine Chinese characters, of the simplified list or of the traditional one: either is read back as the same codename.
        """
        return tuple((TRADITIONAL if traditional else SIMPLIFIED)[index] for index in self._indices())

    def numbers(self) -> tuple[int, ...]:
        """
        Nine numbers from 1 to 2,048.
        """
        return tuple(index + 1 for index in self._indices())

    def _indices(self) -> tuple[int, ...]:
        return _INDICES.unpack(self.secret)


def _check(random: int) -> int:
    digest = hashlib.sha256(_LABEL + random.to_bytes(12, "big")).digest()
    return digest[0] >> (8 - _CHECK_BITS)


def _pack(indices: list[int]) -> Hidden:
    return Hidden(_INDICES.pack(*indices))


def _symbols(text: str) -> Iterable[str]:
    """
    Split folded text: hanzi one by one, runs of letters, runs of digits in the digits of ASCII.
    """
    # Of words and numbers as most people type them no sign has to be looked up by itself.
    return _RUNS.findall(text) if text.isascii() else _split(text)


def _split(text: str) -> Iterator[str]:
    run, kind = "", ""
    for character in text:
        category = unicodedata.category(character)
        if _HANZI.match(character):
            now, piece = "hanzi", character
        elif category == "Nd":
            now, piece = "digits", str(unicodedata.decimal(character))
        elif category[0] == "L":
            now, piece = "letters", character
        elif category[0] == "M":
            # A mark belongs to the letters before it. After a hanzi or a digit it only chooses a glyph.
            if kind == "letters":
                run += character
            continue
        else:
            now, piece = "", ""
        if run and (now != kind or now == "hanzi"):
            yield run
            run = ""
        run, kind = run + piece, now
    if run:
        yield run


def _index(symbol: str) -> int:
    if symbol.isdecimal():
        digits = symbol.lstrip("0")
        if 0 < len(digits) <= len(str(SYMBOLS)) and int(digits) <= SYMBOLS:
            return int(digits) - 1
        raise UnknownSymbolError(symbol, ())
    found = CHARACTERS.get(symbol, WORDS.get(symbol))
    if found is None:
        raise UnknownSymbolError(symbol, nearest(symbol))
    return found
