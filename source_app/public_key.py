# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The organisation's OpenPGP key, as the operator laid it into the folder: looked through packet by packet, and written anew.

Promises: what is handed out is one public key and nothing else: no private half, no second key behind the first (`gpg --hidden-recipient-file` would
not see it), no lines beside the armour. Refuses the rest by name, a private key first of all.
Leaves to others: whether its signatures hold, and whose key it is. gpg tells the one, the source has to know the other.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from source_app.errors import TextError
from source_app.limits import KIB

#: With it, the file is one shape (`render.SHAPE`).
MAX_BYTES: Final = 24 * KIB
_BEGIN: Final = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
_END: Final = "-----END PGP PUBLIC KEY BLOCK-----"
_ARMOUR: Final = re.compile(rf"{_BEGIN}\n(?:[!-~]+: [ -~]*\n)*\n([A-Za-z0-9+/=\n]+?)\n(?:=[A-Za-z0-9+/]{{4}}\n)?{_END}")
#: RFC 4880 §4.3: signature, public key, user ID, public subkey, user attribute is left out (a picture).
_SIGNATURE, _PUBLIC, _USER, _SUBKEY = 2, 6, 13, 14
_PRIVATE: Final = frozenset((5, 7))
_ALLOWED: Final = frozenset((_SIGNATURE, _PUBLIC, _USER, _SUBKEY))


def armored(raw: bytes) -> bytes:
    """
    Args:
        raw: the file.

    Returns:
        the same key, written anew.

    Raises:
        TextError: it is not one armored public key.
    """
    key = _dearmored(raw)
    tags, at = [], 0
    while at < len(key):
        tag, at = _packet(key, at)
        tags.append(tag)
        if tag in _PRIVATE:
            raise TextError("holds a PRIVATE key: take it away from this machine, and make a new one")
        if tag not in _ALLOWED:
            raise TextError(f"holds something that is no part of a public key (packet {tag})")
    if tags[:1] != [_PUBLIC] or tags.count(_PUBLIC) != 1:
        raise TextError("one public key is needed, and only one")
    return _armor(key)


def _dearmored(raw: bytes) -> bytes:
    if len(raw) > MAX_BYTES:
        raise TextError(f"longer than {MAX_BYTES // KIB} KiB: gpg --export-options export-minimal makes it short")
    if b"PRIVATE KEY" in raw:
        raise TextError("holds a PRIVATE key: take it away from this machine, and make a new one")
    try:
        found = _ARMOUR.fullmatch(raw.decode("ascii").replace("\r\n", "\n").strip())
        if found is None:
            raise TextError("not one armored public key block (gpg --armor --export)")
        return base64.b64decode(found[1].replace("\n", ""), validate=True)
    except (UnicodeDecodeError, binascii.Error):
        raise TextError("not one armored public key block (gpg --armor --export)") from None


def _packet(key: bytes, at: int) -> tuple[int, int]:
    # RFC 4880 §4.2: the tag and length of one packet; where the next one begins.
    first = key[at]
    if first & 0xC0 == 0xC0:
        tag, kind = first & 0x3F, key[at + 1 : at + 2]
        size = 1 if kind < b"\xc0" else 2 if kind < b"\xe0" else 5 if kind == b"\xff" else 0
        field = key[at + 1 : at + 1 + size]
        length = {
            1: lambda: field[0],
            2: lambda: ((field[0] - 192) << 8) + field[1] + 192,
            5: lambda: int.from_bytes(field[1:], "big"),
        }
    else:
        tag, size = (first >> 2) & 0x0F, (1, 2, 4, 0)[first & 3]
        field = key[at + 1 : at + 1 + size]
        length = dict.fromkeys((1, 2, 4), lambda: int.from_bytes(field, "big"))
    if not first & 0x80 or not size or len(field) != size:
        raise TextError("is damaged")
    end = at + 1 + size + length[size]()
    if end > len(key):
        raise TextError("is damaged")
    return tag, end


def _armor(key: bytes) -> bytes:
    code = base64.b64encode(key).decode()
    lines = [code[at : at + 64] for at in range(0, len(code), 64)]
    check = base64.b64encode(_crc24(key).to_bytes(3, "big")).decode()
    return "\n".join([_BEGIN, "", *lines, f"={check}", _END, ""]).encode()


def _crc24(key: bytes) -> int:
    # RFC 4880 §6.1
    crc = 0xB704CE
    for byte in key:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= 0x1864CFB
    return crc
