# SPDX-License-Identifier: AGPL-3.0-or-later
"""
SHA-256 of what is inside: of a body, while its frame is opened.

A frame says only at its end how long its body is, and zeros may be body or padding. So zeros wait: they are hashed when
something else follows, or at the end, as many as belong to the body. Nothing is read twice and nothing is held.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from crypto.canonical import Fields, decode
from crypto.frame import MAX_HEADER, TRAILER_SIZE
from crypto.frame_header import MAX_PARTS
from journalist_app.vault.errors import ItemRefusedError

# Kinds of which the vault keeps a digest: what a source may have sent twice.
DIGESTED: Final = frozenset({"message", "file"})
_ZEROS: Final = bytes(65_536)


class BodyDigest:
    """
    Takes everything that follows a frame's header, as `FrameOpener` gives it.
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._hashed = 0
        self._zeros = 0
        # The last bytes, at most 48: perhaps the trailer.
        self._tail = b""

    def add(self, view: memoryview) -> None:
        """
        Take the next bytes.
        """
        if len(view) < TRAILER_SIZE:
            joined = self._tail + view
            self._settle(joined[:-TRAILER_SIZE])
            self._tail = joined[-TRAILER_SIZE:]
            return
        self._settle(self._tail)
        self._settle(view[:-TRAILER_SIZE])
        self._tail = bytes(view[-TRAILER_SIZE:])

    def of(self, length: int) -> bytes:
        """
        The digest of the first so many bytes. Nothing may be added afterwards.

        Args:
            length: As the frame's trailer says it, once the frame was judged.

        Raises:
            ItemRefusedError: What was added is no body of that length and zeros after it.
        """
        if not self._hashed <= length <= self._hashed + self._zeros:
            raise ItemRefusedError("the body is not as long as its frame says")
        self._zeros = length - self._hashed
        self._hash_zeros()
        return self._hash.digest()

    def _settle(self, run: bytes | memoryview) -> None:
        if not run:
            return
        kept = run
        if not run[-1]:
            kept = bytes(run).rstrip(b"\0")
        if kept:
            self._hash_zeros()
            self._hash.update(kept)
            self._hashed += len(kept)
        self._zeros += len(run) - len(kept)

    def _hash_zeros(self) -> None:
        self._hashed += self._zeros
        while self._zeros:
            block = min(self._zeros, len(_ZEROS))
            self._hash.update(memoryview(_ZEROS)[:block])
            self._zeros -= block


def body_row(item: Mapping[str, Any], sha256: bytes) -> Mapping[str, Any]:
    """
    What the bodies table says of a message or a file.

    Args:
        item: Its row of the items table.
        sha256: Of its body, or empty.
    """
    set_, part, parts = b"", 0, 0
    if item["kind"] == "file":
        fields = Fields(decode(item["fields"].encode(), limit=MAX_HEADER), "fields")
        parts = fields.number("parts", 1, MAX_PARTS)
        part = fields.number("part", 1, parts)
        # All but the name have one length.
        of_one = (item["server_thread"], fields.hex("set", 16), parts.to_bytes(8, "big"), item["name"].encode())
        set_ = hashlib.sha256(b"".join(of_one)).digest()
    own = {"item": item["item"], "thread": item["thread"], "length": item["length"]}
    return {**own, "sha256": sha256, "set": set_, "part": part, "parts": parts}
