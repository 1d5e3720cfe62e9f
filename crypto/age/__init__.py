# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The envelope: age v1 files, made and opened a piece at a time (spec A).

This package holds no key of anybody's and knows nothing of seats, epochs or frames. It refuses armor and passphrase
recipients, writes hybrid (post-quantum) stanzas only, and reads X25519 stanzas beside them. Which stanzas an item must
carry is judged one level up (spec U1). Armor around what a source sealed beforehand is taken off by `armor`, apart (spec A10).
"""

from __future__ import annotations

from crypto.age.header import Header, Identity, make_header, open_header
from crypto.age.keys import FILE_KEY_SIZE, new_file_key
from crypto.age.recipients import HybridIdentity, HybridRecipient, X25519Identity
from crypto.age.stanza import Stanza
from crypto.age.stream import CHUNK_SIZE, PayloadOpener, PayloadSealer, payload_length

__all__ = [
    "CHUNK_SIZE",
    "FILE_KEY_SIZE",
    "Header",
    "HybridIdentity",
    "HybridRecipient",
    "Identity",
    "PayloadOpener",
    "PayloadSealer",
    "Stanza",
    "X25519Identity",
    "make_header",
    "new_file_key",
    "open_header",
    "payload_length",
]
