# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The file key, and the one way age derives further keys.

A file key lives as long as one envelope: it is made here, wrapped in the header, and never used for two payloads.
"""

from __future__ import annotations

import secrets
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from crypto.hidden import Hidden

FILE_KEY_SIZE: Final = 16


def new_file_key() -> Hidden:
    """
    Sixteen fresh random bytes, for one envelope.
    """
    return Hidden(secrets.token_bytes(FILE_KEY_SIZE))


def derive_key(secret: bytes, *, salt: bytes | None, info: bytes) -> Hidden:
    """
    HKDF-SHA256 with 32 bytes out: what spec A4 and A5 and the X25519 stanza all use.
    """
    return Hidden(HKDF(hashes.SHA256(), 32, salt, info).derive(secret))


def require_file_key(file_key: bytes) -> None:
    """
    Refuse a file key of another size before anything is derived from it.

    Raises:
        ValueError: the caller passed something else than a file key.
    """
    if len(file_key) != FILE_KEY_SIZE:
        raise ValueError(f"a file key has {FILE_KEY_SIZE} bytes, not {len(file_key)}")
