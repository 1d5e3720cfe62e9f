# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Watch keys: what an operator's machine shows, unattended, to be told how the server is. One opens nothing else.

A key is 32 random bytes, written in 64 hexadecimal digits; the server keeps its SHA-256 alone, in a file of its name. Tries are not counted
and need not be: nobody guesses 256 bits. A file that is not one of ours opens nothing. Files are made by `dengwen watch-key`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from pathlib import Path
from typing import Final

MAX_KEYS: Final = 32
#: A digest in hexadecimal, and a line's end.
LENGTH: Final = 65

_KEY: Final = re.compile(r"[0-9a-f]{64}")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
# What any header without a key in it is taken for: so much work is done for every request.
_NOBODY: Final = "0" * 64


def is_name(name: str) -> bool:
    """
    Whether a key may be called so: 1 to 32 of a to z, 0 to 9 and hyphens.
    """
    return _NAME.fullmatch(name) is not None


def is_key(text: str) -> bool:
    """
    Whether this is a key as it is written.
    """
    return _KEY.fullmatch(text) is not None


def digest_of(key: str) -> bytes:
    """
    What the server keeps of a key: the contents of its file.
    """
    return hashlib.sha256(bytes.fromhex(key)).hexdigest().encode() + b"\n"


def opens(folder: Path, header: str) -> bool:
    """
    Whether an `Authorization` header carries one of the keys in a folder. All of them are compared, whichever fits.
    """
    kind, _, given = header.partition(" ")
    right = kind == "Bearer" and is_key(given)
    digest = digest_of(given if right else _NOBODY)
    found = [hmac.compare_digest(digest, kept) for kept in _kept(folder)]
    return right and any(found)


def names(folder: Path) -> tuple[str, ...]:
    """
    The names of the keys in a folder, at most MAX_KEYS of them.
    """
    try:
        found = sorted(one.name for one in folder.iterdir() if is_name(one.name))
    except OSError:
        return ()
    return tuple(found[:MAX_KEYS])


def _kept(folder: Path) -> list[bytes]:
    kept = []
    for name in names(folder):
        try:
            with (folder / name).open("rb") as file:
                kept.append(file.read(LENGTH + 1))
        except OSError:
            continue
    return kept
