# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Makes the vectors of codenames and their derivation: `python -m tests.vectors.make_codename_vectors [folder]`.

As of the frames, every byte is put together from the clauses of crypto/README.md and none by our code. A vector holds `comment`, `input`,
`expect` and `secret`; one with a symbol on no list also `symbol` and the `first` of the nearest words. Deterministic; a test runs it and compares.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

from argon2.low_level import Type, hash_secret_raw
from mnemonic import Mnemonic

from tests.vectors.writing import Vector, asked, write

LISTS = {language: Mnemonic(language).wordlist for language in ("english", "chinese_simplified", "chinese_traditional")}
# Eight indices and the four free bits of the ninth: 的 at 0, 著/着 at 67, 矽/硅 at 1653, the last symbol, and some others.
FREE = (67, 0, 1653, 2047, 1, 1024, 513, 7)
FREE_BITS = 0b1010


def check_bits(random: int) -> int:
    return hashlib.sha256(b"dengwen/v1/codename" + random.to_bytes(12, "big")).digest()[0] >> 1


def codename_indices() -> list[int]:
    random = 0
    for index in FREE:
        random = random * 2_048 + index
    random = random * 16 + FREE_BITS
    return [*FREE, FREE_BITS * 128 + check_bits(random)]


INDICES = codename_indices()
SECRET = b"".join(index.to_bytes(2, "big") for index in INDICES)


def digits(zero: str) -> str:
    return " ".join("".join(chr(ord(zero) + int(digit)) for digit in str(index + 1)) for index in INDICES)


def good_codenames() -> Iterator[Vector]:
    words, simplified, traditional = ([LISTS[language][index] for index in INDICES] for language in LISTS)
    wide = "".join(chr(ord(letter) + 0xFEE0) if letter != " " else "\u3000" for letter in " ".join(words))
    mixed = [
        words[0],
        simplified[1],
        str(INDICES[2] + 1),
        *words[3:6],
        traditional[6],
        *(str(i + 1) for i in INDICES[7:]),
    ]
    swapped = "".join(traditional).replace("著", "着").replace("矽", "硅")
    other = "".join(simplified).replace("着", "著").replace("硅", "矽")
    inputs = {
        "words": ("As it is shown.", " ".join(words)),
        "words-case": ("Case does not matter.", " ".join(words).upper()),
        "words-wide": ("Full width, and the ideographic space.", wide),
        "words-separators": (
            "Anything that is not letter, mark or digit separates.",
            " — ".join(words) + " …\r\n\u200b",
        ),
        "words-numbered": ("Copied with dashes, commas and dots.", ",".join(words).replace(",", " ,.-/_|·、", 3)),
        "words-prefixes": ("Four letters are enough.", " ".join(word[:4] for word in words)),
        "simplified": ("Characters need no separators.", "".join(simplified)),
        "simplified-spaced": ("Separators do no harm.", "、".join(simplified)),
        "simplified-variation": ("A variation selector only chooses a glyph.", "\ufe00".join(simplified)),
        "traditional": ("The traditional list means the same.", "".join(traditional)),
        "traditional-variants": ("着 and 硅 in traditional text.", swapped),
        "simplified-variants": ("著 and 矽 in simplified text.", other),
        "numbers": ("Numbers from 1 to 2,048.", digits("0")),
        "numbers-arabic": ("Arabic digits.", digits("٠")),
        "numbers-persian": ("Persian digits, as Uyghur and Kurdish readers type them.", digits("۰")),
        "numbers-tibetan": ("Tibetan digits.", digits("༠")),
        "numbers-devanagari": ("Devanagari digits.", digits("०")),
        "numbers-wide": ("Full width.", digits("０")),
        "numbers-zeros": ("Zeros before a number.", " ".join(f"{index + 1:04d}" for index in INDICES)),
        "mixed": ("Renderings may be mixed.", " ".join(mixed)),
        "mixed-tight": (
            "Where the kind changes, nothing need separate.",
            f"{words[0]}{simplified[1]}{INDICES[2] + 1}" + ".".join(words[3:]),
        ),
    }
    for name, (comment, text) in inputs.items():
        yield name, {"comment": comment, "input": text, "expect": "codename", "secret": SECRET.hex()}


def bad_codenames() -> Iterator[Vector]:
    words = [LISTS["english"][index] for index in INDICES]
    numbers = [str(index + 1) for index in INDICES]

    def refuse(name: str, comment: str, text: str, expect: str, **more: Any) -> Vector:
        return name, {"comment": comment, "input": text, "expect": expect, **more}

    def instead(symbol: str) -> str:
        return " ".join([*words[:4], symbol, *words[5:]])

    for bit in range(7):
        wrong = [*numbers[:8], str((INDICES[8] ^ 1 << bit) + 1)]
        yield refuse(f"check-bit-{bit}", f"Check bit {bit} is another.", " ".join(wrong), "CheckError")
    yield refuse(
        "check-swapped", "Two symbols in the other order.", " ".join([words[1], words[0], *words[2:]]), "CheckError"
    )
    yield refuse("check-other-word", "One word is another.", instead("zebra"), "CheckError")
    for count in (0, 1, 8, 10, 18):
        text = " ".join((words * 2)[:count])
        yield refuse(f"count-{count}", f"{count} symbols.", text, "SymbolCountError", count=count)
    yield refuse("count-only-separators", "Signs that are no symbols.", " .,;—！？ ", "SymbolCountError", count=0)
    unknown = {
        "word": ("A slip of one letter.", "abilitty", "ability"),
        "word-order": ("Two letters in the other order.", "recieve", "receive"),
        "word-far": ("Nothing is near.", "qqqqqqqq", None),
        "word-long": ("Longer than any word.", "a" * 17, None),
        "prefix-short": ("Three letters are no prefix.", "abi", None),
        "pinyin": ("Pinyin is no rendering (K5).", "zhuang", None),
        "uyghur": ("Letters without a list.", "ئۇيغۇر", None),
        "hanzi": ("A hanzi on no list.", "龘", None),
        "number-0": ("Numbers start at 1.", "0", None),
        "number-2049": ("Numbers end at 2,048.", "2049", None),
        "number-20480": ("Five digits.", "20480", None),
        "number-joined": ("Nine numbers without separators are one.", "1234567890" * 3, None),
    }
    for name, (comment, symbol, first) in unknown.items():
        yield refuse(f"unknown-{name}", comment, instead(symbol), "UnknownSymbolError", symbol=symbol, first=first)
    yield refuse(
        "unknown-first",
        "A symbol on no list is named before a wrong count.",
        "龘 abandon",
        "UnknownSymbolError",
        symbol="龘",
        first=None,
    )
    yield refuse("too-long", "1,001 characters.", " " * 1_001, "CodenameError")


def hkdf(secret: bytes, label: bytes) -> bytes:
    """RFC 5869 with no salt and one block of output."""
    key = hmac.digest(bytes(32), secret, "sha256")
    return hmac.digest(key, label + b"\x01", "sha256")


def derivations() -> Iterator[Vector]:
    for name, comment, costs in (
        ("derivation-cheapest", "The test profile.", (8, 1, 1)),
        ("derivation-production", "The least that production allows (D2).", (19_456, 2, 1)),
        ("derivation-lanes", "More lanes than one.", (64, 3, 4)),
    ):
        salt = hashlib.sha256(name.encode()).digest()[:16]
        root = hash_secret_raw(SECRET, salt, costs[1], costs[0], costs[2], 32, Type.ID)
        token = hkdf(root, b"dengwen/v1/locator")
        yield (
            name,
            {
                "comment": comment,
                "secret": SECRET.hex(),
                "generation": {
                    "number": 1,
                    "salt": salt.hex(),
                    "memory_kib": costs[0],
                    "passes": costs[1],
                    "lanes": costs[2],
                },
                "locator_token": token.hex(),
                "locator": hashlib.sha256(b"dengwen/v1/locator\0" + token).hexdigest(),
                "thread": hkdf(root, b"dengwen/v1/thread").hex(),
                "reply_seed": hkdf(root, b"dengwen/v1/reply").hex(),
            },
        )


if __name__ == "__main__":
    write(asked() / "codename", [*good_codenames(), *bad_codenames(), *derivations()])
