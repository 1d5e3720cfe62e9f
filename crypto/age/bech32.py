# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Bech32 (BIP 173), the spelling of age keys (spec A9).

Promises one spelling for each pair of prefix and payload in each of the two cases. Refuses mixed case, a wrong checksum,
padding that is not zero, and texts longer than `MAX_TEXT`; BIP 173's own limit of 90 characters does not apply to keys.
What the prefix means, and which case it should have, is left to the caller.
"""

from __future__ import annotations

import base64
import re
from typing import Final

from crypto.errors import FormatError

MAX_TEXT: Final = 4096
CHECKSUM_SIZE: Final = 6

_SYMBOLS: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_PREFIX: Final = re.compile(r"[!-~]{1,83}")
_PAYLOAD: Final = re.compile(f"[{_SYMBOLS}]*")

_VALUES: Final = bytes.maketrans(_SYMBOLS.encode(), bytes(range(32)))
_TO_BASE32: Final = str.maketrans(_SYMBOLS, "0123456789abcdefghijklmnopqrstuv")
_FROM_RFC4648: Final = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", _SYMBOLS.encode())


def encode(hrp: str, payload: bytes) -> str:
    """
    Spell *payload* under the prefix *hrp*, in the case of *hrp*.

    Raises:
        FormatError: the prefix is empty, mixes cases or has a character outside printable ASCII, or the text
            would be longer than `MAX_TEXT`.
    """
    prefix = hrp.lower()
    if not _PREFIX.fullmatch(hrp) or hrp not in (prefix, hrp.upper()):
        raise FormatError("not a Bech32 prefix")
    symbols = base64.b32encode(payload).rstrip(b"=").translate(_FROM_RFC4648)
    check = _polymod(_expand(prefix) + symbols.translate(_VALUES) + bytes(CHECKSUM_SIZE)) ^ 1
    tail = "".join(_SYMBOLS[(check >> shift) & 31] for shift in range(25, -1, -5))
    text = f"{prefix}1{symbols.decode('ascii')}{tail}"
    if len(text) > MAX_TEXT:
        raise FormatError(f"a Bech32 text of {len(text)} characters")
    return text if hrp == prefix else text.upper()


def decode(text: str) -> tuple[str, bytes]:
    """
    Read one Bech32 text.

    Returns:
        The prefix, in the case it was written in, and the payload.

    Raises:
        FormatError: the text is not the one spelling of anything.
    """
    if len(text) > MAX_TEXT:
        raise FormatError(f"a Bech32 text of {len(text)} characters")
    lowered = text.lower()
    if text not in (lowered, text.upper()):
        raise FormatError("a Bech32 text of mixed case")
    prefix, separator, symbols = lowered.rpartition("1")
    if not separator or not _PREFIX.fullmatch(prefix):
        raise FormatError("a Bech32 text without a prefix")
    if len(symbols) < CHECKSUM_SIZE or not _PAYLOAD.fullmatch(symbols):
        raise FormatError("a Bech32 text with a character that is none of its 32")
    if _polymod(_expand(prefix) + symbols.encode("ascii").translate(_VALUES)) != 1:
        raise FormatError("a Bech32 text whose checksum is wrong: a slip, or cut")
    return text[: len(prefix)], _to_bytes(symbols[:-CHECKSUM_SIZE])


def _to_bytes(symbols: str) -> bytes:
    """
    Join 5-bit symbols to bytes; what is left over is fewer than 5 bits and all zero.
    """
    size, spare = divmod(5 * len(symbols), 8)
    value = int("0" + symbols.translate(_TO_BASE32), 32)
    if spare >= 5 or value & ((1 << spare) - 1):
        raise FormatError("a Bech32 text with padding that is not zero")
    return (value >> spare).to_bytes(size, "big")


def _expand(prefix: str) -> bytes:
    raw = prefix.encode("ascii")
    return bytes(letter >> 5 for letter in raw) + b"\0" + bytes(letter & 31 for letter in raw)


def _remainder(top: int) -> int:
    """
    What two symbols shifted out at the top put back: the checksum is linear, so this can be a table.
    """
    check = top << 20
    for _ in range(2):
        high = check >> 25
        check = (check & 0x1FFFFFF) << 5
        for bit, generator in enumerate(_GENERATOR):
            if high >> bit & 1:
                check ^= generator
    return check


_REMAINDERS: Final = tuple(_remainder(top) for top in range(1024))


def _polymod(values: bytes) -> int:
    """
    The BIP 173 checksum, two symbols a step: a hybrid recipient has 1,959 characters and every message carries one.
    """
    check, start = 1, 0
    if len(values) % 2:
        check, start = 32 ^ values[0], 1
    for first, second in zip(values[start::2], values[start + 1 :: 2], strict=True):
        check = (check & 0xFFFFF) << 10 ^ first << 5 ^ second ^ _REMAINDERS[check >> 20]
    return check
